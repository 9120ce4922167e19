"""A world with a second version of its rules, and items that the two treat differently."""

from datetime import timedelta
from typing import Any

import msgspec

from review.audit.rules import OPERATOR
from review.configuration import candidates
from review.configuration import service as configuration
from review.identity.rules import Principal, Role
from review.rehearsal import running, service
from review.rehearsal.schemas import BacktestView
from review.rehearsal.service import Wanted
from tests.make import CONFIG, World

NOTHING = timedelta(0)
LOOSER = CONFIG.replace("item.confidence < 0.8", "item.confidence < 0.4")


async def apply(world: World, source: str) -> int:
    """Make another version the active one; gives its number."""
    async with world.db.transaction() as tx:
        plan = await configuration.apply(tx, source.format(project=world.project), actor=OPERATOR)
    return plan.version


async def propose(world: World, source: str) -> int:
    """Keep another version as a candidate, which nothing goes by; gives its number."""
    async with world.db.transaction() as tx:
        text = source.format(project=world.project)
        plan = await candidates.propose(tx, text, actor=OPERATOR, only_project=world.project, reason="to be seen")
    return plan.version


async def arrivals(world: World) -> None:
    """Submit items of every kind, and have people judge three of the doubtful ones, each in its way."""
    for confidence in (0.1, 0.5, 0.6, 0.7, 0.9):
        await world.submit(f"sure by {confidence}", confidence=confidence)
    await world.submit("vip", tags=["vip"], cost={"amount": "0.0021", "currency": "USD"})
    await world.submit("blocked", tags=["blocked"], cost={"amount": "0.0021", "currency": "USD"})
    taken = await world.claim("ana", limit=4)
    judged = {0.5: ("approve", {}), 0.6: ("correct", {"output": {"label": "refund"}}), 0.7: ("reject", {})}
    for each in taken:
        confidence = float(msgspec.json.decode(each.item.input)["text"].split()[-1])
        if confidence in judged:
            verdict, more = judged[confidence]
            given: dict[str, Any] = dict(more)
            if verdict != "approve":
                given["reasons"] = ["wrong_label"]
            await world.judge("ana", each, verdict, **given)


async def begin(world: World, who: Principal, to: int, **more: Any) -> BacktestView:
    wanted = Wanted(from_version=1, to_version=to, **more)
    async with world.db.transaction() as tx:
        return await service.begin(tx, project_id=who.project_id, actor=who.actor, wanted=wanted)


async def ended(world: World, who: Principal, backtest: BacktestView, *, batch: int = 4_000) -> BacktestView:
    """Have a worker work on what is due, and show what came of it."""
    await running.advance(world.db, world.configs, NOTHING, batch=batch)
    return await service.get(world.db.hot, project_id=who.project_id, backtest_id=backtest.id)


async def admin(world: World) -> Principal:
    return await world.add_person("ada", Role.ADMIN)
