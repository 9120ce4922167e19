"""Estimates and advice for those who answer for what rules let through."""

import msgspec

from review.assurance import queries
from review.assurance.advice import GRID, Advice, advise
from review.assurance.estimates import Estimate, estimate
from review.configuration.rules import ProjectConfig
from review.identity.rules import Principal
from review.kernel.db import Hot

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


async def get_advice(hot: Hot, *, who: Principal, asked: Asked) -> Advice:
    """Advise a threshold on confidence for one item type and model version, by the items of the last days."""
    cells = await queries.list_cells(hot, who.project_id, asked.days, (asked.type, asked.model), GRID)
    return advise(cells, bound=asked.bound, confidence=asked.confidence)
