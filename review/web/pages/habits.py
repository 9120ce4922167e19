"""What a reader has chosen about their work, in the shape that the pages of their work need it."""

from datetime import datetime, timedelta, tzinfo

from review.identity.sessions import Visitor


def day_began(now: datetime, zone: tzinfo) -> datetime:
    """Give the midnight before a moment, in a zone."""
    return now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


def break_after(visitor: Visitor) -> timedelta | None:
    """Give after how much steady work a reader wants to be reminded of a rest; None where they do not."""
    return timedelta(minutes=visitor.preferences.break_after) or None
