"""Formats of a snapshot, each read back by the library that its users train with, where it is installed here."""

import csv
import io
import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest

from review.datasets.formats import decoding
from tests.datasets.snapshot_files import lines, render, snapshot_record, write

HOSTILE = {"text": '=1+1\0\r\n"\ud800', "=x": "\0", "long": "ß" * 2_500_000, "exact": 2**70, "none": {}}


def records_of(path: Path, *, with_nulls: bool = False) -> list[dict[str, Any]]:
    return [each for some in decoding.read(path, with_nulls=with_nulls) for each in some]


def huggingface() -> Any:
    """Import `datasets`, which warns of what it finds missing."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    return import_module("datasets")


def test_what_a_file_holds_comes_back_as_it_was_frozen(tmp_path: Path) -> None:
    """Issue 7: leading `=`, NULs, lone surrogates, 5 MB fields, mixed schema versions come out exact."""
    given = [
        snapshot_record(1, input=HOSTILE, decided_at="2026-11-21T12:00:00Z"),
        snapshot_record(2, input={"text": ["mixed"]}, label=3, model=None, tags=[]),
        snapshot_record(3, input={"text": {"deeper": [1, "2", None]}}, label=None, verdict="reject", confidence=None),
    ]

    found = records_of(write(tmp_path / "f.parquet", *given))

    assert found == given


def test_null_and_absent_are_the_same_and_every_known_key_is_there_where_asked_for(tmp_path: Path) -> None:
    path = write(
        tmp_path / "f.parquet", snapshot_record(1, input={"a": None, "b": 1}), snapshot_record(2, input={"a": "x"})
    )

    assert [each["input"] for each in records_of(path)] == [{"b": 1}, {"a": "x"}]
    assert [each["input"] for each in records_of(path, with_nulls=True)] == [{"a": None, "b": 1}, {"a": "x", "b": None}]


def test_jsonl_has_every_column_and_is_the_same_each_time(tmp_path: Path) -> None:
    path = write(tmp_path / "f.parquet", snapshot_record(1, input=HOSTILE), snapshot_record(2))

    made, left_out = render(path, "jsonl")

    assert (made, []) == render(path, "jsonl")
    assert left_out == []
    assert lines(made) == [snapshot_record(1, input=HOSTILE), snapshot_record(2)]


def test_jsonl_is_read_by_duckdb(tmp_path: Path) -> None:
    (tmp_path / "f.jsonl").write_bytes(render(write(tmp_path / "f.parquet", snapshot_record()), "jsonl")[0])

    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT label.label, weight, route.rule FROM read_json_auto(?)", [str(tmp_path / "f.jsonl")]
        ).fetchall()

    assert found == [("card_arrival", 2.0, "low-confidence")]


def test_csv_is_inert_and_read_by_pandas(tmp_path: Path) -> None:
    given = [
        snapshot_record(1, input=HOSTILE, comment="=cmd()", label="=1"),
        snapshot_record(2, comment="\ud800", label=-3),
    ]

    made, _ = render(write(tmp_path / "f.parquet", *given), "csv")

    csv.field_size_limit(10_000_000)
    first, second = csv.DictReader(io.StringIO(made.decode(), newline=""))
    assert json.loads(first["input"]) == HOSTILE
    assert (first["label"], second["label"], first["weight"]) == ('\'"=1"', "-3", "2.0")
    assert first["comment"] == '\'"=cmd()"'  # JSON text, as the column has what UTF-8 cannot hold
    assert first["route.inclusion_probability"] == "1.0"
    assert not any(cell.startswith(("=", "+", "@")) for row in (first, second) for cell in row.values())
    frame: Any = pd.read_csv(io.BytesIO(made))
    assert frame["weight"].tolist() == [2.0, 2.0]


def test_classification_is_read_by_those_who_train(tmp_path: Path) -> None:
    """Promise 32: text, label and weight, as `datasets`, pandas and Polars read them and scikit-learn takes them."""
    given = [
        snapshot_record(at, input={"text": f"{word} card", "lang": "en"}, label={"label": word}, label_class=word)
        for at, word in enumerate(("lost", "found", "lost", "found"))
    ]
    path = tmp_path / "train.jsonl"
    made, left_out = render(
        write(tmp_path / "f.parquet", *given, snapshot_record(9, label=None), snapshot_record(10, input={"n": 1})),
        "classification",
    )
    path.write_bytes(made)

    assert left_out == ["no label at its place", "no text at its place in the input"]
    read = huggingface().Dataset.from_json(str(path), cache_dir=str(tmp_path))
    assert read["label"][:2] == ["lost", "found"]
    assert pl.read_ndjson(path)["weight"].to_list() == [2.0] * 4
    frame: Any = pd.read_json(path, lines=True)
    text, models = import_module("sklearn.feature_extraction.text"), import_module("sklearn.linear_model")
    counts = text.CountVectorizer().fit_transform(frame["text"])
    trained = models.LogisticRegression().fit(counts, frame["label"], sample_weight=frame["weight"])
    assert list(trained.predict(counts)) == ["lost", "found", "lost", "found"]


@pytest.mark.parametrize(("text_at", "label_at", "text", "label"), [("msg.body", "intent.name", "hi", "x")])
def test_text_and_label_are_taken_from_where_they_are_said_to_be(
    tmp_path: Path, text_at: str, label_at: str, text: str, label: str
) -> None:
    given = snapshot_record(input={"msg": {"body": "hi"}, "a": "b"}, label={"intent": {"name": "x"}, "c": 1})

    made, _ = render(write(tmp_path / "f.parquet", given), "classification", text_at=text_at, label_at=label_at)

    assert [(each["text"], each["label"]) for each in lines(made)] == [(text, label)]
