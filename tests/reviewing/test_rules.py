"""When judgements suffice, and what they come to."""

from typing import Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from review.decisions.rules import Outcome, Source, Verdict
from review.items.types import ItemType, compile_schema
from review.reviewing.rules import TIED, WAITING, Judgement, find_faults, weigh
from review.reviewing.schemas import JudgementIn

MODEL_OUTPUT = {"label": "a"}
SCHEMA: dict[str, Any] = {"type": "object", "required": ["label"], "properties": {"label": {"enum": ["a", "b", "c"]}}}
ITEM_TYPE = ItemType(
    name="t",
    version=1,
    title="T",
    input_schema=True,
    output_schema=SCHEMA,
    reasons=("wrong",),
    input_validator=compile_schema({}),
    output_validator=compile_schema(SCHEMA),
)


def judgement(answer: str, *, kind: Literal["review", "adjudication"] = "review", at: int = 0) -> Judgement:
    """`a` approves the model's output, `x` rejects it, anything else corrects it to that."""
    verdict = {"a": Verdict.APPROVE, "x": Verdict.REJECT}.get(answer, Verdict.CORRECT)
    output = {"label": answer} if verdict is Verdict.CORRECT else None
    return Judgement(
        reviewer_id=UUID(int=at),
        reviewer=f"r{at}",
        kind=kind,
        verdict=verdict,
        output=output,
        reasons=(f"reason-{at % 2}",),
        comment=f"because {at}",
    )


def panel(answers: str) -> list[Judgement]:
    return [judgement(answer, at=at) for at, answer in enumerate(answers)]


@pytest.mark.parametrize(
    ("required", "answers", "expected"),
    [
        (1, "", WAITING),
        (1, "a", (Verdict.APPROVE, Source.REVIEW)),
        (1, "x", (Verdict.REJECT, Source.REVIEW)),
        (2, "a", WAITING),
        (2, "aa", (Verdict.APPROVE, Source.CONSENSUS)),
        (2, "ab", TIED),
        (3, "aa", WAITING),
        (3, "aab", (Verdict.APPROVE, Source.CONSENSUS)),
        (3, "bxb", (Verdict.CORRECT, Source.CONSENSUS)),
        (3, "abc", TIED),
        (5, "aabbc", TIED),
        (5, "aabcx", TIED),
        (4, "aabb", TIED),
        (4, "aaab", (Verdict.APPROVE, Source.CONSENSUS)),
    ],
)
def test_more_than_half_decides(required: int, answers: str, expected: object) -> None:
    found = weigh(required, panel(answers), MODEL_OUTPUT)
    assert (found if isinstance(found, str) else (found.verdict, found.source)) == expected


def test_an_adjudicator_has_the_last_word() -> None:
    cases = [*panel("ab"), judgement("c", kind="adjudication", at=7)]
    found = weigh(2, cases, MODEL_OUTPUT)
    assert isinstance(found, Outcome)
    assert (found.source, found.output, found.decided_by) == (Source.ADJUDICATION, {"label": "c"}, "r7")


def test_a_decision_carries_the_majority_s_reasons_and_comments_only() -> None:
    found = weigh(3, panel("bab"), MODEL_OUTPUT)
    assert isinstance(found, Outcome)
    assert found.decided_by == "r0, r2"
    assert found.reasons == ("reason-0",)
    assert found.comment == "because 0\n\nbecause 2"


@given(st.text("abcx", min_size=1, max_size=9))
def test_consensus_is_exactly_a_strict_majority(answers: str) -> None:
    found = weigh(len(answers), panel(answers), MODEL_OUTPUT)
    most = max(answers.count(each) for each in answers)
    if len(answers) == 1 or 2 * most > len(answers):
        assert isinstance(found, Outcome)
        corrected = str((found.output or {}).get("label"))
        winner = {"approve": "a", "reject": "x"}.get(found.verdict, corrected)
        assert answers.count(winner) == most
    else:
        assert found == TIED


@pytest.mark.parametrize(
    ("submitted", "paths"),
    [
        (JudgementIn(verdict=Verdict.APPROVE), []),
        (JudgementIn(verdict=Verdict.REJECT, reasons=("wrong",)), []),
        (JudgementIn(verdict=Verdict.REJECT, reasons=("wrong", "odd")), ["reasons[1]"]),
        (JudgementIn(verdict=Verdict.APPROVE, output={"label": "b"}), ["output"]),
        (JudgementIn(verdict=Verdict.APPROVE, output=None), []),
        (JudgementIn(verdict=Verdict.CORRECT), ["output"]),
        (JudgementIn(verdict=Verdict.CORRECT, output=UNSET), ["output"]),
        (JudgementIn(verdict=Verdict.CORRECT, output=None), ["output"]),
        (JudgementIn(verdict=Verdict.CORRECT, output={"label": "z"}), ["output.label"]),
        (JudgementIn(verdict=Verdict.CORRECT, output={"label": "a"}), ["output"]),
        (JudgementIn(verdict=Verdict.CORRECT, output={"label": "b"}), []),
    ],
)
def test_a_judgement_s_faults_are_named(submitted: JudgementIn, paths: list[str]) -> None:
    assert [fault.path for fault in find_faults(ITEM_TYPE, MODEL_OUTPUT, submitted)] == paths
