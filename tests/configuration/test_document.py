"""Documents: YAML 1.2 or JSON to plain data, each refusal with its line."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.configuration.document import MAX_BYTES, parse
from review.configuration.errors import ConfigurationInvalid


def faults(source: bytes | str) -> list[str]:
    with pytest.raises(ConfigurationInvalid) as caught:
        parse(source)
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("True", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("+5", 5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-", None),
        ("1.2.3", "1.2.3"),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("=", "="),
        ("'5'", "5"),
        ('"no"', "no"),
        ("!!str 5", "5"),
        (">-\n  folded\n  text", "folded text"),
        ("|\n  a\n   b\n", "a\n b\n"),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(written: str, value: Any) -> None:
    if written == "-":
        assert faults(f"a: {written}")
    else:
        assert parse(f"a: {written}").data == {"a": value}
        assert type(parse(f"a: {written}").data["a"]) is type(value)


def test_json_is_taken_as_it_is() -> None:
    source = '{\n\t"a": "\\ud83d\\ude00",\n\t"b": [1, 2.5, null, true, "x\\/y"]\n}'
    assert parse(source).data == {"a": "😀", "b": [1, 2.5, None, True, "x/y"]}
    assert parse(b"\xef\xbb\xbfa: 1").data == {"a": 1}


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("a: 1\nb: 2\na: 3", "3:1: a: appears twice"),
        ("x: {a: 1, a: 2}", "1:11: x.a: appears twice"),
        ("a: &x 1\nb: *x", "2:1: b: uses an anchor or alias; write the value out"),
        ("<<: {a: 1}", "1:1: uses a merge key; write the values out"),
        ("a: !secret x", "1:4: a: has the tag !secret; tags are refused"),
        ('a: !!int "5"', "1:4: a: has the tag tag:yaml.org,2002:int; tags are refused"),
        ("a: [1, .nan]", "1:8: a[1]: is not a finite number"),
        ("a: -.inf", "1:4: a: is not a finite number"),
        ("a: 1e999", "1:4: a: is not a finite number"),
        ("a: 9007199254740993", "1:4: a: is an integer beyond 2**53, which many readers round; quote it"),
        ("a: 1\nb: [", "2:5: is no YAML: expected the node content, but found '<stream end>'"),
        ("a:\n\t- b", "2:1: is no YAML: found character '\\t' that cannot start any token"),
        ("a: 1\n---\nb: 1", "2:1: is no YAML: but found another document"),
        ("a: [*y]", "1:5: is no YAML: found undefined alias 'y'"),
        ("ok: 1\na: \x07", "2:4: holds a character that YAML does not allow"),
        ("a: \x00", "1:4: holds a character that YAML does not allow"),
        ('{"a": "\\u0000"}', "1:7: a: holds a NUL character or half of a surrogate pair, which cannot be stored"),
        ('{"a": "\\ud83d"}', "1:7: a: holds a NUL character or half of a surrogate pair, which cannot be stored"),
        ('{"\\ud83d": 1}', "1:2: has a key that is empty or not text"),
        ("? [a]\n: 1", "1:3: has a key that is not plain text"),
        ("a: \ud800", "1:1: holds half of a surrogate pair, which is not text"),
        (b"a: \xff", "1:1: byte 3 is not UTF-8"),
        ("", "1:1: must be a mapping with `project`, `item_types`, `pools` and `rules`"),
        ("- a", "1:1: must be a mapping with `project`, `item_types`, `pools` and `rules`"),
        ("a: " + "[" * 70 + "]" * 70, "1:64: is nested deeper than 60 levels"),
        ("[" * 5_000, "1:1: is nested deeper than 60 levels"),
        ("a: " + "x" * MAX_BYTES, f"1:1: is larger than {MAX_BYTES} bytes"),
    ],
)
def test_what_is_refused_names_its_line(source: bytes | str, told: str) -> None:
    found = faults(source)
    assert told in found


def test_expanding_aliases_cannot_blow_a_document_up() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    assert len(faults("\n".join(lines))) < 200


def test_the_number_of_values_is_bounded() -> None:
    assert faults("a: [" + "1," * 60_000 + "]")[0].endswith("has more than 50000 values")


def test_every_fault_is_told_at_once() -> None:
    assert len(faults("a: .nan\nb: !x 1\na: 2\nc: &y 1\n")) == 4


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [
        ("when: item.a < bad", 1, 16),
        ("when: 'item.a < bad'", 1, 17),
        ('{"when": "item.a < bad"}', 1, 20),
        ("x: 1\nwhen: |\n    item.a <\n      bad\n    || x\n", 4, 7),
        ("when: |-\n\n    item.a <  bad\n", 3, 15),
        ("when: >-\n    item.a <\n    bad\n", 1, 7),
        ('when: "item.a <\\n bad"', 1, 7),
    ],
)
def test_a_fault_within_a_text_points_into_the_file(source: str, line: int, column: int) -> None:
    document = parse(source)
    text = document.data["when"]
    fault = document.fault_within("when", text, text.index("bad"), "is bad")
    assert (fault.line, fault.column) == (line, column)


def test_a_fault_at_a_missing_path_points_at_what_is_above() -> None:
    document = parse("a:\n  b:\n    - c: 1\n")
    assert str(document.fault("a.b[0].gone", "is missing")) == "3:7: a.b[0].gone: is missing"
    assert str(document.fault("a.b[7]", "is missing")) == "2:3: a.b[7]: is missing"
    assert str(document.fault("z", "is missing")) == "1:1: z: is missing"


@given(st.text(max_size=80) | st.text(alphabet="ab:-[]{}&*!|>'\"#%@`?,\n \t01.", max_size=80) | st.binary(max_size=40))
def test_anything_is_a_document_or_refused_with_a_place(source: bytes | str) -> None:
    try:
        found: list[Any] = [parse(source).data]
    except ConfigurationInvalid as refusal:
        found = [fault for fault in refusal.faults if fault.line > 0 and fault.column > 0 and fault.message]
    assert found
