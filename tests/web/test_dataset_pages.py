"""The pages of datasets: from a definition typed into a form to the file of a snapshot."""

import io
import json
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
    "redact_drop": "external_id",
    "redact_mask": "comment:4, tags",
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
    assert 'name="redact_mask" value="comment:4, tags"' in page, "what is redacted can be changed as it was written"
    begun = await http.post(f"{P}/intents/snapshots", data={"_csrf": token})
    waiting = (await http.get(begun.headers["location"])).text
    assert "A worker makes it" in waiting
    assert await running.advance(world.db, world.settings) == 1
    ready = (await http.get(f"{P}/intents/1")).text
    assert "2 of 3 records" in ready
    told = re.findall(r"<code>([a-z_]+)</code></td><td>([a-z ]+)</td>", ready)
    assert told == [("external_id", "left out"), ("comment", "masked"), ("tags", "masked")]
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
    holding = await http.get(f"/api/v1/items/{taken['item_id']}/snapshots", headers=key)
    assert [(each["number"], each["label_class"], each["state"]) for each in holding.json()["data"]] == [
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
        ("weights", "card 2", "Expected `float`"),
        ("similarity_at_least", "70", "Expected `float` >= 0.8"),
        ("near", "keep_together", "takes a `similarity_at_least`"),
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


async def test_a_definition_is_tried_before_it_is_kept_and_shows_labels_that_gainsay_each_other(
    http: httpx.AsyncClient, world: World, token: str
) -> None:
    told = "where is my new card and when does it come to me"
    for text, verdict in (("made up", "approve"), (told, "approve"), (f"{told} <b>now</b>", "correct")):
        await world.submit(text, gold=text == "made up")
        (held,) = await world.claim("cleo")
        await world.judge("cleo", held, verdict, **({"output": {"label": "refund"}} if verdict == "correct" else {}))
    form = FORM | {"_csrf": token, "verdicts": "", "near": "leave_out", "distinct": ""}
    form |= {"similarity_at_least": "80", "weights": "refund = 0.5\ncard_arrival=2", "shares": "refund = 12.5"}
    del form["verdicts"], form["distinct"]

    page = (await http.post(f"{P}/_trial", data=form | {"name": ""})).text

    assert "gold, so its answer was known before: 1" in page
    assert "nearly the same text as an earlier record: 1" in page
    assert "1 record says the same as an earlier one, or nearly, and has another label." in page
    assert "card_arrival" in page
    assert f"{told} &lt;b&gt;now&lt;/b&gt;" in page
    assert await world.db.hot.fetchval("SELECT count(*) FROM datasets") == 0
    made = await http.post(P, data=form | {"parts": "dev = 0", "since": "2026-01-02T03:04:05Z"})
    kept = json.loads(await world.db.hot.fetchval("SELECT definition::text FROM datasets"))
    again = (await http.get(made.headers["location"])).text
    fields = dict(re.findall(r'<textarea id="(\w+)"[^>]*>([^<]*)</textarea>', again))
    assert kept["sampling"]["weights"] == {"refund": 0.5, "card_arrival": 2.0}
    assert (kept["sampling"]["shares"], kept["sampling"]["similarity_at_least"]) == ({"refund": 0.125}, 0.8)
    assert fields["weights"].splitlines() == ["refund = 0.5", "card_arrival = 2"]
    assert 'value="2026-01-02T03:04:05+00:00"' in again
    # What the page shows is what it would keep: sent again as it is, nothing changes.
    values = dict(re.findall(r'<input id="(\w+)"[^>]*?value="([^"]*)"', again)) | fields
    await http.post(made.headers["location"], data=form | values)
    assert json.loads(await world.db.hot.fetchval("SELECT definition::text FROM datasets")) == kept


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
