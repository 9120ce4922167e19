"""What time does: the sweep of due timers."""
