"""Rule sets: conditions in CEL, sampling, and where an item goes."""
