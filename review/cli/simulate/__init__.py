"""The command `review simulate`."""
