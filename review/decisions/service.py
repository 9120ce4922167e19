"""Making a decision: its row, the item's state, the feedback, the audit entry and the event, or none of them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action, Actor
from review.decisions import queries
from review.decisions.models import Decision
from review.decisions.rules import LockedItem, Outcome, decided_output, digest
from review.feedback import service as feedback
from review.feedback.rules import Judgement, Subject
from review.feedback.rules import Outcome as FeedbackOutcome
from review.feedback.rules import Route as FeedbackRoute
from review.kernel import outbox
from review.kernel.events import EventKind

_WAS = ("revision", "verdict", "source", "decided_by", "output_sha256")  # what a revision says of the one before it


async def decide(
    tx: AsyncSession,
    project_id: UUID,
    item: LockedItem,
    outcome: Outcome,
    *,
    actor: Actor,
    judgements: Sequence[Judgement] = (),
) -> Decision:
    """Decide a locked item, or revise its decision; whoever locked it has checked that it may be.

    The key (item, revision) is unique, so a second effective decision cannot be stored.
    """
    earlier = await queries.find_effective(tx, project_id, item.id) if item.revision else None
    decision = Decision(
        project_id=project_id,
        item_id=item.id,
        revision=item.revision + 1,
        verdict=outcome.verdict.value,
        output=decided_output(outcome, item.output),
        source=outcome.source.value,
        reasons=list(outcome.reasons),
        comment=outcome.comment,
        decided_by=outcome.decided_by,
        reviews=len(judgements),
        output_sha256=digest(outcome, item.output),
        decided_at=func.clock_timestamp(),  # under the item's lock, so that revisions follow one another in time too
    )
    tx.add(decision)
    await tx.flush()
    await queries.close_item(tx, project_id, item.id, "decided")
    await _leave_feedback(tx, item, outcome, decision, judgements)
    revised = decision.revision > 1
    payload = {
        "revision": decision.revision,
        "verdict": decision.verdict,
        "source": decision.source,
        "output_sha256": decision.output_sha256,
    }
    action = Action.DECISION_OVERRIDDEN if outcome.source == "override" else Action.ITEM_DECIDED
    said = {"decided_by": outcome.decided_by, "comment": outcome.comment, "reasons": list(outcome.reasons)}
    details: dict[str, Any] = {**payload, **said}
    if earlier is not None:
        details["was"] = {name: getattr(earlier, name) for name in _WAS}
    audit.record(tx, project_id, actor, action, item_id=item.id, details=details)
    kind = EventKind.DECISION_REVISED if revised else EventKind.DECIDED
    outbox.emit(tx, project_id, kind, item_id=item.id, payload=payload)
    return decision


async def _leave_feedback(
    tx: AsyncSession, item: LockedItem, outcome: Outcome, decision: Decision, judgements: Sequence[Judgement]
) -> None:
    subject = Subject(
        id=item.id,
        type=item.type,
        type_version=item.type_version,
        input=item.input,
        output=item.output,
        external_id=item.external_id,
        model=msgspec.to_builtins(item.details.model),
        confidence=item.details.confidence,
        impact=item.details.impact,
        tags=item.details.tags,
        gold=item.gold,
    )
    route = FeedbackRoute(
        rule=item.route["rule"],
        ruleset_version=item.route["ruleset_version"],
        inclusion_probability=item.route["inclusion_probability"],
    )
    told = FeedbackOutcome(
        revision=decision.revision,
        verdict=decision.verdict,
        source=decision.source,
        decided_at=decision.decided_at,
        output=decision.output,
        reasons=outcome.reasons,
        comment=outcome.comment,
    )
    await feedback.record(tx, decision.project_id, subject=subject, route=route, outcome=told, judgements=judgements)
