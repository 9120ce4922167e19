import csv
import io
import json
import re
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from review.datasets.formats.csv import HEADER, CsvEncoder, guard
from tests.datasets.records import lines_of, record

TRIGGERS = "=+@\uff1d\uff0b\uff0d\uff20-"
HOSTILE = st.text(alphabet=st.sampled_from(list(" \t\r\n;,\"'=+-@\uff1dax1\0")), max_size=12)


def csv_of(*records: dict[str, Any]) -> bytes:
    encoder = CsvEncoder()
    return encoder.begin() + encoder.add(lines_of(records)) + encoder.end()


def rows_of(file: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.decode(), newline="")))


def unguarded(text: str) -> str:
    """Take the apostrophes out again, by the rule the module documents."""
    blanks = "[\\s\"'\ufffd\ufeff\u200b]*"
    text = re.sub(rf"([;\t\r\n])'(?={blanks}[{TRIGGERS}])", r"\1", text)
    return re.sub(rf"^'(?={blanks}(?:[\t\r\n]|[{TRIGGERS}]))", "", text)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+49 30 1234", "'+49 30 1234"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1+1", "'\t'=1+1"),
        ("\r=1", "'\r'=1"),
        ("  =cmd|' /C calc'!A0", "'  =cmd|' /C calc'!A0"),
        ('"=1+1"', '\'"=1+1"'),
        ("\uff1d1", "'\uff1d1"),
        ("\0=1", "'\ufffd=1"),
        ("x;=1+1", "x;'=1+1"),
        ("x\n=1+1", "x\n'=1+1"),
        ('x; "=1+1"', 'x;\' "=1+1"'),
        ("a = b - c", "a = b - c"),
        ("mail me@example.com", "mail me@example.com"),
        ("1-2", "1-2"),
        ("'quoted'", "'quoted'"),
        ("", ""),
    ],
)
def test_text_that_a_spreadsheet_would_run_is_guarded_and_other_text_is_not(text: str, cell: str) -> None:
    assert guard(text) == cell


@settings(max_examples=1_000)
@given(HOSTILE)
def test_no_cell_can_begin_a_formula_wherever_the_reader_splits(text: str) -> None:
    row = rows_of(csv_of(record(comment=text)))[0]
    for piece in re.split(r"[;\t\r\n]", row["comment"]):
        assert not piece.lstrip(' "\ufffd').startswith(tuple(TRIGGERS))


@settings(max_examples=1_000)
@given(HOSTILE.filter(lambda text: "\0" not in text))
def test_the_guard_can_be_taken_off_again(text: str) -> None:
    assert unguarded(guard(text)) == text


@given(HOSTILE)
def test_hostile_text_inside_nested_values_stays_json_and_inert(text: str) -> None:
    cell = rows_of(csv_of(record(input={"text": text, text: -1})))[0]["input"]

    assert isinstance(json.loads(cell), dict)
    for piece in re.split(r"[;\t\r\n]", cell):
        assert not piece.lstrip(' "').startswith(tuple(TRIGGERS))


def test_numbers_stay_numbers_and_nested_values_are_compact_json() -> None:
    file = csv_of(record(confidence=-0.5, label=-3, tags=["a", "b"], comment=None), record(2, comment="two\r\nlines"))

    first, second = rows_of(file)
    assert first["confidence"] == "-0.5"
    assert first["label"] == "-3"
    assert first["tags"] == '["a", "b"]'
    assert first["comment"] == ""
    assert first["route.inclusion_probability"] == "1.0"
    assert second["comment"] == "two\r\nlines"


def test_the_header_is_the_same_without_records_and_follows_the_contract() -> None:
    assert csv_of() == (",".join(HEADER) + "\r\n").encode()
    assert [name.partition(".")[0] for name in HEADER if "." not in name or name == "route.rule"] == list(record())


def test_null_label_and_the_text_null_are_told_apart() -> None:
    nothing, word = rows_of(csv_of(record(label=None), record(label="null")))

    assert (nothing["label"], word["label"]) == ("", '"null"')


def test_pandas_reads_it_with_numbers_as_numbers() -> None:
    frame: Any = pd.read_csv(io.BytesIO(csv_of(record(comment='a "quoted", cell\n=x'), record(2, confidence=None))))

    assert frame["confidence"].dtype == "float64"
    assert frame["route.ruleset_version"].tolist() == [3, 3]
    assert frame["comment"][0] == 'a "quoted", cell\n\'=x'
    assert json.loads(frame["input"][0])["text"] == "where is my card?"
