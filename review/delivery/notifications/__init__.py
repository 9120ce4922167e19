"""Telling people and channels what waits for them."""
