"""Identifiers: UUIDv7, so that ids made later sort later (RFC 9562, section 5.7)."""

from uuid import UUID

from uuid_utils.compat import uuid7

__all__ = ["UUID", "new_id"]


def new_id() -> UUID:
    """Make an id; ids from one process sort in the order they were made."""
    return uuid7()
