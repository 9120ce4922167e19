"""Deciding over everybody's head: at once, or, where two people must decide, once a second one has confirmed it."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action
from review.decisions.rules import LockedItem, Outcome, Source, Verdict
from review.identity.rules import Principal
from review.items import service as items
from review.items.errors import ItemClosed, ItemErased
from review.items.personal import hidden_part
from review.items.schemas import ItemView
from review.kernel.db import driver_of
from review.kernel.errors import FieldError
from review.kernel.ids import new_id
from review.kernel.sentences import say
from review.queueing import queries as queue_queries
from review.queueing import service as queueing
from review.reviewing import queries
from review.reviewing.deciding import Bench, check_form, check_verdict, conclude, corrected, lock_item, stand, view
from review.reviewing.errors import (
    JudgementInvalid,
    OverrideNotFound,
    OverrideOutdated,
    OverridePending,
    SecondPersonNeeded,
    StillToJudge,
)
from review.reviewing.models import OverrideProposal
from review.reviewing.schemas import JudgementIn, ProposalView

INSTEAD = say("somebody who is not of that pool, or its adjudicators, may")


async def override(
    tx: AsyncSession, bench: Bench, *, who: Principal, item_id: UUID, submitted: JudgementIn
) -> ItemView:
    """Decide an item over everybody's head, or revise its decision; says why in `comment`.

    Of an item that takes two people it only proposes that, and the item stays as it is until somebody else confirms.

    Raises:
        NotAPerson: a service key; ConflictOfInterest: the item concerns the caller; VerdictNotAllowed: the people of
        its pool, of whom they are, may not say this (403); ItemNotFound (404); ItemClosed: it was withdrawn;
        OverridePending: another waits already (409); JudgementInvalid: no reason was given (422).
    """
    item = await _lock_open(tx, who, item_id)
    if not submitted.comment.strip():
        message = say("An override must say why. Nothing was changed; send it again with a reason.")
        raise JudgementInvalid(message, errors=(FieldError("reason", say("is missing: say why")),))
    standing = await stand(tx, bench, who, item)
    if standing.is_member and standing.pool is not None:
        check_verdict(standing, standing.pool, submitted.verdict, INSTEAD)
    check_form(standing, item, submitted, say("the item stands as it was"))
    active = standing.config.item_types.get(item.type)
    if item.route.get("two_person") or (active is not None and active.two_person):
        await _propose(tx, who, item, submitted, () if active is None else active.personal)
    else:
        await _check_none_pending(tx, who, item)
        outcome = Outcome(
            verdict=submitted.verdict,
            source=Source.OVERRIDE,
            decided_by=who.actor.name,
            output=corrected(submitted),
            reasons=submitted.reasons,
            comment=submitted.comment,
        )
        judgements = await queries.list_judgements(tx, who.project_id, item_id)
        await conclude(tx, bench, who, item, outcome, judgements)
    return await view(tx, bench, who, item_id)


async def is_pending(tx: AsyncSession, *, who: Principal, item_id: UUID) -> bool:
    """Tell whether an override of the item waits for a second person."""
    return await queries.find_pending(tx, who.project_id, item_id) is not None


async def find_pending(tx: AsyncSession, *, who: Principal, item_id: UUID) -> ProposalView | None:
    """Find the override of an item that waits for a second person.

    Raises:
        ItemNotFound (404); StillToJudge: the caller's own judgement comes first (403).
    """
    await _check_has_judged(tx, who, item_id)
    found = await queries.find_pending(tx, who.project_id, item_id)
    if found is None:
        return None
    proposal, proposed_by = found
    return ProposalView(
        id=proposal.id,
        item_id=item_id,
        verdict=Verdict(proposal.verdict),
        output=proposal.output,
        reasons=tuple(proposal.reasons),
        comment=proposal.comment,
        proposed_by=proposed_by,
        proposed_at=proposal.proposed_at,
        revision=proposal.revision,
    )


async def confirm(tx: AsyncSession, bench: Bench, *, who: Principal, item_id: UUID, proposal_id: UUID) -> ItemView:
    """Be the second person, and decide the item as another has proposed.

    Raises:
        NotAPerson, StillToJudge, ConflictOfInterest, VerdictNotAllowed; SecondPersonNeeded: the caller proposed it
        (403); ItemNotFound, OverrideNotFound (404); ItemClosed: it was withdrawn; OverrideOutdated: it was decided
        since (409).
    """
    item = await _lock_open(tx, who, item_id)
    await _check_has_judged(tx, who, item_id)
    proposal, proposed_by = await _get_pending(tx, who, item_id, proposal_id)
    if proposal.proposed_by == who.id:
        message = say(
            "You proposed this override, so somebody else must confirm it. It still waits; you may withdraw it."
        )
        raise SecondPersonNeeded(message)
    standing = await stand(tx, bench, who, item)
    verdict = Verdict(proposal.verdict)
    if standing.is_member and standing.pool is not None:
        check_verdict(standing, standing.pool, verdict, INSTEAD)
    if proposal.revision != item.revision:
        message = say(
            "Item %(item_id)s was decided anew since this override was proposed. Nothing was changed; look at the new "
            "decision, withdraw this override, and propose another if it is still wrong.",
            item_id=item_id,
        )
        raise OverrideOutdated(message)
    _settle(proposal, who, "confirmed")
    outcome = Outcome(
        verdict=verdict,
        source=Source.OVERRIDE,
        decided_by=f"{proposed_by}, {who.actor.name}",
        output=proposal.output,
        reasons=tuple(proposal.reasons),
        comment=proposal.comment,
    )
    judgements = await queries.list_judgements(tx, who.project_id, item_id)
    await conclude(tx, bench, who, item, outcome, judgements)
    return await view(tx, bench, who, item_id)


async def withdraw(
    tx: AsyncSession, bench: Bench, *, who: Principal, item_id: UUID, proposal_id: UUID, reason: str = ""
) -> ItemView:
    """Take back an override that waits for a second person, one's own or another's.

    Raises:
        NotAPerson; StillToJudge (403); ItemNotFound, OverrideNotFound (404).
    """
    queueing.check_person(who)
    await lock_item(tx, who, item_id)
    await items.check_reach(await driver_of(tx), who=who, item_id=item_id)
    await _check_has_judged(tx, who, item_id)
    proposal, proposed_by = await _get_pending(tx, who, item_id, proposal_id)
    _settle(proposal, who, "withdrawn")
    details = {"proposal_id": str(proposal.id), "proposed_by": proposed_by, "reason": reason}
    audit.record(tx, who.project_id, who.actor, Action.OVERRIDE_WITHDRAWN, item_id=item_id, details=details)
    return await view(tx, bench, who, item_id)


async def _lock_open(tx: AsyncSession, who: Principal, item_id: UUID) -> LockedItem:
    """Lock an item and its seats for an override of it."""
    queueing.check_person(who)
    await queue_queries.lock_seats(tx, who.project_id, item_id)
    item = await lock_item(tx, who, item_id)
    await items.check_reach(await driver_of(tx), who=who, item_id=item_id)  # locked, so no step moves the case
    if item.state == "withdrawn":
        message = say(
            "Item %(item_id)s was withdrawn by upstream, so there is nothing to decide. Nothing was changed.",
            item_id=item_id,
        )
        raise ItemClosed(message)
    if item.is_erased:
        raise ItemErased.of(item_id)
    return item


async def _check_none_pending(tx: AsyncSession, who: Principal, item: LockedItem) -> None:
    pending = await queries.find_pending(tx, who.project_id, item.id)
    if pending is not None:
        message = say(
            "An override of item %(item_id)s by %(who)s waits for a second person already. Nothing was changed; "
            "confirm or withdraw that one first.",
            item_id=item.id,
            who=pending[1],
        )
        raise OverridePending(message)


async def _propose(
    tx: AsyncSession, who: Principal, item: LockedItem, submitted: JudgementIn, personal: Sequence[str]
) -> None:
    """Keep a proposal; what of its output is personal is not put into the audit, which more people read."""
    await _check_none_pending(tx, who, item)
    proposal = OverrideProposal(
        project_id=who.project_id,
        id=new_id(),
        item_id=item.id,
        revision=item.revision,
        verdict=submitted.verdict.value,
        output=corrected(submitted),
        reasons=list(submitted.reasons),
        comment=submitted.comment,
        proposed_by=who.id,
        state="pending",
    )
    tx.add(proposal)
    details = {
        "proposal_id": str(proposal.id),
        "verdict": proposal.verdict,
        "output": hidden_part(proposal.output, personal, "output"),
        "reasons": proposal.reasons,
        "comment": proposal.comment,
        "revision": proposal.revision,
    }
    audit.record(tx, who.project_id, who.actor, Action.OVERRIDE_PROPOSED, item_id=item.id, details=details)
    await tx.flush()


async def _get_pending(
    tx: AsyncSession, who: Principal, item_id: UUID, proposal_id: UUID
) -> tuple[OverrideProposal, str]:
    found = await queries.find_pending(tx, who.project_id, item_id)
    if found is None or found[0].id != proposal_id:
        message = say(
            "No override %(proposal_id)s of item %(item_id)s waits for a second person. Nothing was changed.",
            proposal_id=proposal_id,
            item_id=item_id,
        )
        raise OverrideNotFound(message)
    return found


async def _check_has_judged(tx: AsyncSession, who: Principal, item_id: UUID) -> None:
    driver = await driver_of(tx)
    item = await items.get_detail(driver, who=who, item_id=item_id, base_url="")
    if await items.is_still_to_judge(driver, who=who, item=item):
        message = say(
            "You are still to judge item %(item_id)s on your own, so others' answers are not for you yet. Nothing was "
            "changed; judge it, or give it back.",
            item_id=item_id,
        )
        raise StillToJudge(message)


def _settle(proposal: OverrideProposal, who: Principal, state: str) -> None:
    proposal.state, proposal.settled_by = state, who.id
    proposal.settled_at = func.clock_timestamp()
