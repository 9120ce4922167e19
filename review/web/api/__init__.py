"""The JSON API, version 1 (DESIGN, section 6)."""
