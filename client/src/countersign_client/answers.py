"""What the service answers, as frozen structs; fields that a later version adds are passed over."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from countersign_client.errors import NotDecided, Problem, Refused, Withdrawn, refusal


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome that counts; `output` is what was approved or corrected to, and null where rejected.

    `source` is rule, review, consensus, adjudication, timeout or override.
    """

    verdict: str
    output: Any
    source: str
    reasons: tuple[str, ...]
    comment: str
    decided_at: datetime
    decided_by: str
    reviews: int
    revision: int
    output_sha256: str | None


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """How the item was routed when it arrived; `action` is approve, reject or review."""

    action: str
    rule: str | None = None
    ruleset_version: int = 0
    pool: str | None = None
    priority: int = 0
    reviews_required: int = 0
    inclusion_probability: float = 1.0
    evaluations: tuple[dict[str, Any], ...] = ()
    held: bool = False
    fallback: bool = False
    imported: bool = False


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """Why the clock stands still, since when, and until when."""

    at: datetime
    reason: str
    by: str
    until: datetime | None = None


class Sla(msgspec.Struct, frozen=True, kw_only=True):
    """The item's clock; `state` is on_track, warning, breached, paused, met or missed."""

    policy: str | None
    due_at: datetime
    state: str
    first_claim_due_at: datetime | None = None
    paused: Pause | None = None


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """That what an item said was erased."""

    at: datetime
    by: str


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """An item without its payload; `status` is queued, in_review, decided or withdrawn.

    Of one that is `erased` only what happened to it is left.
    """

    id: UUID
    status: str
    type: str
    type_version: int
    external_id: str | None
    created_at: datetime
    url: str
    route: Route
    sla: Sla | None
    escalation_level: int
    decision: Decision | None
    gold: bool = False
    erased: Erased | None = None

    @property
    def is_open(self) -> bool:
        """Whether people are still to decide."""
        return self.status not in {"decided", "withdrawn"}

    @property
    def may_go_out(self) -> bool:
        """Whether it is decided and not rejected; what may go out is `outcome.output`."""
        return self.status == "decided" and self.decision is not None and self.decision.verdict != "reject"

    @property
    def outcome(self) -> Decision:
        """The decision of an item that is decided.

        Raises:
            NotDecided: there is none yet.
            Withdrawn: there never will be.
        """
        if self.decision is None:
            raise Withdrawn(self) if self.status == "withdrawn" else NotDecided(self)
        return self.decision


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A reviewer's question to whoever sent the item; `answer` is null until there is one."""

    id: UUID
    text: str
    asked_at: datetime
    asked_by: str
    answer: str | None
    answered_at: datetime | None
    answered_by: str | None = None


class ItemDetail(Item, frozen=True, kw_only=True):
    """An item with what was submitted, and where its case stands now.

    `hidden` are the paths of personal fields that are not for you to see; `hidden: personal data` stands there.
    """

    input: Any
    output: Any
    details: dict[str, Any]
    pool: str | None
    priority: int | None
    questions: list[Question] = []
    hidden: list[str] = []


class ItemPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some items, newest first, and the cursor that goes on; null ends the list."""

    data: list[Item]
    next: str | None = None


class BatchResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one item of a batch: `item` where it was stored, `error` where it was refused."""

    index: int
    status: int
    item: Item | None = None
    error: Problem | None = None

    @property
    def fault(self) -> Refused | None:
        """The refusal as what `submit` would have raised."""
        return None if self.error is None else refusal(self.error)


class BatchResults(msgspec.Struct, frozen=True):
    """What became of each item, in the order given."""

    results: list[BatchResult]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody judged before, where the seat shows it."""

    reviewer: str
    verdict: str
    output: Any
    reasons: tuple[str, ...]
    comment: str
    submitted_at: datetime


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """A seat in hand until `lease_expires_at`; every later act carries its `fence`."""

    id: UUID
    case_id: UUID
    kind: str
    pool: str
    fence: int
    lease_expires_at: datetime
    item: ItemDetail
    verdicts: tuple[str, ...] = ("approve", "correct", "reject")
    answers: list[Answer] | None = None


class Claimed(msgspec.Struct, frozen=True):
    """What was claimed, most urgent first."""

    data: list[Assignment]


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """A judgement as it was recorded."""

    id: UUID
    assignment_id: UUID
    verdict: str
    output: Any
    reasons: tuple[str, ...]
    comment: str
    held_seconds: float
    submitted_at: datetime


class Reviewed(msgspec.Struct, frozen=True):
    """A recorded review, and the item as it stands after it."""

    review: Review
    item: Item


class Extended(msgspec.Struct, frozen=True):
    """When the lease ends now."""

    lease_expires_at: datetime


class Returned(msgspec.Struct, frozen=True):
    """The assignment is open again."""

    id: UUID
    state: str = "open"
    escalation_level: int | None = None


class FeedbackRoute(msgspec.Struct, frozen=True, kw_only=True):
    """How the item came before people, and how likely it was to."""

    rule: str | None
    ruleset_version: int
    inclusion_probability: float


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """A labelled record; `label` is the output that counts, null where rejected.

    Of `gold` the answer was known before anybody was asked; records from before that was kept do not say.
    """

    id: UUID
    item_id: UUID
    external_id: str | None
    type: str
    type_version: int
    input: Any
    model_output: Any
    label: Any
    verdict: str
    source: str
    reasons: tuple[str, ...]
    comment: str | None
    model: dict[str, Any] | None
    confidence: float | None
    impact: str | None
    tags: tuple[str, ...]
    route: FeedbackRoute
    reviews: int
    agreement: float | None
    decided_at: datetime
    gold: bool = False


class WithdrawnFeedback(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of records whose item was erased: remove all that you have kept of the item."""

    id: UUID
    item_id: UUID
    type: str
    withdrawn_at: datetime


class FeedbackPage(msgspec.Struct, frozen=True):
    """Records in commit order, and the cursor that goes on behind them: keep it once they are dealt with.

    `withdrawn` tells of items that were erased, in this page or an earlier one.
    """

    data: list[Feedback]
    next: str | None
    withdrawn: list[WithdrawnFeedback] = []


class RawPage(msgspec.Struct, frozen=True):
    """Rows of a feed that are still to be read, and the cursor that goes on."""

    data: list[msgspec.Raw]
    next: str | None


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to an item: when, who did it, what, and its particulars."""

    at: datetime
    actor: str
    actor_kind: str
    action: str
    details: dict[str, Any]


class History(msgspec.Struct, frozen=True):
    """Everything that happened to an item, oldest first."""

    data: list[HistoryEntry]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A fact as webhooks and the event feed tell it; `position` orders the events of a project."""

    id: UUID
    type: str
    project: str
    position: int
    timestamp: datetime
    data: dict[str, Any]

    @property
    def item(self) -> Item | None:
        """The item as it stood then; None for events of something else."""
        shown = self.data.get("item")
        return None if shown is None else msgspec.convert(shown, Item)


class EventPage(msgspec.Struct, frozen=True):
    """Events in the order of the feed, and the cursor to continue behind: keep it once they are dealt with."""

    data: list[Event]
    next: str | None


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """An import of a file: `state` is waiting, running, done, failed or stopped; `done` of `total` is of the file.

    Rows are `imported`, there already (`repeated`) or `left_out`, of which the first are `kept` to be read. `unseen`
    names fields of the mapping that no row had.
    """

    number: int
    name: str
    type: str
    how: str = msgspec.field(name="as")
    format: str
    mapping: dict[str, str]
    gold: bool
    bytes: int
    sha256: str
    state: str
    done: int
    total: int
    imported: int
    repeated: int
    left_out: int
    kept: int
    unseen: tuple[str, ...]
    error: str
    requested_by: str
    requested_at: datetime
    ended_at: datetime | None


class ImportPage(msgspec.Struct, frozen=True):
    """Imports, the last first, and the number that goes on."""

    data: list[Import]
    next: int | None = None


class LeftOut(msgspec.Struct, frozen=True):
    """A row that was left out: its line, or its number in a table, why, and the row as it was read."""

    line: int
    reason: str
    row: Any
