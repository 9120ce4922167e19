"""Doing what was asked for, an item at a time, each in a transaction of its own: whatever is cut off is taken up again.

Several workers may do so at once: an act is one's who has it locked, and an item is settled in the transaction that
does it, so each is done once.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import TIMER, Action
from review.bulk import queries, surveying
from review.bulk.rules import SeatFacts, Why, fate_of
from review.bulk.schemas import Asked, Kind
from review.configuration.rules import ProjectConfig
from review.identity import service as identity
from review.identity.rules import Principal
from review.kernel.db import UNREACHABLE, Database, driver_of
from review.kernel.errors import ReviewError
from review.queueing import ahead, placing, reopening
from review.queueing import queries as queue_queries
from review.queueing.rules import Seat
from review.reviewing import service as reviewing
from review.reviewing.errors import ConflictOfInterest, JudgementInvalid, VerdictNotAllowed
from review.reviewing.schemas import JudgementIn
from review.reviewing.service import Bench

log = logging.getLogger(__name__)

MOST_ACTS = 100  # looked at in one turn
STRETCH = 50  # items of one act before the next one has its turn, so that a long one holds up nobody
_CODES: Mapping[type[ReviewError], Why] = {
    ConflictOfInterest: Why.CONCERNED,
    VerdictNotAllowed: Why.VERDICT,
    JudgementInvalid: Why.INVALID,
}


class LeftOut(Exception):
    """An item to which the act is not done, which takes back what was tried; `said` is what its code does not say."""

    def __init__(self, why: Why, said: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.said = said


async def advance(db: Database, bench: Bench, is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Do what counts by now until nothing is left or the process is to stop; gives how many items were settled."""
    settled = 0
    while not is_stopping():
        before = settled
        for project_id, act_id in await queries.list_due(db.hot, MOST_ACTS):
            for _ in range(STRETCH):
                if is_stopping() or not await step(db, bench, project_id, act_id):
                    break
                settled += 1
        if settled == before:
            break
    return settled


async def step(db: Database, bench: Bench, project_id: UUID, act_id: UUID) -> bool:
    """Settle the next item of an act; False where there is none, or another worker has the act in hand."""
    tried: UUID | None = None
    try:
        async with db.transaction() as tx:
            hot = await driver_of(tx)
            act = await queries.lock_due(hot, project_id, act_id)
            if act is None:
                return False
            tried = await queries.find_next(hot, project_id, act_id)
            if tried is None:
                await _end(tx, act)
                return False
            if act["state"] == "waiting":
                await queries.set_state(hot, project_id, act_id, "running")
            await _settle(tx, bench, act, tried)
            return True
    except UNREACHABLE:
        raise
    except Exception:
        if tried is None:
            raise
        log.exception("an item of a bulk act failed; it is tried again, three times in all")
        await queries.fail_item(db.hot, project_id, act_id, tried, Why.FAILED)
        return True


async def _settle(tx: AsyncSession, bench: Bench, act: Any, item_id: UUID) -> None:
    """Do the act to one item, or say why not; what was begun for one that is left out is taken back."""
    hot = await driver_of(tx)
    key = act["project_id"], act["id"], item_id
    try:
        async with tx.begin_nested():
            await _do(tx, bench, act, item_id)
            await tx.flush()
    except LeftOut as left:
        await queries.settle_item(hot, *key, state="left_out", why=left.why, said=left.said)
    else:
        await queries.settle_item(hot, *key, state="done")


async def _do(tx: AsyncSession, bench: Bench, act: Any, item_id: UUID) -> None:
    """Survey the item under its locks as the preview did without, and do the act to it.

    Raises:
        LeftOut: it is not to be done.
    """
    asked = msgspec.json.decode(act["given"], type=Asked)
    hot = await driver_of(tx)
    who = await identity.find_absent(
        hot, act["project_id"], act["acted_by"], key_id=act["key_id"], carried=act["permissions"], origin=act["origin"]
    )
    if who is None:
        raise LeftOut(Why.FORBIDDEN)
    config = await bench.configs.get(who.project_id, who.config_version)
    seats = await queue_queries.lock_seats(tx, who.project_id, item_id)
    (facts,) = await surveying.list_facts(hot, who, asked, [item_id])
    ground = await surveying.ground_of(hot, who, asked, config, bench.item_types, [facts])
    fate = fate_of(asked, facts, ground)
    if fate.why is not None:
        raise LeftOut(fate.why)
    told = {"bulk_id": str(act["id"])}
    match asked.act:
        case Kind.DECIDE:
            assert fate.seat is not None  # noqa: S101  whoever judges does so at a seat
            await _judge(tx, bench, who, config, asked, _chosen(seats, fate.seat), told)
        case Kind.MOVE:
            told["reason"] = asked.reason
            await placing.move(tx, who=who, seats=seats, pool=asked.pool, told=told)
        case Kind.PRIORITISE:
            told["reason"] = asked.reason
            await placing.prioritise(tx, who=who, seats=seats, priority=asked.priority or 0, told=told)
        case Kind.GIVE_BACK:
            await placing.give_back(tx, who=who, seats=seats, reason=asked.reason, told=told)
        case Kind.BRING_BACK:
            told["reason"] = asked.reason
            if not await reopening.bring_back(tx, who=who, config=config, item_id=item_id, told=told):
                raise LeftOut(Why.NOT_BY_RULE)


async def _judge(
    tx: AsyncSession,
    bench: Bench,
    who: Principal,
    config: ProjectConfig,
    asked: Asked,
    seat: Seat,
    told: dict[str, str],
) -> None:
    """Judge an item as its reviewer does by hand; one whose judgement does not decide it is left out."""
    fence: int | None = seat.fence
    if seat.holder_id is None:
        fence = await placing.take(tx, who=who, seat=seat, config=config)
        if fence is None:
            raise LeftOut(Why.REVIEWED)
    elif seat.is_ahead:
        only = seat.id, seat.fence
        await ahead.show(await driver_of(tx), who=who, pool=seat.pool, config=config, only=only)
    details = {**told, "assignment_id": str(seat.id), "pool": seat.pool, "fence": fence}
    audit.record(tx, who.project_id, who.actor, Action.BULK_TAKEN, item_id=seat.item_id, details=details)
    assert asked.verdict is not None  # noqa: S101  checked when it was asked for
    submitted = JudgementIn(verdict=asked.verdict, output=asked.output, reasons=asked.reasons, comment=asked.reason)
    try:
        done = await reviewing.submit(tx, bench, who=who, assignment_id=seat.id, fence=fence or 0, submitted=submitted)
    except ReviewError as fault:
        code = _CODES.get(type(fault), Why.INVALID)
        faults = "; ".join(f"{each.path} {each.message}" for each in fault.errors)
        raise LeftOut(code, "" if code is not Why.INVALID else faults or fault.message) from fault
    if done.item.decision is None:
        raise LeftOut(Why.LEAD)


def _chosen(seats: list[Seat], seat: SeatFacts) -> Seat:
    return next(each for each in seats if each.id == seat.id)


async def _end(tx: AsyncSession, act: Any) -> None:
    """Close an act of which nothing is left, and say how it came out."""
    hot = await driver_of(tx)
    project_id, act_id = act["project_id"], act["id"]
    await queries.set_state(hot, project_id, act_id, "done")
    counts = {row["state"]: row["n"] for row in await queries.count_items(hot, project_id, [act_id])}
    details = {"bulk_id": str(act_id), "done": counts.get("done", 0), "left_out": counts.get("left_out", 0)}
    audit.record(tx, project_id, TIMER, Action.BULK_ENDED, details=details)
