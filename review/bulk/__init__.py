"""Acts on many items at once: what would happen, what somebody asked for, and what became of each item."""
