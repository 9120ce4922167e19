"""Policies, calendars and deadlines: arithmetic only."""
