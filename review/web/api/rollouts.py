"""Rolling a candidate version out over HTTP: shadow, live, wider, and back."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Meta

from review.configuration import rollouts
from review.configuration.candidates import MAX_REASON
from review.configuration.errors import RolloutInvalid
from review.configuration.rollouts import Mode, RolloutView, Wish
from review.identity.rules import Permission
from review.kernel.durations import parse_duration
from review.kernel.errors import FieldError
from review.kernel.paging import position_of
from review.rollout import service as rollout
from review.rollout import steering
from review.rollout.service import Difference, Found
from review.routing.rollouts import MOST_LEAST, MOST_STEPS, MOST_TAG, Course, Guard, GuardName, Step
from review.web.api import bodies
from review.web.api.openapi import takes
from review.web.guards import requires
from review.web.services import AnyRequest, Svc, Tx, Who

READ, WRITE = requires(Permission.READ_CONFIG), requires(Permission.WRITE_CONFIG)
END = requires(Permission.STOP)  # whoever may stop what rules let through may take a rollout back
Share = Annotated[float, Meta(ge=0, le=1)]
Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=100)]


class StepIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A share to widen to, so long after the rollout went live; `after` is like 30m, 4h or 2d."""

    share: Share
    after: Annotated[str, Meta(max_length=40)]


class GuardIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a figure may be at most, on at least so many items; `oldest_waiting` is in seconds, the others shares."""

    name: GuardName
    bound: Annotated[float, Meta(ge=0, le=366 * 86_400)]
    least: Annotated[int, Meta(ge=1, le=MOST_LEAST)] = 20


class CourseIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the rollout goes once it is live: whom it takes at first, how it widens, and what ends it."""

    share: Share = 0.0
    tag: Annotated[str, Meta(min_length=1, max_length=MOST_TAG)] | None = None
    steps: Annotated[list[StepIn], Meta(max_length=MOST_STEPS)] = []
    guards: Annotated[list[GuardIn], Meta(max_length=4)] = []

    def course(self) -> Course:
        """Read it.

        Raises:
            RolloutInvalid: a step's time is no duration (422).
        """
        steps: list[Step] = []
        for at, step in enumerate(self.steps):
            try:
                steps.append(Step(step.share, parse_duration(step.after)))
            except ValueError as fault:
                message = "A step of the schedule cannot be read. Nothing was changed; mend what is named below."
                raise RolloutInvalid(message, errors=(FieldError(f"steps[{at}].after", str(fault)),)) from fault
        guards = tuple(Guard(each.name, each.bound, each.least) for each in self.guards)
        return Course(share=self.share, tag=self.tag, steps=tuple(steps), guards=guards)


class RolloutIn(CourseIn, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A candidate, in the shadow first or live at once; `compared` is the share of items both versions are tried on."""

    version: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    mode: Mode = "shadow"
    compared: Share = 1.0
    reason: Annotated[str, Meta(max_length=MAX_REASON)] = ""


class WidenIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The share to widen to; 1 makes the candidate active."""

    share: Share


class EndIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why it ends."""

    reason: Annotated[str, Meta(max_length=MAX_REASON)] = ""


class Rollouts(msgspec.Struct, frozen=True):
    """Rollouts, the last one first."""

    data: list[RolloutView]
    next: str | None = None


class Differences(msgspec.Struct, frozen=True):
    """Items that the candidate would have sent elsewhere, the newest first."""

    data: list[Difference]
    next: str | None = None


@post("/config/rollouts", opt=WRITE | takes(RolloutIn), status_code=201)
async def start_rollout(request: AnyRequest, who: Who, tx: Tx) -> RolloutView:
    """Roll a candidate out: try it on new items without acting (`shadow`), or let it route a share (`live`)."""
    given = await bodies.read(request, RolloutIn)
    wish = Wish(
        version=given.version,
        mode=given.mode,
        compared=given.compared,
        course=given.course(),
        reason=given.reason,
    )
    return await rollouts.start(tx, who=who, wish=wish)


@get("/config/rollouts", opt=READ)
async def list_rollouts(who: Who, tx: Tx, *, cursor: FromQuery[str] = "", limit: Limit = 50) -> Rollouts:
    """List rollouts, the last first."""
    found, more = await rollouts.list_rollouts(tx, who=who, before=position_of(cursor or None), limit=limit)
    return Rollouts(found, more)


@get("/config/rollouts/{rollout_id:uuid}", opt=READ)
async def get_rollout(who: Who, tx: Tx, rollout_id: FromPath[UUID]) -> Found:
    """Tell how a rollout stands: its guards with their figures, and what both versions made of the same items."""
    return await rollout.get(tx, who=who, rollout_id=rollout_id)


@get("/config/rollouts/{rollout_id:uuid}/differences", opt=READ)
async def list_differences(
    services: Svc, who: Who, tx: Tx, rollout_id: FromPath[UUID], *, cursor: FromQuery[str] = "", limit: Limit = 50
) -> Differences:
    """List the items that the candidate would have sent elsewhere."""
    await rollouts.get(tx, who=who, rollout_id=rollout_id)
    found, more = await rollout.list_differences(
        services.db.hot, who=who, rollout_id=rollout_id, before=position_of(cursor or None), limit=limit
    )
    return Differences(found, more)


@post("/config/rollouts/{rollout_id:uuid}/live", opt=WRITE | takes(CourseIn, required=False), status_code=200)
async def go_live(request: AnyRequest, who: Who, tx: Tx, rollout_id: FromPath[UUID]) -> RolloutView:
    """Have a candidate in the shadow route items, by the course given here or the one that it began with."""
    body = await request.body()
    course = (await bodies.read(request, CourseIn)).course() if body.strip() else None
    return await rollouts.go_live(tx, who=who, rollout_id=rollout_id, course=course)


@post("/config/rollouts/{rollout_id:uuid}/widen", opt=WRITE | takes(WidenIn), status_code=200)
async def widen_rollout(request: AnyRequest, who: Who, tx: Tx, rollout_id: FromPath[UUID]) -> RolloutView:
    """Widen a live rollout by hand, once its guards were asked; where one fires it is rolled back instead."""
    given = await bodies.read(request, WidenIn)
    return await steering.widen(tx, who=who, rollout_id=rollout_id, share=given.share)


@post("/config/rollouts/{rollout_id:uuid}/pause", opt=WRITE, status_code=200)
async def pause_rollout(who: Who, tx: Tx, rollout_id: FromPath[UUID]) -> RolloutView:
    """Keep the share as it is: the schedule stands still, and the guards go on."""
    return await rollouts.pause(tx, who=who, rollout_id=rollout_id)


@post("/config/rollouts/{rollout_id:uuid}/resume", opt=WRITE, status_code=200)
async def resume_rollout(who: Who, tx: Tx, rollout_id: FromPath[UUID]) -> RolloutView:
    """Let the schedule run on from where it stood."""
    return await rollouts.resume(tx, who=who, rollout_id=rollout_id)


@post(
    "/config/rollouts/{rollout_id:uuid}/end",
    opt=END | takes(EndIn, required=False),
    status_code=200,
)
async def end_rollout(request: AnyRequest, who: Who, tx: Tx, rollout_id: FromPath[UUID]) -> RolloutView:
    """Roll back: from the next request on new items go by the active version."""
    given = await bodies.read(request, EndIn, optional=True)
    return await rollouts.roll_back(tx, who=who, rollout_id=rollout_id, reason=given.reason)
