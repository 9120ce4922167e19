"""How much of what is sensitive one person sees: which item types rest for them, and until when."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from review.configuration.rules import ProjectConfig
from review.items.types import ExposureLimit

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Shown:
    """An item of a type that was shown to somebody, and when that was the last time."""

    type: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit, and the item types that it counts together."""

    types: frozenset[str]
    limit: ExposureLimit


@dataclass(frozen=True, slots=True)
class Rest:
    """A quota that is used up: how many were seen in which span, and when the next one may come."""

    types: frozenset[str]
    most: int
    span: timedelta
    until: datetime


def quotas_of(config: ProjectConfig) -> list[Quota]:
    """List the limits of a configuration: each type's own, and the one that all sensitive types share."""
    found = [Quota(frozenset({name}), each.exposure) for name, each in config.item_types.items() if each.exposure]
    if config.exposure is not None:
        found.append(Quota(sensitive_types(config), config.exposure))
    return found


def sensitive_types(config: ProjectConfig) -> frozenset[str]:
    """Name the item types that hold anything sensitive."""
    return frozenset(name for name, each in config.item_types.items() if each.is_sensitive)


def counted_types(config: ProjectConfig) -> frozenset[str]:
    """Name the item types of which it is noted who was shown them: what is sensitive, and what has a limit."""
    return sensitive_types(config).union(*(each.types for each in quotas_of(config)))


def list_rests(quotas: Sequence[Quota], shown: Collection[Shown], now: datetime) -> list[Rest]:
    """List the quotas that are used up at a moment; of one that is so twice, what lasts longer."""
    found: list[Rest] = []
    for quota in quotas:
        times = sorted((each.at for each in shown if each.type in quota.types), reverse=True)
        spans = ((quota.limit.per_hour, HOUR), (quota.limit.per_day, DAY))
        rests = [
            Rest(quota.types, most, span, times[most - 1] + span)
            for most, span in spans
            if most is not None and len(times) >= most and times[most - 1] + span > now
        ]
        found += [max(rests, key=lambda rest: rest.until)] if rests else []
    return found


def resting_types(rests: Sequence[Rest]) -> tuple[str, ...]:
    """Name the types that rest, in one order."""
    return tuple(sorted({name for rest in rests for name in rest.types}))


def ends_of(rests: Sequence[Rest]) -> Mapping[str, Rest]:
    """Give, for each type that rests, the rest that lasts longest."""
    found: dict[str, Rest] = {}
    for rest in sorted(rests, key=lambda each: each.until):
        found |= dict.fromkeys(rest.types, rest)
    return found
