"""Accepting items: check, route, then decide by rule or open a case, in one statement."""
