"""What an act on many items comes to for each of them; no I/O."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

import msgspec
from msgspec import UNSET

from review.bulk.schemas import Asked, Kind
from review.decisions.rules import Verdict
from review.identity.rules import names_somebody
from review.kernel.canonical import sha256_of
from review.kernel.errors import FieldError
from review.kernel.sentences import Sentence, say

MOST_CHOICES = 50


class Why(StrEnum):
    """Why an item is left out."""

    UNKNOWN = "unknown"
    DECIDED = "decided"
    WITHDRAWN = "withdrawn"
    WAITS = "waits"
    HELD = "held"
    ASIDE = "aside"
    REVIEWED = "reviewed"
    SKIPPED = "skipped"
    CONCERNED = "concerned"
    SEVERAL = "several"
    TWO_PERSONS = "two_persons"
    SETTLES = "settles"
    LEAD = "lead"
    VERDICT = "verdict"
    REASONS = "reasons"
    OTHER_TYPE = "other_type"
    SAME = "same"
    INVALID = "invalid"
    IN_POOL = "in_pool"
    NO_POOL = "no_pool"
    PRIORITY = "priority"
    FREE = "free"
    OPEN = "open"
    NOT_BY_RULE = "not_by_rule"
    FORBIDDEN = "forbidden"
    FAILED = "failed"
    STOPPED = "stopped"


SENTENCES: Mapping[Why, Sentence] = {
    Why.UNKNOWN: say("There is no such item that you may work."),
    Why.DECIDED: say("It is decided already."),
    Why.WITHDRAWN: say("Upstream has withdrawn it."),
    Why.WAITS: say("It waits for an answer from upstream, or a stop holds it."),
    Why.HELD: say("Somebody else has it in hand."),
    Why.ASIDE: say("You have put it aside; take it up first."),
    Why.REVIEWED: say("You have judged it already."),
    Why.SKIPPED: say("You have skipped it, so it is for somebody else."),
    Why.CONCERNED: say("It concerns you, so somebody else judges it."),
    Why.SEVERAL: say("Several people judge it, each on their own; open it and judge it by itself."),
    Why.TWO_PERSONS: say("It takes two people; open it and judge it by itself."),
    Why.SETTLES: say("It waits for somebody who settles what others have judged; open it and look at it by itself."),
    Why.LEAD: say("A lead must confirm that; open it and judge it by itself."),
    Why.VERDICT: say("The people of its pool may not give this verdict."),
    Why.REASONS: say("Its type does not have this reason."),
    Why.OTHER_TYPE: say("It is of another type."),
    Why.SAME: say("The AI output says that already; approve it instead."),
    Why.INVALID: say("The judgement does not fit it."),
    Why.IN_POOL: say("It is in that pool already."),
    Why.NO_POOL: say("There is no such pool that you see."),
    Why.PRIORITY: say("It has that priority already."),
    Why.FREE: say("Nobody has it in hand."),
    Why.OPEN: say("It is before people already."),
    Why.NOT_BY_RULE: say("It was not decided by a rule alone; override its decision instead."),
    Why.FORBIDDEN: say("You may not do that here any more."),
    Why.FAILED: say("Doing it failed three times on our side; nothing of it was changed, so try it by itself."),
    Why.STOPPED: say("Not done: the rest was stopped."),
}


_PARTS: Mapping[str | None, Why] = {
    "conflict": Why.CONCERNED,
    "reviewed": Why.REVIEWED,
    "skipped": Why.SKIPPED,
}


class SeatFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A seat that is open or held, as it concerns the caller; `is_given` while its holder's verdict waits to count."""

    id: UUID
    kind: str
    pool: str
    is_held: bool
    is_mine: bool = False
    is_aside: bool = False
    is_given: bool = False
    is_barred: bool = False


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What an act must know of one item; `state` is None where there is no such item.

    `part` is the caller's in its case, and `output` the AI output where that is small enough to be compared. Nobody had
    part in what was decided `by_rule`.
    """

    item_id: UUID
    state: str | None
    type: str = ""
    type_version: int = 0
    external_id: str | None = None
    pool: str | None = None
    priority: int | None = None
    is_by_several: bool = False
    takes_two: bool = False
    by_rule: bool = False
    part: str | None = None
    output: Any = UNSET
    seats: tuple[SeatFacts, ...] = ()


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What an act stands on besides its items: the caller's reach, and the configuration of now.

    `pools` are those the caller works, `verdicts` what each pool's people may say, `unfit` why a type and version
    cannot take the judgement, and `needs_lead` those of them where a lead may have to confirm it.
    """

    may_act: bool
    sees_all: bool
    pools: frozenset[str]
    verdicts: Mapping[str, tuple[str, ...]] = {}
    unfit: Mapping[tuple[str, int], Why] = {}
    needs_lead: frozenset[tuple[str, int]] = frozenset()


class Fate(msgspec.Struct, frozen=True):
    """What would become of one item: done, at a seat where it is judged; or left out, and why."""

    why: Why | None = None
    seat: SeatFacts | None = None
    is_unsure: bool = False

    @property
    def is_done(self) -> bool:
        """Tell whether the act would be done to it."""
        return self.why is None


def faults_of(asked: Asked) -> list[FieldError]:
    """List what is wrong with an act whatever its items are; empty where it can be asked for."""
    faults: list[FieldError] = []
    if not asked.reason.strip():
        faults.append(FieldError("reason", say("is missing: say why, once for all of them")))
    if names_somebody(asked.reason):
        faults.append(
            FieldError("reason", say("names somebody with @, whom it would tell once per item; leave the @ out"))
        )
    belongs = {**dict.fromkeys(("verdict", "reasons", "type"), Kind.DECIDE), "pool": Kind.MOVE}
    belongs["priority"] = Kind.PRIORITISE
    for name, kind in belongs.items():
        if getattr(asked, name) not in {None, "", ()} and asked.act is not kind:
            faults.append(FieldError(name, say("goes with `%(kind)s` alone", kind=kind)))
    needed = {Kind.DECIDE: "verdict", Kind.MOVE: "pool", Kind.PRIORITISE: "priority"}.get(asked.act)
    if needed is not None and getattr(asked, needed) in {None, ""}:
        faults.append(FieldError(needed, say("is missing: `%(act)s` needs it", act=asked.act)))
    if (asked.output is not UNSET) != (asked.verdict is Verdict.CORRECT):
        faults.append(FieldError("output", say("comes with the verdict `correct`, and with nothing else")))
    return faults


def fate_of(asked: Asked, facts: Facts, ground: Ground) -> Fate:
    """Decide what becomes of one item: the same for the preview, and under the item's locks when it is done."""
    is_open, gives_back = facts.state == "open", asked.act is Kind.GIVE_BACK
    brings_back = asked.act is Kind.BRING_BACK
    why = _first(
        (not ground.may_act, Why.FORBIDDEN),
        (facts.state is None or not _reaches(facts, ground), Why.UNKNOWN),
        (facts.state == "withdrawn", Why.WITHDRAWN),
        (brings_back and is_open, Why.OPEN),
        (brings_back and not facts.by_rule, Why.NOT_BY_RULE),
    )
    if why is not None or brings_back:
        return Fate(why)
    why = _first(
        (not is_open, Why.DECIDED),
        (gives_back and not any(seat.is_held and not seat.is_given for seat in facts.seats), Why.FREE),
        (not facts.seats, Why.WAITS),
        (asked.act is Kind.PRIORITISE and facts.priority == asked.priority, Why.PRIORITY),
    )
    if why is not None:
        return Fate(why)
    if asked.act is Kind.MOVE:
        return Fate(_why_not_moved(asked.pool, facts, ground))
    return _judged(asked, facts, ground) if asked.act is Kind.DECIDE else Fate()


def _first(*checks: tuple[bool, Why]) -> Why | None:
    """Give the first reason that holds."""
    return next((why for holds, why in checks if holds), None)


def _reaches(facts: Facts, ground: Ground) -> bool:
    return ground.sees_all or facts.pool in ground.pools or any(seat.pool in ground.pools for seat in facts.seats)


def _why_not_moved(pool: str, facts: Facts, ground: Ground) -> Why | None:
    seats = [seat for seat in facts.seats if seat.kind == "review"]
    return _first(
        (pool not in ground.pools, Why.NO_POOL),
        (facts.pool == pool, Why.IN_POOL),
        (any(seat.is_held for seat in seats), Why.HELD),
        (not seats, Why.SETTLES),
    )


def _judged(asked: Asked, facts: Facts, ground: Ground) -> Fate:
    seat = _seat_of(facts, ground)
    if isinstance(seat, Why):
        return Fate(seat)
    kind = facts.type, facts.type_version
    if asked.verdict not in ground.verdicts.get(seat.pool, ()):
        return Fate(Why.VERDICT)
    if kind in ground.unfit:
        return Fate(ground.unfit[kind])
    is_compared = asked.verdict is Verdict.CORRECT and facts.output is not UNSET
    if is_compared and sha256_of(asked.output) == sha256_of(facts.output):
        return Fate(Why.SAME)
    return Fate(seat=seat, is_unsure=kind in ground.needs_lead)


def _seat_of(facts: Facts, ground: Ground) -> SeatFacts | Why:
    """Choose the seat at which the caller would judge an item alone, as they could claim it by hand."""
    mine = next((seat for seat in facts.seats if seat.is_mine), None)
    open_ones = [seat for seat in facts.seats if not seat.is_held and seat.pool in ground.pools]
    seat = mine or next((each for each in open_ones if each.kind == "review"), None) or next(iter(open_ones), None)
    if facts.part in _PARTS:
        return _PARTS[facts.part]
    if seat is None:
        return Why.HELD if any(each.is_held for each in facts.seats) else Why.UNKNOWN
    why = _first(
        (seat.is_given, Why.REVIEWED),
        (seat.is_aside, Why.ASIDE),
        (seat.is_barred, Why.CONCERNED),
        (seat.kind != "review", Why.SETTLES),
        (facts.takes_two, Why.TWO_PERSONS),
        (facts.is_by_several, Why.SEVERAL),
    )
    return why or seat


def choices_of(schema: object) -> dict[str, Any]:
    """Give the outputs that can be chosen in a word: of an enum, or of an object whose one field is an enum."""
    known = cast("dict[str, Any]", schema) if isinstance(schema, dict) else {}
    properties: object = known.get("properties")
    if isinstance(properties, dict):
        inner = cast("dict[str, Any]", properties)
        if len(inner) != 1:
            return {}
        ((name, only),) = inner.items()
        return {word: {name: value} for word, value in choices_of(only).items()}
    values: object = known.get("enum")
    words = cast("list[object]", values) if isinstance(values, list) else []
    if len(words) > MOST_CHOICES:
        return {}
    return {str(each): each for each in words if isinstance(each, str | int | float) and not isinstance(each, bool)}
