"""`review import` as somebody types it who moves in."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from review.cli.main import main
from review.imports import queries
from review.kernel.db import Database
from review.kernel.settings import Settings
from tests.imports.conftest import Ask, bring_in
from tests.make import World

HOSTILE = "'=cmd|' /C calc'!A0; -1;\t+2"
TOLD = "input", "model_output", "label", "verdict", "reasons", "comment", "model", "confidence", "tags", "external_id"
RECORDS = """
SELECT record::text AS record FROM feedback f JOIN projects p ON p.id = f.project_id AND p.slug = $1
ORDER BY record ->> 'external_id'
"""
COUNTS = """
SELECT (SELECT count(*) FROM items) AS items, (SELECT count(*) FROM decisions) AS decisions,
       (SELECT count(*) FROM feedback) AS feedback, (SELECT count(*) FROM events) AS events,
       (SELECT count(*) FROM item_bodies) AS bodies,
       (SELECT count(*) FROM audit_entries WHERE action = 'item.decided') AS entries
"""


@pytest.fixture
def judged(settings: Settings, target: None) -> None:  # noqa: ARG001  a fixture that prepares
    """Items of `support` that were approved, corrected and rejected."""

    async def prepare() -> None:
        db = await Database.connect(settings)
        world = await World.build(db, settings)
        await world.submit("one", external_id="a", model={"name": "clf", "version": "7"}, tags=["beta"])
        await world.submit(HOSTILE, external_id="b", subject="customer-1")
        await world.submit("three\nlines, \"quoted\"", external_id="=c", input={"text": "t", "amount": -0.5})
        verdicts: list[dict[str, Any]] = [
            {"verdict": "approve"},
            {"verdict": "correct", "output": {"label": "refund"}, "reasons": ["wrong_label"], "comment": "=1+1; -2"},
            {"verdict": "reject", "reasons": ["ambiguous"]},
        ]
        for assignment, given in zip(await world.claim("ana", limit=3), verdicts, strict=True):
            await world.judge("ana", assignment, **given)
        await db.close()

    asyncio.run(prepare())


def records(ask: Ask, project: str) -> list[dict[str, Any]]:
    return [json.loads(row["record"]) for row in ask(RECORDS, project)]


@pytest.mark.usefixtures("judged")
@pytest.mark.parametrize("name", ["jsonl", "csv", "parquet"])
def test_what_was_exported_comes_in_with_the_same_labels_and_once(name: str, tmp_path: Path, ask: Ask) -> None:
    """Issue 7, point 6: the round trip, and twice is as good as once."""
    path = tmp_path / f"feedback.{name}"
    exported = CliRunner().invoke(main, ["export", "--project", "support", "--format", name, "--out", str(path)])
    assert exported.exit_code == 0

    first, again = bring_in(path), bring_in(path)

    assert first.stderr == "3 imported (decided items), 0 there already, 0 left out.\n"
    assert first.exit_code == again.exit_code == 0
    assert again.stderr.startswith("0 imported (decided items), 3 there already, 0 left out.")
    old, new = records(ask, "support"), records(ask, "moved")
    assert [{part: each[part] for part in TOLD} for each in new] == [{part: each[part] for part in TOLD} for each in old]
    assert {each["source"] for each in new} == {"override"}
    assert {(each["route"]["rule"], each["route"]["inclusion_probability"]) for each in new} == {(None, 0.0)}
    decided = ask("SELECT DISTINCT decided_by FROM decisions WHERE source = 'override'")
    assert [row["decided_by"] for row in decided] == [f"import feedback.{name} by operator"]
