"""Strict JSON: what passes is what json.loads would have read, and nothing that is refused gets through."""

import json
from datetime import datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.kernel import strict_json
from review.kernel.errors import Invalid, MalformedRequest

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=20
)


@given(VALUES, st.fixed_dictionaries({"ensure_ascii": st.booleans(), "indent": st.sampled_from([None, 1])}))
def test_clean_json_is_read_as_python_reads_it(value: Any, style: dict[str, Any]) -> None:
    raw = json.dumps(value, **style).encode()
    assert strict_json.decode(raw) == json.loads(raw)


@given(st.dictionaries(TEXT, VALUES, min_size=1, max_size=4), st.data())
def test_a_doubled_key_is_always_found(value: dict[str, Any], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(value)))
    extra = json.dumps(data.draw(VALUES))
    raw = json.dumps(value)[:-1] + f", {json.dumps(key)}: {extra}}}"
    with pytest.raises(MalformedRequest) as refused:
        strict_json.decode(raw.encode())
    assert refused.value.errors[0].path.endswith(key)


@given(VALUES, st.sampled_from(["NaN", "Infinity", "-Infinity", "1e999", '"\\u0000"', '"\\ud800"', "9007199254740992"]))
def test_what_others_cannot_read_back_is_refused_wherever_it_stands(value: Any, bad: str) -> None:
    raw = f'{{"fine": {json.dumps(value)}, "bad": [1, {bad}]}}'.encode()
    with pytest.raises(MalformedRequest) as refused:
        strict_json.decode(raw)
    assert refused.value.errors[0].path == "bad[1]"


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        value = strict_json.decode(raw)
    except MalformedRequest:
        return
    assert value == json.loads(raw)


@pytest.mark.parametrize("depth", [101, 5_000, 200_000])
def test_nesting_beyond_a_hundred_levels_is_refused(depth: int) -> None:
    with pytest.raises(MalformedRequest):
        strict_json.decode(b"[" * depth + b"]" * depth)


def test_a_hundred_levels_are_read() -> None:
    assert strict_json.decode(b"[" * 100 + b"]" * 100)


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    items: list[msgspec.Raw]


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (b'{"items": [], "items": [1]}', MalformedRequest),
        (b'{"items": {}}', Invalid),
        (b'{"item": []}', Invalid),
        (b'{"items": [1', MalformedRequest),
        (b"\xff", MalformedRequest),
    ],
)
def test_an_outer_text_is_refused_with_its_fault(raw: bytes, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        strict_json.decode_outer(raw, Outer)


def test_an_outer_text_leaves_what_is_inside_to_others() -> None:
    outer = strict_json.decode_outer(b'{"items": [{"a": 1, "a": 2}, "items"]}', Outer)
    assert [bytes(each) for each in outer.items] == [b'{"a": 1, "a": 2}', b'"items"']


class Timed(msgspec.Struct):
    begins: datetime = msgspec.field(name="from")


EDGES = ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00")


@pytest.mark.parametrize("moment", EDGES)
def test_a_time_that_not_every_zone_can_show_is_refused_by_its_name(moment: str) -> None:
    with pytest.raises(Invalid) as refused:
        strict_json.convert({"from": moment}, Timed)
    assert [fault.path for fault in refused.value.errors] == ["from"]


@pytest.mark.parametrize("moment", ["0002-01-01T00:00:00Z", "9998-12-31T23:59:59Z", "2026-11-21T12:00:00+14:00"])
def test_a_time_that_every_zone_can_show_is_read(moment: str) -> None:
    assert strict_json.convert({"from": moment}, Timed).begins == datetime.fromisoformat(moment)


MANY = strict_json.MAX_VALUES + 1


@pytest.mark.parametrize(
    "raw",
    [
        b"[" + b"1," * MANY + b"1]",
        b'{"a":[' + b"[]," * MANY + b"1]}",
        b"{" + b",".join(b'"%x":1' % at for at in range(2 * MANY)) + b"}",
        b"[" + b'"\\\\",' * MANY + b"1]",
    ],
    ids=["numbers", "arrays", "keys", "strings that end in a backslash"],
)
def test_more_values_than_are_read_are_refused(raw: bytes) -> None:
    with pytest.raises(MalformedRequest) as refusal:
        strict_json.decode(raw)
    assert "200,000 values" in refusal.value.errors[0].message


@pytest.mark.parametrize(
    "text", ["a,b" * MANY, '","' * MANY, "[{" * MANY, "\n" * MANY], ids=["commas", "quotes", "brackets", "lines"]
)
def test_a_long_text_is_one_value_whatever_is_in_it(text: str) -> None:
    assert strict_json.decode(msgspec.json.encode([text])) == [text]


def test_a_batch_of_long_lists_is_no_crowd() -> None:
    class Outer(msgspec.Struct):
        items: list[msgspec.Raw]

    one = b'{"a":{"v":[' + b"0.5," * 999 + b"1]}}"
    assert len(strict_json.decode_outer(b'{"items":[' + b",".join([one] * 300) + b"]}", Outer).items) == 300
    for crowd in (b"1," * MANY + b"1", b"{}," * MANY + b"{}"):
        with pytest.raises(MalformedRequest):
            strict_json.decode_outer(b'{"items":[' + crowd + b"]}", Outer)
