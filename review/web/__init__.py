"""The HTTP service: JSON for programs and pages for people."""
