"""Recording judgements, and deciding when they suffice."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action
from review.decisions.queries import item_of
from review.decisions.rules import LockedItem, Outcome, Source
from review.identity.rules import Permission, Principal
from review.kernel.db import driver_of
from review.kernel.ids import new_id
from review.kernel.sentences import say
from review.queueing import mentions
from review.queueing import queries as queue_queries
from review.queueing import service as queueing
from review.queueing.models import Case
from review.queueing.rules import Act, AssignmentState, Seat, is_held_by
from review.reviewing import drafts, queries
from review.reviewing.deciding import (
    Bench,
    Standing,
    check_form,
    check_verdict,
    conclude,
    corrected,
    stand_on,
    view,
)
from review.reviewing.models import Review
from review.reviewing.overrides import override
from review.reviewing.rules import TIED, WAITING, Judgement, weigh, why_lead
from review.reviewing.schemas import JudgementIn, ReviewView, Submitted

__all__ = ["Bench", "override", "submit"]


class Judged(msgspec.Struct, frozen=True):
    """What a judgement that can be recorded is about: a seat and its item, both locked, and what it stands on.

    One that was given a while ago says for how long its item was held until then, and when that was.
    """

    seat: Seat
    item: LockedItem
    standing: Standing
    held_seconds: float
    given_at: datetime | None = None


async def submit(
    tx: AsyncSession, bench: Bench, *, who: Principal, assignment_id: UUID, fence: int, submitted: JudgementIn
) -> Submitted:
    """Record a reviewer's judgement, and decide the item if it was the last one needed.

    What must be confirmed by a lead is recorded too, and opens a lead's seat instead of deciding.

    Raises:
        AssignmentNotFound (404); LeaseLost: the claim no longer stands (409); ConflictOfInterest: the item concerns the
        caller (403); VerdictNotAllowed: the people of the seat's pool may not say this (403); JudgementInvalid (422).
    """
    judged = await hold(tx, bench, who=who, assignment_id=assignment_id, fence=fence)
    check(judged, submitted)
    review, _ = await count(tx, bench, who, judged, submitted)
    return Submitted(review, await view(tx, bench, who, judged.item.id))


async def hold(tx: AsyncSession, bench: Bench, *, who: Principal, assignment_id: UUID, fence: int) -> Judged:
    """Lock what a judgement is about, and let pass whoever has it in hand and whom it does not concern.

    Raises:
        NotAPerson, ConflictOfInterest (403), AssignmentNotFound (404), LeaseLost (409).
    """
    queueing.check_person(who)
    hot = await driver_of(tx)
    found = await queries.lock_judged(hot, who, assignment_id)
    if found is None or not is_held_by(found[0], who.id, fence):
        # Says why not, and who was faster; it lets pass what the caller has claimed at this very moment.
        await queueing.lock_held(tx, who=who, assignment_id=assignment_id, fence=fence, act=Act.REVIEW)
        found = await queries.lock_judged(hot, who, assignment_id)
    assert found is not None  # noqa: S101  it is locked, and theirs
    seat, row = found
    read = await queries.get_standing(tx, who, seat.item_id)
    item = item_of(row, read.revision)
    return Judged(seat, item, await stand_on(bench, who, item, read), seat.held_seconds)


def check(judged: Judged, submitted: JudgementIn) -> None:
    """Let pass a judgement that can be recorded of what is held.

    Raises:
        VerdictNotAllowed: the people of the seat's pool may not say this (403); JudgementInvalid (422).
    """
    instead = "you still hold the item, so escalate it, and say why"
    check_verdict(judged.standing, judged.seat.pool, submitted.verdict, instead)
    check_form(judged.standing, judged.item, submitted, say("you still hold the item"))


def is_last(judged: Judged) -> bool:
    """Tell whether one judgement is all that is asked for, as far as can be told before it counts."""
    return not judged.standing.is_by_several and not takes_two(judged.item)


def needs_lead(who: Principal, judged: Judged, submitted: JudgementIn) -> bool:
    """Tell whether a judgement that is all that is asked for must be confirmed by a lead, who the caller is not."""
    if who.may(Permission.OVERRIDE) or not is_last(judged):
        return False
    outcome = Outcome(
        verdict=submitted.verdict,
        source=Source.REVIEW,
        decided_by=who.actor.name,
        output=corrected(submitted),
        reasons=submitted.reasons,
        comment=submitted.comment,
    )
    return why_lead(judged.standing.item_type.needs_lead, judged.item, outcome) is not None


async def count(
    tx: AsyncSession, bench: Bench, who: Principal, judged: Judged, submitted: JudgementIn
) -> tuple[ReviewView, bool]:
    """Record a judgement that was let pass, and decide the item if it was the last one needed; tells whether it was."""
    seat, item, standing = judged.seat, judged.item, judged.standing
    review = await _store(tx, who, judged, submitted)
    case = await queries.get_case(tx, who.project_id, item.id)
    judgements = await queries.list_judgements(tx, who.project_id, item.id)
    outcome = weigh(case.reviews_required, judgements, item.output, two_person=takes_two(item))
    said, is_decided = submitted.comment, False
    if isinstance(outcome, Outcome):
        is_decided = not await _ask_lead(tx, who, standing, item, case, outcome, judgements)
    await mentions.announce(tx, who, item_id=item.id, pool=seat.pool, comment=said, is_blind=not is_decided)
    if isinstance(outcome, Outcome):
        if is_decided:
            await conclude(tx, bench, who, item, outcome, judgements)
    elif outcome == TIED:
        await _adjudicate(tx, who, standing, item, case, judgements)
    else:
        assert outcome == WAITING  # noqa: S101  the third and last answer of weigh()
    return review, is_decided


def takes_two(item: LockedItem) -> bool:
    """Tell whether an item arrived as one that nobody decides alone."""
    return bool(item.route.get("two_person"))


async def _adjudicate(
    tx: AsyncSession, who: Principal, standing: Standing, item: LockedItem, case: Case, judgements: list[Judgement]
) -> None:
    """Open one more seat, for somebody who has had no part in the case."""
    pool = case.adjudicate_pool or case.pool
    sees_answers = standing.item_type.shows_answers
    opened = await queries.open_seat(tx, case, "adjudication", pool, sees_answers=sees_answers)
    details = {"assignment_id": str(opened), "pool": pool, "reviews": len(judgements)}
    audit.record(tx, who.project_id, who.actor, Action.ADJUDICATION_OPENED, item_id=item.id, details=details)


async def _ask_lead(
    tx: AsyncSession,
    who: Principal,
    standing: Standing,
    item: LockedItem,
    case: Case,
    outcome: Outcome,
    judgements: list[Judgement],
) -> bool:
    """Open a lead's seat where the outcome must be confirmed by one; tells whether it did.

    Somebody who may override decides at once, and so does a lead who was asked before.
    """
    if who.may(Permission.OVERRIDE) or any(each.kind == "lead" for each in judgements):
        return False
    why = why_lead(standing.item_type.needs_lead, item, outcome)
    if why is None:
        return False
    pools = (standing.item_type.lead_pool, case.adjudicate_pool, case.pool)
    pool = next((name for name in pools if name is not None and name in standing.config.pools), case.pool)
    opened = await queries.open_seat(tx, case, "lead", pool, sees_answers=True)
    details = {"assignment_id": str(opened), "pool": pool, "why": why}
    audit.record(tx, who.project_id, who.actor, Action.LEAD_ASKED, item_id=item.id, details=details)
    return True


async def _store(tx: AsyncSession, who: Principal, judged: Judged, submitted: JudgementIn) -> ReviewView:
    seat = judged.seat
    review = Review(
        project_id=who.project_id,
        id=new_id(),
        case_id=seat.case_id,
        item_id=seat.item_id,
        assignment_id=seat.id,
        kind=seat.kind,
        reviewer_id=who.id,
        verdict=submitted.verdict.value,
        output=corrected(submitted),
        reasons=list(submitted.reasons),
        comment=submitted.comment,
        held_seconds=judged.held_seconds,
        submitted_at=judged.given_at or func.clock_timestamp(),
    )
    tx.add(review)
    await tx.flush()
    await queue_queries.settle(tx, who.project_id, seat, AssignmentState.DONE, part="reviewed")
    await drafts.end(tx, who=who, item_id=seat.item_id)
    details = {
        "assignment_id": str(seat.id),
        "fence": seat.fence,
        "kind": seat.kind,
        "verdict": review.verdict,
        "reasons": review.reasons,
        "comment": review.comment,
        "held_seconds": round(judged.held_seconds, 1),
        "type_version": judged.item.type_version,
        "config_version": who.config_version,
    }
    audit.record(tx, who.project_id, who.actor, Action.REVIEW_SUBMITTED, item_id=seat.item_id, details=details)
    return ReviewView(
        id=review.id,
        assignment_id=seat.id,
        verdict=submitted.verdict,
        output=review.output,
        reasons=submitted.reasons,
        comment=submitted.comment,
        held_seconds=judged.held_seconds,
        submitted_at=review.submitted_at,
    )
