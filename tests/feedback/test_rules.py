import json
from datetime import UTC, datetime
from typing import Any

import pytest

from review.feedback import rules
from review.feedback.rules import Judgement, Outcome, Route, Subject
from review.kernel.ids import new_id

DECIDED = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)


def subject(**given: Any) -> Subject:
    plain: dict[str, Any] = {"id": new_id(), "type": "t", "type_version": 1, "input": {"n": 1}, "output": {"a": 1}}
    return Subject(**(plain | given))


def outcome(**given: Any) -> Outcome:
    plain: dict[str, Any] = {"revision": 1, "verdict": "approve", "source": "review", "decided_at": DECIDED}
    return Outcome(**(plain | given))


ROUTE = Route(rule="doubtful", ruleset_version=3, inclusion_probability=0.03)


@pytest.mark.parametrize("source", ["review", "consensus", "adjudication", "override"])
def test_what_people_decided_leaves_feedback(source: str) -> None:
    assert rules.leaves_feedback(source)


@pytest.mark.parametrize("source", ["rule", "timeout"])
def test_what_nobody_judged_leaves_none(source: str) -> None:
    assert not rules.leaves_feedback(source)


@pytest.mark.parametrize(
    ("verdict", "corrected", "label"),
    [("approve", None, {"a": 1}), ("correct", {"a": 2}, {"a": 2}), ("reject", None, None)],
)
def test_the_label_is_the_output_that_counts(verdict: str, corrected: Any, label: Any) -> None:
    assert rules.label_of(verdict, model_output={"a": 1}, corrected=corrected) == label


@pytest.mark.parametrize(
    ("final", "judgements", "share"),
    [
        (("approve", None), [], None),
        (("approve", None), [Judgement("approve")], 1.0),
        (("approve", None), [Judgement("approve"), Judgement("correct", {"a": 2})], 0.5),
        (("approve", None), [Judgement("approve"), Judgement("correct", {"a": 1.0})], 1.0),
        (("approve", None), [Judgement("correct", {"a": True})], 0.0),
        (("correct", {"a": 2}), [Judgement("correct", {"a": 2}), Judgement("correct", {"a": 3})], 0.5),
        (("correct", {"b": 1, "a": 2}), [Judgement("correct", {"a": 2, "b": 1})], 1.0),
        (("reject", None), [Judgement("reject"), Judgement("approve"), Judgement("reject")], 2 / 3),
        (("approve", None), [Judgement("reject")], 0.0),
    ],
)
def test_agreement_is_the_share_of_reviews_that_came_to_the_outcome(
    final: tuple[str, Any], judgements: list[Judgement], share: float | None
) -> None:
    verdict, output = final
    found = rules.agreement(subject(), outcome(verdict=verdict, output=output), judgements)

    assert found == (None if share is None else pytest.approx(share))


def test_a_null_correction_is_not_a_rejection() -> None:
    assert rules.agreement(subject(), outcome(verdict="reject"), [Judgement("correct", None)]) == 0.0


def test_a_record_has_the_fields_of_the_contract_in_its_order_on_one_line() -> None:
    feedback_id, judged = new_id(), subject(input={"text": "two\nlines\\", "sep": "\u2028"}, tags=("beta",))
    built = rules.build(feedback_id, judged, ROUTE, outcome(comment="", reasons=("x",)), [Judgement("approve")])

    text = rules.encode(built)

    assert "\n" not in text
    assert json.loads(text) == {
        "id": str(feedback_id),
        "item_id": str(judged.id),
        "external_id": None,
        "type": "t",
        "type_version": 1,
        "input": {"text": "two\nlines\\", "sep": "\u2028"},
        "model_output": {"a": 1},
        "label": {"a": 1},
        "verdict": "approve",
        "source": "review",
        "reasons": ["x"],
        "comment": None,
        "model": None,
        "confidence": None,
        "impact": None,
        "tags": ["beta"],
        "route": {"rule": "doubtful", "ruleset_version": 3, "inclusion_probability": 0.03},
        "reviews": 1,
        "agreement": 1.0,
        "decided_at": "2026-11-21T12:00:00.123456Z",
        "gold": False,
    }
    assert list(json.loads(text))[:3] == ["id", "item_id", "external_id"]
