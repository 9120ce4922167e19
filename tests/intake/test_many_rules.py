"""Goal G16: of an item that many rules pass by their number is stored, and everybody is told what each made of it."""

from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest

from review.configuration.document import parse
from review.configuration.rules import compile_config
from review.intake import trying
from review.intake.rules import prepare, routed
from review.kernel.db import Database
from review.kernel.settings import Settings
from review.rehearsal.evaluating import past_of
from review.rehearsal.rules import Tally, add
from tests.intake.test_stops import bearer, post
from tests.make import CONFIG, World, submission

DESKS = "".join(
    f"  - {{{{name: desk-{at}, when: 'item.metadata.desk == \"{at}\"', then: {{{{review: triage}}}}}}}}\n"
    for at in range(60)
)
AMOUNT = "  - {{name: amount, when: 'item.input.amount > 100', then: {{review: triage}}}}\n"
MANY = CONFIG.replace("rules:\n", "rules:\n" + DESKS + AMOUNT)
CASES: list[tuple[dict[str, Any], int, str | None]] = [
    ({"metadata": {"desk": "3"}}, 4, "desk-3"),
    ({"metadata": {"desk": "50"}}, 51, "desk-50"),
    ({"metadata": {"desk": None}, "input": {"text": "", "amount": 5}, "confidence": 0.9}, 66, "rest"),
    ({"metadata": {"desk": "none"}}, 61, None),  # no amount is given, so that rule cannot be evaluated
    ({"metadata": {}}, 1, None),
]


@pytest.fixture
async def many(db: Database, settings: Settings) -> World:
    """A world with a rule for each of sixty desks."""
    return await World.build(db, settings, source=MANY.format(project="support"))


async def test_a_route_is_stored_short_and_told_in_full_whoever_reads_it(http: httpx.AsyncClient, many: World) -> None:
    """Promise 19: as submitted, read, listed, claimed; also what was stored in full, or has been through an erasure."""
    headers, answered = bearer(many.service_key), dict[str, Any]()
    for more, tried, rule in CASES:
        item = (await post(http, "items", many.service_key, submission(**more))).json()
        told = answered[item["id"]] = item["route"]
        assert (told["rule"], len(told["evaluations"]), "tried" in told) == (rule, tried, False)
        names = [each.name for each in many.config.ruleset.rules]
        assert [each["rule"] for each in told["evaluations"]] == names[:tried]
        assert [each["rule"] for each in told["evaluations"] if each["matched"]] == ([] if rule is None else [rule])
        assert (told["evaluations"][-1].get("error") is not None) == (rule is None)
    driver = many.db.hot
    longest = await driver.fetchval("SELECT max(length(route::text)) FROM item_bodies")
    assert longest < 500

    async def read() -> list[dict[str, Any]]:
        listed = (await http.get("/api/v1/items", headers=headers)).json()["data"]
        single = [(await http.get(f"/api/v1/items/{each}", headers=headers)).json() for each in answered]
        return [{each["id"]: each["route"] for each in found} for found in (listed, single)]

    assert await read() == [answered] * 2
    claimed = await many.claim("ana", limit=9)
    assert len(claimed) == 4
    assert {str(each.item.id): msgspec.json.decode(each.item.route) for each in claimed}.items() <= answered.items()
    await driver.execute("UPDATE item_bodies SET route = route::jsonb::json")
    assert await read() == [answered] * 2
    for item_id, told in answered.items():
        route = msgspec.json.encode(told).decode()
        await driver.execute("UPDATE item_bodies SET route = $2::text::json WHERE item_id = $1", item_id, route)
    assert await read() == [answered] * 2


def test_what_is_tried_and_what_is_counted_tell_of_every_rule() -> None:
    """An item followed in the editor, and the rules that a plan counts as reached."""
    config = compile_config(parse(MANY.format(project="support")))
    body = submission(metadata={"desk": "50"})
    trial = trying.evaluate(config, body)
    assert [each.matched for each in trial.rules] == [False] * 50 + [True]
    assert len(trial.route.evaluations) == 51
    item = routed(prepare(body, config, idempotency_key=None))
    row = {"id": item.id, "type": item.submission.type, "input": item.input, "output": item.output}
    row |= {
        "details": item.details,
        "created_at": datetime(2026, 11, 2, 10, tzinfo=UTC),
        "verdict": None,
        "chance": None,
    }
    tally = add(Tally(), [past_of(row)], config, config)
    assert {name: rule.reached for name, rule in tally.new.rules.items()} == {f"desk-{at}": 1 for at in range(51)}
