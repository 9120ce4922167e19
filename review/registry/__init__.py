"""The models that made a project's items, version by version: since when, how many, and which are cleared."""
