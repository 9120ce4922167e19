"""Telling an experiment tracker of snapshots: that they are there, where from, and that they were withdrawn."""
