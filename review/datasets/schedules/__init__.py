"""Datasets that take snapshots by themselves: at the times of a schedule, or when so many records have come."""
