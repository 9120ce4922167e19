"""What claiming and keeping cost, counted by the server: plans, pages, HOT updates. Times are for `make bench`."""

from typing import Any

import asyncpg
import msgspec
import pytest

from review.intake import service as intake
from review.kernel.ids import new_id
from review.queueing import queries
from tests.make import World, submission

OPEN = 3_000


@pytest.fixture
async def deep(world: World) -> World:
    """A queue in which a sequential scan would show."""
    for start in range(0, OPEN, intake.MAX_BATCH):
        raws = [msgspec.json.encode(submission(external_id=f"{start}-{n}")) for n in range(intake.MAX_BATCH)]
        await intake.submit_batch(world.desk(), raws, idempotency_keys=[None] * len(raws))
    await world.db.hot.execute("VACUUM (ANALYZE)")
    return world


async def test_a_claims_plan_is_kept(deep: World) -> None:
    who, lease = deep.people["ana"], deep.config.pools["triage"].lease
    async with deep.db.hot.acquire() as connection:
        for _ in range(40):
            assert len(await queries.claim(connection, who, "triage", 1, lease)) == 1  # type: ignore[arg-type]  # a proxy
        (plans,) = await connection.fetch(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement = $1",
            queries.claim_statement(1, from_floor=False),
        )
    # Five at first, and a few more while the first claims from fresh tables teach the server what they hold.
    assert plans["generic_plans"] > plans["custom_plans"], "every claim would be planned anew"


@pytest.mark.parametrize("from_floor", [False, True], ids=["from the top", "from a floor"])
async def test_a_claim_reads_the_queue_in_its_order_and_stops(deep: World, from_floor: bool) -> None:
    plan, *_ = [await explain_claim(deep, from_floor=from_floor) for _ in range(3)][::-1]
    nodes = list(walk(plan))
    scans = [node for node in nodes if node.get("Relation Name") == "assignments" and "Scan" in node["Node Type"]]
    assert {node["Index Name"] for node in scans} == {"assignments_claim", "assignments_pkey"}
    picked = next(node for node in nodes if node.get("Subplan Name") == "CTE picked")
    assert not [node for node in walk(picked) if node["Node Type"] == "Sort"]
    first = next(node for node in scans if node["Index Name"] == "assignments_claim")
    assert first["Actual Rows"] == 1
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= 35


async def test_beats_stay_on_their_page(deep: World) -> None:
    who, lease = deep.people["ana"], deep.config.pools["triage"].lease
    held = await queries.claim(deep.db.hot, who, "triage", 20, lease)
    async with deep.db.hot.acquire() as connection:
        before = await updates(connection)
        for _ in range(10):
            for row in held:
                assert await queries.extend(connection, who, row["id"], row["fence"]) is not None  # type: ignore[arg-type]  # a proxy
        after = await updates(connection)
    updated, hot = (b - a for a, b in zip(before, after, strict=True))
    assert updated == 200
    assert hot >= 0.98 * updated


async def explain_claim(world: World, *, from_floor: bool) -> dict[str, Any]:
    """Claim, and give the plan that any claim would get."""
    who, lease = world.people["ben"], world.config.pools["triage"].lease
    seen = who.actor.origin, who.actor.config_version
    given: list[Any] = [who.project_id, "triage", who.id, lease, who.actor.name, [new_id()], [new_id()], *seen]
    async with world.db.hot.acquire() as connection:
        if from_floor:
            place = await connection.fetchrow(
                "SELECT -priority AS urgency, due_at, id FROM assignments WHERE state = 'open'"
                " ORDER BY -priority, due_at, id LIMIT 1"
            )
            assert place is not None
            given += list(place)
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        statement = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + queries.claim_statement(1, from_floor=from_floor)
        explained = msgspec.json.decode(await connection.fetchval(statement, *given), type=list[dict[str, Any]])
    plan: dict[str, Any] = explained[0]["Plan"]
    return plan


def walk(plan: dict[str, Any]) -> Any:
    """Give a plan's nodes."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from walk(below)


async def updates(connection: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]") -> tuple[int, int]:
    await connection.execute("SELECT pg_stat_force_next_flush()")
    row = await connection.fetchrow(
        "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'assignments'"
    )
    assert row is not None
    return row["n_tup_upd"], row["n_tup_hot_upd"]
