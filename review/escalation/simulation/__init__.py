"""A day of arrivals against policies, ladders and people, played with a clock of its own."""
