"""Policies and ladders in words: what a target is, when a step comes, what it does."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from review.kernel import wording
from review.sla import reasons
from review.sla.ladders import Fallback, PriorityChange, Step
from review.sla.rules import DUE, FIRST_CLAIM, STEP, WARN, SlaPolicy, Target
from review.web.pages import retold, words
from review.web.words.catalogue import N_, gettext, ngettext, one_of

FALLBACKS: Final = {
    Fallback.APPROVE: N_("approves it if nobody has decided"),
    Fallback.REJECT: N_("rejects it if nobody has decided"),
    Fallback.MODEL_OUTPUT: N_("lets the model’s own output through, marked as unreviewed, if nobody has decided"),
}
_FAILED: Final = "could not: "  # how a step's record begins what reached nobody
_NAMES: Final = {"pool-leads": N_("the leads"), "holder": N_("whoever holds it")}


def share_or_time(after: float | timedelta) -> str:
    """Say when a warning or step comes: `80 % of the time`, `2 h`."""
    if isinstance(after, timedelta):
        return retold.time(reasons.duration(after))
    return gettext("%(share)s %% of the time", share=wording.number(after * 100, "g"))


def amount(target: Target, policy: SlaPolicy) -> str:
    """Say how long a target is, and how it counts: `4 h of working time`, `2 d, night and day`."""
    if target.is_elapsed or policy.calendar is None:
        return gettext("%(time)s, night and day", time=retold.time(reasons.duration(target.amount)))
    return gettext("%(time)s of working time", time=retold.time(reasons.working(target.amount)))


def policy_sentences(policy: SlaPolicy) -> list[str]:
    """Say what a policy asks: its targets, its warnings, other targets for urgent items."""
    said = [gettext("Decide within %(time)s.", time=amount(policy.decide, policy))]
    if policy.first_claim is not None:
        said.append(gettext("Somebody takes it within %(time)s.", time=amount(policy.first_claim, policy)))
    for other in policy.by_priority:
        parts = [gettext("decide within %(time)s", time=amount(other.decide, policy))] if other.decide else []
        parts += [gettext("taken within %(time)s", time=amount(other.first_claim, policy))] if other.first_claim else []
        what = words.listed(parts)
        said.append(gettext("With priority %(least)s or more: %(what)s.", least=other.at_least, what=what))
    if policy.warn_at:
        when = words.listed([share_or_time(each) for each in policy.warn_at])
        said.append(gettext("Warns after %(when)s.", when=when))
    return said


def does(step: Step) -> list[str]:
    """List what a step does, each as a clause that can stand alone."""
    said = [gettext("notifies %(whom)s", whom=_named(step.notify))] if step.notify else []
    said += [gettext("pages %(whom)s", whom=_named(step.page))] if step.page else []
    said += [gettext("moves it to %(pool)s", pool=step.move_to)] if step.move_to else []
    said += [_priority(step.priority)] if step.priority else []
    if step.reviewers:
        said.append(ngettext("asks for one more review", "asks for %(num)s more reviews", step.reviewers))
    said += [gettext("takes it back from whoever holds it")] if step.reassign else []
    return [*said, gettext(FALLBACKS[step.decide])] if step.decide else said


def step_sentence(step: Step) -> str:
    """Say what a step does, as a sentence."""
    said = words.listed(does(step))
    return f"{said[:1].upper()}{said[1:]}."


def told(done: Sequence[str]) -> str:
    """Make a record of what a step did one text, what it could not do as sentences of their own; without a full stop.

    It begins with a clause that stands behind a colon, and can stand alone.
    """
    could = [retold.DONE.tell(each) for each in done if not each.startswith(_FAILED)]
    acts = [retold.FAILED.tell(each.removeprefix(_FAILED)) for each in done if each.startswith(_FAILED)]
    failed = [gettext("It could not do this: %(act)s", act=act) for act in acts]
    return ". ".join([words.listed(could) or gettext("did nothing else"), *failed])


def mark_title(key: str) -> str:
    """Name a mark of a clock."""
    if key.startswith(STEP):
        return gettext("Step %(number)s", number=int(key.removeprefix(STEP)) + 1)
    if key.startswith(WARN):
        return gettext("Warning")
    return one_of({FIRST_CLAIM: N_("First claim"), DUE: N_("Due")}, key, key)


def mark_sentence(key: str, policy: SlaPolicy | None) -> str:
    """Say what happens at a mark to an item that is still open."""
    steps = policy.ladder.steps if policy is not None and policy.ladder is not None else ()
    if key.startswith(STEP):
        number = int(key.removeprefix(STEP))
        gone = gettext("The policy has no such step any more.")
        return step_sentence(steps[number]) if number < len(steps) else gone
    warns = policy.warn_at if policy is not None else ()
    if key.startswith(WARN):
        number = int(key.removeprefix(WARN))
        if number >= len(warns):
            return gettext("Warns.")
        return gettext("Warns, as %(time)s has passed.", time=share_or_time(warns[number]))
    if key == FIRST_CLAIM:
        return gettext("Counts as late if nobody has taken it.")
    return gettext("Counts as overdue if it is not decided.")


def _priority(change: PriorityChange) -> str:
    if not change.is_relative:
        return gettext("sets its priority to %(number)s", number=change.amount)
    number = abs(change.amount)
    if change.amount >= 0:
        return gettext("raises its priority by %(number)s", number=number)
    return gettext("lowers its priority by %(number)s", number=number)


def _named(targets: Sequence[str]) -> str:
    return words.listed([one_of(_NAMES, each, each.replace(":", " ", 1)) for each in targets])
