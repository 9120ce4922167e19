"""Taking a person's data out of everything that was kept of them, and what has outlived its time."""
