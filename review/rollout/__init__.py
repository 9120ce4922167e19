"""Candidates beside the active version on new items: compared, measured, widened, and rolled back by themselves."""
