"""Looking at a version before it is applied: at once on the newest items, or on all of a span, in a worker."""

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action, Actor
from review.configuration.errors import ConfigVersionNotFound
from review.configuration.service import ConfigCache
from review.kernel.db import Database, Hot, driver_of, get_now
from review.kernel.errors import FieldError
from review.kernel.ids import new_id
from review.kernel.paging import cursor_of
from review.kernel.sentences import say
from review.rehearsal import evaluating, queries, remeasuring
from review.rehearsal.errors import BacktestInvalid, BacktestNotFound, BacktestOver, TooManyBacktests
from review.rehearsal.report import Known, Span, Versions, report
from review.rehearsal.rules import Past, Tally
from review.rehearsal.schemas import MOST_DAYS, Assumed, BacktestView, Report

MOST_PLANNED = 2_000
PLANNED_AT_ONCE = 200
PLAN_SECONDS = 5.0  # somebody waits for the page; with a thousand rules fewer items are looked at
MOST_UNDER_WAY = 3
FIRST_YEAR = 2000  # no item is older, and a year earlier a moment has no place in what the database counts
HANDLING_DAYS = 90  # of reviews before the end of the span, for how long one takes
FORGOTTEN_AT_ONCE = 100  # each with a report of some ten kilobytes
PLANS_AT_A_TIME = 2  # each takes a processor for about a second

_plans = asyncio.Semaphore(PLANS_AT_A_TIME)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Two versions and a span: the last `days` before `until`, or from `since`; `until` is now where it is not said."""

    from_version: int
    to_version: int
    days: int = 30
    since: datetime | None = None
    until: datetime | None = None
    assumed: Assumed = Assumed()


async def plan(db: Database, configs: ConfigCache, *, project_id: UUID, wanted: Wanted) -> Report:
    """Try a version on the newest 2,000 items of a span, at once; nothing is stored.

    Raises:
        BacktestInvalid (422); ConfigVersionNotFound (404).
    """
    _check(wanted)
    versions = await versions_of(db.hot, configs, project_id, wanted.from_version, wanted.to_version)
    return await plan_of(db, project_id=project_id, versions=versions, wanted=wanted)


async def plan_of(db: Database, *, project_id: UUID, versions: Versions, wanted: Wanted) -> Report:
    """Try a version that need not be stored on the newest 2,000 items of a span, at once.

    Raises:
        BacktestInvalid (422).
    """
    until = await get_now(db.hot)
    until = min(wanted.until or until, until)
    since = wanted.since or until - timedelta(days=wanted.days)
    _check_span(since, until)
    needs = evaluating.needs(versions)
    part = queries.Slice(
        project_id=project_id,
        since=since,
        until=until,
        with_input=needs.with_input,
        with_output=needs.with_output,
        with_measured=needs.with_measured,
    )
    async with _plans:
        rows = await queries.read_last(db.hot, part, MOST_PLANNED + 1)
        pasts = await remeasuring.pasts_of(db.hot, project_id, rows[-MOST_PLANNED:], versions)
        tally = await asyncio.to_thread(_count_newest, pasts, versions)
        is_part = bool(rows) and rows[0]["found"] > tally.items
        span = Span(rows[-tally.items]["created_at"] if is_part else since, until, is_part)
        return await told(db, project_id, tally, versions, span, wanted.assumed)


def _count_newest(rows: Sequence[Past], versions: Versions) -> Tally:
    """Count the newest first, as many as there is time for."""
    tally, began = Tally(), time.monotonic()
    for end in range(len(rows), 0, -PLANNED_AT_ONCE):
        tally = evaluating.count(tally, rows[max(0, end - PLANNED_AT_ONCE) : end], versions)
        if time.monotonic() - began > PLAN_SECONDS:
            break
    return tally


async def begin(tx: AsyncSession, *, project_id: UUID, actor: Actor, wanted: Wanted) -> BacktestView:
    """Have a worker try a version on all items of a span.

    Raises:
        BacktestInvalid (422); ConfigVersionNotFound (404); TooManyBacktests: three are under way (409).
    """
    _check(wanted)
    hot = await driver_of(tx)
    for version in (wanted.from_version, wanted.to_version):
        await _check_version(hot, project_id, version)
    if await queries.count_under_way(hot, project_id) >= MOST_UNDER_WAY:
        message = say(
            "%(most)s backtests are under way; this one was not begun. Wait for one to end, or stop one.",
            most=MOST_UNDER_WAY,
        )
        raise TooManyBacktests(message)
    backtest_id = new_id()
    row = await queries.add(
        hot,
        *(project_id, backtest_id, wanted.from_version, wanted.to_version),
        *(wanted.since, wanted.until, timedelta(days=wanted.days)),
        *(msgspec.json.encode(wanted.assumed).decode(), actor.name),
    )
    _check_span(row["since"], row["until"])
    details = {"backtest_id": str(backtest_id), "from": wanted.from_version, "to": wanted.to_version}
    audit.record(tx, project_id, actor, Action.BACKTEST_BEGUN, details=details)
    await tx.flush()
    return view_of(row)


async def get(hot: Hot, *, project_id: UUID, backtest_id: UUID) -> BacktestView:
    """Give a backtest as far as it is, with its result once there is one.

    Raises:
        BacktestNotFound (404).
    """
    row = await queries.find(hot, project_id, backtest_id)
    if row is None:
        message = say("There is no backtest %(backtest_id)s here.", backtest_id=backtest_id)
        raise BacktestNotFound(message)
    return view_of(row, result=row["result"])


async def list_backtests(
    hot: Hot, *, project_id: UUID, before: UUID | None = None, limit: int = 50
) -> tuple[list[BacktestView], str | None]:
    """List backtests without their results, the last first, and the cursor that goes on."""
    rows = await queries.list_backtests(hot, project_id, before, limit + 1)
    more = cursor_of(rows[limit - 1]["id"]) if len(rows) > limit else None
    return [view_of(row) for row in rows[:limit]], more


async def stop(tx: AsyncSession, *, project_id: UUID, actor: Actor, backtest_id: UUID) -> BacktestView:
    """End a backtest that is under way; what it has counted is dropped.

    Raises:
        BacktestNotFound (404); BacktestOver: it has ended (409).
    """
    hot = await driver_of(tx)
    found = await get(hot, project_id=project_id, backtest_id=backtest_id)
    if not await queries.stop(hot, project_id, backtest_id):
        message = say("The backtest has ended (%(state)s); nothing was changed.", state=found.state)
        raise BacktestOver(message)
    details = {"backtest_id": str(backtest_id), "from": found.from_version, "to": found.to_version}
    audit.record(tx, project_id, actor, Action.BACKTEST_STOPPED, details=details)
    await tx.flush()
    return await get(hot, project_id=project_id, backtest_id=backtest_id)


async def versions_of(hot: Hot, configs: ConfigCache, project_id: UUID, old: int, new: int) -> Versions:
    """Give two versions, compiled.

    Raises:
        ConfigVersionNotFound (404).
    """
    for version in (old, new):
        await _check_version(hot, project_id, version)
    return Versions(await configs.get(project_id, old), await configs.get(project_id, new))


async def told(
    db: Database, project_id: UUID, tally: Tally, versions: Versions, span: Span, assumed: Assumed
) -> Report:
    """Put what was counted together with what reviews took and who is in the pools."""
    handling = await queries.handling(db.hot, project_id, span.until - timedelta(days=HANDLING_DAYS), span.until)
    others = await queries.list_other_members(db.hot, project_id)
    known = Known(
        handling=handling,
        old_members=evaluating.members_of(versions.old, others),
        new_members=evaluating.members_of(versions.new, others),
    )
    return await asyncio.to_thread(report, tally, versions, span, known, assumed)


def view_of(row: Any, *, result: str | None = None) -> BacktestView:
    """Show a stored backtest."""
    speed = row["done"] / row["worked_seconds"] if row["worked_seconds"] > 0 else None
    left = None
    if speed and row["estimated"] is not None and row["state"] == "running":
        left = max(0, row["estimated"] - row["done"]) / speed
    same = ("id", "state", "from_version", "to_version", "since", "until", "requested_by", "requested_at", "ended_at")
    return BacktestView(
        **{name: row[name] for name in same},
        items_done=row["done"],
        items_estimated=row["estimated"],
        items_per_second=speed,
        seconds_left=left,
        error=row["error"],
        result=None if result is None else msgspec.json.decode(result, type=Report),
    )


async def _check_version(hot: Hot, project_id: UUID, version: int) -> None:
    # The column holds 32 bits; what lies beyond is no version either.
    if not 0 < version < 2**31 or not await queries.has_version(hot, project_id, version):
        message = say("The project has no configuration version %(version)s; nothing was begun.", version=version)
        raise ConfigVersionNotFound(message)


def _check(wanted: Wanted) -> None:
    if not 1 <= wanted.days <= MOST_DAYS:
        message = say("A span has from 1 to %(most)s days. Nothing was begun.", most=MOST_DAYS)
        raise BacktestInvalid(message, errors=(FieldError("days", say("is not from 1 to %(most)s", most=MOST_DAYS)),))
    if any(each is not None and each.tzinfo is None for each in (wanted.since, wanted.until)):
        message = say("A moment needs its time zone, as in 2026-11-01T00:00:00Z. Nothing was begun.")
        raise BacktestInvalid(message, errors=(FieldError("since", say("or `until` has no time zone")),))
    if any(each is not None and each.year < FIRST_YEAR for each in (wanted.since, wanted.until)):
        message = say("A span lies after %(year)s. Nothing was begun.", year=FIRST_YEAR)
        raise BacktestInvalid(
            message, errors=(FieldError("since", say("or `until` is before %(year)s", year=FIRST_YEAR)),)
        )


def _check_span(since: datetime, until: datetime) -> None:
    if since >= until:
        message = say("The span ends before it begins. Nothing was begun.")
        raise BacktestInvalid(message, errors=(FieldError("since", say("is not before `until`, nor before now")),))
    if until - since > timedelta(days=MOST_DAYS):
        message = say("A span has at most %(most)s days. Nothing was begun.", most=MOST_DAYS)
        raise BacktestInvalid(
            message,
            errors=(FieldError("since", say("is over %(most)s days before `until`", most=MOST_DAYS)),),
        )


async def forget_old(hot: Hot, kept: timedelta) -> int:
    """Forget backtests that were over longer ago than that, a few at a time; gives how many."""
    forgotten = 0
    while some := await queries.forget(hot, kept, FORGOTTEN_AT_ONCE):
        forgotten += some
    return forgotten
