"""Trying candidates on the items that come in, after they were stored: intake knows nothing of it.

A reader of the feed of events, like others: the place in it, the counts and what differs change in one statement, which
holds only where nobody else has moved on. So whatever is cut off is done again, and nothing counts twice.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from review.configuration.service import ConfigCache
from review.kernel.db import Database
from review.rehearsal import evaluating, remeasuring
from review.rehearsal.report import Versions
from review.rehearsal.rules import Past
from review.rollout import queries, rules
from review.rollout.rules import Arrival, Compared, Trial
from review.routing.rules import Route

log = logging.getLogger(__name__)

BATCH = 200  # events; with their payload they stay below some tens of megabytes


async def follow(
    db: Database, configs: ConfigCache, is_stopping: Callable[[], bool] = lambda: False, *, batch: int = BATCH
) -> int:
    """Bring every running rollout as far as its project's feed is; tells how many batches that took."""
    done = 0
    for row in await queries.list_behind(db.hot):
        try:
            done += await _catch_up(db, configs, row, is_stopping, batch)
        except Exception:
            log.exception("rollout %s could not be followed; the next turn tries again", row["id"])
    return done


async def _catch_up(db: Database, configs: ConfigCache, row: Any, is_stopping: Callable[[], bool], batch: int) -> int:
    active = await configs.get(row["project_id"], row["from_version"])
    candidate = await configs.get(row["project_id"], row["version"])
    trial = Trial(rollout_id=row["id"], active=active, candidate=candidate, compared=row["compared"])
    mine, position, done = (row["project_id"], row["id"]), row["position"], 0
    flows: dict[str, int] = msgspec.json.decode(row["flows"])
    versions = Versions(trial.active, trial.candidate)
    needs = evaluating.needs(versions)
    while not is_stopping():
        upto, ids = await queries.read_next(db.hot, mine[0], position, batch)
        if upto is None:
            break
        found = Compared(flows=flows)
        if ids:
            rows = await queries.read_items(
                db.hot, mine[0], ids, row["started_at"], needs.with_input, needs.with_output
            )
            pasts = await remeasuring.pasts_of(db.hot, mine[0], rows, versions)
            found = await asyncio.to_thread(_compare, trial, rows, pasts, flows)
        if not await queries.move_on(db.hot, mine, position, upto, found):
            break
        position, flows, done = upto, found.flows, done + 1
    return done


def _compare(trial: Trial, rows: Sequence[Any], pasts: Sequence[Past], flows: dict[str, int]) -> Compared:
    return rules.compare(trial, map(_arrival, rows, pasts), flows)


def _arrival(row: Any, past: Past) -> Arrival:
    route = msgspec.json.decode(row["route"], type=Route)
    return Arrival(past, row["config_version"], route)
