"""Who looks at an item at this moment: hints in Redis that run out by themselves. Losing them loses nothing else."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from redis.exceptions import RedisError

from review.identity.rules import Principal
from review.kernel.clock import utc_now
from review.web.words.catalogue import gettext, ngettext

SECONDS = 45  # pages say every 20 seconds that they are still looked at
PATIENCE_SECONDS = 0.5
MOST_NAMED = 3


async def note(redis: Any, *, who: Principal, item_id: UUID) -> list[str]:
    """Note that somebody looks at an item, and list the e-mails of who else does; none while Redis is away."""
    key, now = f"countersign:presence:{who.project_id}:{item_id}", utc_now().timestamp()
    mine = who.actor.name
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), redis.pipeline(transaction=False) as line:
            line.zadd(key, {mine: now})
            line.zremrangebyscore(key, 0, now - SECONDS)
            line.expire(key, SECONDS)
            line.zrange(key, 0, -1)
            found: list[bytes] = (await line.execute())[-1]
    except (RedisError, OSError, TimeoutError):
        return []
    return sorted(name for each in found if (name := each.decode()) != mine)


def said(others: Sequence[str], *, is_kept: bool) -> str:
    """Say who else looks at an item; `is_kept` where the names would tell a reviewer who judges it beside them."""
    if not others:
        return ""
    if is_kept:
        return gettext("Somebody else looks at this item now.")
    if len(others) == 1:
        return gettext("%(who)s looks at this item now.", who=others[0])
    if len(others) <= MOST_NAMED:
        return gettext("%(some)s and %(last)s look at this item now.", some=", ".join(others[:-1]), last=others[-1])
    return ngettext("%(num)s other looks at this item now.", "%(num)s others look at this item now.", len(others))
