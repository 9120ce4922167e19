"""Selections of feedback and their exports."""
