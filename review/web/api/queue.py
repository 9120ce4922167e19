"""Claiming, keeping, giving back and reviewing assignments."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import post
from litestar.params import FromPath
from msgspec import UNSET, Meta, UnsetType

from review.decisions.rules import Verdict
from review.escalation import service as escalation
from review.identity.rules import Permission
from review.queueing import handing_out
from review.queueing import service as queueing
from review.queueing.schemas import ClaimedAssignment
from review.reviewing import service as reviewing
from review.reviewing.schemas import Comment, JudgementIn, Reasons, Submitted
from review.web.api import bodies
from review.web.api.openapi import takes
from review.web.guards import requires
from review.web.services import AnyRequest, Svc, Tx, Who

WORK = requires(Permission.WORK)
Fence = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class ClaimIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many assignments to claim."""

    limit: Annotated[int, Meta(ge=1, le=queueing.MAX_CLAIM)] = 1


class Claimed(msgspec.Struct, frozen=True):
    """What was claimed, most urgent first."""

    data: list[ClaimedAssignment]


class FenceIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The proof that the caller still means the claim they hold."""

    fence: Fence


class ReasonIn(FenceIn, frozen=True, forbid_unknown_fields=True):
    """A fence, and why."""

    reason: Comment = ""


class SkipIn(ReasonIn, frozen=True, forbid_unknown_fields=True):
    """A fence, and why; `kind` is `conflict` where the item concerns the caller."""

    kind: Literal["conflict"] | None = None


class ReviewIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A judgement on a held assignment; `output` comes with `correct` and with nothing else."""

    fence: Fence
    verdict: Verdict
    output: Any | UnsetType = UNSET
    reasons: Reasons = ()
    comment: Comment = ""


class Extended(msgspec.Struct, frozen=True):
    """When the lease ends now."""

    lease_expires_at: datetime


class Returned(msgspec.Struct, frozen=True):
    """The assignment is open again; `escalation_level` is set where it was escalated."""

    id: UUID
    state: str = "open"
    escalation_level: int | None = None


@post("/pools/{pool:str}/claims", opt=WORK | takes(ClaimIn, required=False), status_code=200)
async def claim(request: AnyRequest, services: Svc, who: Who, pool: FromPath[str]) -> Claimed:
    """Claim the most urgent assignments of a pool; empty when there is none."""
    given = await bodies.read(request, ClaimIn, optional=True)
    config = await services.config_of(who)
    found = await handing_out.hand_out(
        services.db.hot, who=who, pool=pool, limit=given.limit, config=config, base_url=services.base_url
    )
    return Claimed(found)


@post("/assignments/{assignment_id:uuid}/extend", opt=WORK | takes(FenceIn), status_code=200)
async def extend(request: AnyRequest, services: Svc, who: Who, assignment_id: FromPath[UUID]) -> Extended:
    """Keep the claim for a full lease from now."""
    given = await bodies.read(request, FenceIn)
    until = await queueing.extend(services.db.hot, who=who, assignment_id=assignment_id, fence=given.fence)
    return Extended(until)


@post("/assignments/{assignment_id:uuid}/release", opt=WORK | takes(FenceIn), status_code=200)
async def release(request: AnyRequest, who: Who, tx: Tx, assignment_id: FromPath[UUID]) -> Returned:
    """Give the assignment back to its queue."""
    given = await bodies.read(request, FenceIn)
    await queueing.release(tx, who=who, assignment_id=assignment_id, fence=given.fence)
    return Returned(assignment_id)


@post("/assignments/{assignment_id:uuid}/skip", opt=WORK | takes(SkipIn), status_code=200)
async def skip(request: AnyRequest, who: Who, tx: Tx, assignment_id: FromPath[UUID]) -> Returned:
    """Give the assignment back and never be offered this case again, also to declare a conflict of interest."""
    given = await bodies.read(request, SkipIn)
    await queueing.skip(
        tx,
        who=who,
        assignment_id=assignment_id,
        fence=given.fence,
        reason=given.reason,
        is_conflict=given.kind is not None,
    )
    return Returned(assignment_id)


@post("/assignments/{assignment_id:uuid}/escalate", opt=WORK | takes(ReasonIn), status_code=200)
async def escalate(request: AnyRequest, services: Svc, who: Who, tx: Tx, assignment_id: FromPath[UUID]) -> Returned:
    """Hand the case on to somebody else, by the next step of its escalation policy or with a higher priority."""
    given = await bodies.read(request, ReasonIn)
    level = await escalation.escalate(
        tx, services.configs, who=who, assignment_id=assignment_id, fence=given.fence, reason=given.reason
    )
    return Returned(assignment_id, escalation_level=level)


@post("/assignments/{assignment_id:uuid}/review", opt=WORK | takes(ReviewIn), status_code=200)
async def review(request: AnyRequest, services: Svc, who: Who, tx: Tx, assignment_id: FromPath[UUID]) -> Submitted:
    """Submit a judgement; the item is decided if it was the last one needed."""
    given = await bodies.read(request, ReviewIn)
    submitted = JudgementIn(verdict=given.verdict, output=given.output, reasons=given.reasons, comment=given.comment)
    return await reviewing.submit(
        tx, services.bench(), who=who, assignment_id=assignment_id, fence=given.fence, submitted=submitted
    )
