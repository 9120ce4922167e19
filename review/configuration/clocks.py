"""The SLA policies of a document: targets, warnings, and targets by priority; no I/O."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec

from review.configuration.calendars import in_words, working_year
from review.configuration.checks import Checks, list_of, mapping_of
from review.kernel.sentences import Sentence, say
from review.sla.calendars import Calendar
from review.sla.ladders import Ladder
from review.sla.rules import PriorityTargets, SlaPolicy, Target

KEYS = ("calendar", "first_claim", "decide", "warn_at", "escalation", "by_priority")
LONGEST = timedelta(days=3650)  # what the arithmetic looks ahead
MAX_WARNINGS, MAX_PRIORITIES = 10, 20

_IN_DAYS = re.compile(r"^\s*[0-9]+d")


class Parts(msgspec.Struct, frozen=True):
    """What policies may name; of a stored document, which was taken when it was applied, not every limit is asked."""

    calendars: Mapping[str, Calendar]
    ladders: Mapping[str, Ladder]
    is_stored: bool = False


def read_policy(checks: Checks, name: str, given: Mapping[str, Any], parts: Parts) -> SlaPolicy:
    """Check and compile an SLA policy, its calendar and ladder embedded."""
    path = f"sla_policies.{name}"
    checks.keys(path, given, KEYS, required=("decide",))
    calendar = ladder = None
    if given.get("calendar") is not None:
        calendar = parts.calendars.get(
            checks.known(f"{path}.calendar", given["calendar"], parts.calendars, say("calendar"))
        )
    if given.get("escalation") is not None:
        known = checks.known(f"{path}.escalation", given["escalation"], parts.ladders, say("escalation policy"))
        ladder = parts.ladders.get(known)
    reader = _Targets(checks, calendar, is_stored=parts.is_stored)
    faults = len(checks.faults)
    decide = reader.target(f"{path}.decide", given.get("decide")) or Target(LONGEST)
    first_claim = reader.target(f"{path}.first_claim", given.get("first_claim"))
    if len(checks.faults) == faults:  # what cannot be read is told once, and not compared as well
        _check_first_claim(checks, f"{path}.first_claim", first_claim, decide)
    base = PriorityTargets(0, decide, first_claim)
    policy = SlaPolicy(
        name=name,
        decide=decide,
        first_claim=first_claim,
        warn_at=_warn_at(checks, f"{path}.warn_at", given.get("warn_at"), decide),
        by_priority=_by_priority(checks, f"{path}.by_priority", given.get("by_priority"), (base, reader)),
        calendar=calendar,
        ladder=ladder,
    )
    _check_days(checks, policy, given.get("warn_at"))
    return policy


class _Targets:
    """The reading of targets under a calendar, or none."""

    def __init__(self, checks: Checks, calendar: Calendar | None, *, is_stored: bool) -> None:
        self._checks, self._calendar, self._is_stored = checks, calendar, is_stored

    def target(self, path: str, given: object) -> Target | None:
        """Read `4h`, `{elapsed: 4h}` or `{working: 4h}`; None for nothing."""
        if given is None:
            return None
        named = mapping_of(given)
        is_elapsed = False
        if named is not None:
            kind = next(iter(named), "")
            if len(named) != 1 or kind not in {"elapsed", "working"}:
                self._checks.add(path, say("must be a duration, {elapsed: 4h} or {working: 4h}"))
                return None
            path, given, is_elapsed = f"{path}.{kind}", named[kind], kind == "elapsed"
            if kind == "working" and self._calendar is None:
                self._checks.add(path, say("is working time, and the policy names no calendar"))
        target = Target(self._checks.duration(path, given), is_elapsed)
        if self._calendar is not None and not is_elapsed:
            self._check_working(path, given, target, self._calendar)
        elif target.amount > LONGEST and not self._is_stored:
            self._checks.add(path, say("must be at most %(days)sd", days=LONGEST.days))
        return target

    def _check_working(self, path: str, given: object, target: Target, calendar: Calendar) -> None:
        year = working_year(calendar)
        if _is_in_days(given):
            self._checks.add(path, _no_days(calendar))
        elif target.amount > year and year:
            hours = int(year.total_seconds() // 3600)
            self._checks.add(
                path,
                say(
                    "is more working time than calendar %(name)s has in a year (%(hours)sh)",
                    name=calendar.name,
                    hours=hours,
                ),
            )


def _is_in_days(given: object) -> bool:
    return isinstance(given, str) and _IN_DAYS.match(given) is not None


def _no_days(calendar: Calendar) -> Sentence:
    return say("counts in days, which working time has not; write hours: %(day)s", day=in_words(calendar))


def _check_first_claim(checks: Checks, path: str, first_claim: Target | None, decide: Target) -> None:
    # A working and an elapsed target cannot be compared; whichever comes first then holds.
    if first_claim is None or first_claim.is_elapsed != decide.is_elapsed:
        return
    if first_claim.amount > decide.amount:
        checks.add(path, say("leaves `first_claim` longer than `decide`; whoever decides in time has claimed before"))


def _warn_at(checks: Checks, path: str, given: object, decide: Target) -> tuple[float | timedelta, ...]:
    found: list[tuple[timedelta, float | timedelta]] = []
    for at, value in checks.listed(path, given):
        after = checks.moment(at, value)
        if after is None:
            continue
        passed = after if isinstance(after, timedelta) else decide.amount * after
        if not timedelta(0) < passed < decide.amount:
            checks.add(at, say("must be before the target itself: above 0%% and below 100%%, or a shorter duration"))
        elif found and passed <= found[-1][0]:
            checks.add(at, say("does not come after the warning before it"))
        else:
            found.append((passed, after))
    if len(found) > MAX_WARNINGS:
        checks.add(path, say("must be at most %(most)s warnings", most=MAX_WARNINGS))
    return tuple(after for _, after in found)


def _by_priority(
    checks: Checks, path: str, given: object, around: tuple[PriorityTargets, _Targets]
) -> tuple[PriorityTargets, ...]:
    values = list_of([] if given is None else given)
    if values is None or len(values) > MAX_PRIORITIES:
        checks.add(
            path,
            say(
                "must be a list of at most %(most)s entries such as {at_least: 80, decide: 1h}",
                most=MAX_PRIORITIES,
            ),
        )
        return ()
    found: dict[int, PriorityTargets] = {}
    for at, value in enumerate(values):
        own = _priority_targets(checks, f"{path}[{at}]", value, around)
        if own is None:
            continue
        if own.at_least in found:
            checks.add(
                f"{path}[{at}].at_least",
                say("an earlier entry says what holds from %(at_least)s on", at_least=own.at_least),
            )
        found[own.at_least] = own
    return tuple(sorted(found.values(), key=lambda entry: -entry.at_least))


def _priority_targets(
    checks: Checks, path: str, given: object, around: tuple[PriorityTargets, _Targets]
) -> PriorityTargets | None:
    (base, reader), entry = around, mapping_of(given)
    if entry is None:
        checks.add(path, say("must be an entry such as {at_least: 80, decide: 1h}"))
        return None
    checks.keys(path, entry, ("at_least", "decide", "first_claim"), required=("at_least",))
    if entry.get("at_least") is None:
        return None
    own = PriorityTargets(
        checks.integer(f"{path}.at_least", entry["at_least"], 1, 100),
        reader.target(f"{path}.decide", entry.get("decide")),
        reader.target(f"{path}.first_claim", entry.get("first_claim")),
    )
    if own.decide is None and own.first_claim is None:
        checks.add(path, say("changes nothing; say `decide`, `first_claim` or both"))
    decide, where = own.decide or base.decide, "decide" if own.first_claim is None else "first_claim"
    if decide is not None:
        _check_first_claim(checks, f"{path}.{where}", own.first_claim or base.first_claim, decide)
    return own


def _check_days(checks: Checks, policy: SlaPolicy, warnings: object) -> None:
    """Check that nothing that counts in the policy's working time is written in days."""
    if policy.calendar is None or policy.decide.is_elapsed:
        return
    for at, value in checks.listed(f"sla_policies.{policy.name}.warn_at", warnings):
        if _is_in_days(value):
            checks.add(at, _no_days(policy.calendar))
    if policy.ladder is None:
        return
    path = f"escalation_policies.{policy.ladder.name}"
    ladders = mapping_of(checks.document.data.get("escalation_policies")) or {}
    for at, step in checks.listed(path, ladders.get(policy.ladder.name)):
        if _is_in_days((mapping_of(step) or {}).get("after")):
            checks.add(
                f"{at}.after",
                say("under policy %(policy)s %(fault)s", policy=policy.name, fault=_no_days(policy.calendar)),
            )
