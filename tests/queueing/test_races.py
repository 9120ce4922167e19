"""Promises 4 and 5: many claimers on connections of their own, leases that lapse under them, and late holders."""

import asyncio
import random
from collections import defaultdict
from uuid import UUID

import msgspec
import pytest

from review.audit.rules import OPERATOR
from review.escalation import service as escalation
from review.identity import people
from review.identity.rules import Principal, Role
from review.intake import service as intake
from review.kernel.db import Database
from review.kernel.settings import Settings
from review.queueing import service as queueing
from review.queueing.errors import LeaseLost
from review.queueing.schemas import ClaimedAssignment
from tests.make import BASE_URL, World, submission
from tests.queueing.ledger import Ledger

CLAIMERS = 64
SINGLES, PANELS = 700, 150  # a thousand seats


async def crowd(world: World) -> list[Principal]:
    """Make leads, who may work every pool."""
    crowded: list[Principal] = []
    async with world.db.transaction() as tx:
        for at in range(CLAIMERS):
            email = f"c{at}@example.com"
            user_id = await people.create_user(tx, project=world.project, email=email, role=Role.LEAD, actor=OPERATOR)
            crowded.append(msgspec.structs.replace(world.people["lea"], id=user_id, name=email, email=email))
    return crowded


async def fill(world: World) -> None:
    tags = [()] * SINGLES + [("panel",)] * PANELS
    random.Random(4).shuffle(tags)
    for start in range(0, len(tags), 500):
        raws = [
            msgspec.json.encode(submission(str(at), tags=each)) for at, each in enumerate(tags[start : start + 500])
        ]
        outcomes = await intake.submit_batch(world.desk(), raws, idempotency_keys=[None] * len(raws))
        assert all(isinstance(each, intake.Accepted) for each in outcomes)


class Crowd:
    """People who claim, keep, give back and fall asleep, until nothing is open."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.handed: list[tuple[UUID, int, UUID]] = []

    async def work(self, who: Principal, patience: int) -> None:
        """Claim until the queue was empty a few times in a row."""
        while patience:
            limit = self.random.randint(1, 3)
            taken = await queueing.claim(
                self.world.db.hot, who=who, pool="triage", limit=limit, config=self.world.config, base_url=BASE_URL
            )
            self.handed += [(each.id, each.fence, who.id) for each in taken]
            patience -= not taken
            for each in taken:
                await self.deal_with(who, each)

    async def deal_with(self, who: Principal, claimed: ClaimedAssignment) -> None:
        fate = self.random.random()
        if fate < 0.1:
            async with self.world.db.transaction() as tx:
                await queueing.release(tx, who=who, assignment_id=claimed.id, fence=claimed.fence)
        elif fate < 0.2:
            await fall_asleep(self.world.db, claimed)
        elif fate < 0.3:
            await queueing.extend(self.world.db.hot, who=who, assignment_id=claimed.id, fence=claimed.fence)

    async def sweep(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await escalation.sweep(self.world.db)
            await asyncio.sleep(0)


async def fall_asleep(db: Database, claimed: ClaimedAssignment) -> None:
    """Let the lease end."""
    await db.hot.execute(
        "WITH a AS (UPDATE assignments SET lease_until = now() - interval '1 s' WHERE id = $1 AND fence = $2)"
        " UPDATE timers SET fire_at = now() - interval '1 s' WHERE subject_id = $1 AND generation = $2",
        claimed.id,
        claimed.fence,
    )


async def test_64_claimers_share_a_thousand_seats(settings: Settings) -> None:
    db = await Database.connect(msgspec.structs.replace(settings, hot_connections=64, pool_connections=20))
    world = await World.build(db, settings)
    people = await crowd(world)
    await fill(world)
    actors, stop = Crowd(world, seed=64), asyncio.Event()
    sweeping = [asyncio.create_task(actors.sweep(stop)) for _ in range(2)]
    await asyncio.gather(*(actors.work(who, 2) for who in people))
    stop.set()
    await asyncio.gather(*sweeping)
    await escalation.sweep(db)
    await asyncio.gather(*(actors.work(who, 1) for who in people))
    await escalation.sweep(db)
    await asyncio.gather(*(actors.work(who, 1) for who in people[:8]))
    fences = [(seat, fence) for seat, fence, _ in actors.handed]
    assert len(fences) == len(set(fences)), "two people were handed one seat with one fence"
    ledger = await Ledger.read(db.hot, world.service.project_id)
    ledger.check()
    claimed_once = {seat for seat, _, _ in actors.handed}
    assert claimed_once == {row["id"] for row in ledger.rows["seats"]}, "a seat was never offered"
    check_turns(ledger)
    await db.close()


def check_turns(ledger: Ledger) -> None:
    """Read the audit: each seat was claimed, then given back or lapsed, then claimed with the next fence, and so on."""
    turns: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for entry in ledger.rows["audit"]:
        if entry["action"].startswith("assignment."):
            told = msgspec.json.decode(entry["details"])
            turns[told["assignment_id"]].append((told["fence"], entry["action"].removeprefix("assignment.")))
    assert len(turns) == len(ledger.rows["seats"])
    for happened in turns.values():
        in_turn = sorted(happened, key=lambda each: (each[0], each[1] != "claimed"))
        for at, (fence, act) in enumerate(in_turn):
            assert fence == at // 2 + 1
            assert (act == "claimed") == (at % 2 == 0)


@pytest.mark.parametrize("swept", [False, True], ids=["before the sweep", "after the sweep"])
async def test_a_holder_who_slept_past_the_lease_is_refused(world: World, swept: bool) -> None:
    item = (await world.submit()).item
    (late,) = await world.claim("ana")
    await fall_asleep(world.db, late)
    if swept:
        await escalation.sweep(world.db)
    for act in (world.judge("ana", late, "approve"), _release(world, "ana", late), _extend(world, "ana", late)):
        with pytest.raises(LeaseLost):
            await act
    assert await world.count("decisions") == await world.count("reviews") == 0
    await escalation.sweep(world.db)
    (fresh,) = await world.claim("ben")
    assert fresh.id == late.id
    with pytest.raises(LeaseLost, match=r"ben@example\.com has claimed it since"):
        await world.judge("ana", late, "reject")
    done = await world.judge("ben", fresh, "approve")
    assert done.item.id == item.id
    with pytest.raises(LeaseLost, match=r"was decided by ben@example\.com"):
        await world.judge("ana", late, "reject")
    assert done.item.decision is not None
    assert (await Ledger.read(world.db.hot, world.service.project_id)).rows["decisions"][0]["verdict"] == "approve"


async def test_the_same_person_with_an_older_fence_is_refused(world: World) -> None:
    await world.submit()
    (older,) = await world.claim("ana")
    await _release(world, "ana", older)
    (newer,) = await world.claim("ana")
    assert (newer.id, newer.fence) == (older.id, older.fence + 1)
    with pytest.raises(LeaseLost, match="this fence is old"):
        await world.judge("ana", older, "approve")
    await world.judge("ana", newer, "approve")
    with pytest.raises(LeaseLost, match="you have reviewed it already"):
        await world.judge("ana", newer, "approve")


async def test_an_extension_outlives_the_timer_of_the_shorter_lease(world: World) -> None:
    await world.submit()
    (held,) = await world.claim("ana")
    await world.db.hot.execute("UPDATE timers SET fire_at = now() WHERE subject_id = $1", held.id)
    until = await _extend(world, "ana", held)
    await escalation.sweep(world.db)
    assert await world.db.hot.fetchval("SELECT fire_at FROM timers WHERE subject_id = $1", held.id) == until
    await world.judge("ana", held, "approve")


async def _release(world: World, name: str, held: ClaimedAssignment) -> None:
    async with world.db.transaction() as tx:
        await queueing.release(tx, who=world.people[name], assignment_id=held.id, fence=held.fence)


async def _extend(world: World, name: str, held: ClaimedAssignment) -> object:
    return await queueing.extend(world.db.hot, who=world.people[name], assignment_id=held.id, fence=held.fence)
