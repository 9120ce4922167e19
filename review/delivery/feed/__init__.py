"""The feed: events in commit order, each with the body that every receiver gets."""
