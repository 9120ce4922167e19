"""The state machine of an assignment; docs/states.md is generated from its table."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from review.kernel.sentences import Sentence, say


class AssignmentState(StrEnum):
    """Where a seat stands."""

    OPEN = "open"
    HELD = "held"
    DONE = "done"
    CANCELLED = "cancelled"


class Act(StrEnum):
    """What can happen to a seat."""

    CLAIM = "claim"
    RESERVE = "reserve"
    SHOW = "show"
    STOW = "stow"
    EXTEND = "extend"
    RELEASE = "release"
    SNOOZE = "snooze"
    TAKE_UP = "take up"
    HAND_BACK = "hand back"
    SEND_BACK = "send back"
    SKIP = "skip"
    ESCALATE = "escalate"
    LAPSE = "lapse"
    REASSIGN = "reassign"
    GIVE = "give"
    TAKE_BACK = "take back"
    REVIEW = "review"
    ASK = "ask"
    CLOSE = "close"


_S = AssignmentState
TRANSITIONS: dict[tuple[AssignmentState, Act], AssignmentState] = {
    (_S.OPEN, Act.CLAIM): _S.HELD,
    (_S.OPEN, Act.RESERVE): _S.HELD,
    (_S.HELD, Act.SHOW): _S.HELD,
    (_S.HELD, Act.STOW): _S.HELD,
    (_S.HELD, Act.EXTEND): _S.HELD,
    (_S.HELD, Act.RELEASE): _S.OPEN,
    (_S.HELD, Act.SNOOZE): _S.HELD,
    (_S.HELD, Act.TAKE_UP): _S.HELD,
    (_S.HELD, Act.HAND_BACK): _S.HELD,
    (_S.HELD, Act.SEND_BACK): _S.OPEN,
    (_S.HELD, Act.SKIP): _S.OPEN,
    (_S.HELD, Act.ESCALATE): _S.OPEN,
    (_S.HELD, Act.LAPSE): _S.OPEN,
    (_S.HELD, Act.REASSIGN): _S.OPEN,
    (_S.HELD, Act.GIVE): _S.HELD,
    (_S.HELD, Act.TAKE_BACK): _S.HELD,
    (_S.HELD, Act.REVIEW): _S.DONE,
    (_S.HELD, Act.ASK): _S.CANCELLED,
    (_S.OPEN, Act.CLOSE): _S.CANCELLED,
    (_S.HELD, Act.CLOSE): _S.CANCELLED,
}

ESCALATION_STEP = 20  # how far a person's escalation raises the priority where no ladder says what it does
MAX_PRIORITY = 100
COUNTING = timedelta(seconds=1)  # until a sweep has counted what is due; workers sweep every second


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """An assignment as a locked row shows it, and the database's time when it was locked.

    The claim whose fence is `ahead_fence` was made before its item is seen; under that of `given_fence` a judgement was
    given and does not count yet, which it will from `lease_until` on. Each new claim makes both out of date.
    """

    id: UUID
    case_id: UUID
    item_id: UUID
    kind: str
    pool: str
    priority: int
    state: AssignmentState
    holder_id: UUID | None
    fence: int
    claimed_at: datetime | None
    lease_until: datetime | None
    sees_answers: bool = False
    aside_fence: int | None = None
    ahead_fence: int | None = None
    given_fence: int | None = None
    at: datetime

    @property
    def is_aside(self) -> bool:
        """Tell whether its holder keeps it without having it in hand: put aside, or kept for them."""
        return self.state is AssignmentState.HELD and self.aside_fence == self.fence

    @property
    def is_ahead(self) -> bool:
        """Tell whether it is kept for somebody who has not seen its item."""
        return self.state is AssignmentState.HELD and self.ahead_fence == self.fence

    @property
    def is_given(self) -> bool:
        """Tell whether its holder has judged, and may still take that back."""
        return self.state is AssignmentState.HELD and self.given_fence == self.fence

    @property
    def held_seconds(self) -> float:
        """Give for how long its holder has had the item before them."""
        return 0.0 if self.claimed_at is None or self.is_ahead else (self.at - self.claimed_at).total_seconds()


class Winner(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever was faster than a holder who lost a seat: who holds or reviewed it now, or what became of the item."""

    item_state: str
    decided_by: str | None
    verdict: str | None
    reviewer_id: UUID | None
    holder: str | None


class LeaseFate(StrEnum):
    """What a lease timer finds when it fires."""

    LAPSED = "lapsed"
    EXTENDED = "extended"
    STALE = "stale"


def may(state: AssignmentState, act: Act) -> bool:
    """Tell whether the act is possible in this state."""
    return (state, act) in TRANSITIONS


def is_held_by(seat: Seat, user_id: UUID, fence: int) -> bool:
    """Tell whether this person's claim still stands: state, holder, fence and lease say so, and nothing is given."""
    return (
        seat.state is AssignmentState.HELD
        and not seat.is_aside
        and not seat.is_given
        and seat.holder_id == user_id
        and seat.fence == fence
        and seat.lease_until is not None
        and seat.lease_until > seat.at
    )


def why_lost(seat: Seat, user_id: UUID, fence: int, winner: Winner) -> Sentence:
    """Say in words why a claim no longer stands, and who was faster."""
    reason = reason_lost(seat, user_id, fence, winner)
    return say(
        "You no longer hold this assignment: %(reason)s. Nothing was recorded; claim the next one.", reason=reason
    )


def reason_lost(seat: Seat, user_id: UUID, fence: int, winner: Winner) -> Sentence:
    """Give the first of the reasons why a claim no longer stands."""
    if seat.state is AssignmentState.DONE and winner.reviewer_id == user_id:
        reason = say("you have reviewed it already")
    elif winner.item_state == "withdrawn":
        reason = say("upstream has withdrawn the item")
    elif winner.decided_by is not None and winner.item_state != "open":
        reason = say("the item was decided by %(who)s (%(verdict)s)", who=winner.decided_by, verdict=winner.verdict)
    elif seat.state in {AssignmentState.DONE, AssignmentState.CANCELLED}:
        reason = say("the seat is closed")
    elif seat.is_aside or (seat.is_given and seat.holder_id == user_id):
        reason = _reason_kept(seat, user_id, winner)
    elif seat.holder_id not in {None, user_id}:
        reason = say("%(who)s has claimed it since", who=winner.holder)
    elif seat.fence != fence:
        reason = say("it was claimed again since, so this fence is old")
    elif seat.state is AssignmentState.OPEN:
        reason = say("it went back to its queue, given back or with the lease at its end")
    else:
        reason = say("the lease has ended")
    return reason


def _reason_kept(seat: Seat, user_id: UUID, winner: Winner) -> Sentence:
    if seat.is_given:
        return say("you have judged it, and that counts in a moment unless you take it back")
    if seat.holder_id == user_id:
        return say("it is put aside for you, so take it up first, from your pools")
    return say("it is kept for %(who)s", who=winner.holder)


def given_until(seats: Iterable[Seat]) -> datetime | None:
    """Give when all judgements that were given on these seats will count, which is still to come; None without any."""
    given = [max(seat.lease_until or seat.at, seat.at) for seat in seats if seat.is_given]
    return max(given) + COUNTING if given else None


def lease_fate(seat: Seat, generation: int) -> LeaseFate:
    """Decide what a lease timer of this generation does: end the lease, wait for its new end, or nothing."""
    if seat.state is not AssignmentState.HELD or seat.fence != generation or seat.lease_until is None:
        return LeaseFate.STALE
    return LeaseFate.LAPSED if seat.lease_until <= seat.at else LeaseFate.EXTENDED


def raised(priority: int, step: int = ESCALATION_STEP) -> int:
    """Give the priority after an escalation."""
    return min(MAX_PRIORITY, priority + step)
