"""What the page templates are given, one class for each thing they show."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from markupsafe import Markup

from review.delivery.webhooks.schemas import EndpointView
from review.intake.stops import StopView
from review.items.schemas import ErasedView
from review.web.content import Block
from review.web.forms import Field
from review.web.pages.veils import Veil


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One name and value of an item's circumstances."""

    name: str
    value: str | Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Countdown:
    """What is left of a case's time: as words, and as the script needs it to keep the words true.

    `left` is in seconds of working time, None where the clock runs night and day; `open` lists the next working
    periods, their beginnings and ends in seconds since 1970; below `soon` seconds it is due soon. Where `is_still`, it
    stands until somebody acts.
    """

    due_at: datetime
    said: str
    note: str | Markup = ""
    tone: str = "plain"
    left: int | None = None
    open: str = ""
    soon: int = 900
    is_still: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One moment on an item's way up its ladder: past, passed over or to come; `by` is who brought it forward."""

    title: str
    at: datetime
    sentence: str | Markup
    tone: str = "plain"
    by: str | Markup = ""
    is_ahead: bool = False
    is_skipped: bool = False
    is_paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One thing that started, stopped or moved a clock."""

    at: datetime
    sentence: Markup
    because: list[Markup]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockPart:
    """The part of the item page that tells of its clock: how it stands, its rungs, and why it is due then.

    `may_pause` and `may_acknowledge` say which forms are offered to this reader.
    """

    left: Countdown | None
    rungs: list[Rung]
    because: list[Markup]
    movements: list[Movement]
    due_at: datetime | None
    is_paused: bool
    may_pause: bool
    may_acknowledge: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One sentence of an item's story; `tone` is a badge's."""

    at: datetime
    sentence: str | Markup
    quote: Markup | None = None
    tone: str = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One place where two outputs differ, in one line each; None where one of them has nothing.

    `words` shows both texts in one, `name` is the control that takes it back, and only the server can where it is
    `of_rows`.
    """

    label: str
    before: Markup | None
    after: Markup | None
    words: Markup | None = None
    name: str = ""
    is_of_rows: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A reason code that may be given with a verdict."""

    code: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What somebody judged before, to whoever settles it; `url` fills the form with it, where there is something to."""

    sentence: str | Markup
    changes: list[Change]
    comment: str
    tone: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Stoppable:
    """A source or an item type that the reader may stop, as people call it."""

    kind: str
    subject: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """Another output the model considered, and the address that fills the form with it.

    `key` is the digit that does the same: this one's own (`is_keyed`), or that of the choice it amounts to.
    """

    label: Markup
    confidence: float | None
    url: str
    key: str
    is_keyed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """The part of the review page that a correction is filled in, and what it changes so far."""

    form: Field
    keys: str | None
    changes: list[Change]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The review page: one assignment in a reviewer's hands, and how far they have come with it.

    One of the style guide is not `is_live`: nothing is asked about it.
    """

    url: str
    assignment_id: UUID
    item_id: UUID
    fence: int
    lease_seconds: int
    seconds_left: int
    pool: str
    type_title: str
    evidence: list[Block]
    claim: list[Block]
    confidence: float | None
    explanation: str | None
    alternatives: list[Alternative]
    form: Field
    base: str
    keys: str | None
    changes: list[Change]
    is_touched: bool
    reasons: list[Reason]
    comment: str
    why: list[str | Markup]
    clock: Countdown | None
    facts: list[Fact]
    guidelines: Markup | None
    story: list[Line]
    outcome: str
    fault: str
    verdicts: tuple[str, ...] = ("approve", "correct", "reject")
    withheld: str = ""
    may_override: bool = False
    answers: list[Answer] = field(default_factory=list[Answer])
    stoppable: list[Stoppable] = field(default_factory=list[Stoppable])
    veil: Veil | None = None
    is_live: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """An item's decision in words."""

    sentence: str
    at: datetime
    changes: list[Change]
    reasons: list[str]
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An override that waits for a second person, in words; `is_mine` where the reader proposed it."""

    id: UUID
    sentence: str | Markup
    at: datetime
    changes: list[Change]
    comment: str
    is_mine: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPage:
    """The item page: everything about one item."""

    id: UUID
    external_id: str | None
    type_title: str
    pool: str | None
    status_label: str
    tone: str
    evidence: list[Block]
    claim: list[Block]
    confidence: float | None
    explanation: str | None
    why: list[str | Markup]
    facts: list[Fact]
    story: list[Line]
    decision: Decided | None
    clock: ClockPart
    pending: Pending | None
    stops: list[StopView]
    may_override: bool
    takes_two: bool
    output: str
    veil: Veil | None = None
    erased: ErasedView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRow:
    """One pool on the home page; `is_capped` says that at least so many wait."""

    name: str
    title: str
    waiting: int
    is_capped: bool
    due_soon: int
    oldest_created_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRow:
    """One assignment in the reader's hands."""

    assignment_id: UUID
    title: str
    lease_expires_at: datetime | None
    clock: Countdown | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRow:
    """What one person has in hand and has done today; `share` is what they have, in hundredths of the most."""

    who: Markup
    url: str
    in_hand: int
    share: int
    aside: int
    oldest: datetime | None
    overdue: int
    done: int
    is_done_capped: bool
    pace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLine:
    """One item in a list; `version` changes with what the line says of it, but for what only time changes."""

    item_id: UUID
    type_title: str
    brief: Markup
    output: Markup
    confidence: float | None
    clock: Countdown | None
    created_at: datetime
    closed_at: datetime | None
    mark: str
    status: str
    tone: str
    holder: Markup
    priority: int | None
    level: int
    version: str


@dataclass(frozen=True, slots=True)
class Badge:
    """A state in a word, and its tone."""

    text: str
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointCard:
    """A webhook endpoint with how it fares in words; `is_unseen` says that nobody has seen its secret yet."""

    endpoint: EndpointView
    badge: Badge
    note: str
    resting_until: datetime | None
    is_unseen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRow:
    """One item that is overdue or due soon, with how many reviews it waits for.

    `holder` names who has it in hand, to those who may know.
    """

    item_id: UUID
    type_title: str
    brief: Markup
    pool: str
    clock: Countdown | None
    due_at: datetime
    wanted: int
    is_held: bool
    holder: str
