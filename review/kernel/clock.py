"""The one place that reads this machine's clock; anything that decides reads the database's instead."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Tell this machine's time, for logs and for what a person is shown; never for a lease or a deadline."""
    return datetime.now(UTC)
