"""The pages of datasets: from a definition typed into a form to the file of a snapshot."""

import io
import re

import httpx
import pytest

from review.datasets.formats.arrow import parquet
from review.datasets.schedules import turning
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
    for text in ("one", "two", "ONE!"):
        await world.submit(text)
        (held,) = await world.claim("cleo")
        await world.judge("cleo", held, "approve")
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


async def test_the_times_of_a_dataset_are_set_paused_and_removed_on_its_page(
    http: httpx.AsyncClient, world: World, token: str
) -> None:
    await http.post(P, data=FORM | {"_csrf": token})
    form = {"_csrf": token, "cron": "0 6 * * mon-fri", "timezone": "Europe/Berlin", "new_records": "500"}
    assert "Snapshots are made when somebody asks for one." in (await http.get(f"{P}/intents")).text

    for wrong, said in {
        "timezone": "is no time zone",
        "cron": "as its second field, which is no hour",
        "new_records": "new_records",
    }.items():
        refused = await http.post(f"{P}/intents/schedule", data=form | {wrong: "0 25 * * *"})
        assert (refused.status_code, said in refused.text) == (422, True)
    assert (await http.post(f"{P}/intents/schedule", data=form)).status_code == 303
    page = (await http.get(f"{P}/intents")).text
    assert "The next one is due at" in page
    assert "0 of 500 new records have come" in page
    await world.db.hot.execute("UPDATE dataset_schedules SET next_at = now()")
    assert await turning.advance(world.db, world.settings) == 0
    assert "The dataset took no records, so no snapshot was made." in (await http.get(f"{P}/intents")).text
    await http.post(f"{P}/intents/schedule", data=form | {"paused": "yes"})
    assert "Paused: none is made" in (await http.get(f"{P}/intents")).text
    await http.post(f"{P}/intents/schedule", data=form | {"act": "remove"})
    assert "Snapshots are made when somebody asks for one." in (await http.get(f"{P}/intents")).text
