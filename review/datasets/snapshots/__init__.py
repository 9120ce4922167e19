"""Immutable, numbered files of a dataset, with a manifest that tells what they are."""
