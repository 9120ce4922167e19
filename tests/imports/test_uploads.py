"""Files that are uploaded, and the workers that import them."""

import asyncio
import csv
import io
import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import httpx
import msgspec
import pytest

from review.datasets.formats.arrow import pa, parquet
from review.identity.rules import Role
from review.imports import queries, running, uploading
from review.items.personal import HIDDEN
from review.kernel.db import Database
from tests.make import BASE_URL, World

MAP = (("map", "input.text=text"), ("map", "label=intent"), ("map", "external_id=id"), ("map", "subject=who"))
ROW = {"id": 1, "text": "where", "intent": "card_arrival"}
CHOSEN = {"from_name": "intent", "type": "choices", "value": {"choices": ["refund"]}}
COUNTS = """
SELECT (SELECT count(*) FROM items) AS items, (SELECT count(*) FROM feedback) AS feedback,
       (SELECT count(*) FROM import_pieces) AS pieces
"""


@pytest.fixture
async def analyst(world: World, http: httpx.AsyncClient) -> httpx.AsyncClient:
    """A data scientist with a personal token."""
    await world.add_person("dee", Role.ANALYST)
    http.headers["Authorization"] = f"Bearer {world.tokens['dee']}"
    return http


def lines(*rows: Any) -> bytes:
    return b"".join((each if isinstance(each, bytes) else msgspec.json.encode(each)) + b"\n" for each in rows)


async def upload(http: httpx.AsyncClient, content: bytes, *pairs: tuple[str, str], **headers: str) -> httpx.Response:
    kind = {"Content-Type": headers.pop("kind", "application/x-ndjson")}
    asked = httpx.QueryParams([("type", "ticket_intent"), *(pairs or MAP)])
    return await http.post("/api/v1/imports", params=asked, content=content, headers=kind | headers)


async def counted(db: Database) -> tuple[int, ...]:
    (row,) = await db.hot.fetch(COUNTS)
    return tuple(row.values())


async def rows_are_told_to_whoever_may_see_them(world: World, reason: str) -> None:
    """Promise 32: of rows that others sent nothing is told to those who do not see what their items would hold."""
    for name, told in (("dee", reason), ("lea", HIDDEN)):
        who = msgspec.structs.replace(world.people[name], hides={"ticket_intent": ("input.text",)})
        (shown, *_) = await uploading.list_left_out(world.db.hot, who=who, number=1, limit=9)
        assert (shown.reason, msgspec.json.decode(shown.row) == HIDDEN) == (told, told == HIDDEN)


async def test_a_file_comes_in_as_decided_items_and_what_does_not_fit_as_a_file(
    world: World, analyst: httpx.AsyncClient
) -> None:
    """Issue 7, point 6 over HTTP: counts, state, and the errors to download; twice is as good as once."""
    file = lines(
        {"id": 1, "text": "where", "intent": "card_arrival", "who": "c-1"},
        {"id": 2, "text": "lost", "intent": "=stolen", "who": "c-2"},
        b"{not json \xff",
        {"id": 3, "text": "back", "intent": "refund"},
    )

    answer = await upload(analyst, file, *MAP, ("name", "old.jsonl"), **{"Idempotency-Key": "move"})

    assert answer.status_code == 202, answer.text
    assert (answer.json()["number"], answer.json()["state"], answer.json()["requested_by"]) == (
        1,
        "waiting",
        "dee@example.com",
    )
    again = await upload(analyst, file, *MAP, ("name", "old.jsonl"), **{"Idempotency-Key": "move"})
    other = await upload(analyst, file, *MAP, ("name", "other"), **{"Idempotency-Key": "move"})
    assert (again.status_code, again.json()["number"]) == (200, 1)
    assert (other.status_code, other.json()["code"]) == (409, "other_upload")

    assert await running.advance(world.db, world.settings) == 1

    done = (await analyst.get("/api/v1/imports/1")).json()
    assert (done["state"], done["imported"], done["repeated"], done["left_out"]) == ("done", 2, 0, 2)
    assert done["done"] == done["total"] == done["bytes"] == len(file)
    assert await counted(world.db) == (2, 2, 0)
    decided = await world.db.hot.fetch("SELECT DISTINCT decided_by, source FROM decisions")
    assert [tuple(row) for row in decided] == [("import old.jsonl by dee@example.com", "override")]
    faults = [json.loads(line) for line in (await analyst.get("/api/v1/imports/1/errors")).text.splitlines()]
    assert [(each["line"], type(each["row"])) for each in faults] == [(2, dict), (3, str)]
    assert faults[0]["row"]["who"] == "c-2"
    assert "output.label" in faults[0]["reason"]
    await rows_are_told_to_whoever_may_see_them(world, faults[0]["reason"])
    sheet = (await analyst.get("/api/v1/imports/1/errors?format=csv")).text
    assert [row["line"] for row in csv.DictReader(io.StringIO(sheet))] == ["2", "3"]

    assert (await upload(analyst, file)).json()["number"] == 2
    assert await running.advance(world.db, world.settings) == 1
    listed = (await analyst.get("/api/v1/imports")).json()["data"]
    assert [(each["number"], each["imported"], each["repeated"]) for each in listed] == [(2, 0, 2), (1, 2, 0)]
    acts = await world.db.hot.fetch("SELECT action, actor_name FROM audit_entries WHERE action LIKE '%import%'")
    assert {(row["action"], row["actor_name"]) for row in acts} == {
        ("feedback.imported", "dee@example.com"),
        ("item.imported", "dee@example.com"),
        ("import.ended", "timer"),
    }


async def test_every_format_comes_in_by_its_kind_or_name_or_as_a_form(world: World, analyst: httpx.AsyncClient) -> None:
    """CSV, Parquet, Label Studio, and the form that a page sends."""
    table = io.BytesIO()
    parquet.write_table(pa.table({"id": ["p1"], "text": ["a"], "intent": ["refund"]}), table)
    tasks = [{"id": 7, "data": {"text": "b"}, "annotations": [{"result": [CHOSEN]}]}]
    mapped = MAP[:3]
    studio = ("map", "input.text=data.text"), ("map", "label.label=label.intent"), ("map", "external_id=external_id")
    form = {"type": "ticket_intent", "map": "input.text = text\nlabel = intent\n\nexternal_id=id", "as": "queue"}

    answers = [
        await upload(analyst, b"\xef\xbb\xbfid,text,intent\r\nc1,x,refund\r\n", *mapped, kind="text/csv"),
        await upload(analyst, table.getvalue(), *mapped, kind="application/vnd.apache.parquet"),
        await upload(analyst, json.dumps(tasks).encode(), *studio, kind="application/json"),
        await analyst.post(
            "/api/v1/imports", data=form, files={"file": ("C:\\old\\rows.jsonl", lines(ROW), "text/plain")}
        ),
    ]

    assert [each.status_code for each in answers] == [202] * 4, [each.text for each in answers]
    assert (answers[3].json()["name"], answers[3].json()["as"]) == ("rows.jsonl", "queue")
    assert await running.advance(world.db, world.settings) == 4
    stored = await world.db.hot.fetch("SELECT external_id, state FROM items ORDER BY external_id")
    assert [tuple(row) for row in stored] == [
        ("1", "open"),
        ("c1", "decided"),
        ("label-studio-7", "decided"),
        ("p1", "decided"),
    ]


async def test_what_cannot_be_imported_is_refused_with_its_place_and_nothing_is_kept(
    world: World, analyst: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bad input: a clear refusal that names the line, and never half an effect."""
    good, text = lines(ROW), (("map", "input.text=text"), ("map", "label=intent"))
    asked: list[tuple[bytes, tuple[tuple[str, str], ...], dict[str, str], int, str]] = [
        (good, text, {"kind": "application/pdf"}, 415, "send one of"),
        (good, text, {"kind": "application/octet-stream"}, 422, "nothing else tells what the file is"),
        (b"", text, {}, 422, "holds no rows"),
        (b"text,intent\nx,refund\n", text, {}, 422, "of line 1"),
        (b"text,label\nx,refund\n", text, {"kind": "text/csv"}, 422, "has no column 'intent'; it has: label, text"),
        (b"a,a\n1,2\n", text, {"kind": "text/csv"}, 422, "rows has no header that names each column once"),
        (b"PAR1", text, {"kind": "application/vnd.apache.parquet"}, 422, "rows cannot be read"),
        (b'{"a": 1}', text, {"kind": "application/json"}, 422, "is no JSON array of tasks"),
        (good, (("map", "input.text=nope"), text[1]), {}, 422, "holds no input"),
        (good, (("map", "text"),), {}, 422, "write part=field"),
        (good, (*text, ("as", "both")), {}, 422, "neither decided nor queue"),
        (good, (*text, ("format", "hf")), {}, 422, "none of jsonl"),
        (good, (*text, ("golden", "yes")), {}, 400, "is no parameter of this call"),
    ]
    for content, pairs, headers, status, said in asked:
        answer = await upload(analyst, content, *pairs, ("name", "rows"), **headers)
        assert (answer.status_code, said in answer.text) == (status, True), answer.text
    form = httpx.Request("POST", BASE_URL, files={"file": b"{}"}).read()
    for body, kind in ((form, "multipart/form-data; boundary=other"), (b"--b\r\n", "multipart/form-data; boundary=b")):
        answer = await upload(analyst, body, kind=kind)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), answer.text
    state = cast("Any", analyst)._transport.app.state
    small = msgspec.structs.replace(world.settings, max_import_bytes=len(good) - 1)
    monkeypatch.setitem(state, "services", replace(state.services, settings=small))

    answer = await upload(analyst, good)

    assert (answer.status_code, "larger than" in answer.text) == (413, True)
    assert await counted(world.db) == (0, 0, 0)
    assert (await analyst.get("/api/v1/imports")).json()["data"] == []
    analyst.headers["Authorization"] = f"Bearer {world.tokens['ana']}"
    assert (await upload(analyst, good)).status_code == 403


async def test_what_is_cut_off_goes_on_behind_its_last_row_and_counts_each_once(
    world: World, analyst: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill in the middle of a batch leaves none of it, and the next worker finishes with the same counts."""
    rows = [{"id": at, "text": f"m {at}", "intent": "refund" if at % 10 else "nothing"} for at in range(700)]
    await upload(analyst, lines(*rows))
    store, calls = queries.store, Counter[str]()

    async def killed(*given: Any, **more: Any) -> Any:
        calls["store"] += 1
        stored = await store(*given, **more)
        if calls["store"] == 2:
            raise asyncio.CancelledError
        return stored

    monkeypatch.setattr(queries, "store", killed)
    with pytest.raises(asyncio.CancelledError):
        await running.advance(world.db, world.settings)
    monkeypatch.setattr(queries, "store", store)
    cut = (await analyst.get("/api/v1/imports/1")).json()
    assert (cut["state"], cut["imported"], cut["left_out"], cut["kept"]) == ("running", 225, 25, 25)
    assert await counted(world.db) == (225, 225, 1)
    assert await running.advance(world.db, world.settings) == 0  # somebody has it
    await world.db.hot.execute("UPDATE imports SET lease_until = now() - interval '1 second'")

    assert await running.advance(world.db, world.settings) == 1

    done = (await analyst.get("/api/v1/imports/1")).json()
    assert (done["state"], done["imported"], done["repeated"], done["left_out"]) == ("done", 630, 0, 70)
    assert await counted(world.db) == (630, 630, 0)
    faults = (await analyst.get("/api/v1/imports/1/errors")).text.splitlines()
    assert [json.loads(each)["line"] for each in faults] == list(range(1, 701, 10))
    assert await uploading.forget_left_out(world.db.hot, timedelta(days=1)) == 0
    assert await uploading.forget_left_out(world.db.hot, timedelta(0)) == 70
    assert (await analyst.get("/api/v1/imports/1/errors")).text == ""


async def test_one_that_is_stopped_or_whose_owner_left_imports_nothing_more(
    world: World, analyst: httpx.AsyncClient
) -> None:
    """Who may not import any more does not do so by a worker's hand."""
    for _ in range(uploading.MOST_UNDER_WAY):
        assert (await upload(analyst, lines(ROW))).status_code == 202
    assert (await upload(analyst, lines(ROW))).json()["code"] == "too_many_imports"

    stopped = await analyst.post("/api/v1/imports/1/stop")
    again = await analyst.post("/api/v1/imports/1/stop")
    await world.db.hot.execute("UPDATE memberships SET role = 'reviewer' WHERE user_id = $1", world.people["dee"].id)
    await running.advance(world.db, world.settings)

    assert (stopped.json()["state"], again.json()["code"]) == ("stopped", "import_over")
    found = await world.db.hot.fetch("SELECT state, error FROM imports ORDER BY number LIMIT 2")
    assert [row["state"] for row in found] == ["stopped", "failed"]
    assert "dee@example.com may not import here any more" in found[1]["error"]
    assert (await counted(world.db))[:2] == (0, 0)


async def test_a_file_that_breaks_off_ends_as_failed_and_says_where(world: World, analyst: httpx.AsyncClient) -> None:
    table = io.BytesIO()
    parquet.write_table(pa.table({"id": ["1"] * 4, "text": ["a"] * 4, "intent": ["refund"] * 4}), table)
    await upload(analyst, table.getvalue(), *MAP[:3], ("name", "t"), kind="application/vnd.apache.parquet")
    broken = bytearray(table.getvalue())
    broken[4:24] = b"\xff" * 20
    await world.db.hot.execute("UPDATE import_pieces SET content = $1", bytes(broken))

    await running.advance(world.db, world.settings)

    found = (await analyst.get("/api/v1/imports/1")).json()
    assert found["state"] == "failed"
    assert found["error"].startswith("t cannot be read any further")
    assert await counted(world.db) == (0, 0, 0)
