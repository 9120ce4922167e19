"""Rolling a candidate out: compared with the active version first, then routing a share that grows, or taken back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action
from review.configuration import endings, queries
from review.configuration import rollout_queries as rows
from review.configuration.candidates import check_approvals, lock_candidate, said_of
from review.configuration.endings import Fired
from review.configuration.errors import RolloutInvalid, RolloutNotFound, RolloutOver, RolloutRefused, RolloutRunning
from review.configuration.models import ConfigVersion, Rollout
from review.configuration.plans import Difference, compare
from review.configuration.storing import is_of_rules, rules_take_two
from review.identity.models import Project
from review.identity.rules import Principal
from review.kernel.durations import write_duration
from review.kernel.errors import FieldError
from review.kernel.ids import new_id
from review.kernel.paging import cursor_of
from review.kernel.sentences import say
from review.routing.rollouts import Course, Guard, find_faults, next_step, steps_of

_AS_STORED = (
    *("id", "version", "from_version", "state", "share", "tag", "compared", "reason", "started_by", "started_at"),
    *("live_at", "paused_at", "seen", "differed", "taken", "ended_at", "ended_by", "because"),
)
Mode = Literal["shadow", "live"]
State = Literal["shadow", "live", "finished", "rolled_back", "ended"]


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be rolled out: a candidate, at first in the shadow or live at once, and how it goes on.

    `compared` is the share of the new items that both versions are tried on.
    """

    version: int
    mode: Mode = "shadow"
    compared: float = 1.0
    course: Course = Course()
    reason: str = ""


class StepView(msgspec.Struct, frozen=True, kw_only=True):
    """A share to widen to, so long after the rollout went live; `after` is like 30m, 4h or 2d."""

    share: float
    after: str


class RolloutView(msgspec.Struct, frozen=True, kw_only=True):
    """A rollout: `shadow` and `live` run, `finished` made its version active, the others ended before.

    `rolled_back` was live when a person or a guard (`fired`) ended it. `seen` items were tried on both versions and
    `differed` of them would have gone elsewhere; `taken` were routed by the candidate.
    """

    id: UUID
    version: int
    from_version: int
    state: State
    share: float
    tag: str | None
    compared: float
    steps: list[StepView]
    guards: list[Guard]
    reason: str
    started_by: str
    started_at: datetime
    live_at: datetime | None
    paused_at: datetime | None
    widens_at: datetime | None
    widens_to: float | None
    seen: int
    differed: int
    taken: int
    ended_at: datetime | None
    ended_by: str | None
    because: str
    fired: Fired | None

    @property
    def is_running(self) -> bool:
        """Tell whether it goes on."""
        return self.state in rows.RUNNING


async def start(tx: AsyncSession, *, who: Principal, wish: Wish) -> RolloutView:
    """Begin a rollout; locks the project's row and the candidate's.

    Raises:
        RolloutInvalid, Invalid (422); ConfigVersionNotFound (404); NotACandidate, RolloutRunning: another runs,
        RolloutRefused: it differs in nothing, or in more than rules, ApprovalRequired (409).
    """
    said = said_of(wish.reason)
    _check(wish.course, is_live=wish.mode == "live", compared=wish.compared)
    project = await _lock_project(tx, who)
    candidate = await lock_candidate(tx, who.project, wish.version)
    running = await rows.lock_running(tx, project.id)
    if running is not None:
        message = say(
            "A rollout of version %(version)s runs already. Nothing was changed; end that one first.",
            version=running.version,
        )
        raise RolloutRunning(message)
    before, differences = await _differences(tx, project, candidate)
    if wish.mode == "live":
        await _check_live(tx, candidate, before, differences)
    row = Rollout(
        project_id=project.id,
        id=new_id(),
        version=candidate.version,
        from_version=project.config_version,
        state=wish.mode,
        share=wish.course.share,
        tag=wish.course.tag,
        compared=wish.compared,
        steps=_kept_steps(wish.course),
        guards=msgspec.to_builtins(wish.course.guards),
        reason=said,
        started_by=who.actor.name,
        live_at=func.now() if wish.mode == "live" else None,
        position=await rows.last_position(tx, project.id),
    )
    tx.add(row)
    audit.record(tx, project.id, who.actor, Action.ROLLOUT_STARTED, details=_told(row) | {"mode": wish.mode})
    await tx.flush()
    await tx.refresh(row)
    return await view_of(tx, row)


async def go_live(tx: AsyncSession, *, who: Principal, rollout_id: UUID, course: Course | None = None) -> RolloutView:
    """Have a shadowed candidate route what its course says; without one, the course that it began with.

    Raises:
        RolloutInvalid (422); RolloutNotFound (404); RolloutOver, RolloutRefused, ApprovalRequired (409).
    """
    project = await _lock_project(tx, who)
    row = await lock_running(tx, project.id, rollout_id)
    if row.state != "shadow":
        message = say(
            "The rollout of version %(version)s is live already. Nothing was changed; widen it instead.",
            version=row.version,
        )
        raise RolloutRefused(message)
    if course is not None:
        row.share, row.tag = course.share, course.tag
        row.steps, row.guards = _kept_steps(course), msgspec.to_builtins(course.guards)
    _check(course_of(row), is_live=True)
    candidate = await lock_candidate(tx, who.project, row.version)
    before, differences = await _differences(tx, project, candidate)
    await _check_live(tx, candidate, before, differences)
    now: datetime | None = await tx.scalar(func.now().select())
    row.state, row.live_at = "live", now
    return await changed(tx, row, who, "live")


async def pause(tx: AsyncSession, *, who: Principal, rollout_id: UUID) -> RolloutView:
    """Keep the share as it is: the schedule stands still, and guards go on; pausing twice is pausing once.

    Raises:
        RolloutNotFound (404); RolloutOver, RolloutRefused: it is not live (409).
    """
    row = await _lock_live(tx, who, rollout_id)
    if row.paused_at is None:
        row.paused_at = await tx.scalar(func.now().select())
        return await changed(tx, row, who, "paused")
    return await view_of(tx, row)


async def resume(tx: AsyncSession, *, who: Principal, rollout_id: UUID) -> RolloutView:
    """Let the schedule run on from where it stood; one that runs is left alone.

    Raises:
        RolloutNotFound (404); RolloutOver, RolloutRefused: it is not live (409).
    """
    row = await _lock_live(tx, who, rollout_id)
    if row.paused_at is not None:
        now: datetime = await tx.scalar(func.now().select()) or row.paused_at
        row.paused_for, row.paused_at = row.paused_for + (now - row.paused_at), None
        return await changed(tx, row, who, "resumed")
    return await view_of(tx, row)


async def roll_back(tx: AsyncSession, *, who: Principal, rollout_id: UUID, reason: str = "") -> RolloutView:
    """End a rollout: new items go by the active version from the next request on.

    Raises:
        RolloutNotFound (404); RolloutOver (409); Invalid: the reason is too long (422).
    """
    said = said_of(reason)
    project = await _lock_project(tx, who)
    row = await lock_running(tx, project.id, rollout_id)
    await endings.end(tx, row, "rolled_back" if row.state == "live" else "ended", actor=who.actor, because=said)
    return await view_of(tx, row)


async def get(tx: AsyncSession, *, who: Principal, rollout_id: UUID) -> RolloutView:
    """Give a rollout.

    Raises:
        RolloutNotFound (404).
    """
    return await view_of(tx, await _found(tx, who.project_id, rollout_id))


async def list_rollouts(
    tx: AsyncSession, *, who: Principal, before: UUID | None = None, limit: int = 50
) -> tuple[list[RolloutView], str | None]:
    """List rollouts, the last first, and the cursor that goes on."""
    found = await rows.list_rollouts(tx, who.project_id, before=before, limit=limit + 1)
    more = cursor_of(found[limit - 1].id) if len(found) > limit else None
    return [await view_of(tx, row) for row in found[:limit]], more


async def lock_running(tx: AsyncSession, project_id: UUID, rollout_id: UUID) -> Rollout:
    """Give a rollout that runs, locked; the project's row must be locked before.

    Raises:
        RolloutNotFound (404); RolloutOver (409).
    """
    row = await rows.lock(tx, project_id, rollout_id)
    if row is None:
        raise _not_found(rollout_id)
    if row.state not in rows.RUNNING:
        message = say(
            "The rollout of version %(version)s has ended (%(state)s). Nothing was changed.",
            version=row.version,
            state=row.state,
        )
        raise RolloutOver(message)
    return row


def not_live(row: Rollout) -> RolloutRefused:
    """Say that a rollout is not live yet."""
    message = say("The rollout of version %(version)s is not live yet. Nothing was changed.", version=row.version)
    return RolloutRefused(message)


async def changed(tx: AsyncSession, row: Rollout, who: Principal, what: str) -> RolloutView:
    """Have the audit tell what somebody did to a rollout, and give it as it is now."""
    audit.record(tx, row.project_id, who.actor, Action.ROLLOUT_CHANGED, details=_told(row) | {"what": what})
    await tx.flush()
    return await view_of(tx, row)


def course_of(row: Rollout) -> Course:
    """Read how a rollout goes on."""
    guards = tuple(msgspec.convert(each, Guard) for each in row.guards)
    return Course(share=row.share, tag=row.tag, steps=steps_of(row.steps), guards=guards)


async def view_of(tx: AsyncSession, row: Rollout) -> RolloutView:
    """Show a rollout."""
    course, widens_at = course_of(row), None
    coming = next_step(row.share, course.steps, await rows.since_live(tx, row)) if row.state == "live" else None
    if coming is not None and row.live_at is not None and row.paused_at is None:
        widens_at = row.live_at + row.paused_for + coming.after
    shown: dict[str, Any] = {name: getattr(row, name) for name in _AS_STORED}
    return RolloutView(
        **shown,
        steps=[StepView(share=step.share, after=write_duration(step.after)) for step in course.steps],
        guards=list(course.guards),
        widens_at=widens_at,
        widens_to=None if coming is None else coming.share,
        fired=None if row.fired is None else msgspec.convert(row.fired, Fired),
    )


async def _lock_project(tx: AsyncSession, who: Principal) -> Project:
    project = await queries.lock_project(tx, who.project)
    if project is None:
        raise AssertionError
    return project


async def _lock_live(tx: AsyncSession, who: Principal, rollout_id: UUID) -> Rollout:
    project = await _lock_project(tx, who)
    row = await lock_running(tx, project.id, rollout_id)
    if row.state != "live":
        raise not_live(row)
    return row


async def _found(tx: AsyncSession, project_id: UUID, rollout_id: UUID) -> Rollout:
    row = await rows.find(tx, project_id, rollout_id)
    if row is None:
        raise _not_found(rollout_id)
    return row


def _not_found(rollout_id: UUID) -> RolloutNotFound:
    message = say("There is no rollout %(rollout)s here.", rollout=rollout_id)
    return RolloutNotFound(message)


async def _differences(
    tx: AsyncSession, project: Project, candidate: ConfigVersion
) -> tuple[Mapping[str, Any], Sequence[Difference]]:
    active = await queries.find_version(tx, project.id, project.config_version)
    before = active.document if active is not None else {}
    differences = compare(before, candidate.document)
    if active is None or not differences:
        message = say(
            "Version %(version)s says what the active version says, so nothing can be rolled out.",
            version=candidate.version,
        )
        raise RolloutRefused(message)
    return before, differences


async def _check_live(
    tx: AsyncSession, candidate: ConfigVersion, before: Mapping[str, Any], differences: Sequence[Difference]
) -> None:
    """Refuse a candidate that would change more than where items go, or that nobody has approved.

    Raises:
        RolloutRefused, ApprovalRequired (409).
    """
    others = [f"{each.kind} {each.name}" for each in differences if not is_of_rules(each)]
    if others:
        message = say(
            "Version %(version)s differs in more than rules: %(others)s. A share of the items "
            "cannot go by that. Nothing was changed; make those changes active first, and roll the rules out after.",
            version=candidate.version,
            others=", ".join(others[:10]),
        )
        raise RolloutRefused(message)
    if rules_take_two(before, differences):
        await check_approvals(tx, candidate)


def _check(course: Course, *, is_live: bool, compared: float = 1.0) -> None:
    faults = find_faults(course, is_live=is_live)
    if not 0.0 <= compared <= 1.0:
        faults.append(FieldError("compared", say("is not from 0 to 1")))
    if faults:
        message = say("The rollout cannot go as it was asked for. Nothing was changed; mend what is named below.")
        raise RolloutInvalid(message, errors=tuple(faults))


def _kept_steps(course: Course) -> list[Any]:
    return [{"share": step.share, "after": step.after.total_seconds()} for step in course.steps]


def _told(row: Rollout) -> dict[str, Any]:
    parts = ("version", "share", "tag", "compared", "steps", "guards", "reason")
    return {"rollout_id": str(row.id)} | {name: getattr(row, name) for name in parts}
