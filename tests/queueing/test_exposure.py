"""Exposure limits on a real queue: counted as shown, by the database's clock, and other items come meanwhile."""

from typing import Any

import asyncpg
import httpx
import msgspec
import pytest

from review.audit.rules import OPERATOR
from review.configuration import service as configuration
from review.intake import service as intake
from review.kernel.ids import new_id
from review.queueing import exposure, queries
from tests.make import CONFIG, World, submission
from tests.queueing.test_counts import walk

LIMITED = CONFIG.format(project="support").replace(
    "pools:\n",
    """  gore: {input_schema: true, output_schema: true, sensitive: all, exposure: {per_hour: 3, per_day: 5}}
  spam: {input_schema: true, output_schema: true, sensitive: text}
exposure: {per_hour: 4}
pools:
""",
)


@pytest.fixture
async def limited(world: World) -> World:
    """A world where gore is limited by itself, and all that is sensitive together."""
    async with world.db.transaction() as tx:
        await configuration.apply(tx, LIMITED, actor=OPERATOR)
    world.config = await world.configs.get(world.service.project_id, 2)
    return world


async def submit(world: World, *kinds: str) -> None:
    """Submit items of these types, the more urgent the earlier."""
    bodies = [submission(type=kind, external_id=f"{kind}-{place}") for place, kind in enumerate(kinds)]
    raws = [msgspec.json.encode(each) for each in bodies]
    await intake.submit_batch(world.desk(), raws, idempotency_keys=[None] * len(raws))


async def see(world: World, name: str = "ana") -> str | None:
    """Claim one, have it shown, and give its type."""
    claimed = await world.claim(name)
    for each in claimed:
        await exposure.note_shown(
            world.db.hot,
            who=world.people[name],
            config=world.config,
            item_id=each.item.id,
            item_type=each.item.type,
        )
    return claimed[0].item.type if claimed else None


async def back(world: World, minutes: int) -> None:
    """Have all that was shown be shown so much earlier."""
    await world.db.hot.execute("UPDATE exposures SET shown_at = shown_at - make_interval(mins => $1)", minutes)


async def test_other_items_come_once_somebody_has_seen_as_many_as_allowed(limited: World) -> None:
    await submit(limited, *["gore"] * 6, "spam", "spam", "ticket_intent")
    assert [await see(limited) for _ in range(6)] == ["gore", "gore", "gore", "spam", "ticket_intent", None]
    assert await see(limited, "ben") == "gore", "limits are each person's own"
    resting = await exposure.list_resting_types(limited.db.hot, limited.people["ana"], limited.config)
    assert resting == ("gore", "spam")


async def test_the_hour_rolls_and_so_does_the_day(limited: World) -> None:
    await submit(limited, *["gore"] * 8)
    assert [await see(limited) for _ in range(4)] == ["gore", "gore", "gore", None]
    await back(limited, 59)
    assert await see(limited) is None
    await back(limited, 2)
    assert [await see(limited) for _ in range(3)] == ["gore", "gore", None], "five in a day"
    await back(limited, 24 * 60 - 60)
    assert await see(limited) == "gore"
    assert await exposure.forget_old(limited.db.hot) == 3
    assert await limited.count("exposures") == 3


async def test_an_item_that_is_seen_again_has_been_seen_once(limited: World) -> None:
    await submit(limited, *["gore"] * 4)
    held = (await limited.claim("ana"))[0]
    about: dict[str, Any] = {"who": limited.people["ana"], "config": limited.config}
    for _ in range(5):
        await exposure.note_shown(limited.db.hot, **about, item_id=held.item.id, item_type="gore")
    assert await see(limited) == "gore"
    (seen,) = await exposure.list_exposures(limited.db.hot, **about)
    assert (seen.email, seen.type, seen.last_hour, seen.last_day, seen.until) == ("ana@example.com", "gore", 2, 2, None)


async def test_over_the_api_nobody_is_handed_more_than_the_limit_at_once(
    limited: World, http: httpx.AsyncClient
) -> None:
    await submit(limited, *["gore"] * 6, "ticket_intent")
    answer = await http.post(
        "/api/v1/pools/triage/claims",
        json={"limit": 20},
        headers={"Authorization": f"Bearer {limited.tokens['ana']}"},
    )
    assert [each["item"]["type"] for each in answer.json()["data"]] == ["gore", "gore", "gore", "ticket_intent"]


async def test_without_limits_a_claim_asks_what_it_asked_before(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The statement of the hot path is the same text, and one more is asked only where limits are configured."""
    asked: list[str] = []
    fetch = asyncpg.Pool.fetch

    async def counted(pool: Any, statement: str, *given: object) -> Any:
        asked.append(statement)
        return await fetch(pool, statement, *given)

    monkeypatch.setattr(asyncpg.Pool, "fetch", counted)
    await world.claim("ana")
    usual = {queries.claim_statement(1, from_floor=is_so) for is_so in (False, True)}  # a slow machine leaves a floor
    assert set(asked) <= usual
    assert asked
    assert all("items" not in each.partition("one_each")[0] and "exposures" not in each for each in usual)


async def test_a_claim_that_leaves_types_out_reads_the_queue_in_its_order_and_stops(limited: World) -> None:
    for _ in range(3):
        await submit_many(limited, "gore", 900)
    await submit(limited, "ticket_intent")
    await limited.db.hot.execute("VACUUM (ANALYZE)")
    who, lease = limited.people["ana"], limited.config.pools["triage"].lease
    seen = who.actor.origin, who.actor.config_version
    given: list[Any] = [who.project_id, "triage", who.id, lease, who.actor.name, [new_id()], [new_id()], *seen]
    statement = queries.claim_statement(1, from_floor=False, is_resting=True)
    explained = await limited.db.hot.fetchval(
        f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", *given, ["gore", "spam"]
    )
    plan = msgspec.json.decode(explained, type=list[dict[str, Any]])[0]["Plan"]
    picked = next(node for node in walk(plan) if node.get("Subplan Name") == "CTE picked")
    found = [node for node in walk(picked) if node.get("Index Name") == "assignments_claim"]
    assert len(found) == 2, "the walk, and how far it may go"
    assert picked["Actual Rows"] == 1
    assert not [
        node for node in walk(picked) if node["Node Type"] == "Seq Scan" and node["Relation Name"] != "case_reviewers"
    ]
    assert any("ROW(" in node["Index Cond"] for node in found), "the walk ends where it may go no further"


async def submit_many(world: World, kind: str, count: int) -> None:
    raws = [msgspec.json.encode(submission(type=kind)) for _ in range(count)]
    await intake.submit_batch(world.desk(), raws, idempotency_keys=[None] * count)
