import datetime as dt
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from review.datasets.formats.arrow import pa, parquet
from tests.datasets.records import parquet_of, pruned, read_back, record

KEYS = st.one_of(st.sampled_from(["a", "A", "b", "", "x.y", "label", "ß", "ss"]), st.text(max_size=4))
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.sampled_from([2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, 2**63, -(2**70), 0.1, -0.0, 1e300, 5e-324, 1e16]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(["2026-11-21T12:00:00Z", "2026-11-21", "\ud800", "a\0b", "\u2028", "null", "1", "\ud83d\ude00"]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
PAYLOADS = st.fixed_dictionaries({}, optional=dict.fromkeys(("input", "model_output", "label", "model"), VALUES))


def schema_of(file: bytes) -> Any:
    return parquet.read_schema(io.BytesIO(file))


@settings(max_examples=150, deadline=None)
@given(payloads=st.lists(PAYLOADS, min_size=1, max_size=8), chunk=st.integers(1, 8))
def test_whatever_json_the_records_hold_reads_back_equal(payloads: list[dict[str, Any]], chunk: int) -> None:
    records = [record(number, **payload) for number, payload in enumerate(payloads)]
    for each in records:
        each["decided_at"] = "2026-11-21T12:00:00Z"

    found = read_back(parquet_of(records, chunk=chunk))

    for each in found:
        assert each.pop("decided_at") == dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
    for each in records:
        del each["decided_at"]
        # What the encoder wrote is what counts: two halves of a pair are one character once they are in JSON.
        each.update(json.loads(json.dumps(each)))
    assert [pruned(each) for each in found] == [pruned(each) for each in records]


def test_columns_of_the_contract_have_their_types_and_their_order() -> None:
    schema = schema_of(parquet_of([record()]))
    text = pa.list_(pa.field("element", pa.string()))

    assert schema.names == list(record())
    assert {
        name: schema.field(name).type for name in schema.names if name not in ("input", "model_output", "model")
    } == {
        **dict.fromkeys(
            ("id", "item_id", "external_id", "type", "verdict", "source", "comment", "impact"), pa.string()
        ),
        "type_version": pa.int64(),
        "label": pa.struct([("label", pa.string())]),
        "reasons": text,
        "tags": text,
        "confidence": pa.float64(),
        "agreement": pa.float64(),
        "reviews": pa.int64(),
        "route": pa.struct(
            [("inclusion_probability", pa.float64()), ("rule", pa.string()), ("ruleset_version", pa.int64())]
        ),
        "decided_at": pa.timestamp("us", "UTC"),
        "gold": pa.bool_(),
    }


def test_an_export_without_records_still_has_every_column() -> None:
    file = parquet_of([])

    assert schema_of(file).names == list(record())
    assert read_back(file) == []


def test_a_whole_number_confidence_stays_a_double_column() -> None:
    file = parquet_of([record(1, confidence=1), record(2, confidence=0.5)])

    assert schema_of(file).field("confidence").type == pa.float64()
    assert [each["confidence"] for each in read_back(file)] == [1.0, 0.5]


@pytest.mark.parametrize("chunk", [1, 10])
def test_only_the_part_whose_types_conflict_becomes_json_text(chunk: int) -> None:
    records = [
        record(1, input={"amount": 3, "text": "a"}),
        record(2, input={"amount": "three", "text": "b"}),
        record(3, input={"amount": {"value": 3}, "text": None}),
    ]

    file = parquet_of(records, chunk=chunk)

    given_type = schema_of(file).field("input").type
    assert given_type.field("text").type == pa.string()
    assert given_type.field("text").metadata is None
    assert given_type.field("amount").metadata == {b"countersign.encoding": b"json"}
    assert [row["amount"] for row in parquet.read_table(io.BytesIO(file)).column("input").to_pylist()] == [
        "3",
        '"three"',
        '{"value":3}',
    ]
    assert json.loads(schema_of(file).metadata[b"countersign.json_columns"]) == ["input.amount"]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([{}], "an object without keys cannot be a struct"),
        ([{f"k{n}": n for n in range(300)}], "keys that are data"),
        ([{f"a{n}": 1} for n in range(300)], "keys that are data, one by one"),
        ([{"a": 1, "A": 2}], "names that DuckDB cannot tell apart"),
        ([{"": 1}], "a name that readers refuse"),
        ([True, 1], "true is not 1"),
        ([2**53 + 1, 0.5], "a double would round it"),
        ([0.5, 2**53 + 1], "a double would round it, later"),
        ([2**63], "beyond 64 bits"),
    ],
)
def test_what_no_type_holds_is_kept_as_json_text(values: list[Any], reason: str) -> None:
    records = [record(number, label=value) for number, value in enumerate(values)]

    file = parquet_of(records, chunk=1)

    assert "label" in json.loads(schema_of(file).metadata[b"countersign.json_columns"]), reason
    assert [each["label"] for each in read_back(file)] == values


def test_deep_nesting_becomes_json_text_at_the_depth_limit() -> None:
    value: Any = "core"
    for _ in range(90):
        value = {"in": [value]}

    assert read_back(parquet_of([record(input=value)]))[0]["input"] == value


def test_null_and_absent_both_read_as_null() -> None:
    found = read_back(
        parquet_of([record(1, input={"a": None, "b": 1}), record(2, input={"b": 2}), record(3, input=None)])
    )

    assert [each["input"] for each in found] == [{"a": None, "b": 1}, {"a": None, "b": 2}, None]


def test_a_record_of_some_megabytes_is_read() -> None:
    image = "data:image/png;base64," + "A" * 3_000_000
    records = [record(1), record(2, input={"image": image}), record(3)]

    assert read_back(parquet_of(records))[1]["input"]["image"] == image


def test_the_same_records_give_the_same_bytes_however_they_came_in_row_groups() -> None:
    records = [record(number, input={"text": str(number) * 9}) for number in range(3_000)]

    assert parquet_of(records, chunk=500) == parquet_of(records, chunk=500)


def test_a_field_that_first_appears_late_has_a_column_of_its_own() -> None:
    records = [record(number) for number in range(2_500)]
    records[2_400] = record(2_400, label={"label": "x", "spans": [{"from": 1, "to": 4}]}, new_field=True)

    file = parquet_of(records, chunk=500)

    found = read_back(file)
    assert schema_of(file).names == [*record(), "new_field"]
    assert found[2_400]["label"] == {"label": "x", "spans": [{"from": 1, "to": 4}]}
    assert found[0]["label"] == {"label": "card_arrival", "spans": None}
    assert [each["id"] for each in found] == [each["id"] for each in records]


def test_an_empty_object_does_not_hide_what_comes_before_the_object_has_keys() -> None:
    values: list[Any] = [{}, [], "text", {"a": 1}]

    found = read_back(parquet_of([record(number, label=value) for number, value in enumerate(values)], chunk=1))

    assert [each["label"] for each in found] == values
