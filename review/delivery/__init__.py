"""What leaves the house: the feed of events, webhooks, notifications, and the one way out."""
