"""Policies and ladders in words: what a target is, when a step comes, what it does."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from review.sla import reasons
from review.sla.ladders import Fallback, PriorityChange, Step
from review.sla.rules import DUE, FIRST_CLAIM, STEP, WARN, SlaPolicy, Target
from review.web.pages import words

FALLBACKS: Final = {
    Fallback.APPROVE: "approves it",
    Fallback.REJECT: "rejects it",
    Fallback.MODEL_OUTPUT: "lets the model’s own output through, marked as unreviewed,",
}
_FAILED: Final = "could not: "  # how a step's record begins what reached nobody
_NAMES: Final = {"pool-leads": "the leads", "holder": "whoever holds it"}


def share_or_time(after: float | timedelta) -> str:
    """Say when a warning or step comes: `80 % of the time`, `2 h`."""
    if isinstance(after, timedelta):
        return reasons.duration(after)
    return f"{after * 100:g} % of the time"


def amount(target: Target, policy: SlaPolicy) -> str:
    """Say how long a target is, and how it counts: `4 h of working time`, `2 d, night and day`."""
    if target.is_elapsed or policy.calendar is None:
        return f"{reasons.duration(target.amount)}, night and day"
    return f"{reasons.working(target.amount)} of working time"


def policy_sentences(policy: SlaPolicy) -> list[str]:
    """Say what a policy asks: its targets, its warnings, other targets for urgent items."""
    said = [f"Decide within {amount(policy.decide, policy)}."]
    if policy.first_claim is not None:
        said.append(f"Somebody takes it within {amount(policy.first_claim, policy)}.")
    for other in policy.by_priority:
        parts = [f"decide within {amount(other.decide, policy)}"] if other.decide else []
        parts += [f"taken within {amount(other.first_claim, policy)}"] if other.first_claim else []
        said.append(f"With priority {other.at_least} or more: {words.listed(parts)}.")
    if policy.warn_at:
        said.append(f"Warns after {words.listed([share_or_time(each) for each in policy.warn_at])}.")
    return said


def does(step: Step) -> list[str]:
    """List what a step does, each as the end of a sentence that begins with the step."""
    said = [f"notifies {_named(step.notify)}"] if step.notify else []
    said += [f"pages {_named(step.page)}"] if step.page else []
    said += [f"moves it to {step.move_to}"] if step.move_to else []
    said += [_priority(step.priority)] if step.priority else []
    if step.reviewers:
        said.append("asks for one more review" if step.reviewers == 1 else f"asks for {step.reviewers} more reviews")
    said += ["takes it back from whoever holds it"] if step.reassign else []
    said += [f"{FALLBACKS[step.decide]} if nobody has decided"] if step.decide else []
    return said


def step_sentence(step: Step) -> str:
    """Say what a step does, as a sentence."""
    said = words.listed(does(step))
    return f"{said[:1].upper()}{said[1:]}."


def told(done: Sequence[str]) -> str:
    """Make a record of what a step did one text, what it could not do as sentences of their own; without a full stop.

    It begins as the end of a sentence does that begins with the step.
    """
    could = [each for each in done if not each.startswith(_FAILED)]
    failed = [f"It could not {each.removeprefix(_FAILED)}" for each in done if each.startswith(_FAILED)]
    return ". ".join([words.listed(could) or "did nothing else", *failed])


def mark_title(key: str) -> str:
    """Name a mark of a clock."""
    if key.startswith(STEP):
        return f"Step {int(key.removeprefix(STEP)) + 1}"
    if key.startswith(WARN):
        return "Warning"
    return {FIRST_CLAIM: "First claim", DUE: "Due"}.get(key, key)


def mark_sentence(key: str, policy: SlaPolicy | None) -> str:
    """Say what happens at a mark to an item that is still open."""
    steps = policy.ladder.steps if policy is not None and policy.ladder is not None else ()
    if key.startswith(STEP):
        number = int(key.removeprefix(STEP))
        return step_sentence(steps[number]) if number < len(steps) else "The policy has no such step any more."
    warns = policy.warn_at if policy is not None else ()
    if key.startswith(WARN):
        number = int(key.removeprefix(WARN))
        return f"Warns, as {share_or_time(warns[number])} has passed." if number < len(warns) else "Warns."
    if key == FIRST_CLAIM:
        return "Counts as late if nobody has taken it."
    return "Counts as overdue if it is not decided."


def _priority(change: PriorityChange) -> str:
    if not change.is_relative:
        return f"sets its priority to {change.amount}"
    return f"{'raises' if change.amount >= 0 else 'lowers'} its priority by {abs(change.amount)}"


def _named(targets: Sequence[str]) -> str:
    return words.listed([_NAMES.get(each, each.replace(":", " ", 1)) for each in targets])
