"""Measuring what rules ask beside the item, once for a whole group of arrivals, and for items that are tried again.

Projects whose rules ask nothing pay nothing. Arrivals of one group count each other in the order in which they came.
What cannot be measured is left out, so that the conditions that ask it fail and the item goes to a person.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from review.intake import measure_queries as queries
from review.intake.measure_queries import Wanted
from review.kernel.db import UNREACHABLE, Hot, get_now
from review.routing.measuring import MOST_COUNTED, RECEIVED, Ask, Measured, Rate, rates_of, told_at, value_of
from review.routing.rules import RuleSet

log = logging.getLogger(__name__)

SECONDS = 2.0  # a submission waits no longer for it; what is not known by then, people judge


class Stored(msgspec.Struct, frozen=True):
    """An item that came before: its id, when it was stored, as conditions see it, and what was measured of it then."""

    id: UUID
    at: datetime
    facts: Mapping[str, Any]
    measured: Measured


class Remeasured(msgspec.Struct, frozen=True):
    """What is known of a stored item; `is_recounted` where something was counted afterwards, out of what is stored."""

    measured: Measured
    is_recounted: bool = False


async def measure(
    hot: Hot, project_id: UUID, asks: Iterable[Ask], items: Sequence[Mapping[str, Any]]
) -> tuple[list[Measured], datetime | None]:
    """Measure what rules ask of arrivals, in their order; gives the database's time too, if it was to be had.

    One statement, whatever their number.
    """
    rates = rates_of(asks)
    keys = list(dict.fromkeys((rate, value) for item in items for rate, value in _counted(rates, item)))
    try:
        async with asyncio.timeout(SECONDS):
            rows = await queries.count(hot, project_id, [Wanted(value, rate.per) for rate, value in keys])
            at = rows[0]["at"] if rows else await get_now(hot)
    except TimeoutError:
        log.warning("what rules ask could not be measured in %s seconds; people judge these items", SECONDS)
        return [{} for _ in items], None
    except UNREACHABLE:
        raise  # then nothing can be stored either, and nothing is
    except asyncpg.PostgresError:
        log.exception("what rules ask could not be measured; people judge these items")
        return [{} for _ in items], None
    counts = {key: int(row["count"]) for key, row in zip(keys, rows, strict=True)}
    found: list[Measured] = []
    for item in items:
        mine = list(_counted(rates, item))
        found.append(
            {RECEIVED: told_at(at)} | {rate.name: min(counts[rate, value], MOST_COUNTED) for rate, value in mine}
        )
        for key in mine:
            counts[key] += 1
    return found, at


async def remeasure(
    hot: Hot, project_id: UUID, rulesets: Sequence[RuleSet], items: Sequence[Stored]
) -> list[Remeasured]:
    """Give what rule sets ask of stored items: what was measured then, and what was not, out of what is stored.

    An item that was stored without its moment was received when it was stored. A count leaves out what was being stored
    at the same time elsewhere, as it would have then. One statement at most, whatever their number.
    """
    rates = rates_of(dict.fromkeys(ask for ruleset in rulesets for ask in ruleset.asks))
    missing = [
        (place, rate, value)
        for place, item in enumerate(items)
        for rate, value in _counted(rates, item.facts)
        if rate.name not in item.measured
    ]
    wanted = [Wanted(value, rate.per, items[place].at, items[place].id) for place, rate, value in missing]
    rows = await queries.count(hot, project_id, wanted)
    found: list[dict[str, int | str]] = [{RECEIVED: told_at(item.at), **item.measured} for item in items]
    for (place, rate, _), row in zip(missing, rows, strict=True):
        found[place][rate.name] = int(row["count"])
    recounted = {place for place, _, _ in missing}
    return [Remeasured(each, place in recounted) for place, each in enumerate(found)]


def _counted(rates: Sequence[Rate], item: Mapping[str, Any]) -> list[tuple[Rate, str]]:
    return [(rate, value) for rate in rates if (value := value_of(rate, item)) is not None]
