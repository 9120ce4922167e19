"""Stored items with what rules ask beside them: measured when they came, or counted now out of what is stored."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from review.intake import measuring
from review.intake.measuring import Stored
from review.kernel.db import Hot
from review.rehearsal import evaluating
from review.rehearsal.report import Versions
from review.rehearsal.rules import Past


async def pasts_of(hot: Hot, project_id: UUID, rows: Sequence[Any], versions: Versions) -> list[Past]:
    """Give stored items as conditions of either version see them, with what these ask beside the item."""
    pasts = await asyncio.to_thread(lambda: [evaluating.past_of(row) for row in rows])
    rulesets = [versions.old.ruleset, versions.new.ruleset]
    if not any(each.asks for each in rulesets):
        return pasts
    stored = [Stored(past.id, past.at, past.facts, past.measured) for past in pasts]
    found = await measuring.remeasure(hot, project_id, rulesets, stored)
    return [
        past._replace(measured=each.measured, is_recounted=each.is_recounted)
        for past, each in zip(pasts, found, strict=True)
    ]
