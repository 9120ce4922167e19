"""Trying a configuration version on stored items before it is applied."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Meta

from review.identity.rules import Permission
from review.kernel.paging import position_of
from review.rehearsal import service as rehearsal
from review.rehearsal.schemas import MOST_DAYS, Assumed, BacktestView
from review.rehearsal.service import Wanted
from review.web.api import bodies
from review.web.api.openapi import takes
from review.web.guards import requires
from review.web.services import AnyRequest, Svc, Tx, Who

READ, BEGIN = requires(Permission.READ_CONFIG), requires(Permission.WRITE_CONFIG)
Version = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=100)]


class BacktestIn(Assumed, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be tried: `to_version`, beside `from_version`, by default the active one.

    The span is the last `days` before `until`, or from `since` on; `until` is now by default.
    """

    to_version: Version
    from_version: Version | None = None
    days: Annotated[int, Meta(ge=1, le=MOST_DAYS)] = 30
    since: Annotated[datetime, Meta(tz=True)] | None = None
    until: Annotated[datetime, Meta(tz=True)] | None = None


class Backtests(msgspec.Struct, frozen=True):
    """Backtests without their results, the last one first."""

    data: list[BacktestView]
    next: str | None = None


@post("/backtests", opt=BEGIN | takes(BacktestIn), status_code=201)
async def begin_backtest(request: AnyRequest, who: Who, tx: Tx) -> BacktestView:
    """Have a worker route all stored items of a span by two versions, and tell what differs."""
    given = await bodies.read(request, BacktestIn)
    wanted = Wanted(
        from_version=who.config_version if given.from_version is None else given.from_version,
        to_version=given.to_version,
        days=given.days,
        since=given.since,
        until=given.until,
        assumed=Assumed(minutes=given.minutes, cost_per_hour=given.cost_per_hour, currency=given.currency),
    )
    return await rehearsal.begin(tx, project_id=who.project_id, actor=who.actor, wanted=wanted)


@get("/backtests", opt=READ)
async def list_backtests(services: Svc, who: Who, *, cursor: FromQuery[str] = "", limit: Limit = 50) -> Backtests:
    """List backtests, the last first."""
    found, more = await rehearsal.list_backtests(
        services.db.hot, project_id=who.project_id, before=position_of(cursor or None), limit=limit
    )
    return Backtests(found, more)


@get("/backtests/{backtest_id:uuid}", opt=READ)
async def get_backtest(services: Svc, who: Who, backtest_id: FromPath[UUID]) -> BacktestView:
    """Tell how far a backtest is, and once it is done what it found."""
    return await rehearsal.get(services.db.hot, project_id=who.project_id, backtest_id=backtest_id)


@post("/backtests/{backtest_id:uuid}/stop", opt=BEGIN, status_code=200)
async def stop_backtest(who: Who, tx: Tx, backtest_id: FromPath[UUID]) -> BacktestView:
    """End a backtest that is under way; what it has counted is dropped."""
    return await rehearsal.stop(tx, project_id=who.project_id, actor=who.actor, backtest_id=backtest_id)
