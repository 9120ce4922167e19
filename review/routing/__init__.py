"""Rule sets: conditions, sampling, and where they send an item."""
