"""The pages of datasets: from a definition typed into a form to the file of a snapshot."""

import io
import re

import httpx
import pytest

from review.datasets.formats.arrow import parquet
from review.datasets.snapshots import running
from review.identity.rules import Role
from tests.make import World

P = "/p/support/datasets"
FORM = {
    "name": "intents",
    "description": "for the <b>classifier</b>",
    "types": "ticket_intent",
    "verdicts": "approve",
    "part_train": "70",
    "part_test": "30",
    "by": "subject",
    "at_most": "5",
    "distinct": "on",
    "text_at": "text",
}


@pytest.fixture
async def token(world: World, http: httpx.AsyncClient) -> str:
    """Sign an analyst in; gives the token that forms carry."""
    await world.add_person("nia", Role.ANALYST, password="correct horse battery")
    await http.post("/sign-in", data={"email": "nia@example.com", "password": "correct horse battery"})
    token: str = await world.db.hot.fetchval("SELECT csrf_token FROM sessions ORDER BY created_at DESC LIMIT 1")
    return token


async def test_a_dataset_is_defined_seen_and_made_into_a_snapshot_that_is_taken_home(
    http: httpx.AsyncClient, world: World, token: str
) -> None:
    held = None
    for text in ("one", "two", "ONE!"):
        await world.submit(text)
        (held,) = await world.claim("cleo")
        await world.judge("cleo", held, "approve")
    assert held
    item = f"/p/support/items/{held.item.id}"
    form = FORM | {"_csrf": token}

    assert "There is none yet." in (await http.get(P)).text
    made = await http.post(P, data=form)
    page = (await http.get(made.headers["location"])).text
    assert "2 of all 3 records." in page
    assert "the same text as an earlier record: 1" in page
    assert "<b>classifier</b>" not in page
    begun = await http.post(f"{P}/intents/snapshots", data={"_csrf": token})
    waiting = (await http.get(begun.headers["location"])).text
    assert "A worker makes it" in waiting
    assert await running.advance(world.db, world.settings) == 1
    ready = (await http.get(f"{P}/intents/1")).text
    assert "2 of 3 records" in ready
    names = re.findall(r'href="[^"]+/files/([a-z0-9.-]+)"', ready)
    got = [parquet.read_table(io.BytesIO((await http.get(f"{P}/intents/1/files/{name}")).content)) for name in names]
    assert sum(table.num_rows for table in got) == 2
    await http.post(f"{P}/intents/snapshots", data={"_csrf": token})
    await running.advance(world.db, world.settings)
    assert "2 items have the same record in both." in (await http.get(f"{P}/intents/2/difference")).text
    assert "Snapshots it is in" not in (await http.get(item)).text  # the same text as another, so left out
    (taken,) = await world.db.hot.fetch("SELECT item_id FROM feedback WHERE position = 1")
    shown = (await http.get(f"/p/support/items/{taken['item_id']}")).text
    assert [f'href="{P}/intents/{number}"' in shown for number in (1, 2, 3)] == [True, True, False]
    key = {"Authorization": f"Bearer {world.tokens['nia']}"}
    told = await http.get(f"/api/v1/items/{taken['item_id']}/snapshots", headers=key)
    assert [(each["number"], each["label_class"], each["state"]) for each in told.json()["data"]] == [
        (2, "card_arrival", "ready"),
        (1, "card_arrival", "ready"),
    ]
    audited = await world.db.hot.fetch("SELECT DISTINCT action FROM audit_entries WHERE action ~ 'dataset|snapshot'")
    assert {row["action"] for row in audited} == {
        "dataset.created",
        "snapshot.begun",
        "snapshot.ready",
        "snapshot.read",
    }


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("name", "No Spaces", "lower-case letters"),
        ("part_test", "40", "do not add up to 1"),
        ("part_test", "x", "Expected `float`"),
        ("since", "yesterday", "Invalid RFC3339"),
        ("reviews_at_least", "-1", "Expected `int`"),
        ("by", "weather", "matching regex"),
        ("verdicts", "maybe", "Invalid enum value"),
    ],
)
async def test_what_cannot_be_is_named_beside_its_place_and_nothing_is_kept(
    http: httpx.AsyncClient, world: World, token: str, field: str, value: str, told: str
) -> None:
    answer = await http.post(P, data=FORM | {"_csrf": token, field: value})

    assert answer.status_code == 422, answer.text
    assert told in answer.text
    assert await world.db.hot.fetchval("SELECT count(*) FROM datasets") == 0


async def test_a_reviewer_sees_none_of_it_and_an_auditor_changes_nothing(http: httpx.AsyncClient, world: World) -> None:
    for name, role, status in (("rea", Role.REVIEWER, 403), ("aud", Role.AUDITOR, 200)):
        await world.add_person(name, role, password="correct horse battery")
        await http.post("/sign-in", data={"email": f"{name}@example.com", "password": "correct horse battery"})
        answer = await http.get(P)
        assert answer.status_code == status
        assert "Define a dataset" not in answer.text
