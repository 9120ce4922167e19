"""Exports of records that people's judgement left behind, on a real server."""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from review.datasets import service as datasets
from review.datasets.errors import ExportFormatUnknown
from review.datasets.formats.arrow import parquet
from review.datasets.schemas import Format, Progress, Selection, get_format
from review.feedback import queries
from review.feedback import service as feedback
from review.feedback.rules import Judgement, Outcome, Route, Subject
from review.kernel.db import Database, driver_of
from review.kernel.ids import new_id

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
async def project(db: Database) -> UUID:
    project_id = new_id()
    await db.hot.execute("INSERT INTO projects (id, slug, title) VALUES ($1, $2, 'P')", project_id, str(project_id))
    return project_id


async def leave(db: Database, project_id: UUID, *, item: UUID | None = None, revision: int = 1, **given: Any) -> UUID:
    """Record the feedback of a decision, as the decision itself would."""
    item_id = item or new_id()
    decided_at = NOON + timedelta(minutes=given.get("minute", 0))
    subject = Subject(
        id=item_id,
        type=given.get("type", "ticket_intent"),
        type_version=1,
        input=given.get("input", {"text": 'a "b"\n\\n ünïcode'}),
        output={"label": "a"},
        confidence=0.5,
    )
    outcome = Outcome(
        revision=revision,
        verdict="correct",
        source="review",
        decided_at=decided_at,
        output={"label": given.get("label", "b")},
        comment=given.get("comment"),
    )
    route = Route(rule="doubtful", ruleset_version=1, inclusion_probability=1.0)
    async with db.transaction() as tx:
        driver = await driver_of(tx)
        await driver.execute(
            "INSERT INTO decisions"
            " (project_id, item_id, revision, verdict, source, reasons, comment, decided_by, reviews)"
            " VALUES ($1, $2, $3, 'correct', 'review', '[]', '', 'ana', 1)",
            project_id,
            item_id,
            revision,
        )
        judgement = Judgement("correct", {"label": "b"})
        await feedback.record(tx, project_id, subject=subject, route=route, outcome=outcome, judgements=[judgement])
    return item_id


async def export(db: Database, project_id: UUID, chosen: Format, **selection: Any) -> bytes:
    pieces = datasets.export_stream(db, project_id, chosen, Selection(**selection))
    return b"".join([piece async for piece in pieces])


async def records(db: Database, project_id: UUID, **selection: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (await export(db, project_id, Format.JSONL, **selection)).splitlines()]


async def test_jsonl_holds_each_record_bit_for_bit_as_it_was_frozen(db: Database, project: UUID) -> None:
    await leave(db, project)
    await leave(db, project, comment="tab\t, \\ and \u2028", input={"text": "\\\\n", "rate": 1e-7})

    frozen = await db.hot.fetch("SELECT record FROM feedback WHERE project_id = $1 ORDER BY decided_at, id", project)

    assert await export(db, project, Format.JSONL) == b"".join(row["record"].encode() + b"\n" for row in frozen)
    assert (await records(db, project))[1]["comment"] == "tab\t, \\ and \u2028"


async def test_every_format_holds_the_same_records_in_the_same_order(db: Database, project: UUID) -> None:
    items = [str(await leave(db, project, minute=at)) for at in range(5)]

    table = parquet.read_table(io.BytesIO(await export(db, project, Format.PARQUET)))
    lines = (await export(db, project, Format.CSV)).decode().count("\r\n")

    assert [each["item_id"] for each in await records(db, project)] == items
    assert table.column("item_id").to_pylist() == items
    assert lines == 6


@pytest.mark.parametrize("chosen", list(Format))
async def test_exporting_twice_gives_the_same_bytes(db: Database, project: UUID, chosen: Format) -> None:
    for at in range(5):
        await leave(db, project, minute=at, input={"amount": at if at % 2 else str(at)})

    assert await export(db, project, chosen) == await export(db, project, chosen)


async def test_a_revised_decision_is_exported_once_as_it_stands_now(db: Database, project: UUID) -> None:
    item = await leave(db, project, label="first")
    await leave(db, project, label="other", minute=1)
    await leave(db, project, item=item, revision=2, label="second", minute=2)

    assert [each["label"]["label"] for each in await records(db, project)] == ["other", "second"]


async def test_type_and_since_select(db: Database, project: UUID) -> None:
    await leave(db, project, type="a", minute=0)
    await leave(db, project, type="b", minute=1)
    await leave(db, project, type="a", minute=2)

    assert [each["type"] for each in await records(db, project, of_type="a")] == ["a", "a"]
    assert [each["type"] for each in await records(db, project, since=NOON + timedelta(minutes=1))] == ["b", "a"]
    assert await records(db, project, of_type="nothing") == []


async def test_what_is_left_out_is_told_by_reason_and_adds_up(db: Database, project: UUID) -> None:
    """Issue 7: an export says how many records it leaves out, and why."""
    item = await leave(db, project, label="first")
    await leave(db, project, item=item, revision=2, minute=1)
    await leave(db, project, type="b", minute=1)
    await leave(db, project, minute=1)
    erased = await leave(db, project, minute=2)
    async with db.transaction() as tx:
        await queries.withdraw(tx, project, [erased], [new_id()])
    told: list[Progress] = []
    for chosen in Format:
        for selection in (Selection(), Selection(of_type="ticket_intent", since=NOON + timedelta(minutes=1))):
            pieces = datasets.export_stream(db, project, chosen, selection, watch=told.append)
            assert [piece async for piece in pieces]
            asked = selection.of_type is not None
            wanted = {"erased": 1, "replaced by a later revision": 1}
            if asked:
                wanted = {"erased": 1, "another item type": 1, "decided outside the dates": 1}
            assert (told[-1].records, told[-1].left_out) == (2 if asked else 3, wanted)


@pytest.mark.parametrize("of_type", ["a' OR true --", "a\\' OR true --", "\\", "'", "ä😀", "$1", "%s"])
async def test_a_hostile_type_selects_nothing(db: Database, project: UUID, of_type: str) -> None:
    await leave(db, project, type="a")

    assert await records(db, project, of_type=of_type) == []


async def test_a_type_with_quotes_and_backslashes_selects_its_own(db: Database, project: UUID) -> None:
    await leave(db, project, type="it's a \\ type")

    assert len(await records(db, project, of_type="it's a \\ type")) == 1


async def test_another_projects_feedback_is_not_in_it(db: Database, project: UUID) -> None:
    await leave(db, project)

    assert await records(db, new_id()) == []


async def test_the_watcher_sees_the_end_and_the_number_of_records(db: Database, project: UUID) -> None:
    for at in range(3):
        await leave(db, project, minute=at)
    seen: list[Progress] = []

    stream = datasets.export_stream(db, project, Format.CSV, watch=seen.append)
    assert len([piece async for piece in stream]) == 2

    assert seen == [Progress(0, 3, 0), Progress(3, 3, 3)]


async def test_what_commits_after_the_export_began_is_not_in_it(db: Database, project: UUID) -> None:
    await leave(db, project)
    stream = datasets.export_stream(db, project, Format.CSV)
    header = await anext(stream)
    await leave(db, project)

    rest = [piece async for piece in stream]

    assert header.startswith(b"id,")
    assert sum(piece.count(b"\r\n") for piece in rest) == 1


async def test_a_reader_who_leaves_gives_every_connection_back(db: Database, project: UUID) -> None:
    for at in range(3):
        await leave(db, project, minute=at)
    stream = datasets.export_stream(db, project, Format.JSONL)
    await anext(stream)

    await stream.aclose()

    assert db.hot.get_idle_size() == db.hot.get_size()


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ExportFormatUnknown, match="parquet, jsonl or csv"):
        get_format("xlsx")
