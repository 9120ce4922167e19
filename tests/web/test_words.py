"""What pages say: times, numbers, stories, reasons and differences."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.decisions.rules import Source, Verdict
from review.items.schemas import Details, HistoryEntry
from review.kernel import catalogue
from review.kernel.wording import number
from review.web.pages import outcomes, words
from review.web.pages.differences import changes
from review.web.pages.reasons import why
from review.web.pages.story import tell
from tests.web import made_up

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(minutes=1), "1 min"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=1, minutes=12), "1 h 12 min"),
        (timedelta(days=3, hours=4, minutes=5), "3 d 4 h"),
        (timedelta(days=30, hours=4), "30 d"),
        (-timedelta(minutes=5), "5 min"),
    ],
)
def test_durations_are_said_in_two_units(span: timedelta, said: str) -> None:
    assert words.duration(span) == said


def test_distances_say_which_way_they_go() -> None:
    soon, late = NOW + timedelta(minutes=9), NOW - timedelta(hours=2)
    assert words.distance(soon, NOW, "due") == "due in 9 min"
    assert words.distance(late, NOW, "due") == "overdue by 2 h"
    assert words.distance(late, NOW) == "2 h ago"
    assert words.distance(soon, NOW, "left") == "9 min"
    assert words.distance(late, NOW, "left") == "no more time"
    assert [words.urgency(at, NOW) for at in (late, soon, NOW + timedelta(hours=1))] == ["bad", "warn", "plain"]
    assert words.exact(NOW) == "21 November 2026, 12:00:00 UTC"


@given(st.floats(0, 1))
def test_what_is_not_certain_never_rounds_to_certain(share: float) -> None:
    said = words.percent(share)
    assert (said == "100 %") == (share == 1)
    assert (said == "0 %") == (share == 0)


def test_a_number_has_the_point_and_the_separators_of_the_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Issue 5, point 7: in English as ever; elsewhere as its catalogue puts the parts together."""
    monkeypatch.setattr(catalogue, "_installed", made_up.install(tmp_path))
    written = [(1234567, ","), (0.625, ".2f"), (1234.5, ",.1f"), (999, ","), (-1234, ",")]
    assert [number(*each) for each in written] == ["1,234,567", "0.62", "1,234.5", "999", "-1,234"]
    with catalogue.speaking("qps"):
        assert [number(*each) for each in written] == ["[[1,234],567]", "[0.62]", "[[1,234].5]", "999", "[-1,234]"]
        assert words.percent(0.995) == "[[99.5] %]"


def entry(act: str, actor: str = "ana@example.com", **details: Any) -> HistoryEntry:
    return HistoryEntry(NOW, actor, "user", act, msgspec.Raw(msgspec.json.encode(details)))


def test_a_history_reads_as_a_story() -> None:
    lines = tell(
        [
            entry("item.submitted", "ticket-bot", action="review", rule="low-confidence", pool="triage"),
            entry("assignment.claimed", pool="triage"),
            entry("assignment.skipped", reason="I know them"),
            entry("assignment.lapsed", "timer"),
            entry("case.escalated", reason="too hard", pool="triage"),
            entry("adjudication.opened", pool="seniors"),
            entry("review.submitted", verdict="correct", comment="it was lost"),
            entry("item.decided", verdict="correct", source="review"),
            entry("decision.overridden", "lea@example.com", verdict="reject", comment="fraud"),
            entry("item.submitted", "bot", action="approve", rule="rest"),
            entry("brand.new"),
        ]
    )
    assert [str(line.sentence) for line in lines] == [
        "ticket-bot submitted it. Rule low-confidence sent it to triage.",
        "ana@example.com took it.",
        "ana@example.com skipped it.",
        "The lease ended, and it went back.",
        "ana@example.com escalated it.",
        "The reviewers disagreed, so one more person in seniors settles it.",
        "ana@example.com corrected it.",
        "That decided it: corrected, by one reviewer.",
        "lea@example.com overrode the decision: rejected.",
        "bot submitted it. Rule rest approved it.",
        "Brand new, by ana@example.com.",
    ]
    assert [str(line.quote or "") for line in lines][2:8] == ["I know them", "", "too hard", "", "it was lost", ""]


@given(st.recursive(st.none() | st.integers() | st.text(), lambda x: st.dictionaries(st.text(), x), max_leaves=6))
def test_no_particulars_break_the_story(details: Any) -> None:
    for action in ("item.submitted", "review.submitted", "case.escalated", "assignment.lapsed", "x"):
        raw = msgspec.Raw(msgspec.json.encode(details))
        (line,) = tell([HistoryEntry(NOW, "<b>", "user", action, raw)])
        assert "<b>" not in str(line.sentence)


def test_how_it_was_decided_is_a_whole_sentence_for_each_verdict_and_way() -> None:
    said = {outcomes.sentence(verdict, source) for verdict in Verdict for source in Source}
    assert len(said) == len(Verdict) * len(Source)
    assert all(re.fullmatch(r"(Approved|Corrected|Rejected) (by|because) [a-z ]+\.", each) for each in said)
    assert outcomes.sentence("reject", "override", "Ana") == "Rejected by Ana, overriding."
    assert outcomes.sentence("approve", "rule", "low-confidence") == "Approved by a rule."
    assert outcomes.sentence("pass_on", "vote") == "Pass on vote."


def test_the_reason_puts_the_facts_in_the_condition() -> None:
    route = {"rule": "low-confidence", "inclusion_probability": 1.0, "reviews_required": 1}
    said = why(route, Details(confidence=0.62), {"low-confidence": "item.confidence < 0.8"})
    assert [str(line) for line in said] == [
        "Rule <strong>low-confidence</strong>: <code><strong>0.62</strong> &lt; 0.8</code>"
    ]


def test_errors_samples_disputes_and_companions_are_told() -> None:
    details = Details()
    assert [str(line) for line in why({"rule": "x<", "error": "no such key"}, details, {})] == [
        "Rule <strong>x&lt;</strong> could not be evaluated, so a person looks at it: no such key"
    ]
    sampled = {"rule": "audit", "inclusion_probability": 0.02, "reviews_required": 3}
    assert [str(line) for line in why(sampled, details, {"audit": "true"}, kind="adjudication")] == [
        "The reviewers disagreed. Your judgement settles it.",
        "Rule <strong>audit</strong> applies.",
        "It was drawn by lot: 2 % of such items come here.",
        "3 people judge it, each on their own.",
    ]
    assert [str(line) for line in why(None, details, {})] == ["No rule matched, so a person looks at it."]


def test_differences_name_the_place_and_both_values() -> None:
    before = {"label": "a", "lines": [{"n": 1}, {"n": 2}], "same": 1, "gone": True}
    after = {"label": "b", "lines": [{"n": 1}], "same": 1, "new": None}
    found = [(change.label, change.before, change.after) for change in changes(before, after)]
    assert found == [
        ("label", "a", "b"),
        ("lines, 2", "2", None),
        ("gone", "true", None),
        ("new", None, "null"),
    ]
    assert changes({"x": 1}, {"x": 1}) == []
    assert [change.label for change in changes(1, 1.0)] == [""]
    assert len(changes(list(range(100)), [])) == 40


def test_a_rule_is_told_in_the_words_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    condition = "has(item.metadata.x) && size(item.signals) > 0 && item.confidence < 0.8"
    english = why({"rule": "x"}, Details(signals={"a": 1}), {"x": condition})[0]
    assert "x is missing" in english
    monkeypatch.setattr(catalogue, "_installed", made_up.install(tmp_path))
    catalogue.speak(made_up.MADE_UP)
    try:
        said = why({"rule": "x"}, Details(signals={"a": 1}), {"x": condition})[0]
    finally:
        monkeypatch.undo()
        catalogue.speak("")
    assert made_up.marked("%(name)s is missing") % {"name": "x"} in said
    assert made_up.marked("not given") in said
    assert made_up.marked("size of %(what)s") % {"what": "signals 1"} in said
