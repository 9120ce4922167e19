"""The client against the whole application: moving in, following events, exporting, and what erasing leaves."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from countersign_client import AsyncClient, Client, FormatOptions, ImportFailed, ImportLate, Invalid, NotFound
from review.datasets.snapshots import running as snapshots
from review.delivery.feed import service as feed
from review.erasure import running as erasing
from review.erasure import service as erasures
from review.erasure.schemas import ErasureIn
from review.identity.rules import Role
from review.imports import running
from tests.make import BASE_URL, World

Connect = Callable[..., AsyncClient]
REFUSED = {"status": 422, "code": "import_invalid", "detail": "no", "title": "", "type": ""}
MAP = {"input.text": "text", "label": "intent", "external_id": "id", "subject": "who"}


@pytest.fixture
async def analyst(world: World, connect: Connect) -> AsyncClient:
    """A data scientist who moves in; a worker has its turn while the client rests."""
    await world.add_person("dee", Role.ANALYST)

    async def rest(_seconds: float) -> None:
        await running.advance(world.db, world.settings)

    return connect(world.tokens["dee"], sleep=rest)


def unfinished(folder: Path) -> list[Path]:
    return list(folder.glob("*.part"))


async def test_a_team_moves_in_and_trains_from_what_it_brought(
    world: World, analyst: AsyncClient, tmp_path: Path
) -> None:
    """Issue 7, points 6 and 7: upload, wait, the errors, an export, and a snapshot in a trainer's format."""
    old = tmp_path / "old.jsonl"
    rows = [{"id": at, "text": f"m {at}", "intent": "refund" if at else "stolen", "who": "c-1"} for at in range(4)]
    old.write_text("".join(json.dumps(each) + "\n" for each in rows))

    begun = await analyst.imports.upload(old, type="ticket_intent", map=MAP)
    with pytest.raises(ImportLate):
        await analyst.imports.wait(begun, timeout=0)
    done = await analyst.imports.wait(begun, timeout=30)

    assert (begun.state, begun.name, done.imported, done.left_out, done.how) == (
        "waiting",
        "old.jsonl",
        3,
        1,
        "decided",
    )
    (fault,) = await analyst.imports.left_out(done)
    assert (fault.line, fault.row) == (1, rows[0])
    saved = await analyst.imports.save_left_out(done, tmp_path / "left-out.csv", format="csv")
    with saved.open(newline="") as file:
        assert [json.loads(each["row"]) for each in csv.DictReader(file)] == rows[:1]
    assert [each.number async for each in analyst.imports.all()] == [1]
    again = await analyst.imports.upload(old.read_bytes(), type="ticket_intent", map=MAP, format="jsonl", name="again")
    stopped = await analyst.imports.stop(again)
    with pytest.raises(ImportFailed) as failed:
        await analyst.imports.wait(again)
    assert failed.value.imported == stopped
    with pytest.raises(Invalid, match="no column 'words'"):
        await analyst.imports.upload(
            b"a,b\n1,2\n", type="ticket_intent", map={"input.text": "words", "label": "b"}, format="csv"
        )
    with pytest.raises(NotFound):
        await analyst.imports.get(9)

    exported = await analyst.export(tmp_path / "feedback.jsonl", format="jsonl", type="ticket_intent")
    assert len(exported.read_text().splitlines()) == 3
    await analyst.datasets.create("intents", {"criteria": {"types": ["ticket_intent"]}})
    await analyst.datasets.begin_snapshot("intents")
    await snapshots.advance(world.db, world.settings)
    asked: FormatOptions = {"text_at": "text"}
    checked = await analyst.datasets.check_export("intents", format="classification", **asked)
    lines = await analyst.datasets.export("intents", tmp_path / "train.jsonl", format="classification", **asked)
    assert checked.given == len(lines.read_text().splitlines()) == 3
    assert unfinished(tmp_path) == []


async def test_events_and_a_history_are_followed_and_erased_records_are_told(
    world: World, connect: Connect, analyst: AsyncClient
) -> None:
    """Promise 32 for a follower: the feed tells which records to remove, and the client reads that."""
    upstream = connect(world.service_key)
    row = {"id": "a", "text": "m", "intent": "refund", "who": "c-1"}
    rows = [row, row | {"id": "b", "intent": "x"}, row | {"id": "c", "intent": "x", "who": "c-2"}]
    content = "\n".join(map(json.dumps, rows)).encode()
    done = await analyst.imports.wait(
        await analyst.imports.upload(content, type="ticket_intent", map=MAP, format="jsonl")
    )
    assert [each.row["who"] for each in await analyst.imports.left_out(done)] == ["c-1", "c-2"]
    (record,) = [record async for record in upstream.feedback()]
    (first,) = [page async for page in upstream.feedback_pages()]
    await feed.relay(feed.Post(world.db, world.configs, lambda _grown: None, BASE_URL))

    (event,) = [event async for event in upstream.events(types=["item.decided"])]
    assert (event.data["imported"], event.item is not None and event.item.id) == (True, record.item_id)
    assert [event async for event in upstream.events(after=str(event.id))] == []
    actions = [each.action for each in await upstream.history(record.item_id)]
    assert actions == ["item.imported", "item.decided"]

    async with world.db.transaction() as tx:
        await erasures.request(tx, who=world.service, asked=ErasureIn(reason="asked", subject="c-1"))
    for _ in range(3):
        await erasing.advance(world.db, world.settings, lambda _closed: None)
        await world.db.hot.execute("UPDATE erasures SET lease_until = NULL")
    (later,) = [page async for page in upstream.feedback_pages(after=first.next)]
    assert (later.data, [each.item_id for each in later.withdrawn]) == ([], [record.item_id])
    assert (await upstream.get(record.item_id)).erased is not None
    assert [record async for record in upstream.feedback()] == []
    assert [each.row["who"] for each in await analyst.imports.left_out(done)] == ["c-2"]


def test_a_file_is_sent_again_whole_and_under_the_same_key(tmp_path: Path) -> None:
    """Promise 1 for a large body: an upload whose answer was lost is repeated, and makes one import."""
    file = tmp_path / "old.csv"
    file.write_bytes(b"text,intent\n" * 60_000)
    came: list[tuple[str, str, bytes]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        came.append((request.headers["idempotency-key"], request.headers["content-length"], request.read()))
        return httpx.Response(503) if len(came) == 1 else httpx.Response(422, json=REFUSED)

    with (
        Client("http://somewhere", "key", transport=httpx.MockTransport(answer), sleep=lambda _: None) as client,
        pytest.raises(Invalid),
    ):
        client.imports.upload(file, type="ticket_intent", map=MAP)

    assert came == [(came[0][0], str(file.stat().st_size), file.read_bytes())] * 2
