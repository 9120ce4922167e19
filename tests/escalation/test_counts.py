"""What a sweep costs, counted by the server: it reads the index up to what is due, and writes a batch at once."""

from typing import Any

import asyncpg
import msgspec
import pytest

from review.escalation import queries
from review.escalation import service as escalation
from review.intake import service as intake
from review.kernel.timers import TimerKind
from tests.escalation.ladders import pass_time, sweep
from tests.make import World, submission

OPEN = 3_000


@pytest.fixture
async def deep(world: World) -> World:
    """Open clocks among which a sequential scan would show."""
    for start in range(0, OPEN, intake.MAX_BATCH):
        raws = [msgspec.json.encode(submission(external_id=f"{start}-{n}")) for n in range(intake.MAX_BATCH)]
        await intake.submit_batch(world.desk(), raws, idempotency_keys=[None] * len(raws))
    await world.db.hot.execute("VACUUM (ANALYZE)")
    return world


async def explain(world: World, statement: str, *given: object) -> dict[str, Any]:
    """Run a statement and give its plan; what it did is undone."""
    async with world.db.hot.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        text = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", *given)
        await transaction.rollback()
    plan: dict[str, Any] = msgspec.json.decode(text)[0]["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """List the nodes of a plan, but those of the look-ups that it makes for single rows."""
    below = (each for each in plan.get("Plans", ()) if each["Parent Relationship"] != "SubPlan")
    return [plan, *(node for each in below for node in nodes(each))]


def touched(plan: dict[str, Any]) -> int:
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


async def test_what_is_not_due_costs_nothing(deep: World) -> None:
    """Goal G6: one look into the index for each kind, however many clocks run."""
    kinds = [kind.value for kind in escalation.HANDLERS]
    counted_elsewhere = {TimerKind.JUDGEMENT.value}  # one look too, by `reviewing.pending.sweep`
    assert set(kinds) | counted_elsewhere == {kind.value for kind in TimerKind}
    for plan in (
        await explain(deep, queries.LIST_DUE_KINDS, kinds),
        await explain(deep, queries.LOCK_DUE.format(limit=500)),
    ):
        scans = [node for node in nodes(plan) if node.get("Relation Name") == "timers"]
        assert {node["Index Name"] for node in scans} == {"timers_kind_fire_at"}
        assert not [node for node in nodes(plan) if node["Node Type"] == "Seq Scan" and node["Actual Loops"]]
        assert touched(plan) <= 4 * len(kinds)


async def test_the_cost_follows_what_is_due_in_the_order_of_the_index(deep: World) -> None:
    costs: list[int] = []
    for due in (50, 100):
        await deep.db.hot.execute(
            "UPDATE timers SET fire_at = now() - interval '1 min' WHERE (project_id, subject_id) IN ("
            "SELECT project_id, subject_id FROM timers WHERE kind = 'due' AND fire_at > now() LIMIT 50)"
        )
        await deep.db.hot.execute("VACUUM (ANALYZE) timers")
        plan = await explain(deep, queries.LOCK_DUE.format(limit=500))
        used = nodes(plan)
        assert not [node for node in used if node["Node Type"] in {"Sort", "Hash Join", "Merge Join"}]
        scans = {node["Relation Name"]: node for node in used if node.get("Relation Name") and node["Actual Loops"]}
        assert all("Index" in node["Node Type"] for name, node in scans.items() if name != "projects"), scans
        assert scans["timers"]["Index Name"] == "timers_kind_fire_at"
        assert scans["timers"]["Actual Rows"] == due
        costs.append(touched(plan))
    assert costs[1] <= 2.2 * costs[0]


async def test_a_batch_is_a_handful_of_statements(deep: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Goal G7: warnings and breaches are written together, whatever their number."""
    monkeypatch.setattr(escalation, "BATCH", 1_000)
    await pass_time(deep, 5)
    statements: list[str] = []
    driver: Any = asyncpg.Connection  # its inner doors, through which everything goes
    run, prepare = driver._do_execute, driver._prepare

    async def counted(self: Any, query: str, *given: Any, **named: Any) -> Any:
        statements.append(query)
        return await run(self, query, *given, **named)

    async def prepared(self: Any, query: str, *given: Any, **named: Any) -> Any:
        statements.append(query)
        return await prepare(self, query, *given, **named)

    monkeypatch.setattr(driver, "_do_execute", counted)
    monkeypatch.setattr(driver, "_prepare", prepared)
    assert (await sweep(deep)).due == OPEN
    assert len([each for each in statements if "INSERT INTO events" in each]) == 3, "the batches were not counted"
    assert len(statements) <= 10 * (OPEN // 1_000), "the batch goes case by case"
    assert await deep.count("events", kind="item.sla_breached") == OPEN
    assert await deep.count("timers") == 0
