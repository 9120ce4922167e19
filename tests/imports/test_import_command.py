"""`review import` as somebody types it who moves in."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from review.assurance import queries as estimates
from review.cli.main import main
from review.datasets.formats.arrow import pa, parquet
from review.imports import queries
from review.insight import learning
from review.kernel.db import Database
from review.kernel.settings import Settings
from review.registry import comparison_queries
from review.registry.rules import Called
from tests.imports.conftest import Ask, bring_in
from tests.make import CONFIG, World

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
        await world.submit('three\nlines, "quoted"', external_id="=c", input={"text": "t", "amount": -0.5})
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
    assert [[each[part] for part in TOLD] for each in new] == [[each[part] for part in TOLD] for each in old]
    assert {each["source"] for each in new} == {"override"}
    assert {(each["route"]["rule"], each["route"]["inclusion_probability"]) for each in new} == {(None, 0.0)}
    decided = ask("SELECT DISTINCT decided_by FROM decisions WHERE source = 'override'")
    assert [row["decided_by"] for row in decided] == [f"import feedback.{name} by operator"]


def lines(path: Path, *rows: dict[str, Any] | str) -> Path:
    path.write_text("".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in rows))
    return path


MAP = ("--map", "input.text=text", "--map", "label=intent")


@pytest.mark.usefixtures("target")
def test_rows_that_do_not_fit_go_to_the_error_file_and_the_rest_comes_in(tmp_path: Path, ask: Ask) -> None:
    path, errors = tmp_path / "old.jsonl", tmp_path / "errors.jsonl"
    rows: list[dict[str, Any] | str] = [
        {"text": "where", "intent": "card_arrival"},
        {"text": "lost", "intent": "stolen_card"},
        "{not json",
        {"text": "no label"},
        {"text": 7, "intent": "refund"},
        {"text": "bell\0", "intent": "refund"},
        {"text": "back", "intent": "refund"},
    ]

    result = bring_in(lines(path, *rows), *MAP, "--errors", str(errors))

    assert result.exit_code == 1
    assert f"2 imported (decided items), 0 there already, 5 left out; they are in {errors}." in result.stderr
    faults = [json.loads(line) for line in errors.read_text().splitlines()]
    assert [each["line"] for each in faults] == [2, 3, 4, 5, 6]
    assert faults[0]["row"] == rows[1]
    told = ["output.label", "line 1 column 2", "neither a label", "input.text", "NUL"]
    for fault, said in zip(faults, told, strict=True):
        assert said in fault["reason"]
    assert {each["label"]["label"] for each in records(ask, "moved")} == {"card_arrival", "refund"}


@pytest.mark.usefixtures("target")
def test_an_import_that_was_cut_off_is_simply_run_again(
    tmp_path: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise: a kill in the middle leaves whole items, and the retry finishes it."""
    path = lines(tmp_path / "old.jsonl", *({"text": f"message {n}", "intent": "refund"} for n in range(700)))
    store, calls = queries.store, Counter[str]()

    async def killed(*given: Any, **more: Any) -> Any:
        calls["store"] += 1
        if calls["store"] == 2:
            raise KeyboardInterrupt
        return await store(*given, **more)

    monkeypatch.setattr(queries, "store", killed)
    assert bring_in(path, *MAP).exit_code != 0
    assert set(ask(COUNTS)[0].values()) == {250}
    monkeypatch.setattr(queries, "store", store)

    result = bring_in(path, *MAP)

    assert result.stderr == "450 imported (decided items), 250 there already, 0 left out.\n"
    assert set(ask(COUNTS)[0].values()) == {700}


@pytest.mark.usefixtures("target")
def test_a_queue_goes_through_the_rules_to_people_with_the_label_to_review(tmp_path: Path, ask: Ask) -> None:
    rows = [
        {"id": 1, "text": "where", "intent": "card_arrival"},
        {"id": 2, "text": "lost", "intent": "lost_card", "guess": "refund", "sure": 0.3},
    ]
    path = lines(tmp_path / "old.jsonl", *rows)
    mapped = *MAP, "--map", "output=guess", "--map", "confidence=sure", "--map", "external_id=id", "--as", "queue"

    first, again = bring_in(path, *mapped), bring_in(path, *mapped)

    assert first.stderr == "2 imported (submitted for review), 0 there already, 0 left out.\n"
    assert again.stderr == "0 imported (submitted for review), 2 there already, 0 left out.\n"
    stored = ask("""
        SELECT i.external_id, i.state, b.output::text AS output, b.details ->> 'metadata' AS beside,
               b.submitted_by::text AS sender
        FROM items i JOIN item_bodies b ON b.item_id = i.id ORDER BY i.external_id""")
    assert [(row["external_id"], row["state"]) for row in stored] == [("1", "open"), ("2", "open")]
    assert [json.loads(row["output"]) for row in stored] == [{"label": "card_arrival"}, {"label": "refund"}]
    assert json.loads(stored[1]["beside"]) == {"imported_label": {"label": "lost_card"}}
    assert json.loads(stored[0]["sender"]) == {"kind": "operator", "id": None, "name": "operator"}
    assert ask("SELECT count(*) AS n FROM feedback")[0]["n"] == 0


@pytest.mark.usefixtures("target")
def test_an_external_id_with_other_content_is_left_out_and_what_is_there_stands(tmp_path: Path, ask: Ask) -> None:
    mapped = *MAP, "--map", "external_id=id"
    bring_in(lines(tmp_path / "a.jsonl", {"id": "x", "text": "where", "intent": "refund"}), *mapped)

    result = bring_in(lines(tmp_path / "b.jsonl", {"id": "x", "text": "where", "intent": "lost_card"}), *mapped)

    assert result.exit_code == 1
    assert "line 1: external_id names an item with other content" in result.stderr
    assert [each["label"] for each in records(ask, "moved")] == [{"label": "refund"}]


@pytest.mark.usefixtures("target")
def test_what_takes_two_people_is_not_imported_as_decided(tmp_path: Path, ask: Ask) -> None:
    config = tmp_path / "moved.yaml"
    config.write_text(CONFIG.format(project="moved").replace("undo: 0s", "two_person: true"))
    assert CliRunner().invoke(main, ["apply", str(config)]).exit_code == 0
    path = lines(tmp_path / "old.jsonl", {"text": "where", "intent": "refund"})

    decided, queued = bring_in(path, *MAP), bring_in(path, *MAP, "--as", "queue")

    assert decided.exit_code == 1
    assert "take two people, so nobody imports them as decided; take queue. Nothing was imported." in decided.stderr
    assert queued.exit_code == 0
    assert ask("SELECT count(*) AS n FROM assignments")[0]["n"] == 2


@pytest.mark.usefixtures("target")
def test_a_queue_keeps_to_what_is_stopped(tmp_path: Path, ask: Ask, settings: Settings) -> None:
    """A rule that would let an import through does not, while the project is stopped."""

    async def stop() -> None:
        db = await Database.connect(settings)
        await db.hot.execute("""
            INSERT INTO stops (project_id, id, kind, subject, name, way, reason, stopped_by)
            SELECT id, gen_random_uuid(), 'project', slug, slug, 'approvals', 'a test', 'lea' FROM projects""")
        await db.close()

    mapped = *MAP, "--map", "confidence=sure", "--as", "queue"
    before = lines(tmp_path / "a.jsonl", {"text": "where", "intent": "refund", "sure": 0.99})
    assert bring_in(before, *mapped).exit_code == 0
    asyncio.run(stop())
    after = lines(tmp_path / "b.jsonl", {"text": "again", "intent": "refund", "sure": 0.99})
    assert bring_in(after, *mapped).exit_code == 0

    states = ask("SELECT b.input ->> 'text' AS text, i.state FROM items i JOIN item_bodies b ON b.item_id = i.id")
    assert {row["text"]: row["state"] for row in states} == {"where": "decided", "again": "open"}


@pytest.mark.usefixtures("target")
def test_label_studio_comes_in_by_the_names_of_its_controls(tmp_path: Path, ask: Ask) -> None:
    path = tmp_path / "project-1.json"
    path.write_text(json.dumps(LABEL_STUDIO))
    mapped = "--map", "input.text=data.text", "--map", "label.label=label.intent", "--map", "output.label=output.intent"
    more = "--map", "external_id=external_id", "--map", "comment=label.why", "--map", "model=model"

    result = bring_in(path, *mapped, *more)

    assert result.exit_code == 1
    assert "line 3: holds no label" in result.stderr
    first, second = records(ask, "moved")
    assert (first["external_id"], first["verdict"], first["label"]) == (
        "label-studio-11",
        "correct",
        {"label": "lost_card"},
    )
    assert first["comment"] == "It says lost."
    assert first["model"] == {"name": "label-studio", "version": "v2"}
    assert (second["verdict"], second["label"]) == ("approve", {"label": "refund"})


def _choice(name: str, *chosen: str) -> dict[str, Any]:
    return {"from_name": name, "to_name": "text", "type": "choices", "value": {"choices": list(chosen)}}


LABEL_STUDIO: list[dict[str, Any]] = [
    {
        "id": 11,
        "data": {"text": "my card is gone"},
        "annotations": [
            {
                "id": 1,
                "result": [
                    _choice("intent", "lost_card"),
                    {
                        "from_name": "why",
                        "to_name": "text",
                        "type": "textarea",
                        "value": {"text": ["It says lost."]},
                    },
                ],
                "ground_truth": True,
            },
            {"id": 2, "result": [_choice("intent", "refund")]},
        ],
        "predictions": [{"result": [_choice("intent", "card_arrival")], "score": 0.4, "model_version": "v2"}],
    },
    {
        "id": 12,
        "data": {"text": "money back"},
        "annotations": [
            {"id": 3, "result": [_choice("intent", "refund")]},
            {"id": 4, "result": [], "was_cancelled": True},
        ],
    },
    {
        "id": 13,
        "data": {"text": "nobody looked"},
        "annotations": [],
        "predictions": [{"result": [_choice("intent", "refund")]}],
    },
]


@pytest.mark.usefixtures("target")
def test_a_hugging_face_folder_comes_in_with_its_classes_by_name(tmp_path: Path, ask: Ask) -> None:
    table = pa.table({"text": ["where", "back"], "intent": [0, 1], "score": [0.5, float("nan")]})
    features = {"intent": {"names": ["card_arrival", "refund"], "_type": "ClassLabel"}}
    told = json.dumps({"info": {"features": features}})
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "train-00000-of-00001.parquet"
    parquet.write_table(table.replace_schema_metadata({"huggingface": told}), file)

    result = bring_in(tmp_path, *MAP, "--map", "confidence=score", "--name", "intents of 2025")

    assert result.exit_code == 0
    found = {each["input"]["text"]: (each["label"]["label"], each["confidence"]) for each in records(ask, "moved")}
    assert found == {"where": ("card_arrival", 0.5), "back": ("refund", None)}


@pytest.mark.usefixtures("target")
def test_a_file_that_breaks_off_says_so_and_blames_nobody_else(tmp_path: Path, ask: Ask) -> None:
    path = tmp_path / "old.parquet"
    parquet.write_table(pa.table({"text": ["a"] * 4, "intent": ["refund"] * 4}), path)
    broken = bytearray(path.read_bytes())
    broken[4:24] = b"\xff" * 20
    path.write_bytes(broken)

    result = bring_in(path, *MAP)

    assert result.exit_code == 1
    assert f"{path} cannot be read any further" in result.stderr
    assert ask("SELECT count(*) AS n FROM items")[0]["n"] == 0


@pytest.mark.usefixtures("target")
def test_what_was_imported_counts_in_no_estimate_and_weighs_nothing(tmp_path: Path, settings: Settings) -> None:
    """Promise 30: labels that no rule sent say nothing of how good the rules are."""
    mapped = *MAP, "--map", "model.name=m", "--map", "confidence=sure"
    row = {"text": "where", "intent": "refund", "m": "clf", "sure": 0.9}
    assert bring_in(lines(tmp_path / "old.jsonl", row), *mapped).exit_code == 0

    async def learned() -> tuple[int, list[Any], int]:
        db = await Database.connect(settings)
        try:
            taken = await learning.follow(db)
            counted = await db.hot.fetch("SELECT 1 FROM calibrations")
            project_id = await db.hot.fetchval("SELECT id FROM projects WHERE slug = 'moved'")
            cells = await estimates.list_cells(db.hot, project_id, 30, ("ticket_intent", "clf@"), [0.5, 0.0])
            clf = Called("clf", "", "")
            compared = await comparison_queries.compare(db.hot, project_id, 30, None, (clf, clf))
            judged = [row for row in compared if row["what"] == "judged"]
            return taken, [*counted, *judged], len(cells)
        finally:
            await db.close()

    assert asyncio.run(learned()) == (1, [], 0)


@pytest.mark.usefixtures("target")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--map", "text"], "write part=field"),
        (["--map", "input=a", "--map", "input.text=b"], "names a part that another pair fills"),
        (["--map", "input.text=text"], "say which field holds the label"),
        (["--map", "input.text=txt", "--map", "label=intent"], "has no column 'txt'"),
        ([*MAP, "--project", "nope"], "There is no project 'nope'"),
        ([*MAP, "--type", "nope"], "There is no item type 'nope'"),
        ([*MAP, "--format", "parquet"], "cannot be read"),
        ([*MAP, "--format", "label_studio"], "is no JSON array of tasks"),
    ],
)
def test_what_is_asked_wrongly_gets_one_sentence_and_imports_nothing(
    arguments: list[str], said: str, tmp_path: Path, ask: Ask
) -> None:
    path = tmp_path / "old.csv"
    path.write_text("text,intent\r\nwhere,refund\r\n")

    result = bring_in(path, *arguments)

    assert result.exit_code == 1
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert ask("SELECT count(*) AS n FROM items")[0]["n"] == 0


@pytest.mark.usefixtures("target")
def test_gold_comes_in_as_gold_and_the_same_row_without_it_is_no_second_item(tmp_path: Path, ask: Ask) -> None:
    path = lines(tmp_path / "known.jsonl", {"text": "where", "intent": "refund"})
    row = {"text": "lost", "intent": "refund"}
    some = lines(tmp_path / "some.jsonl", row | {"known": "true"}, row | {"known": "perhaps"})

    refused, first = bring_in(path, *MAP, "--gold", "--as", "queue"), bring_in(path, *MAP, "--gold")
    plain, by_row = bring_in(path, *MAP), bring_in(some, *MAP, "--map", "gold=known")

    assert refused.exit_code == 1
    assert "Gold comes with its answers, so it is imported as decided. Nothing was imported." in refused.stderr
    assert first.stderr == "1 imported (decided items), 0 there already, 0 left out.\n"
    assert "line 1: external_id names an item with other content" in plain.stderr
    assert "line 2: gold is no truth value" in by_row.stderr
    assert [(row["gold"], row["n"]) for row in ask("SELECT gold, count(*) AS n FROM items GROUP BY 1")] == [(True, 2)]
    assert [each["gold"] for each in records(ask, "moved")] == [True, True]
