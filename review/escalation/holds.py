"""Letting go what stops held: once nothing holds an item any more it gets its seats, and its clock runs on.

A worker does so, an item at a time in savepoints: what is cut off is taken up again, and whatever ended the stop, a
person or its time, is the same to it.
"""

import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import RULE, TIMER, Action
from review.configuration.service import ConfigCache
from review.decisions import queries as decision_queries
from review.decisions import service as decisions
from review.decisions.rules import Outcome, Source, Verdict
from review.escalation import clock_queries, clocks
from review.escalation import hold_queries as queries
from review.escalation.clock_rules import CaseClock, resume_time
from review.escalation.ladder_queries import is_uncleared
from review.kernel import outbox
from review.kernel.db import UNREACHABLE, Database, Hot, driver_of
from review.kernel.events import EventKind
from review.kernel.ids import new_id
from review.queueing import queries as queue_queries
from review.routing.measuring import RECEIVED, told_at
from review.routing.rules import Restraint, route

log = logging.getLogger(__name__)

MOST_STOPS = 20  # looked at in one turn
AT_A_TIME = 50  # each is a handful of statements, and its case is locked until the last of them is done


async def release_ended(db: Database, configs: ConfigCache, is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Let go what ended stops hold until nothing is left; gives how many items that were.

    Any number may run at once. One that fails is put off by a minute.
    """
    released = 0
    for project_id, stop_id, afterwards in await queries.list_ended(db.hot, MOST_STOPS):
        while not is_stopping():
            async with db.transaction() as tx:
                done = await _release_some(tx, configs, project_id, stop_id, by_rules=afterwards == "rules")
            released += done
            if not done:
                break
    return released


async def _release_some(
    tx: AsyncSession, configs: ConfigCache, project_id: UUID, stop_id: UUID, *, by_rules: bool
) -> int:
    driver, done = await driver_of(tx), 0
    for held in await queries.lock_held(driver, project_id, stop_id, AT_A_TIME):
        try:
            async with tx.begin_nested():
                await _release(tx, driver, configs, project_id, held, by_rules=by_rules)
                await tx.flush()
            done += 1
        except UNREACHABLE:
            raise
        except Exception:
            log.exception("item %s could not be let go; it is tried again in a minute", held["item_id"])
            await queries.put_off(driver, project_id, held["item_id"])
    return done


async def _release(
    tx: AsyncSession, driver: Hot, configs: ConfigCache, project_id: UUID, held: Any, *, by_rules: bool
) -> None:
    """Let one item go, or leave it to another stop that stands; one that was closed meanwhile is only forgotten."""
    item_id = held["item_id"]
    case = await clock_queries.lock_clock(driver, project_id, item_id)
    if case is not None and case.item_state == "open":
        another = await queries.find_another(driver, project_id, item_id)
        if another is not None:
            await queries.hand_on(driver, project_id, item_id, another)
            return
        if not by_rules or not await _decide(tx, driver, configs, case, held):
            await _seat(tx, driver, configs, case, held)
    await queries.let_go(driver, project_id, item_id)


async def _decide(tx: AsyncSession, driver: Hot, configs: ConfigCache, case: CaseClock, held: Any) -> bool:
    """Have the rules of now decide an item, and tell whether they did: not where anything keeps them from it now.

    They are the active version's, also where a candidate's rollout routed it. They ask beside it what was measured when
    it came; what was not, people judge. The route of its arrival stays as it was stored; the one by which it is decided
    stands in the audit.
    """
    if await queries.find_another(driver, case.project_id, case.item_id, holding=False) is not None:
        return False
    config = await configs.get(case.project_id, case.active_version)
    facts, stored_at = await queries.get_facts(driver, case.project_id, case.item_id)
    item_type = config.item_types.get(facts["type"])
    item = await decision_queries.lock_item(tx, case.project_id, case.item_id)
    if item is None or item_type is None:
        return False
    clearing = config.clearing
    restraint = Restraint(
        two_person=item_type.two_person or bool(item.route.get("two_person")),
        rules_wholly=await queries.list_stopped_rules(driver, case.project_id),
        uncleared=clearing.is_asked and await is_uncleared(tx, case.project_id, case.item_id, clearing.types),
    )
    measured = {RECEIVED: told_at(stored_at), **item.route.get("measured", {})}
    taken = route(config.ruleset, facts, case.item_id, config.default_pool, restraint, measured)
    if taken.action == "review":
        return False
    actor = msgspec.structs.replace(RULE, config_version=config.version)
    told = msgspec.to_builtins(config.ruleset.in_full(taken))
    details = {"why": "rules", "stop_id": str(held["stop_id"]), "route": told}
    audit.record(tx, case.project_id, actor, Action.ITEM_RELEASED, item_id=case.item_id, details=details)
    outcome = Outcome(
        verdict=Verdict(taken.action),
        source=Source.RULE,
        decided_by="rule",
        comment=f"A stop had held it. Rule {taken.rule} of rule set {taken.ruleset_version} decided it afterwards.",
    )
    await decisions.decide(tx, case.project_id, item, outcome, actor=actor)
    await queue_queries.close_case(tx, case.project_id, case.item_id)
    return True


async def _seat(tx: AsyncSession, driver: Hot, configs: ConfigCache, case: CaseClock, held: Any) -> None:
    """Open the seats of a locked case, in its pool, or the default one where that is gone, and set its clock going."""
    config = await configs.get(case.project_id, case.active_version)
    pool = await queries.get_pool(driver, case.project_id, case.case_id)
    if pool not in config.pools:
        await queries.set_pool(driver, case.project_id, case.case_id, config.default_pool)
    seat_ids = [new_id() for _ in range(held["reviews_required"])]
    seat = await queries.open_seats(driver, case.project_id, case.case_id, seat_ids, held["barred"])
    told = {"pool": seat["pool"], "priority": seat["priority"], "why": "released"}
    details = {**told, "stop_id": str(held["stop_id"])}
    audit.record(tx, case.project_id, TIMER, Action.ITEM_RELEASED, item_id=case.item_id, details=details)
    if case.paused_at is not None and case.paused_at == held["paused_at"]:
        await clocks.run_on(tx, driver, configs, case, resume_time(case.paused_at, case.at), TIMER)
    outbox.emit(tx, case.project_id, EventKind.REOPENED, item_id=case.item_id, payload=told)
