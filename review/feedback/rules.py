"""What a feedback record says, worked out from the item, its route, its outcome and the reviews behind it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from review.kernel.canonical import sha256_of

SOURCES_WITHOUT_FEEDBACK = frozenset({"rule", "timeout"})  # nobody judged, so there is nothing to learn


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """The submitted item, as far as a label needs it."""

    id: UUID
    type: str
    type_version: int
    input: Any
    output: Any
    external_id: str | None = None
    model: Any = None
    confidence: float | None = None
    impact: str | None = None
    tags: Sequence[str] = ()
    gold: bool = False


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """How the item came before people, and how likely it was to."""

    rule: str | None
    ruleset_version: int
    inclusion_probability: float


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The decision; `output` is the decided output, null where rejected."""

    revision: int
    verdict: str
    source: str
    decided_at: datetime
    output: Any = None
    reasons: Sequence[str] = ()
    comment: str | None = None


class Judgement(msgspec.Struct, frozen=True):
    """One reviewer's submitted verdict, with the corrected output where there is one."""

    verdict: str
    output: Any = None


class FeedbackRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A labelled record, as the API and every export show it; frozen when the decision is made.

    Of `gold` the answer was known before anybody was asked.
    """

    id: UUID
    item_id: UUID
    external_id: str | None
    type: str
    type_version: int
    input: Any
    model_output: Any
    label: Any
    verdict: str
    source: str
    reasons: Sequence[str]
    comment: str | None
    model: Any
    confidence: float | None
    impact: str | None
    tags: Sequence[str]
    route: Route
    reviews: int
    agreement: float | None
    decided_at: datetime
    gold: bool


def leaves_feedback(source: str) -> bool:
    """Say whether a decision from this source carries a person's judgement."""
    return source not in SOURCES_WITHOUT_FEEDBACK


def label_of(verdict: str, *, model_output: object, corrected: object) -> object:
    """Give the output that counts: the model's where approved, the correction where corrected, else null."""
    match verdict:
        case "approve":
            return model_output
        case "correct":
            return corrected
        case _:
            return None


def agreement(subject: Subject, outcome: Outcome, judgements: Sequence[Judgement]) -> float | None:
    """Give the share of reviews that came to the outcome, or None where nobody reviewed.

    A correction that repeats the model's output counts as an approval of it, and numbers count by value.
    """
    if not judgements:
        return None
    final = _position(subject, outcome.verdict, outcome.output)
    agreeing = sum(_position(subject, each.verdict, each.output) == final for each in judgements)
    return agreeing / len(judgements)


def build(
    feedback_id: UUID, subject: Subject, route: Route, outcome: Outcome, judgements: Sequence[Judgement]
) -> FeedbackRecord:
    """Put the record together."""
    return FeedbackRecord(
        id=feedback_id,
        item_id=subject.id,
        external_id=subject.external_id,
        type=subject.type,
        type_version=subject.type_version,
        input=subject.input,
        model_output=subject.output,
        label=label_of(outcome.verdict, model_output=subject.output, corrected=outcome.output),
        verdict=outcome.verdict,
        source=outcome.source,
        reasons=outcome.reasons,
        comment=outcome.comment or None,
        model=subject.model,
        confidence=subject.confidence,
        impact=subject.impact,
        tags=subject.tags,
        route=route,
        reviews=len(judgements),
        agreement=agreement(subject, outcome, judgements),
        decided_at=outcome.decided_at,
        gold=subject.gold,
    )


def encode(record: FeedbackRecord) -> str:
    """Write the record as one line of compact JSON; exports rely on there being no raw line break in it."""
    return msgspec.json.encode(record).decode()


def _position(subject: Subject, verdict: str, output: object) -> str:
    if verdict == "reject":
        return "reject"
    return sha256_of(label_of(verdict, model_output=subject.output, corrected=output))
