"""Reading what is to be played from a file of YAML or JSON, each fault with its place; no I/O."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from review.configuration.checks import Checks, list_of, mapping_of
from review.configuration.document import parse
from review.configuration.errors import ConfigurationInvalid
from review.configuration.rules import ProjectConfig
from review.escalation.simulation import wishes as wanted
from review.escalation.simulation.scenario import (
    EVERY_DAY,
    MAX_ARRIVALS,
    MAX_DAYS,
    MAX_PEOPLE,
    OFFICE,
    PROFILES,
    Handling,
    Rate,
    Stream,
)
from review.escalation.simulation.wishes import WantedCrew, Wishes

T = TypeVar("T")
TOP = ("arrivals", "mix", "handling", "staff", "on", "days", "zone", "seed")
MAX_SEED = 2**53 - 1


def read_plan(source: bytes, config: ProjectConfig) -> Wishes:
    """Read a file of YAML or JSON that says what to play.

    Raises:
        ConfigurationInvalid: with every fault found, each with its line (422).
    """
    return _Plan(Checks(parse(source)), config).read()


class _Plan:
    """One reading; a fault leaves what it is about to the defaults, and the reading goes on."""

    def __init__(self, checks: Checks, config: ProjectConfig) -> None:
        self._checks, self._config = checks, config

    def read(self) -> Wishes:
        checks, data = self._checks, self._checks.document.data
        checks.keys("", data, TOP)
        seed, days = data.get("seed"), data.get("days")
        found = Wishes(
            arrivals=self._rate(data.get("arrivals")),
            mix=self._mix(data.get("mix")),
            handling=self._handling("handling", data.get("handling")),
            crews=self._staff(data.get("staff")),
            on=self._text("on", data.get("on"), wanted.read_day),
            days=None if days is None else checks.integer("days", days, 1, MAX_DAYS),
            zone=self._text("zone", data.get("zone"), wanted.read_zone),
            seed=None if seed is None else checks.integer("seed", seed, 0, MAX_SEED),
        )
        if checks.faults:
            raise ConfigurationInvalid(sorted(checks.faults, key=lambda fault: (fault.line, fault.column)))
        return found

    def _text(self, path: str, value: object, read: Callable[[str], T]) -> T | None:
        """Read a text, by what says of a wrong one what is wrong with it."""
        if value is None:
            return None
        if not isinstance(value, str):
            self._checks.add(path, "must be a text; quote it if it looks like a number")
            return None
        try:
            return read(value)
        except ValueError as fault:
            self._checks.add(path, str(fault))
            return None

    def _number(self, path: str, value: object, low: float, high: float) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            self._checks.add(path, f"must be a number from {low:g} to {high:g}")
            return low
        return float(value)

    def _rate(self, value: object) -> Rate | None:
        given = mapping_of(value)
        if given is None:
            return self._text("arrivals", value, _rate)
        self._checks.keys("arrivals", given, ("per_day", "profile", "weekdays"), required=("per_day",))
        profile = given.get("profile", "office")
        hours = PROFILES.get(profile) if isinstance(profile, str) else None
        return Rate(
            per_day=self._number("arrivals.per_day", given.get("per_day", 0), 0, MAX_ARRIVALS),
            profile=hours or self._weights("arrivals.profile", profile, 24, OFFICE),
            weekdays=self._weights("arrivals.weekdays", given.get("weekdays", list(EVERY_DAY)), 7, EVERY_DAY),
        )

    def _weights(self, path: str, value: object, count: int, instead: tuple[float, ...]) -> tuple[float, ...]:
        given = list_of(value)
        names = f", or one of {', '.join(PROFILES)}" if count == 24 else ""
        if given is None or len(given) != count:
            self._checks.add(path, f"must be a list of {count} numbers{names}")
            return instead
        found = tuple(self._number(f"{path}[{at}]", each, 0, MAX_ARRIVALS) for at, each in enumerate(given))
        if not any(found) and not self._checks.faults:
            self._checks.add(path, "must have a number above 0")
        return found

    def _mix(self, value: object) -> tuple[Stream, ...]:
        if isinstance(value, str):
            return self._text("mix", value, lambda text: wanted.read_streams(text, self._config)) or ()
        given = list_of([] if value is None else value)
        if given is None:
            self._checks.add("mix", "must be a list of {pool, policy, priority, share, reviews, handling}, or a text")
        found = [self._stream(f"mix[{at}]", each) for at, each in enumerate(given or [])]
        return tuple(each for each in found if each is not None)

    def _stream(self, path: str, value: object) -> Stream | None:
        checks, config, given = self._checks, self._config, mapping_of(value)
        if given is None:
            checks.add(path, "must be a mapping: {pool, policy, priority, share, reviews, handling}")
            return None
        allowed = ("pool", "policy", "priority", "share", "reviews", "handling")
        checks.keys(path, given, allowed, required=("pool", "share"))
        pool = checks.known(f"{path}.pool", given.get("pool"), config.pools, "pool")
        policy = given.get("policy")
        if policy is not None:
            policy = checks.known(f"{path}.policy", policy, config.sla_policies, "SLA policy")
        priority = given.get("priority")
        if priority is not None:
            priority = checks.integer(f"{path}.priority", priority, 0, 100)
        reviews = given.get("reviews")
        if reviews is not None:
            reviews = checks.integer(f"{path}.reviews", reviews, 1, 9)
        share = self._number(f"{path}.share", given.get("share", 0), 0, 1e9)
        stream = wanted.stream_of(config, pool, policy, priority, share, reviews)
        handling = self._handling(f"{path}.handling", given.get("handling"))
        return msgspec.structs.replace(stream, handling=handling)

    def _handling(self, path: str, value: object) -> Handling | None:
        given = mapping_of(value)
        if given is None:
            return self._text(path, value, wanted.read_handling)
        self._checks.keys(path, given, ("median", "spread"), required=("median",))
        spread = self._number(f"{path}.spread", given.get("spread", 2), 1, wanted.MAX_SPREAD)
        return self._text(f"{path}.median", given.get("median"), lambda text: wanted.read_handling(text, spread))

    def _staff(self, value: object) -> tuple[WantedCrew, ...]:
        found: list[WantedCrew] = []
        for name, given in self._checks.mapping("staff", value).items():
            path = f"staff.{name}"
            pool = self._checks.known(path, name, self._config.pools, "pool")
            shifts = list_of(given)
            if shifts is None:
                found.append(self._crew(path, pool, given))
            else:
                found += [self._crew(f"{path}[{at}]", pool, each) for at, each in enumerate(shifts)]
        return tuple(found)

    def _crew(self, path: str, pool: str, value: object) -> WantedCrew:
        given = mapping_of(value)
        if given is None:
            return WantedCrew(pool, self._checks.integer(path, value, 0, MAX_PEOPLE))
        self._checks.keys(path, given, ("people", "hours"), required=("people",))
        people = self._checks.integer(f"{path}.people", given.get("people", 0), 0, MAX_PEOPLE)
        hours = self._text(f"{path}.hours", given.get("hours"), lambda text: wanted.read_hours(text, self._config))
        return WantedCrew(pool, people, hours)


def _rate(text: str) -> Rate:
    found = wanted.read_rate(text)
    if found is None:
        message = f"{text!r} is no rate; write it like 400/day or 20/hour"
        raise ValueError(message)
    return found
