"""The one module that makes calls to the outside: address checked and pinned, no redirects, everything capped."""
