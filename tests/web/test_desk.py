"""The desk: what a reviewer is shown, and what is made of what they send."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from review.items.schemas import Alternative, Details, ItemDetail, SlaView
from review.items.types import ItemType, compile_schema
from review.kernel.errors import FieldError
from review.queueing.schemas import ClaimedAssignment
from review.reviewing.errors import JudgementInvalid
from review.web import forms
from review.web.pages import desk
from review.web.pages.desk import Bench, Draft, begin, lay_out, refused, take_up
from review.web.pages.views import Desk

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ID = UUID("019a0000-0000-7000-8000-000000000001")
INTENT: dict[str, Any] = {
    "type": "object",
    "required": ["label"],
    "properties": {"label": {"enum": [f"intent_{n}" for n in range(13)]}, "sure": {"type": "boolean"}},
}
DIGIT: dict[str, Any] = {"type": "object", "required": ["digit"], "properties": {"digit": {"enum": list(range(10))}}}


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def item(output: object, **details: Any) -> ItemDetail:
    return ItemDetail(
        id=ID,
        status="in_review",
        type="intent",
        type_version=1,
        external_id="msg-1",
        created_at=NOW,
        url="http://x/p/support/items/1",
        route=raw({"action": "review", "rule": "low", "inclusion_probability": 1.0, "reviews_required": 1}),
        sla=SlaView("standard", NOW + timedelta(hours=1), "on_track"),
        escalation_level=1,
        decision=None,
        input=raw({"text": "where is my <card>?"}),
        output=raw(output),
        details=Details(**details),
        pool="triage",
        priority=50,
    )


def item_type(schema: dict[str, Any]) -> ItemType:
    return ItemType(
        name="ticket_intent",
        version=1,
        title="",
        input_schema=True,
        output_schema=schema,
        reasons=("wrong_label", "ambiguous"),
        guidelines="Choose *well*.",
        view={"input.text": "text", "output.label": "choice"},
        input_validator=compile_schema({}),
        output_validator=compile_schema(schema),
    )


def laid_out(one: ItemDetail, kind: ItemType, draft: Draft | None = None) -> Desk:
    claimed = ClaimedAssignment(
        id=ID, case_id=ID, kind="review", pool="triage", fence=3, lease_expires_at=NOW + timedelta(minutes=4), item=one
    )
    bench = Bench(
        project="support", item_type=kind, lease=timedelta(minutes=10), conditions={"low": "item.confidence < 0.8"}
    )
    return lay_out(claimed, bench, draft or begin(one, kind), now=NOW, history=[])


def test_the_desk_shows_claim_reason_and_clock() -> None:
    shown = laid_out(item({"label": "intent_1"}, confidence=0.62, latency_ms=812), item_type(INTENT))
    assert (shown.type_title, shown.fence, shown.lease_seconds, shown.seconds_left) == ("Ticket intent", 3, 600, 240)
    assert [str(line) for line in shown.why] == [
        "Rule <strong>low</strong>: <code><strong>0.62</strong> &lt; 0.8</code>",
        "It was escalated once.",
    ]
    assert [(fact.name, str(fact.value)) for fact in shown.facts] == [("External id", "msg-1"), ("Took", "812 ms")]
    assert [str(block.body) for block in shown.evidence] == ["where is my &lt;card&gt;?"]
    assert [(reason.code, reason.label) for reason in shown.reasons] == [
        ("wrong_label", "Wrong label"),
        ("ambiguous", "Ambiguous"),
    ]
    assert not shown.is_touched


def test_digit_keys_take_the_leading_choice_or_else_the_alternatives() -> None:
    one = (Alternative(output={"digit": 3}, confidence=0.3),)
    digits = laid_out(item({"digit": 8}, alternatives=one), item_type(DIGIT))
    assert (digits.keys, [other.key for other in digits.alternatives]) == ("/digit", ["3"])
    others = (Alternative(output={"label": "intent_2"}), Alternative(output={"label": "intent_3"}))
    intents = laid_out(item({"label": "intent_1"}, alternatives=others), item_type(INTENT))
    assert (intents.keys, [other.key for other in intents.alternatives]) == (None, ["1", "2"])
    assert intents.alternatives[1].url == f"/p/support/assignments/{ID}?base=alternative-1"


def test_an_alternative_fills_the_form_and_tells_what_it_changes() -> None:
    one = item({"label": "intent_1"}, alternatives=(Alternative(output={"label": "intent_2"}),))
    draft = begin(one, item_type(INTENT), "alternative-0")
    shown = laid_out(one, item_type(INTENT), draft)
    assert shown.base == "alternative-0"
    assert shown.is_touched
    assert [(change.label, change.before, change.after) for change in shown.changes] == [
        ("label", "intent_1", "intent_2")
    ]


@pytest.mark.parametrize("base", ["alternative-1", "alternative--1", "alternative-x", "alternative-٣", "else", ""])
def test_an_alternative_that_is_not_there_is_the_models_output(base: str) -> None:
    one = item({"label": "intent_1"}, alternatives=(Alternative(output={"label": "intent_2"}),))
    assert begin(one, item_type(INTENT), base).base == "output"


def test_what_is_sent_becomes_a_draft() -> None:
    pairs = [
        ("o/label", '"intent_4"'),
        ("o/sure", ""),
        ("reasons", "wrong_label"),
        ("reasons", "ambiguous"),
        ("comment", "a\r\nb"),
    ]
    draft = take_up(item({"label": "intent_1"}), item_type(INTENT), pairs)
    assert (draft.value, draft.reasons, draft.comment, draft.fault) == (
        {"label": "intent_4"},
        ("wrong_label", "ambiguous"),
        "a\nb",
        "",
    )


def test_what_cannot_be_read_is_a_fault_of_the_draft() -> None:
    draft = take_up(item({"label": "intent_1"}), item_type(INTENT), [("o/label", '"no such"'), ("o/sure", "")])
    assert draft.fault == "Something in the form needs another look. Nothing was sent."


def test_what_the_service_refuses_stands_beside_its_field() -> None:
    draft = begin(item({"label": "intent_1"}), item_type(INTENT))
    refusal = JudgementInvalid(
        "Not so.", errors=(FieldError("output.label", "is wrong"), FieldError("output", "is off"))
    )
    said = refused(draft, refusal)
    assert said.fault == "Not so."
    assert [(field.pointer, message) for field, message in forms.first_errors(said.form)] == [
        ("", "is off"),
        ("/label", "is wrong"),
    ]


def test_an_output_that_no_form_fits_is_still_shown() -> None:
    for output in (None, 3, "text", [1], {"label": 7, "more": {"x": []}}):
        shown = laid_out(item(output), item_type(INTENT))
        assert shown.claim
        assert take_up(item(output), item_type(INTENT), []).value == output
    assert desk.title_of(item_type(INTENT)) == "Ticket intent"
