"""The sweep of due timers, and what happens when time runs out."""
