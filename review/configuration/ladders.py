"""The escalation policies of a document: their steps, checked each and in their order; no I/O."""

import re
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import msgspec

from review.configuration.checks import EMAIL, Checks, list_of, mapping_of
from review.configuration.routes import MAX_REVIEWS
from review.identity.rules import normalise_email
from review.kernel.sentences import say
from review.sla.ladders import Fallback, Ladder, PriorityChange, Step
from review.sla.rules import SlaPolicy, Target

MAX_STEPS = 20
MOST = 10.0  # times the target; later steps are durations
LONGEST = timedelta(days=366)
ACTIONS = ("notify", "page", "move_to", "priority", "reviewers", "reassign", "decide")
BESIDE_DECIDE = ("notify", "page")
POOL, CHANNEL = "pool:", "channel:"
PEOPLE = ("pool-leads", "holder")

_CHANGE = re.compile(r"^[+-][0-9]{1,3}\Z")


class Reach(msgspec.Struct, frozen=True):
    """What steps may name: pools and channels."""

    pools: tuple[str, ...]
    channels: tuple[str, ...]


def read_ladders(checks: Checks, given: object, reach: Reach) -> dict[str, Ladder]:
    """Check and compile the escalation policies; the order in time that targets give them is `check_order`'s."""
    ladders = checks.mapping("escalation_policies", given)
    return {name: _ladder(checks, name, steps, reach) for name, steps in ladders.items()}


def _ladder(checks: Checks, name: str, given: object, reach: Reach) -> Ladder:
    path = f"escalation_policies.{name}"
    checks.name(path, name)
    values = list_of(given)
    if not values or len(values) > MAX_STEPS:
        checks.add(path, say("must be a list of 1 to %(most)s steps, the earliest first", most=MAX_STEPS))
        return Ladder(name, ())
    steps = [_step(checks, f"{path}[{at}]", each, reach) for at, each in enumerate(values)]
    for at, step in enumerate(steps[:-1]):
        if step.decide is not None:
            checks.add(f"{path}[{at}].decide", say("must be in the last step; nothing can follow a decision"))
    more = sum(step.reviewers for step in steps)
    if more >= MAX_REVIEWS:
        checks.add(
            path,
            say(
                "asks for %(more)s reviewers more in all; a case has %(most)s at most",
                more=more,
                most=MAX_REVIEWS,
            ),
        )
    _check_each_kind(checks, path, steps)
    return Ladder(name, tuple(steps))


def check_order(checks: Checks, ladder: Ladder, policies: Sequence[SlaPolicy]) -> None:
    """Check that steps come one after the other, and a decision not before its target, under each policy's targets."""
    told: set[int] = set()
    for policy in policies:
        targets = [policy.decide, *(entry.decide for entry in policy.by_priority if entry.decide is not None)]
        for target in targets:
            told |= _check_under(checks, ladder, policy, target, told)


def _check_under(checks: Checks, ladder: Ladder, policy: SlaPolicy, target: Target, told: set[int]) -> set[int]:
    path, found = f"escalation_policies.{ladder.name}", set[int]()
    instants = [_within(step.after, target.amount) for step in ladder.steps]
    under = {"policy": policy.name, "target": _shown(target.amount)}
    for at, step in enumerate(ladder.steps):
        if at in told:
            continue
        if at and instants[at] <= instants[at - 1] and type(step.after) is not type(ladder.steps[at - 1].after):
            message = say(
                "under policy %(policy)s, whose target is %(target)s, does not come after the step before it", **under
            )
            checks.add(f"{path}[{at}].after", message)
            found.add(at)
        elif step.decide is not None and isinstance(step.after, timedelta) and instants[at] < target.amount:
            message = say(
                "under policy %(policy)s, whose target is %(target)s, decides while people still have time; 100%% is "
                "the earliest",
                **under,
            )
            checks.add(f"{path}[{at}].after", message)
            found.add(at)
    return found


def _within(after: float | timedelta, amount: timedelta) -> timedelta:
    return after if isinstance(after, timedelta) else amount * after


def _shown(amount: timedelta) -> str:
    minutes, seconds = divmod(round(amount.total_seconds()), 60)
    parts = [(minutes // 60, "h"), (minutes % 60, "m"), (seconds, "s")]
    return "".join(f"{count}{unit}" for count, unit in parts if count)


def _check_each_kind(checks: Checks, path: str, steps: Sequence[Step]) -> None:
    """Check the order among shares and among durations, which no target changes."""
    for kind in (float, timedelta):
        mine = [(at, _number(step.after)) for at, step in enumerate(steps) if isinstance(step.after, kind)]
        for (_, before), (at, after) in pairwise(mine):
            if after <= before:
                told = say("must come after the step before it; what happens at one time belongs in one step")
                checks.add(f"{path}[{at}].after", told)
    for at, step in enumerate(steps):
        if step.decide is not None and isinstance(step.after, float) and step.after < 1:
            checks.add(f"{path}[{at}].after", say("decides while people still have time; 100%% is the earliest"))


def _number(after: float | timedelta) -> float:
    return after.total_seconds() if isinstance(after, timedelta) else after


def _step(checks: Checks, path: str, given: object, reach: Reach) -> Step:
    step = mapping_of(given)
    if step is None:
        checks.add(path, say("must be a step, such as {after: 80%%, notify: pool-leads}"))
        return Step(after=LONGEST)
    checks.keys(path, step, ("after", *ACTIONS), required=("after",))
    if not any(step.get(key) for key in ACTIONS):
        checks.add(path, say("does nothing; say at least one of %(actions)s", actions=", ".join(ACTIONS)))
    for key in ACTIONS:
        if step.get("decide") is not None and key not in (*BESIDE_DECIDE, "decide") and step.get(key) is not None:
            checks.add(f"{path}.{key}", say("has no effect on an item that the same step decides"))
    return Step(
        after=_after(checks, f"{path}.after", step.get("after")),
        notify=_recipients(checks, f"{path}.notify", step.get("notify"), reach),
        page=_recipients(checks, f"{path}.page", step.get("page"), reach),
        move_to=_one_of(checks, f"{path}.move_to", step.get("move_to"), reach.pools, say("pool")),
        priority=_priority(checks, f"{path}.priority", step.get("priority")),
        reviewers=_reviewers(checks, f"{path}.reviewers", step.get("reviewers")),
        reassign=_reassign(checks, f"{path}.reassign", step.get("reassign")),
        decide=_decide(checks, f"{path}.decide", step.get("decide")),
    )


def _after(checks: Checks, path: str, given: object) -> float | timedelta:
    after = checks.moment(path, given) if given is not None else LONGEST
    if isinstance(after, float) and not 0 < after <= MOST:
        checks.add(path, say("must be a share above 0%% and up to %(most)s, or a duration", most=format(MOST, ".0%")))
    elif isinstance(after, timedelta) and after > LONGEST:
        checks.add(path, say("must be at most %(days)sd", days=LONGEST.days))
    return LONGEST if after is None else after


def _one_of(checks: Checks, path: str, given: object, names: Sequence[str], what: str) -> str | None:
    return (checks.known(path, given, names, what) or None) if given is not None else None


def _decide(checks: Checks, path: str, given: object) -> Fallback | None:
    named = _one_of(checks, path, given, [each.value for each in Fallback], say("way to decide"))
    return Fallback(named) if named else None


def _priority(checks: Checks, path: str, given: object) -> PriorityChange | None:
    if given is None:
        return None
    amount: object = int(given) if isinstance(given, str) and _CHANGE.match(given) else given
    if not isinstance(amount, int) or isinstance(amount, bool) or not -100 <= amount <= 100:
        checks.add(path, say("must be a priority from 0 to 100, or a change such as +20"))
        return None
    return PriorityChange(amount, is_relative=isinstance(given, str) or amount < 0)


def _reviewers(checks: Checks, path: str, given: object) -> int:
    if given is None:
        return 0
    amount: object = int(given) if isinstance(given, str) and _CHANGE.match(given) else given
    if not isinstance(amount, int) or isinstance(amount, bool) or not 1 <= amount < MAX_REVIEWS:
        checks.add(path, say("must say how many reviewers more, from +1 to +%(most)s", most=MAX_REVIEWS - 1))
        return 0
    return amount


def _reassign(checks: Checks, path: str, given: object) -> bool:
    if given is not None and given is not True:
        checks.add(path, say("must be true"))
    return given is True


def _recipients(checks: Checks, path: str, given: object, reach: Reach) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for at, value in checks.listed(path, given):
        recipient = _recipient(checks, at, value, reach)
        if recipient in found:
            checks.add(at, say("stands there twice"))
        elif recipient:
            found[recipient] = None
    return tuple(found)


def _recipient(checks: Checks, path: str, given: object, reach: Reach) -> str:
    """Give a recipient in the one form in which steps carry it: channels and pools with their prefix."""
    text = given if isinstance(given, str) else ""
    if text in PEOPLE or (text.startswith(POOL) and text.removeprefix(POOL) in reach.pools):
        return text
    if text.removeprefix(CHANNEL) in reach.channels:
        return f"{CHANNEL}{text.removeprefix(CHANNEL)}"
    if EMAIL.match(text) and "://" not in text and ":" not in text:
        return normalise_email(text)
    if text in reach.pools:
        checks.add(path, say("`%(text)s` is a pool; write `%(pool)s%(text)s`", text=text, pool=POOL))
    elif text.startswith(POOL):
        checks.known(path, text.removeprefix(POOL), reach.pools, say("pool"))
    elif text.startswith(CHANNEL) and "://" not in text:
        checks.known(path, text.removeprefix(CHANNEL), reach.channels, say("channel"))
    else:  # not shown: it may be an address that holds a secret
        checks.add(
            path,
            say("must be %(people)s, pool:NAME, the name of a channel or an e-mail address", people=", ".join(PEOPLE)),
        )
    return ""
