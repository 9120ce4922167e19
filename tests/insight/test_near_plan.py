"""Issue 5, point 2: what is alike is found by index among very many, with a bound on what is read."""

from collections.abc import Iterator
from typing import Any

from review.insight import learning_queries as queries
from review.insight.likeness import keys_of, query_of, scope_word, sketch_of, trigrams
from review.kernel.db import driver_of
from tests.make import World

ROWS = 20_000
FILL = """
INSERT INTO precedents (project_id, item_id, type, revision, verdict, label, decided_at, brief, words, sketch, keys,
  model, model_version, weight, is_counted)
SELECT $1, gen_random_uuid(), 'ticket', 1, 'approve', '"a"', now(), brief, to_tsvector('simple', $2 || ' ' || brief),
  ARRAY(SELECT n * 31 + place FROM generate_series(1, $3) AS place),
  ARRAY(SELECT hashint4(n % 5000 * 16 + place) FROM generate_series(1, 8) AS place), 'm', '1', 1, false
FROM generate_series(1, $4) AS n, LATERAL (SELECT 'where is parcel p' || n % 4000 || ' of order o' || n) AS each (brief)
"""


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes(inner)


async def test_near_items_are_found_by_index_with_few_pages_read(world: World) -> None:
    project, text = world.service.project_id, "where is parcel p77 of order o77"
    scope, sketch = scope_word(project, "ticket"), sketch_of(trigrams(text))
    keys = keys_of(project, "ticket", sketch)
    async with world.db.transaction() as tx:
        driver = await driver_of(tx)
        await driver.execute("SET LOCAL statement_timeout = 0")
        await driver.execute(FILL, project, scope, len(sketch), ROWS)
        await driver.execute("ANALYZE precedents")
        given = (project, "ticket", keys.near, query_of(text, scope), keys.loose, sketch, 300, 40)
        found = await queries.find_near(driver, given)
        await driver.execute(queries.BOUND)
        told = await driver.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {queries.FIND_NEAR}", *given)
        plan = told[0]["Plan"]
        await tx.rollback()
    kinds = {node["Node Type"] for node in nodes(plan)}
    assert 0 < len(found) <= 40
    assert "Seq Scan" not in kinds
    assert "Bitmap Index Scan" in kinds
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 1_500
