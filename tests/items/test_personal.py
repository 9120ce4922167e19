"""What is personal is hidden wherever it stands, and nothing else is changed."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from review.items.personal import GONE, HIDDEN, changed, hidden_body, hidden_raw, overlap, speaks_of, steps_of

MARK = "zq7marker"
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=5) | st.just("half \ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcx"), inner, max_size=3),
    max_leaves=8,
)
PATHS = st.lists(st.sampled_from(["a", "b", "c", "a[]"]), min_size=1, max_size=3).map(".".join)


def planted(value: Any, steps: tuple[str, ...], mark: object) -> Any:
    """Put a mark at a path, through every list on the way, making what is not there."""
    if not steps:
        return mark
    if isinstance(value, list) and value:
        return [planted(each, steps, mark) for each in value]
    whole: dict[str, Any] = value if isinstance(value, dict) else {}
    return {**whole, steps[0]: planted(whole.get(steps[0]), steps[1:], mark)}


@given(JSON_VALUES, PATHS, st.sampled_from([MARK, [MARK], {"deep": [MARK]}, {"x": MARK}]))
def test_no_value_at_a_path_is_left_and_the_rest_is_exact(value: Any, path: str, mark: object) -> None:
    """Issue 7, point 8: roles that need not see personal fields never receive the values."""
    full = planted(value, steps_of(path), mark)
    raw = msgspec.Raw(json.dumps(full).encode())

    shown = bytes(hidden_raw(raw, [f"input.{path}"], "input"))

    assert MARK.encode() not in shown
    assert json.loads(shown) == planted(value, steps_of(path), HIDDEN)
    assert bytes(hidden_raw(raw, [f"output.{path}"], "input")) == bytes(raw)


def test_what_is_gone_leaves_no_name_and_what_is_not_there_is_not_made_up() -> None:
    value = {"a": [{"b": 1, "c": 2}, {"c": 3}, "text"], "d": 4}
    assert changed(value, ("a", "b"), lambda _value: GONE) == {"a": [{"c": 2}, {"c": 3}, "text"], "d": 4}
    assert changed(value, ("e", "b"), lambda _value: HIDDEN) == value


def test_paths_overlap_whatever_place_in_a_list_they_name() -> None:
    assert overlap("input.contacts[].phone", "input.contacts.0.phone")
    assert overlap("input.contacts[].phone", "input.contacts")
    assert not overlap("input.contacts[].phone", "input.contacts.0.name")


def test_a_condition_speaks_of_a_field_however_it_is_written() -> None:
    path = "input.contacts[].phone"
    for told in ("item.input.contacts[0].phone", 'item.input["contacts"][0]["phone"]', "item.input"):
        assert speaks_of(told, path), told
    assert speaks_of("item.input.contacts[0].phone in lists.blocked", path)
    assert not speaks_of("item.input.text", path)
    assert not speaks_of("item.confidence", path)


def test_an_event_keeps_its_words_and_loses_the_decided_value_and_its_digest() -> None:
    route = {"rule": "r", "error": MARK, "measured": [MARK], "evaluations": [{"rule": "r", "error": MARK}]}
    decision = {"verdict": "correct", "output": {"name": MARK, "label": "x"}, "output_sha256": "abc"}
    body = json.dumps({"id": "1", "data": {"item": {"type": "t", "route": route, "decision": decision}}})

    told = json.loads(hidden_body(body, {"t": ("output.name",)}))["data"]["item"]

    assert MARK not in json.dumps(told)
    assert told["decision"] == {"verdict": "correct", "output": {"name": HIDDEN, "label": "x"}, "output_sha256": None}
    assert hidden_body(body, {"other": ("output.name",)}) is body
    assert hidden_body('{"data": {"item": {"id": "1", "erased": true}}}', {"t": ("output.name",)}).endswith("}}}")
