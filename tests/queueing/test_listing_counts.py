"""What lists cost, counted by the server: no filter reads more than the stretch that it says it has looked at."""

from itertools import product
from typing import Any

import msgspec
import pytest

from review.queueing import listing, listing_queries
from review.queueing.listing_queries import Asked
from review.queueing.listing_rules import Source, Wanted, plan_of
from tests.make import World
from tests.queueing.test_counts import walk

OPEN = 60_000
LIMIT = 51

# What intake writes, without its checks, so that a queue deep enough to show a scan is there in a moment.
SEED = """
WITH given AS MATERIALIZED (
  SELECT n, uuidv7() AS id, uuidv7() AS case_id, uuidv7() AS seat_id FROM generate_series(1, $2::int) n
), stored AS (
  INSERT INTO items (project_id, id, type, type_version, external_id, fingerprint, state,
                     config_version, ruleset_version)
  SELECT $1, id, CASE n % 100 WHEN 0 THEN 'rare' ELSE 'ticket_intent' END, 1, 'x-' || n + $3::int, '', 'open',
         1, 1 FROM given
), bodies AS (
  INSERT INTO item_bodies (project_id, item_id, input, output, details, route, submitted_by)
  SELECT $1, id, json_build_object('text', 'where is my card ' || n), '{"label": "refund"}',
    json_build_object('confidence', (n % 100) / 100.0, 'tags', json_build_array('beta'), 'subject', 's-' || n),
    json_build_object('rule', CASE n % 1000 WHEN 0 THEN 'rare' ELSE 'usual' END),
    '{"kind": "key", "id": "00000000-0000-0000-0000-000000000001"}' FROM given
), opened AS (
  INSERT INTO cases (project_id, id, item_id, state, pool, priority, reviews_required, due_at)
  SELECT $1, case_id, id, 'open', 'triage', n % 90, 1, now() + n * interval '1 second' FROM given
)
INSERT INTO assignments (project_id, id, case_id, item_id, kind, pool, priority, due_at, state)
SELECT $1, seat_id, case_id, id, 'review', 'triage', n % 90, now() + n * interval '1 second', 'open' FROM given
"""
FILTERS: dict[str, dict[str, Any]] = {
    "everything": {},
    "waiting": {"status": "waiting"},
    "oldest": {"sort": "oldest"},
    "newest": {"sort": "newest"},
    "due": {"sort": "due"},
    "doubt": {"sort": "doubt"},
    "overdue": {"due": "overdue"},
    "no clock": {"due": "none"},
    "a rare type": {"type": "rare"},
    "a type that is not there": {"type": "nothing"},
    "a rare rule": {"rule": "rare"},
    "a tag that is not there": {"tag": "gamma"},
    "a range": {"confidence_from": 0.2, "confidence_to": 0.21},
    "words": {"text": "card 7777"},
    "a subject": {"subject": "s-4711"},
    "a source": {"source": "00000000-0000-0000-0000-000000000002"},
    "escalated": {"escalated": "yes"},
    "in hand": {"status": "held"},
    "by name": {"external_id": "x-4711"},
    "decided": {"status": "decided"},
    "any": {"status": "any", "text": "nothing of that"},
    "newest of a type that is not there": {"sort": "newest", "type": "nothing"},
}


@pytest.fixture
async def deep(world: World) -> World:
    """A queue in which a sequential scan would show."""
    await fill(world, OPEN)
    return world


async def fill(world: World, rows: int) -> None:
    async with world.db.hot.acquire() as connection:
        await connection.execute("SET statement_timeout = 0")
        for start in range(0, rows, 10_000):
            await connection.execute(SEED, world.service.project_id, 10_000, start)
        await world.claim("ana", limit=20)
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("RESET statement_timeout")


async def explain(world: World, wanted: Wanted, *, most: int, generic: bool = False) -> dict[str, Any]:
    plan = plan_of(wanted)
    asked = Asked(wanted, plan, pools=list(world.config.pools), sees_all=True, after=None, limit=LIMIT)
    text, values = listing_queries.statement_of(world.service.project_id, asked, most=most)
    async with world.db.hot.acquire() as connection:
        if generic:
            await connection.execute("SET plan_cache_mode = force_generic_plan")
        explained = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {text}", *values)
        await connection.execute("RESET plan_cache_mode")
    found: dict[str, Any] = msgspec.json.decode(explained, type=list[dict[str, Any]])[0]
    return found


async def test_every_filter_reads_a_bounded_stretch(deep: World) -> None:
    """Promise G11: what a page reads does not grow with the queue, planned for these values or once for all."""
    for (name, given), generic in product(FILTERS.items(), (False, True)):
        wanted = Wanted(**given)
        explained = await explain(deep, wanted, most=listing_queries.COUNT_CAP + 1, generic=generic)
        root = explained["Plan"]
        scans = [node for node in walk(root) if node["Node Type"] == "Seq Scan"]
        read = {node["Relation Name"] for node in scans} & {"assignments", "items", "item_bodies", "cases"}
        pages = root["Shared Hit Blocks"] + root["Shared Read Blocks"]
        assert not read, f"{name} scans {read}"
        looks = plan_of(wanted).looks
        per_row = 18 if wanted.looks_inside else 13
        assert pages <= 1_200 * 25 + looks * per_row, f"{name} read {pages} pages"
        widest = max(
            node["Actual Rows"] * node["Actual Loops"]
            for node in walk(root)
            if node.get("Relation Name") == "item_bodies"
        )
        assert widest <= max(looks if wanted.looks_inside else 0, LIMIT), f"{name} read {widest} payloads"


async def test_paging_costs_the_same_at_any_depth(world: World) -> None:
    await fill(world, 10_000)
    who, after, depth = world.people["lea"], None, list[int]()
    assert plan_of(Wanted()).source == Source.URGENT
    seen = set[Any]()
    for _ in range(30):
        page = await listing.look(world.db.hot, who=who, config=world.config, wanted=Wanted(), after=after, limit=200)
        assert not seen & {line.item_id for line in page.lines}
        seen |= {line.item_id for line in page.lines}
        depth.append(len(page.lines))
        after = page.next
    assert depth == [200] * 30
