"""What stands around the items of an act: read once for a preview, and under an item's locks when it is done."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET

from review.bulk import queries
from review.bulk.rules import Facts, Ground, SeatFacts, Why
from review.bulk.schemas import Asked, Kind
from review.configuration.rules import ProjectConfig
from review.configuration.service import ItemTypes
from review.decisions.rules import Verdict
from review.identity.rules import Permission, Principal
from review.kernel.db import Hot
from review.queueing import due, service


async def list_facts(hot: Hot, who: Principal, asked: Asked, item_ids: Sequence[UUID]) -> list[Facts]:
    """Read what the act must know of its items, in their order."""
    compares = asked.verdict is Verdict.CORRECT
    return [_facts(row) for row in await queries.list_facts(hot, who, item_ids, with_outputs=compares)]


async def ground_of(
    hot: Hot, who: Principal, asked: Asked, config: ProjectConfig, item_types: ItemTypes, facts: Sequence[Facts]
) -> Ground:
    """Give what the act stands on: the caller's reach, and what the items' types and pools allow."""
    pools = await due.pools_of(hot, who=who, config=config)
    unfit: dict[tuple[str, int], Why] = {}
    leads: set[tuple[str, int]] = set()
    kinds = {(each.type, each.type_version) for each in facts if each.state is not None}
    for kind in kinds if asked.act is Kind.DECIDE else ():
        item_type = await item_types.get(who.project_id, *kind)
        if asked.type not in {"", kind[0]}:
            unfit[kind] = Why.OTHER_TYPE
        elif any(reason not in item_type.reasons for reason in asked.reasons):
            unfit[kind] = Why.REASONS
        elif asked.verdict is Verdict.CORRECT and item_type.check_output(asked.output):
            unfit[kind] = Why.OTHER_TYPE
        if item_type.needs_lead and not who.may(Permission.OVERRIDE):
            leads.add(kind)
    return Ground(
        may_act=may(who, asked.act),
        sees_all=not who.is_pool_bound,
        pools=frozenset(pools),
        verdicts={pool: service.verdicts_in(config, pool) for pool in pools},
        unfit=unfit,
        needs_lead=frozenset(leads),
    )


def may(who: Principal, act: Kind) -> bool:
    """Tell whether somebody may do such a thing: judging is for who works, the rest for who leads too."""
    needed: Collection[Permission] = {Permission.WORK} if act is Kind.DECIDE else {Permission.WORK, Permission.OVERRIDE}
    return who.kind == "user" and all(who.may(each) for each in needed)


def _facts(row: Any) -> Facts:
    given = dict(row)
    seats, output = given.pop("seats"), given.pop("output")
    for name in ("type", "type_version", "by_rule"):
        if given[name] is None:
            del given[name]
    return Facts(
        **given,
        output=UNSET if output is None else msgspec.json.decode(output),
        seats=() if seats is None else msgspec.json.decode(seats, type=tuple[SeatFacts, ...]),
    )
