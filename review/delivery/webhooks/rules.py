"""When deliveries are tried again, when an endpoint is left alone, and what an answer means for both."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from random import Random
from typing import Any, Protocol
from uuid import UUID

import msgspec

from review.delivery.egress.rules import Answer
from review.kernel.events import EventKind

# The schedule of the Standard Webhooks specification, "Deliverability and reliability": ten attempts in 75 hours.
DELAYS = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
JITTER = 0.1

FAILURES_THAT_OPEN = 5
FIRST_REST, LONGEST_REST = timedelta(seconds=30), timedelta(minutes=15)
LONGEST_THROTTLE = timedelta(hours=1)
GONE = 410
THROTTLING = frozenset({429, 502, 503, 504})


class State(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    DEAD = "dead"


class Standing(StrEnum):
    """Whether an endpoint is sent to."""

    ACTIVE = "active"
    DISABLED = "disabled"
    REMOVED = "removed"


class News(Protocol):
    """What is owed: an event that has its place in the feed and its body."""

    @property
    def id(self) -> UUID:
        """The event's id, which the receiver gets as `webhook-id`."""
        ...

    @property
    def kind(self) -> str:
        """The event's kind."""
        ...

    @property
    def payload(self) -> dict[str, Any]:
        """The event's particulars."""
        ...

    @property
    def created_at(self) -> datetime:
        """When the event happened."""
        ...


class Subscriber(msgspec.Struct, frozen=True):
    """An endpoint as far as it matters for who gets what."""

    id: UUID
    name: str
    events: frozenset[str]
    since: datetime


class Health(msgspec.Struct, frozen=True):
    """How an endpoint fares: consecutive failures, and until when it is left alone, and why."""

    failures: int = 0
    resting_until: datetime | None = None
    because: str | None = None

    def is_resting(self, now: datetime) -> bool:
        """Tell whether nothing is to be sent yet."""
        return self.resting_until is not None and self.resting_until > now


def is_owed(subscriber: Subscriber, event: News) -> bool:
    """Tell whether an endpoint gets an event: one of its kinds, and of its time. A test goes to the one it names."""
    if event.kind == EventKind.WEBHOOK_TEST.value:
        return event.payload.get("endpoint") == subscriber.name
    return event.kind in subscriber.events and event.created_at >= subscriber.since


def next_attempt(tries: int, now: datetime, rng: Random) -> datetime | None:
    """Say when to try again after so many tries have failed; None after the last."""
    if tries >= len(DELAYS):
        return None
    return now + DELAYS[tries] * rng.uniform(1 - JITTER, 1 + JITTER)


def room_of(health: Health, limit: int, under_way: int, now: datetime) -> int:
    """Say how many more may be sent to an endpoint now; one at a time where it has yet to prove itself again."""
    if health.is_resting(now):
        return 0
    return max(0, (1 if health.failures >= FAILURES_THAT_OPEN else limit) - under_way)


def after(health: Health, answer: Answer, now: datetime) -> Health:
    """Say how an endpoint fares after an answer.

    What comes in while it rests was sent before it began to, and says nothing new unless it was accepted.
    """
    if answer.accepted:
        return Health()
    if health.is_resting(now):
        return health
    failures = health.failures + 1
    rest, because = timedelta(0), None
    if failures >= FAILURES_THAT_OPEN:
        rest = min(FIRST_REST * 2 ** min(failures - FAILURES_THAT_OPEN, 10), LONGEST_REST)
        because = f"{failures} deliveries failed in a row, the last with: {told(answer)}"
    if answer.error is None and answer.status in THROTTLING:
        asked = retry_after(answer.headers.get("retry-after"), now)
        wanted = FIRST_REST if asked is None else min(asked, LONGEST_THROTTLE)
        if wanted >= rest:
            rest, because = wanted, f"the receiver asked for a rest: {told(answer)}"
    return Health(failures, now + rest if rest else None, because)


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Read a Retry-After header, in seconds or as a date; None where there is none that can be read."""
    if not value:
        return None
    if value.strip().isdecimal() and value.isascii():
        return timedelta(seconds=min(int(value.strip()[:9]), 10**8))
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(aware - now, timedelta(0))


def told(answer: Answer) -> str:
    """Say in a line what came of an attempt."""
    return answer.error or f"status {answer.status}"
