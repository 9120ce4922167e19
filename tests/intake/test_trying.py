"""Issue 6: a condition is taken apart into what can be told by itself, and what a document offers is what it has."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.configuration.offers import MAX_OFFERS, Offer, offers
from review.intake.trying import pieces

DATA: dict[str, Any] = {
    "item_types": {
        "refund": {
            "input_schema": {
                "properties": {"amount": {}, "odd name": {}, "to": {"properties": {"iban": {}}}},
                "anyOf": [{"properties": {"via": True}}],
            },
            "output_schema": True,
        },
        "chat": {"input_schema": {"properties": {"amount": {}}}, "output_schema": None},
        "broken": None,
    },
    "lists": {"embargo": []},
    "scores": {"risk": []},
    "pools": {"triage": {}},
    "sla_policies": {"standard": {}},
}
json = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(st.sampled_from([*DATA, "properties", "input_schema", "allOf", "a"]), below, max_size=4)
    ),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("condition", "parts"),
    [
        ("true", ()),
        ("a && b || c", ("a", "b", "c")),
        ("(a && b) || !(c || d)", ("(a && b)", "!(c || d)")),
        ('x.exists(y, y && z) && "a && b" == c', ("x.exists(y, y && z)", '"a && b" == c')),
        ("a ? b && c : d", ()),
    ],
)
def test_a_condition_is_taken_apart_at_its_outermost_joints(condition: str, parts: tuple[str, ...]) -> None:
    assert pieces(condition) == parts


def test_a_document_offers_the_fields_that_its_types_have_and_its_names() -> None:
    found = offers(DATA)
    assert {
        Offer("item.confidence", "field"),
        Offer("item.model.version", "field"),
        Offer("item.input.amount", "refund, chat"),
        Offer('item.input["odd name"]', "refund"),
        Offer("item.input.to.iban", "refund"),
        Offer("item.input.via", "refund"),
        Offer("lists.embargo", "list"),
        Offer("scores.risk", "score"),
        Offer("triage", "pool"),
        Offer("standard", "SLA policy"),
        Offer("chat", "item type"),
    } <= set(found)
    assert len({each.text for each in found}) == len(found)


@given(st.dictionaries(st.sampled_from(list(DATA)), json, max_size=5))
def test_no_document_however_shaped_keeps_it_from_offering(data: dict[str, Any]) -> None:
    assert 0 < len(offers(data)) <= MAX_OFFERS
