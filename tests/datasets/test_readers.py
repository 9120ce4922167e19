"""The four readers that data scientists use, each on the same Parquet export."""

import datetime as dt
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest

from tests.datasets.records import parquet_of, record

DECIDED = dt.datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    records = [
        record(1, input={"text": "a", "amount": 3, "lines": [{"sku": "x", "count": 2}]}),
        record(2, input={"text": "b", "amount": "three"}, verdict="reject", label=None, confidence=None, tags=[]),
    ]
    path = tmp_path_factory.mktemp("export") / "feedback.parquet"
    path.write_bytes(parquet_of(records))
    return path


def test_pandas(exported: Path) -> None:
    frame: Any = pd.read_parquet(exported)

    assert str(frame["decided_at"].dtype) == "datetime64[us, UTC]"
    assert frame["decided_at"][0] == DECIDED
    assert frame["confidence"].dtype == "float64"
    assert frame["label"][0] == {"label": "card_arrival"}
    assert frame["label"][1] is None
    assert list(frame["reasons"][0]) == ["wrong_label"]
    assert [json.loads(each["amount"]) for each in frame["input"]] == [3, "three"]


def test_polars(exported: Path) -> None:
    frame = pl.read_parquet(exported)

    assert frame.schema["decided_at"] == pl.Datetime("us", "UTC")
    assert frame.schema["label"] == pl.Struct({"label": pl.String})
    assert frame.schema["reasons"] == pl.List(pl.String)
    assert frame["decided_at"][0] == DECIDED
    assert frame["confidence"].to_list() == [0.62, None]
    assert frame["input"].struct.field("lines")[0].to_list() == [{"count": 2, "sku": "x"}]
    assert frame["tags"].to_list() == [["beta"], []]


def test_duckdb(exported: Path) -> None:
    with duckdb.connect() as connection:
        types = {
            name: kind
            for name, kind, *_ in connection.execute(
                "DESCRIBE SELECT * FROM read_parquet(?)", [str(exported)]
            ).fetchall()
        }
        row = connection.execute(
            "SELECT label.label, input.lines[1].sku, input.amount::JSON, route.inclusion_probability, confidence,"
            " epoch_us(decided_at) FROM read_parquet(?) ORDER BY id",
            [str(exported)],
        ).fetchone()

    assert types["decided_at"] == "TIMESTAMP WITH TIME ZONE"
    assert types["label"] == 'STRUCT("label" VARCHAR)'
    assert types["reasons"] == "VARCHAR[]"
    assert types["type_version"] == "BIGINT"
    assert row == ("card_arrival", "x", "3", 1.0, 0.62, int(DECIDED.timestamp() * 1_000_000))


def test_hugging_face_datasets(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    datasets = import_module("datasets")  # only now: it reads the variables when it is imported

    loaded: Any = datasets.Dataset.from_parquet(str(exported), cache_dir=str(tmp_path))

    assert loaded.features["decided_at"].dtype == "timestamp[us, tz=UTC]"
    assert loaded.features["confidence"].dtype == "float64"
    assert loaded.features["label"]["label"].dtype == "string"
    assert loaded[0]["label"] == {"label": "card_arrival"}
    assert loaded[0]["decided_at"] == DECIDED
    assert loaded[1]["tags"] == []
    assert loaded[1]["input"]["text"] == "b"
