"""How long people have."""

from datetime import datetime, timedelta

import msgspec


class SlaPolicy(msgspec.Struct, frozen=True):
    """The time within which an item is to be decided, counted from its arrival, night and day."""

    name: str
    decide: timedelta


def due_at(policy: SlaPolicy, created_at: datetime) -> datetime:
    """Give the moment by which an item that arrived then is to be decided."""
    return created_at + policy.decide
