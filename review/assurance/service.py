"""Estimates and advice for those who answer for what rules let through."""

import asyncio

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.assurance import queries
from review.assurance.advice import GRID, Advice, advise
from review.assurance.editing import with_threshold
from review.assurance.errors import NothingAdvised
from review.assurance.estimates import Estimate, estimate
from review.configuration import candidates
from review.configuration import service as configuration
from review.configuration.auditing import MAX_SEEN, SEEN_IN
from review.configuration.rules import ProjectConfig
from review.identity.rules import Principal
from review.items.personal import overlap
from review.kernel.db import Hot
from review.kernel.errors import FieldError, Invalid
from review.kernel.sentences import say

CONFIDENCE = 0.95
DAYS = 90


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Whose threshold is asked for: `model` is NAME@VERSION; and how sure of which bound it shall be."""

    type: str
    model: str
    bound: float = 0.02
    confidence: float = CONFIDENCE
    days: int = DAYS


async def list_estimates(
    hot: Hot, *, who: Principal, config: ProjectConfig, confidence: float = CONFIDENCE, days: int = DAYS
) -> list[Estimate]:
    """Estimate how often what rules let through in the last days was wrong, stratum by stratum."""
    groups = await queries.list_audited(hot, who.project_id, days, config.audit_bands)
    return estimate(groups, config.audit_bands, confidence)


async def list_seen(hot: Hot, *, who: Principal, of: str, path: str, days: int = DAYS) -> dict[str, int]:
    """Count how often each value stood at a path of a type's items of the last days, the 10,000 most frequent.

    This is the table by which an audit tells novelty, once somebody has put it into a version.

    Raises:
        Invalid: the path is none (422).
    """
    steps = path.split(".")
    if not all(steps) or steps[0] not in SEEN_IN:
        message = say("The path is none of an item. Nothing was counted; write it like output.label.")
        fault = say("must begin with one of %(names)s", names=", ".join(SEEN_IN))
        raise Invalid(message, errors=(FieldError("path", fault),))
    if any(overlap(each, path) for each in who.hidden_of(of)):
        message = say("What stands at %(path)s is personal and not for you to see; nothing was read.", path=path)
        raise Invalid(message, errors=(FieldError("path", say("holds personal data")),))
    rows = await queries.list_seen(hot, who.project_id, days, of, steps, MAX_SEEN)
    return {row["value"]: row["times"] for row in rows}


async def get_advice(hot: Hot, *, who: Principal, asked: Asked) -> Advice:
    """Advise a threshold on confidence for one item type and model version, by the items of the last days."""
    cells = await queries.list_cells(hot, who.project_id, asked.days, (asked.type, asked.model), GRID)
    return await asyncio.to_thread(advise, cells, bound=asked.bound, confidence=asked.confidence)


async def propose(tx: AsyncSession, hot: Hot, *, who: Principal, asked: Asked) -> int:
    """Store the active configuration with the advised threshold as a candidate; gives its number.

    Raises:
        NothingAdvised: no threshold can be advised now, or no plain rule holds one, or it holds this one (409).
    """
    advice = await get_advice(hot, who=who, asked=asked)
    if advice.threshold is None:
        message = say("No threshold can be advised for this any more, so nothing was stored. Ask again for the reason.")
        raise NothingAdvised(message)
    active = await configuration.get_version(tx, project=who.project)
    changed = with_threshold(active.source, asked.type, advice.threshold)
    if changed is None:
        message = say(
            "No rule of this type sends items to people by `item.confidence < X` alone, or more than one does, so "
            "nothing was stored. Paste the suggested rule where it belongs, and apply that."
        )
        raise NothingAdvised(message)
    reason = (
        f"Threshold {advice.threshold:g} for {asked.type}, {asked.model}: with {asked.confidence:.0%} confidence "
        f"no more than {asked.bound:.2%} of what is let through is wrong"
    )
    plan = await candidates.propose(
        tx, changed, actor=who.actor, only_project=who.project, reason=reason, held=who.permissions
    )
    if not plan.differences:
        message = say(
            "The rule has the threshold %(threshold)s already, so nothing was stored.",
            threshold=format(advice.threshold, "g"),
        )
        raise NothingAdvised(message)
    return plan.version
