"""Issue 6, 2: rates and times in rules are measured once, stored with the route, and replayed to the same route."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest

from review.intake import measure_queries, measuring, rules
from review.intake import service as intake
from review.intake.measuring import Stored
from review.intake.service import Accepted
from review.kernel.db import Database
from review.kernel.settings import Settings
from review.routing.measuring import MOST_COUNTED, Measured
from review.routing.rules import Route, route
from tests.make import CONFIG, World, submission

RATES = CONFIG.replace(
    "rules:\n",
    """rules:
  - {{name: burst, when: 'item.subject != null && rate("item.subject", "1h") >= 2', then: {{review: seniors}}}}
  - {{name: late, when: 'received.date("Europe/Berlin") < "2020-01-01"', then: {{reject: true}}}}
""",
)


@pytest.fixture
async def asking(db: Database, settings: Settings) -> World:
    """A world whose rules ask how often a subject came."""
    return await World.build(db, settings, source=RATES.format(project="support"))


def taken(accepted: Accepted) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(accepted.item.route)
    return found


def counted(accepted: Accepted) -> object:
    return taken(accepted)["measured"].get("rate(item.subject, 1h)")


async def test_a_rate_counts_what_came_before_and_its_route_keeps_what_was_counted(asking: World) -> None:
    routes = [taken(await asking.submit(subject="ann", confidence=0.9)) for _ in range(4)]
    assert [each["measured"]["rate(item.subject, 1h)"] for each in routes] == [0, 1, 2, 3]
    assert [each["rule"] for each in routes] == ["rest", "rest", "burst", "burst"]
    assert counted(await asking.submit(subject="ben", confidence=0.9)) == 0
    without = taken(await asking.submit(confidence=0.9))
    assert without["rule"] == "rest"
    assert set(without["measured"]) == {"received"}


async def test_items_of_a_batch_count_each_other_in_their_order(asking: World, statements: list[str]) -> None:
    await asking.submit(subject="ann")
    raws = [msgspec.json.encode(submission(subject=subject)) for subject in ("ann", "ann", "ben", "ann")]
    raws.insert(1, msgspec.json.encode(submission(subject="ann", label="no such label")))
    statements.clear()
    outcomes = await intake.submit_batch(asking.desk(), raws, idempotency_keys=[None] * len(raws))
    assert [counted(each) for each in outcomes if isinstance(each, Accepted)] == [1, 2, 0, 3]
    assert len(statements) == 2, "one statement to count, whatever the number of items, and one to store"


async def test_who_asks_nothing_pays_nothing_and_who_asks_pays_one_statement(
    http: httpx.AsyncClient, asking: World, statements: list[str]
) -> None:
    headers = {"Authorization": f"Bearer {asking.service_key}"}
    for _ in ("loads the configuration", "counts"):
        statements.clear()
        body = submission(subject="ann", confidence=0.9)
        assert (await http.post("/api/v1/items", json=body, headers=headers)).status_code == 201
    assert len(statements) == 3, "test_counts shows that without a rate there are two"


async def test_submissions_that_arrive_together_are_counted_by_few_statements(
    asking: World, statements: list[str]
) -> None:
    accepted = await asyncio.gather(*(asking.submit(subject="ann", confidence=0.9) for _ in range(30)))
    assert len([each for each in statements if "WITH ORDINALITY" in each]) <= 4
    assert 0 in [counted(each) for each in accepted]
    assert max(int(str(counted(each))) for each in accepted) > 10


@pytest.mark.parametrize("fault", [asyncpg.QueryCanceledError("too long"), TimeoutError()])
async def test_what_could_not_be_measured_goes_to_a_person(
    asking: World, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    async def fails(*_args: object) -> None:
        raise fault

    monkeypatch.setattr(measure_queries, "count", fails)
    monkeypatch.setattr(measuring, "get_now", fails)
    for item in ({"subject": "ann"}, {}):
        accepted = await asking.submit(confidence=0.99, **item)
        assert accepted.item.status == "queued"
        assert "was not measured" in taken(accepted)["error"]


async def test_a_stored_item_is_routed_again_as_it_was(asking: World) -> None:
    accepted = [await asking.submit(subject="ann", confidence=0.9) for _ in range(4)]
    for each in accepted:
        facts = submission(subject="ann", confidence=0.9)
        stored = taken(each)
        again = route(asking.config.ruleset, facts, each.item.id, "triage", measured=stored["measured"])
        assert msgspec.json.decode(msgspec.json.encode(again)) == stored


async def test_what_was_not_measured_then_is_counted_as_of_then(asking: World) -> None:
    items = [(await asking.submit(subject="ann", confidence=0.9)).item for _ in range(4)]
    stored = [Stored(each.id, each.created_at, {"subject": "ann"}, {}) for each in items]
    who, rules = asking.service.project_id, [asking.config.ruleset]
    found = await measuring.remeasure(asking.db.hot, who, rules, stored)
    assert [each.measured["rate(item.subject, 1h)"] for each in found] == [0, 1, 2, 3]
    assert all(each.is_recounted for each in found)
    assert found[0].measured["received"] == items[0].created_at.isoformat()
    told = Stored(items[0].id, items[0].created_at, {"subject": "ann"}, {"rate(item.subject, 1h)": 77})
    (kept,) = await measuring.remeasure(asking.db.hot, who, rules, [told])
    assert (kept.measured["rate(item.subject, 1h)"], kept.is_recounted) == (77, False)


async def test_a_count_looks_at_a_bounded_stretch_of_an_index(asking: World) -> None:
    who = asking.service.project_id
    await asking.db.hot.execute(MANY, who, MOST_COUNTED + 500)
    await asking.db.hot.execute("ANALYZE item_bodies; ANALYZE items")
    (row,) = await measure_queries.count(asking.db.hot, who, [measure_queries.Wanted("busy", timedelta(hours=1))])
    assert row["count"] == MOST_COUNTED
    args = (["busy"], [timedelta(hours=1)], [None], [None])
    lines = await asking.db.hot.fetch(f"EXPLAIN (ANALYZE, COSTS OFF) {measure_queries.COUNT}", who, *args)
    plan = "\n".join(line[0] for line in lines)
    assert "item_bodies_subject" in plan
    assert "Seq Scan" not in plan


MANY = """
WITH made AS (
  SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0') || '7000' || '8000'
          || lpad(to_hex(n), 12, '0'))::uuid AS id
  FROM generate_series(1, $2::int) AS n
), stored AS (
  INSERT INTO items (project_id, id, type, type_version, fingerprint, state, config_version, ruleset_version)
  SELECT $1::uuid, id, 'ticket_intent', 1, '', 'decided', 1, 1 FROM made RETURNING id
)
INSERT INTO item_bodies (project_id, item_id, input, output, details, route, submitted_by)
SELECT $1, id, '{}', '{}', '{"subject": "busy"}', '{}', '{}' FROM made
"""


async def test_who_asks_is_routed_once_when_it_was_measured(asking: World, monkeypatch: pytest.MonkeyPatch) -> None:
    known: list[Measured] = []

    def noted(*given: Any) -> Route:
        known.append(given[-1])
        return route(*given)

    monkeypatch.setattr(rules, "route", noted)
    await asking.submit(subject="ann")
    raws = [msgspec.json.encode(submission(subject=subject)) for subject in ("ann", "ben")]
    await intake.submit_batch(asking.desk(), raws, idempotency_keys=[None] * len(raws))
    assert [each.get("rate(item.subject, 1h)") for each in known] == [0, 1, 0]
