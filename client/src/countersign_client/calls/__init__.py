"""The calls of the API, as generators of requests (see `protocol`)."""
