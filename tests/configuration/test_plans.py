"""Plans: what applying would change, one line each."""

from typing import Any

import msgspec

from review.configuration.plans import compare

BEFORE: dict[str, Any] = {
    "project": "p",
    "item_types": {"t": {"input_schema": {"properties": {"a": {}, "b": {}}}, "output_schema": True}},
    "pools": {"one": None, "two": {"lease": "5m"}},
    "rules": [{"name": "r1", "when": "true"}, {"name": "r2", "when": "true", "sample": 0.5}],
}


def lines(**changes: Any) -> list[str]:
    return [str(each) for each in compare(BEFORE, BEFORE | changes)]


def test_nothing_differs_from_itself() -> None:
    assert compare(BEFORE, msgspec.json.decode(msgspec.json.encode(BEFORE))) == ()


def test_a_first_configuration_is_all_new() -> None:
    first = [str(each) for each in compare({}, BEFORE)]
    assert first == ["+ item type t", "+ pool one", "+ pool two", "+ rule r1", "+ rule r2"]


def test_what_is_added_changed_and_removed() -> None:
    assert lines(pools={"one": {"lease": "1h", "members": []}, "three": {}}) == [
        "+ pool three",
        "~ pool one (lease, members)",
        "- pool two",
    ]
    assert lines(sla_policies={"s": {"decide": "4h"}}) == ["+ SLA policy s"]
    assert lines(title="P") == ["~ project title"]


def test_the_order_of_rules_counts() -> None:
    assert lines(rules=BEFORE["rules"][::-1]) == ["~ rules order"]
    assert lines(rules=[{"name": "r2", "when": "false", "sample": 0.5}]) == ["~ rule r2 (when)", "- rule r1"]


def test_the_order_of_fields_counts_because_forms_follow_it() -> None:
    turned = {"t": {"input_schema": {"properties": {"b": {}, "a": {}}}, "output_schema": True}}
    assert lines(item_types=turned) == ["~ item type t (input_schema)"]


def test_another_first_pool_is_another_default() -> None:
    assert lines(pools={"two": {"lease": "5m"}, "one": None}) == ["~ project default_pool"]
    assert lines(default_pool="one") == []
    assert lines(default_pool="two") == ["~ project default_pool"]
