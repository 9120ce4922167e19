"""Which items a candidate version routes while it is rolled out, how that widens, and what ends it; no I/O."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final, Literal
from uuid import UUID

import msgspec

from review.identity.rules import LiveRollout
from review.kernel.durations import parse_duration
from review.kernel.errors import FieldError
from review.kernel.sentences import number, say
from review.routing.sampling import chance

GuardName = Literal["override_rate", "correction_rate", "breach_rate", "oldest_waiting"]
OLDEST_WAITING: Final = "oldest_waiting"
MOST_STEPS, MOST_TAG, MOST_LEAST = 20, 200, 5_000
LONGEST = timedelta(days=366)
_COMPARED = b"compared"
_STEP = re.compile(r"(?P<share>[0-9]{1,3}(?:\.[0-9]{1,6})?) ?% after (?P<after>[0-9dhms]{2,30})", re.ASCII)


class Step(msgspec.Struct, frozen=True):
    """A share to widen to, so long after the rollout went live."""

    share: float
    after: timedelta


class Guard(msgspec.Struct, frozen=True):
    """What a figure may be at most, and on how many items it must rest to count.

    Rates are shares from 0 to 1; `oldest_waiting` is in seconds.
    """

    name: GuardName
    bound: float
    least: int = 1


class Figure(msgspec.Struct, frozen=True):
    """What a guard measured, and on how many items."""

    value: float
    of: int


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """How a rollout goes once it is live: whom it takes at first, how it widens, and what ends it."""

    share: float = 0.0
    tag: str | None = None
    steps: tuple[Step, ...] = ()
    guards: tuple[Guard, ...] = ()


def is_taken(rollout: LiveRollout, item_id: UUID, tags: Collection[str]) -> bool:
    """Tell whether the candidate routes an item; one that a share takes, every wider share takes too.

    Whoever carries the tag of the pilot group is in, whatever the share.
    """
    if rollout.tag is not None and rollout.tag in tags:
        return True
    return rollout.share > 0.0 and chance(rollout.id.bytes, item_id) < rollout.share


def is_compared(rollout_id: UUID, share: float, item_id: UUID) -> bool:
    """Tell whether an item is also evaluated by the candidate, without acting."""
    return chance(rollout_id.bytes + _COMPARED, item_id) < share


def share_at(share: float, steps: Sequence[Step], since_live: timedelta) -> float:
    """Give the share that the schedule asks for by now; a schedule only ever widens."""
    return max([share, *(step.share for step in steps if step.after <= since_live)])


def next_step(share: float, steps: Sequence[Step], since_live: timedelta) -> Step | None:
    """Give the step that widens next, if one is left."""
    later = [step for step in steps if step.after > since_live and step.share > share]
    return min(later, key=lambda step: step.after, default=None)


def find_faults(course: Course, *, is_live: bool) -> list[FieldError]:
    """List why a rollout cannot go like that; empty if it can."""
    faults: list[FieldError] = []
    if not 0.0 <= course.share < 1.0:
        said = say("is not from 0 up to below 1; a share of 1 is making the version active")
        faults.append(FieldError("share", said))
    if course.tag is not None and not 0 < len(course.tag) <= MOST_TAG:
        faults.append(FieldError("tag", say("does not have 1 to %(most)s characters", most=MOST_TAG)))
    if len(course.steps) > MOST_STEPS:
        faults.append(FieldError("steps", say("are more than %(most)s", most=MOST_STEPS)))
    if len({guard.name for guard in course.guards}) < len(course.guards):
        faults.append(FieldError("guards", say("name one twice")))
    if is_live and not course.share and course.tag is None and not course.steps:
        said = say("is 0, and there is neither a tag nor a step: it would take nothing")
        faults.append(FieldError("share", said))
    return [*faults, *_faults_of_steps(course.steps), *_faults_of_guards(course.guards)]


def _faults_of_steps(steps: Sequence[Step]) -> Iterator[FieldError]:
    for at, step in enumerate(steps):
        if not 0.0 < step.share <= 1.0:
            yield FieldError(f"steps[{at}].share", say("is not above 0 and up to 1"))
        if not timedelta(0) < step.after <= LONGEST:
            yield FieldError(f"steps[{at}].after", say("is not up to 366 days"))


def _faults_of_guards(guards: Sequence[Guard]) -> Iterator[FieldError]:
    for at, guard in enumerate(guards):
        most = LONGEST.total_seconds() if guard.name == OLDEST_WAITING else 1.0
        if not 0.0 <= guard.bound <= most:
            yield FieldError(f"guards[{at}].bound", say("is not from 0 to %(most)s", most=number(most, ",.0f")))
        if not 1 <= guard.least <= MOST_LEAST:
            yield FieldError(f"guards[{at}].least", say("is not from 1 to %(most)s", most=number(MOST_LEAST)))


def steps_of(kept: Iterable[Mapping[str, float]]) -> tuple[Step, ...]:
    """Read steps as they are kept, with seconds."""
    return tuple(Step(each["share"], timedelta(seconds=each["after"])) for each in kept)


def read_steps(text: str) -> tuple[Step, ...]:
    """Read a schedule as people write it: `25% after 1d, 100% after 3d`; nothing is no step.

    Raises:
        ValueError: a step cannot be read; its argument is the sentence that says so.
    """
    found: list[Step] = []
    for part in text.split(",") if text.strip() else ():
        match = _STEP.fullmatch(part.strip())
        if match is None:
            message = say("%(step)s is no step; write it like 25%% after 1d", step=repr(part.strip()))
            raise ValueError(message)
        found.append(Step(float(match["share"]) / 100, parse_duration(match["after"])))
    return tuple(found)


def fires(guard: Guard, figure: Figure) -> bool:
    """Tell whether a guard ends the rollout: its figure rests on enough items and is above the bound."""
    return figure.of >= max(guard.least, 1) and figure.value > guard.bound
