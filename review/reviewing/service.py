"""Recording judgements, and deciding when they suffice."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action
from review.configuration.service import ItemTypes
from review.decisions import queries as decision_queries
from review.decisions import service as decisions
from review.decisions.rules import LockedItem, Outcome, Source, Verdict
from review.feedback import rules as feedback
from review.identity.rules import Principal
from review.items import service as items
from review.items.errors import ItemClosed, ItemNotFound
from review.items.schemas import ItemView
from review.kernel.db import after_commit, driver_of
from review.kernel.errors import FieldError
from review.kernel.ids import new_id
from review.queueing import mentions
from review.queueing import queries as queue_queries
from review.queueing import service as queueing
from review.queueing.rules import AssignmentState, Seat
from review.reviewing import queries
from review.reviewing.errors import JudgementInvalid
from review.reviewing.models import Review
from review.reviewing.rules import TIED, WAITING, Judgement, find_faults, weigh
from review.reviewing.schemas import JudgementIn, ReviewView, Submitted

TellClosed = Callable[[Sequence[UUID]], None]


class Bench(msgspec.Struct, frozen=True):
    """What judging needs besides the transaction: the item types, whom to hint, and the address links carry."""

    item_types: ItemTypes
    tell_closed: TellClosed
    base_url: str


async def submit(
    tx: AsyncSession, bench: Bench, *, who: Principal, assignment_id: UUID, fence: int, submitted: JudgementIn
) -> Submitted:
    """Record a reviewer's judgement, and decide the item if it was the last one needed.

    Raises:
        AssignmentNotFound (404); LeaseLost: the claim no longer stands (409); JudgementInvalid (422).
    """
    seat = await queueing.lock_held(tx, who=who, assignment_id=assignment_id, fence=fence)
    item = await _lock_item(tx, who, seat.item_id)
    await _check(bench, who, item, submitted, "you still hold the item")
    review = await _store(tx, who, seat, submitted)
    case = await queries.get_case(tx, who.project_id, item.id)
    judgements = await queries.list_judgements(tx, who.project_id, item.id)
    outcome = weigh(case.reviews_required, judgements, item.output)
    said, is_blind = submitted.comment, not isinstance(outcome, Outcome)
    await mentions.announce(tx, who, item_id=item.id, pool=seat.pool, comment=said, is_blind=is_blind)
    if isinstance(outcome, Outcome):
        await _conclude(tx, bench, who, item, outcome, judgements)
    elif outcome == TIED:
        pool = case.adjudicate_pool or case.pool
        opened = await queries.open_adjudication(tx, case, pool)
        details = {"assignment_id": str(opened), "pool": pool, "reviews": len(judgements)}
        audit.record(tx, who.project_id, who.actor, Action.ADJUDICATION_OPENED, item_id=item.id, details=details)
    else:
        assert outcome == WAITING  # noqa: S101  the third and last answer of weigh()
    return Submitted(review, await _view(tx, bench, who, item.id))


async def override(
    tx: AsyncSession, bench: Bench, *, who: Principal, item_id: UUID, submitted: JudgementIn
) -> ItemView:
    """Decide an item over everybody's head, or revise its decision; says why in `comment`.

    Raises:
        NotAPerson: a service key (403); ItemNotFound (404); ItemClosed: it was withdrawn (409); JudgementInvalid: no
        reason was given (422).
    """
    queueing.check_person(who)
    await queue_queries.lock_seats(tx, who.project_id, item_id)
    item = await _lock_item(tx, who, item_id)
    await items.check_reach(
        await driver_of(tx), who=who, item_id=item_id
    )  # no step moves a case whose seats are locked
    if item.state == "withdrawn":
        message = f"Item {item_id} was withdrawn by upstream, so there is nothing to decide. Nothing was changed."
        raise ItemClosed(message)
    if not submitted.comment.strip():
        message = "An override must say why. Nothing was changed; send it again with a reason."
        raise JudgementInvalid(message, errors=(FieldError("reason", "is missing: say why"),))
    await _check(bench, who, item, submitted, "the item stands as it was")
    outcome = Outcome(
        verdict=submitted.verdict,
        source=Source.OVERRIDE,
        decided_by=who.actor.name,
        output=_corrected(submitted),
        reasons=submitted.reasons,
        comment=submitted.comment,
    )
    judgements = await queries.list_judgements(tx, who.project_id, item_id)
    await _conclude(tx, bench, who, item, outcome, judgements)
    return await _view(tx, bench, who, item_id)


async def _lock_item(tx: AsyncSession, who: Principal, item_id: UUID) -> LockedItem:
    item = await decision_queries.lock_item(tx, who.project_id, item_id)
    if item is None:
        message = f"There is no item {item_id} here that you may see."
        raise ItemNotFound(message)
    return item


async def _check(bench: Bench, who: Principal, item: LockedItem, submitted: JudgementIn, safe: str) -> None:
    item_type = await bench.item_types.get(who.project_id, item.type, item.type_version)
    faults = find_faults(item_type, item.output, submitted)
    if faults:
        message = f"The judgement was not recorded; {safe}. Mend what is named below and submit again."
        raise JudgementInvalid(message, errors=tuple(faults))


async def _store(tx: AsyncSession, who: Principal, seat: Seat, submitted: JudgementIn) -> ReviewView:
    held = (seat.at - seat.claimed_at).total_seconds() if seat.claimed_at else 0.0
    review = Review(
        project_id=who.project_id,
        id=new_id(),
        case_id=seat.case_id,
        item_id=seat.item_id,
        assignment_id=seat.id,
        kind=seat.kind,
        reviewer_id=who.id,
        verdict=submitted.verdict.value,
        output=_corrected(submitted),
        reasons=list(submitted.reasons),
        comment=submitted.comment,
        held_seconds=held,
        submitted_at=func.clock_timestamp(),
    )
    tx.add(review)
    await tx.flush()
    await tx.refresh(review, ["submitted_at"])
    await queue_queries.settle(tx, who.project_id, seat, AssignmentState.DONE, part="reviewed")
    details = {
        "assignment_id": str(seat.id),
        "fence": seat.fence,
        "kind": seat.kind,
        "verdict": review.verdict,
        "reasons": review.reasons,
        "comment": review.comment,
        "held_seconds": round(held, 1),
    }
    audit.record(tx, who.project_id, who.actor, Action.REVIEW_SUBMITTED, item_id=seat.item_id, details=details)
    return ReviewView(
        id=review.id,
        assignment_id=seat.id,
        verdict=submitted.verdict,
        output=review.output,
        reasons=submitted.reasons,
        comment=submitted.comment,
        held_seconds=held,
        submitted_at=review.submitted_at,
    )


async def _conclude(
    tx: AsyncSession,
    bench: Bench,
    who: Principal,
    item: LockedItem,
    outcome: Outcome,
    judgements: Sequence[Judgement],
) -> None:
    told = [feedback.Judgement(each.verdict.value, each.output) for each in judgements]
    await decisions.decide(tx, who.project_id, item, outcome, actor=who.actor, judgements=told)
    await queue_queries.close_case(tx, who.project_id, item.id)
    after_commit(tx, lambda: bench.tell_closed([item.id]))


async def _view(tx: AsyncSession, bench: Bench, who: Principal, item_id: UUID) -> ItemView:
    await tx.flush()
    driver = await driver_of(tx)
    return (await items.get_views(driver, who=who, item_ids=[item_id], base_url=bench.base_url))[item_id]


def _corrected(submitted: JudgementIn) -> Any:
    corrects = submitted.verdict is Verdict.CORRECT and submitted.output is not UNSET
    return submitted.output if corrects else None
