"""The `review` command."""
