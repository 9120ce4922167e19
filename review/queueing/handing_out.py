"""Claiming for somebody who is shown at once whatever they claim, as over the API."""

from review.configuration.rules import ProjectConfig
from review.identity.rules import Principal
from review.kernel.db import Hot
from review.queueing import exposure, exposure_rules, service
from review.queueing.schemas import ClaimedAssignment


async def hand_out(
    hot: Hot, *, who: Principal, pool: str, limit: int, config: ProjectConfig, base_url: str
) -> list[ClaimedAssignment]:
    """Claim the most urgent open assignments of a pool, and note that they were shown.

    Where limits say how much of something one person sees they are claimed one by one, so that none goes past a limit.

    Raises:
        PoolNotFound (404); NotAPerson: a service key claimed (403).
    """
    step = 1 if exposure_rules.quotas_of(config) else limit
    found: list[ClaimedAssignment] = []
    while len(found) < limit:
        claimed = await service.claim(hot, who=who, pool=pool, limit=step, config=config, base_url=base_url)
        for each in claimed:
            await exposure.note_shown(hot, who=who, config=config, item_id=each.item.id, item_type=each.item.type)
        found += claimed
        if len(claimed) < step:
            break
    return found
