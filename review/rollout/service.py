"""What a rollout has found so far, for those who decide how it goes on."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.configuration import rollout_queries as rows
from review.configuration import rollouts
from review.configuration.models import Rollout
from review.configuration.rollouts import RolloutView
from review.identity.rules import Permission, Principal
from review.items.personal import HIDDEN, speaks_of
from review.kernel.db import Hot, driver_of
from review.kernel.paging import cursor_of
from review.rehearsal.rules import FROM_TO
from review.rollout import queries, rules, steering
from review.rollout.rules import Measured, Side
from review.routing.telling import Value

EXAMPLES = 5


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """An item that the candidate would have sent elsewhere; an outcome is `approve`, `reject` or `review:POOL`.

    `verdict` is people's, where they have decided, and `sides_with` the version that they agree with. `parts` are what
    the two rules read of the item, for whoever may read items.
    """

    item_id: UUID
    live: str
    candidate: str
    live_rule: str | None
    candidate_rule: str | None
    parts: list[Value]
    verdict: str | None
    sides_with: Side | None


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """Items of one outcome by either version: how many, with whom people sided, and some to open."""

    live: str
    candidate: str
    count: int
    sided_live: int
    sided_candidate: int
    examples: list[Difference]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A rollout with its guards as they stand, and what both versions made of the same items."""

    rollout: RolloutView
    guards: list[Measured]
    flows: list[Flow]


async def get(tx: AsyncSession, *, who: Principal, rollout_id: UUID) -> Found:
    """Give a rollout with what it has found so far.

    Raises:
        RolloutNotFound (404).
    """
    view = await rollouts.get(tx, who=who, rollout_id=rollout_id)
    row = await rows.find(tx, who.project_id, rollout_id)
    if row is None:
        raise AssertionError
    measured = await steering.measure(tx, row) if view.is_running else rules.measure(view.guards, {})
    return Found(rollout=view, guards=measured, flows=await _flows(await driver_of(tx), who, row))


async def list_differences(
    hot: Hot, *, who: Principal, rollout_id: UUID, before: UUID | None = None, limit: int = 50
) -> tuple[list[Difference], str | None]:
    """List the items that the candidate would have sent elsewhere, the newest first, and the cursor that goes on."""
    found = await queries.list_differed(hot, who.project_id, rollout_id, before, limit + 1)
    more = cursor_of(found[limit - 1]["item_id"]) if len(found) > limit else None
    return [_difference(row, who) for row in found[:limit]], more


async def forget_old(hot: Hot) -> int:
    """Forget single items of rollouts that ended 90 days ago, some thousands at once; tells how many."""
    return await queries.forget(hot)


async def _flows(hot: Hot, who: Principal, row: Rollout) -> list[Flow]:
    sides: dict[tuple[str, str], dict[Side, int]] = {}
    for each in await queries.count_judged(hot, row.project_id, row.id):
        side = rules.side_of(each["old"], each["new"], each["verdict"])
        counts = sides.setdefault((each["old"], each["new"]), {})
        counts[side] = counts.get(side, 0) + each["items"]
    examples = await queries.list_examples(hot, row.project_id, row.id, EXAMPLES)
    flows = [_flow(key, count, sides, examples, who) for key, count in row.flows.items()]
    return sorted(flows, key=lambda flow: (flow.live == flow.candidate, -flow.count, flow.live, flow.candidate))


def _flow(
    key: str, count: int, sides: dict[tuple[str, str], dict[Side, int]], examples: Sequence[Any], who: Principal
) -> Flow:
    live, _, candidate = key.partition(FROM_TO)
    sided = sides.get((live, candidate), {})
    return Flow(
        live=live,
        candidate=candidate,
        count=count,
        sided_live=sided.get("live", 0),
        sided_candidate=sided.get("candidate", 0),
        examples=[_difference(each, who) for each in examples if (each["old"], each["new"]) == (live, candidate)],
    )


def _difference(row: Any, who: Principal) -> Difference:
    verdict = row["verdict"]
    may_read = who.may(Permission.READ_ITEMS)
    return Difference(
        item_id=row["item_id"],
        live=row["old"],
        candidate=row["new"],
        live_rule=row["old_rule"],
        candidate_rule=row["new_rule"],
        parts=_shown(msgspec.json.decode(row["parts"], type=list[Value]), who) if may_read else [],
        verdict=verdict,
        sides_with=None if verdict is None else rules.side_of(row["old"], row["new"], verdict),
    )


def _shown(parts: list[Value], who: Principal) -> list[Value]:
    """Hide what personal fields are for an item; of which type it is does not matter here."""
    paths = [path for hidden in who.hides.values() for path in hidden]
    return [Value(each.name, HIDDEN) if any(speaks_of(each.name, path) for path in paths) else each for each in parts]
