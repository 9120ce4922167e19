"""What the CEL engine says is known, word for word, so that pages can say it in their reader's language."""

import pytest

from review.kernel.foreign import English
from review.kernel.sentences import Sentence
from review.routing.conditions import EvaluationFailed, compile_condition, facts_of
from review.routing.reading import ConditionInvalid

UNREADABLE = (
    *(
        "item.",
        "item.confidence ==",
        "'abc",
        "1 2",
        "item..x",
        "@",
        "",
        "[1,",
        "{1:",
        "item.[0]",
        "!",
        "$x",
        "a b(",
        "{a}",
    ),
    *("x ? y", "has(1)", "item.tags.all(1, true)", "(" * 300 + "1" + ")" * 300),
)
FAILING = (
    *("timestamp(item.input.text) > timestamp('2020-01-01T00:00:00Z')", "double(item.input.text) > 1.0"),
    *("timestamp('2020-13-01T00:00:00Z') > timestamp(item.input.text)", "duration(item.input.text) > duration('1s')"),
    "timestamp('9999-12-31T23:59:59Z') + duration('9999999h') > timestamp(item.input.text)",
    *("item.input.text < 1.0", "item.input.gone == 'x'", "item.tags[5] == 'a'", "item.input.text", "item.input.size()"),
)


def _english(said: object) -> list[str]:
    if not isinstance(said, Sentence):
        return [str(said)] if isinstance(said, English) else []
    return [each for name in said._names.values() for each in _english(name)]


def test_why_a_condition_cannot_be_read_is_a_sentence() -> None:
    for source in UNREADABLE:
        with pytest.raises(ConditionInvalid) as caught:
            compile_condition(source)
        assert isinstance(caught.value.message, Sentence), source
        assert _english(caught.value.message) == [], source


def test_why_a_condition_cannot_be_evaluated_is_a_sentence() -> None:
    """What a function's own reader says, and that alone, stays as that library says it."""
    item = {"input": {"text": "x"}, "tags": ["a"]}
    foreign: list[str] = []
    for source in FAILING:
        compiled = compile_condition(source)
        with pytest.raises(EvaluationFailed) as caught:
            compiled.holds(facts_of(item, {"input": None, "tags": None}))
        assert isinstance(caught.value.args[0], Sentence), source
        foreign += _english(caught.value.args[0])
    assert all(each.startswith("Parsing Error") for each in foreign), foreign
