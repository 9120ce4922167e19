"""Policies and deadlines: arithmetic only."""
