"""When enough people have judged, and what they have decided together."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET

from review.decisions.rules import LockedItem, Outcome, Source, Verdict, decided_output
from review.items.types import ItemType
from review.kernel.canonical import sha256_of
from review.kernel.errors import FieldError
from review.kernel.sentences import say
from review.reviewing.schemas import JudgementIn
from review.routing.conditions import EvaluationFailed, compile_judgement_condition, facts_of, needs_of
from review.routing.reading import ConditionInvalid


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """One review as consensus sees it; `output` is None unless corrected."""

    reviewer_id: UUID
    reviewer: str
    kind: Literal["review", "adjudication", "lead"]
    verdict: Verdict
    output: Any
    reasons: tuple[str, ...]
    comment: str


WAITING = "waiting"  # more reviews are to come
TIED = "tied"  # all are in, and no answer has more than half of them


def find_faults(item_type: ItemType, model_output: object, submitted: JudgementIn) -> list[FieldError]:
    """List what is wrong with a judgement; empty when it can be recorded."""
    faults = [
        FieldError(
            f"reasons[{at}]",
            say(
                "is not a reason code of this item type: %(reasons)s",
                reasons=", ".join(item_type.reasons) or say("none"),
            ),
        )
        for at, reason in enumerate(submitted.reasons)
        if reason not in item_type.reasons
    ]
    if submitted.verdict is not Verdict.CORRECT:
        if submitted.output is not UNSET and submitted.output is not None:
            faults.append(FieldError("output", say("comes with the verdict `correct` only")))
        return faults
    if submitted.output is UNSET:
        return [*faults, FieldError("output", say("is missing: `correct` must carry the corrected output"))]
    unfit = item_type.check_output(submitted.output)
    faults += [FieldError(_below_output(fault.path), fault.sentence) for fault in unfit]
    if not unfit and sha256_of(submitted.output) == sha256_of(model_output):
        faults.append(FieldError("output", say("is the same as the AI output; approve it instead, or change it")))
    return faults


def _below_output(path: str) -> str:
    return path if path == "output" or path.startswith(("output.", "output[")) else f"output.{path}".rstrip(".")


def weigh(
    required: int, judgements: Sequence[Judgement], model_output: object, *, two_person: bool = False
) -> Outcome | str:
    """Decide what the judgements of a case come to: an outcome, `WAITING` or `TIED`.

    An adjudicator's or a lead's word is final; of what takes two people, once a second person has given the same
    answer, before or after, and until then it is a tie. Otherwise all required reviews are awaited, even when a
    majority is sure earlier, so that the agreement recorded with the label is that of everybody asked; then the answer
    that more than half gave decides. Two answers are the same if verdict and resulting output are.
    """
    final = [each for each in judgements if each.kind != "review"][-1:]
    if final:
        answer = answer_of(final[0], model_output)
        camp = [each for each in judgements if answer_of(each, model_output) == answer] if two_person else final
        return TIED if two_person and len(camp) < 2 else _outcome(camp, Source.ADJUDICATION)
    reviews = [each for each in judgements if each.kind == "review"]
    required = max(2, required) if two_person else required
    if len(reviews) < required:
        return WAITING
    if required == 1:
        return _outcome(reviews[:1], Source.REVIEW)
    camps: defaultdict[str, list[Judgement]] = defaultdict(list)
    for each in reviews:
        camps[answer_of(each, model_output)].append(each)
    largest = max(camps.values(), key=len)
    return _outcome(largest, Source.CONSENSUS) if 2 * len(largest) > len(reviews) else TIED


def why_lead(condition: str, item: LockedItem, outcome: Outcome) -> str | None:
    """Say why a judgement must be confirmed by a lead; None where it need not.

    The condition sees the item and the judgement as it would be decided: its `output` is the one that would count. One
    that cannot be evaluated needs a lead.
    """
    if not condition:
        return None
    judged = {
        "verdict": outcome.verdict.value,
        "output": decided_output(outcome, item.output),
        "reasons": list(outcome.reasons),
        "comment": outcome.comment,
    }
    given = {**msgspec.to_builtins(item.details), "type": item.type, "input": item.input, "output": item.output}
    try:
        compiled = compile_judgement_condition(condition)
        holds = compiled.holds(facts_of(given, needs_of([compiled]), judged))
    except (ConditionInvalid, EvaluationFailed) as fault:
        return f"whether it needs a lead could not be told: {fault}"
    return f"{condition} holds" if holds else None


def answer_of(judgement: Judgement, model_output: object) -> str:
    """Give what a judgement says the answer is, as a comparable string."""
    match judgement.verdict:
        case Verdict.REJECT:
            return "rejected"
        case Verdict.APPROVE:
            return sha256_of(model_output)
        case _:
            return sha256_of(judgement.output)


def _outcome(camp: Sequence[Judgement], source: Source) -> Outcome:
    first = camp[0]
    return Outcome(
        verdict=first.verdict,
        source=source,
        decided_by=", ".join(each.reviewer for each in camp),
        output=first.output,
        reasons=tuple(dict.fromkeys(reason for each in camp for reason in each.reasons)),
        comment="\n\n".join(each.comment for each in camp if each.comment),
    )
