"""What people want to be told, and what a notification carries."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from review.configuration.outlets import Quiet

Minute = Annotated[int, Meta(ge=0, le=1439)]


class Kind(StrEnum):
    """Why somebody is told; the later, the more it presses."""

    TEST = "test"
    ASSIGNED = "assigned"
    RETURNED = "returned"
    MENTIONED = "mentioned"
    MODEL_SEEN = "model_seen"
    SLA_WARNING = "sla_warning"
    ESCALATED = "escalated"
    SLA_BREACHED = "sla_breached"
    ROLLED_BACK = "rolled_back"
    PAGE = "page"


CHOSEN = (Kind.RETURNED, Kind.MENTIONED, Kind.MODEL_SEEN, Kind.SLA_WARNING, Kind.ESCALATED, Kind.SLA_BREACHED)
AT_ONCE = frozenset({Kind.PAGE, Kind.TEST})  # neither quiet hours nor a digest holds these back

Digest = Literal["off", "15m", "1h", "daily"]
SPANS = {"15m": timedelta(minutes=15), "1h": timedelta(hours=1)}


class Preferences(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody wants to be told of in a project, where, and when not.

    `kinds` cannot switch pages off. Quiet hours run from `quiet_from` to `quiet_to` and the daily digest leaves at
    `digest_at`, all in minutes of the day in `timezone`; equal ends mean no quiet hours.
    """

    where: Literal["email", "nothing"] = "email"
    kinds: tuple[Kind, ...] = CHOSEN
    timezone: Annotated[str, Meta(min_length=1, max_length=64)] = "UTC"
    quiet_from: Minute = 0
    quiet_to: Minute = 0
    digest: Digest = "off"
    digest_at: Minute = 480

    @property
    def manner(self) -> "Manner":
        """Give when to send, without what and where."""
        is_quiet = self.quiet_from != self.quiet_to
        return Manner(
            timezone=self.timezone,
            quiet=Quiet(self.quiet_from, self.quiet_to, self.timezone) if is_quiet else None,
            digest=SPANS.get(self.digest),
            daily_at=self.digest_at if self.digest == "daily" else None,
        )


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """When a recipient is told: gathered for `digest`, or until `daily_at`, and not in quiet hours."""

    timezone: str = "UTC"
    quiet: Quiet | None = None
    digest: timedelta | None = None
    daily_at: int | None = None


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a notification says; every text may come from upstream, and is as hostile as that."""

    project: str
    happened_at: datetime
    title: str = ""
    external_id: str = ""
    pool: str = ""
    due_at: datetime | None = None
    target: str = ""
    by: str = ""
    reason: str = ""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A notification in hand: its row's id, the attempt that it is the fence of, and what it says."""

    id: UUID
    attempts: int
    kind: Kind
    item_id: UUID | None
    facts: Facts
    created_at: datetime


class Message(msgspec.Struct, frozen=True):
    """One message of a project, or of none, ready to be sent: a subject of one line, and plain text."""

    project: str
    subject: str
    text: str
