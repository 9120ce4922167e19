"""The feed and the export as the API serves them, over decisions that people made."""

import csv
import io
import json
from typing import Any

import httpx
import msgspec
import pytest

from review.datasets.formats.arrow import parquet
from tests.make import World


def key(world: World) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.service_key}"}


@pytest.fixture
async def judged(world: World) -> World:
    """Two items approved by people, one corrected, one rejected; and one that a rule approved."""
    for text in ("one", "two", "three", "four"):
        await world.submit(text)
    await world.submit("safe", confidence=0.99)
    verdicts: dict[str, tuple[str, dict[str, Any]]] = {
        "one": ("approve", {}),
        "two": ("correct", {"output": {"label": "refund"}, "reasons": ("wrong_label",)}),
        "three": ("reject", {"comment": "=cmd()"}),
        "four": ("approve", {}),
    }
    for assignment in await world.claim("ana", limit=4):
        assert isinstance(assignment.item.input, msgspec.Raw)
        verdict, more = verdicts[msgspec.json.decode(assignment.item.input)["text"]]
        await world.judge("ana", assignment, verdict, **more)
    return world


async def test_the_feed_holds_what_people_judged_and_nothing_that_a_rule_decided(
    judged: World, http: httpx.AsyncClient
) -> None:
    answer = await http.get("/api/v1/feedback", headers=key(judged))

    body = answer.json()
    assert answer.status_code == 200
    assert {each["input"]["text"]: (each["verdict"], each["label"]) for each in body["data"]} == {
        "one": ("approve", {"label": "card_arrival"}),
        "two": ("correct", {"label": "refund"}),
        "three": ("reject", None),
        "four": ("approve", {"label": "card_arrival"}),
    }
    first = body["data"][0]
    assert first["route"] == {"rule": "low-confidence", "ruleset_version": 1, "inclusion_probability": 1.0}
    assert (first["reviews"], first["agreement"], first["source"]) == (1, 1.0, "review")


async def test_pages_and_lines_tell_the_same_story(judged: World, http: httpx.AsyncClient) -> None:
    seen: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        page = (await http.get("/api/v1/feedback", params={"limit": "3"} | after, headers=key(judged))).json()
        seen += page["data"]
        after = {"after": page["next"]}
        if not page["data"]:
            break
    streamed = await http.get("/api/v1/feedback", headers=key(judged) | {"Accept": "application/x-ndjson"})

    assert streamed.headers["content-type"].startswith("application/x-ndjson")
    assert [json.loads(line) for line in streamed.text.splitlines()] == seen
    assert streamed.headers["countersign-next"] == after["after"]
    assert len(seen) == 4


async def test_exports_have_a_name_a_type_and_the_same_records(judged: World, http: httpx.AsyncClient) -> None:
    answers = {
        name: await http.get("/api/v1/feedback/export", params={"format": name}, headers=key(judged))
        for name in ("jsonl", "csv", "parquet")
    }

    assert answers["parquet"].headers["content-type"] == "application/vnd.apache.parquet"
    assert answers["csv"].headers["content-disposition"] == 'attachment; filename="feedback-support.csv"'
    lines = [json.loads(line) for line in answers["jsonl"].text.splitlines()]
    rows = list(csv.DictReader(io.StringIO(answers["csv"].text, newline="")))
    table = parquet.read_table(io.BytesIO(answers["parquet"].content))
    ids = [each["id"] for each in lines]
    assert len(ids) == 4
    assert [row["id"] for row in rows] == ids
    assert table.column("id").to_pylist() == ids
    assert "'=cmd()" in {row["comment"] for row in rows}
    assert "=cmd()" in {each["comment"] for each in lines}
    assert answers["parquet"].headers["countersign-left-out"] == "{}"
    narrow = {"type": "nothing", "trailer": "true"}
    trailed = await http.get("/api/v1/feedback/export", params=narrow, headers=key(judged))
    assert json.loads(trailed.text) == {"trailer": {"records": 0, "left_out": {"another item type": 4}}}


@pytest.mark.parametrize(
    ("path", "params", "status", "code"),
    [
        ("/api/v1/feedback", {"after": "nonsense"}, 422, "invalid"),
        ("/api/v1/feedback", {"after": "AAAAAAAAAAAAAAAAAAAAAA"}, 422, "cursor_unknown"),
        ("/api/v1/feedback", {"type": "a\0b"}, 400, "malformed"),
        ("/api/v1/feedback/export", {"type": "a\0b"}, 400, "malformed"),
        ("/api/v1/feedback/export", {"format": "xlsx"}, 422, "export_format_unknown"),
        ("/api/v1/feedback/export", {"format": "csv", "trailer": "true"}, 422, "invalid"),
        ("/api/v1/feedback/export", {"since": "2026-11-21T12:00:00"}, 422, "invalid"),
    ],
)
async def test_what_is_asked_wrongly_is_refused_in_words(
    world: World, http: httpx.AsyncClient, path: str, params: dict[str, str], status: int, code: str
) -> None:
    answer = await http.get(path, params=params, headers=key(world))

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_reviewer_may_not_read_feedback(world: World, http: httpx.AsyncClient) -> None:
    for path in ("/api/v1/feedback", "/api/v1/feedback/export"):
        answer = await http.get(path, headers={"Authorization": f"Bearer {world.tokens['ana']}"})
        assert answer.status_code == 403


async def test_another_projects_key_reads_nothing_of_it(judged: World, http: httpx.AsyncClient) -> None:
    other = await World.build(judged.db, judged.settings, project="other")
    cursor = (await http.get("/api/v1/feedback", headers=key(judged))).json()["next"]

    assert (await http.get("/api/v1/feedback", headers=key(other))).json() == {"data": [], "next": None}
    assert (await http.get("/api/v1/feedback/export", headers=key(other))).content == b""
    assert (await http.get("/api/v1/feedback", params={"after": cursor}, headers=key(other))).status_code == 422
