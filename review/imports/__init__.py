"""Bringing in what was labelled elsewhere, as decided items or as a queue to review."""
