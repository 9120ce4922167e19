"""A snapshot in formats over HTTP: what leaves is audited, and what cannot be is named before anything does."""

import json
import re
from html import unescape

import httpx
import pytest

from review.datasets.snapshots import running
from review.identity.rules import Role
from tests.make import World

S = "/api/v1/datasets/intents/snapshots"
OF = f"{S}/1/export"


@pytest.fixture
async def analyst(http: httpx.AsyncClient, world: World) -> httpx.AsyncClient:
    """Give a client with an analyst's key, in a project with a snapshot of three records in two parts."""
    await world.add_person("nia", Role.ANALYST)
    http.headers["authorization"] = f"Bearer {world.tokens['nia']}"
    for text in ("one", "=two", "three"):
        await world.submit(text)
        (held,) = await world.claim("cleo")
        await world.judge("cleo", held, "approve")
    definition = {"splitting": {"parts": {"train": 0.5, "test": 0.5}}, "sampling": {"text_at": "text"}}
    assert (await http.post("/api/v1/datasets", json={"name": "intents", "definition": definition})).status_code == 201
    assert (await http.post(S, json={})).status_code == 201
    return http


async def test_a_snapshot_leaves_in_a_format_and_that_is_in_the_audit(analyst: httpx.AsyncClient, world: World) -> None:
    early = await analyst.get(OF)
    await running.advance(world.db, world.settings)

    whole = await analyst.get(OF, params={"format": "classification"})
    again = await analyst.get(OF, params={"format": "classification"})
    parts = [await analyst.get(OF, params={"format": "csv", "split": part}) for part in ("train", "test")]
    tried = await analyst.get(f"{OF}/check", params={"format": "classification", "text_at": "nowhere"})

    assert (early.status_code, early.json()["code"]) == (409, "snapshot_not_ready")
    assert whole.headers["content-type"] == "application/x-ndjson"
    assert whole.headers["content-disposition"] == 'attachment; filename="intents-1-classification.jsonl"'
    assert sorted(json.loads(line)["text"] for line in whole.text.splitlines()) == ["=two", "one", "three"]
    assert whole.content == again.content
    assert sum(part.text.count("\r\n") - 1 for part in parts) == 3
    headers = [whole.headers["countersign-left-out"], whole.headers["countersign-format-left-out"]]
    none = await analyst.get(OF, params={"format": "classification", "text_at": "nowhere"})
    assert [json.loads(each) for each in headers] == [{}, {}]
    assert json.loads(none.headers["countersign-format-left-out"]) == tried.json()["left_out"]
    assert tried.json()["left_out"] == {"no text at its place in the input": 3}
    told = await world.db.hot.fetch(
        "SELECT details::text AS details FROM audit_entries WHERE action = 'snapshot.read' ORDER BY id"
    )
    formats = [json.loads(each["details"])["format"] for each in told]
    assert formats == ["classification", "classification", "csv", "csv", "classification"]


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ({"format": "xlsx"}, "format"),
        ({"split": "validation"}, "split"),
        ({"format": "spans", "style": "iob"}, "style"),
        ({"text_at": "a" * 201}, "text_at"),
        ({"format": "template"}, "template"),
        ({"format": "template", "template": "{{ nothing }}"}, "nothing"),
        ({"format": "template", "template": "{{ input.nothing }}"}, "input.nothing"),
        ({"format": "template", "template": "{{"}, "template"),
        ({"format": "argilla", "user_id": "x"}, "user_id"),
    ],
)
async def test_what_cannot_be_is_named_and_nothing_leaves(
    analyst: httpx.AsyncClient, world: World, asked: dict[str, str], place: str
) -> None:
    await running.advance(world.db, world.settings)

    for path in (OF, f"{OF}/check"):
        answer = await analyst.get(path, params=asked)
        assert (answer.status_code, answer.json()["code"]) == (422, "rendering_invalid"), answer.text
        assert [each["path"] for each in answer.json()["errors"]] == [place]
    assert not await world.db.hot.fetchval("SELECT count(*) FROM audit_entries WHERE action = 'snapshot.read'")


async def test_the_page_tries_a_format_and_offers_what_it_gives(http: httpx.AsyncClient, world: World) -> None:
    await world.add_person("nia", Role.ANALYST, password="correct horse battery")
    http.headers["authorization"] = f"Bearer {world.tokens['nia']}"
    await world.submit("<b>one</b>")
    (held,) = await world.claim("cleo")
    await world.judge("cleo", held, "approve")
    await http.post("/api/v1/datasets", json={"name": "intents"})
    await http.post(S, json={})
    await running.advance(world.db, world.settings)
    del http.headers["authorization"]
    await http.post("/sign-in", data={"email": "nia@example.com", "password": "correct horse battery"})
    page = "/p/support/datasets/intents/1/formats"

    first = await http.get(page)
    tried = await http.get(page, params={"format": "template", "template": "{{ input.text | upper }}"})
    refused = await http.get(page, params={"format": "template", "template": "{{ input.txt }}"})
    nothing = await http.get(page, params={"format": "spans", "spans_at": "nowhere"})

    assert "Download" not in first.text
    assert "1 of the first 1 records; there are 1." in tried.text
    assert "&lt;B&gt;ONE&lt;/B&gt;" in tried.text
    (link,) = re.findall(r'href="([^"]+/export[^"]*)"', tried.text)
    assert (await http.get(unescape(link))).text == "<B>ONE</B>\n"
    assert refused.status_code == 422
    assert "input.txt: is not in the snapshot" in refused.text
    assert "Download" not in refused.text
    assert "no list of spans at its place in the label: 1" in nothing.text
