"""What a reader has chosen about their work, each read in one place with what holds where they have not."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from review.delivery.notifications.timing import zone_of
from review.identity.sessions import Visitor
from review.web.guards import cookie_of
from review.web.services import AnyRequest
from review.web.shapes import is_object

BREAK_AFTER = timedelta(minutes=50)
ZONE_COOKIE = "countersign-zone"  # set by the page's script: no header says in which zone a browser is
MAX_BREAK = 24 * 60


def zone_of_reader(request: AnyRequest) -> tzinfo:
    """Give the zone that a reader chose, else the one their browser is in, else UTC."""
    chosen = _preference(request.auth, "timezone") or cookie_of(request, ZONE_COOKIE).replace("%2F", "/")
    return (zone_of(chosen) if isinstance(chosen, str) and chosen else None) or UTC


def name_of(zone: tzinfo) -> str:
    """Name a zone for people."""
    return zone.key if isinstance(zone, ZoneInfo) else "UTC"


def day_began(now: datetime, zone: tzinfo) -> datetime:
    """Give the midnight before a moment, in a zone."""
    return now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


def break_after(visitor: Visitor) -> timedelta | None:
    """Give after how much steady work a reader wants to be reminded of a rest; None where they do not."""
    chosen = _preference(visitor, "break_after")
    if isinstance(chosen, int) and 0 <= chosen <= MAX_BREAK:
        return timedelta(minutes=chosen) if chosen else None
    return BREAK_AFTER


def _preference(visitor: Visitor, name: str) -> object:
    preferences: object = getattr(visitor, "preferences", None)
    return preferences.get(name) if is_object(preferences) else getattr(preferences, name, None)
