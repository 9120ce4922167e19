"""Looking at a version before it is applied: the plan on the newest items, and backtests with what they found."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from review.identity.rules import Permission
from review.kernel.errors import FieldError
from review.kernel.paging import position_of
from review.kernel.sentences import number, say
from review.rehearsal import service as rehearsal
from review.rehearsal.drawing import Picture, draw
from review.rehearsal.errors import BacktestInvalid
from review.rehearsal.schemas import MOST_DAYS, Assumed, Load, Report
from review.rehearsal.service import Wanted
from review.web.guards import requires
from review.web.pages.reading import first, read_form
from review.web.pages.work import WORK, InHand, Work
from review.web.services import AnyRequest, Tx

HERE: Final = "Rules"
SHADES: Final = 5
ROWS: Final = 50


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the form asks for, as typed; `from_` is the version to compare with, blank for the active one."""

    days: str = ""
    from_: str = ""
    minutes: str = ""
    cost: str = ""
    currency: str = ""

    def wanted(self, version: int, active: int) -> Wanted:
        """Read it.

        Raises:
            BacktestInvalid: a field is no number, or beyond its bounds (422).
        """
        faults: list[FieldError] = []

        def amount(name: str, text: str, most: float) -> float | None:
            try:
                value = float(text) if text.strip() else None
            except ValueError:
                value = -1.0
            if value is not None and not 0 < value <= most:
                faults.append(
                    FieldError(name, say("is no number above 0 and up to %(most)s", most=number(most, ",.0f")))
                )
                return None
            return value

        days = amount("days", self.days, MOST_DAYS)
        minutes, cost = amount("minutes", self.minutes, 1440), amount("cost", self.cost, 100_000)
        from_ = amount("from", self.from_, 2**31 - 1)
        currency = self.currency.strip().upper() or "EUR"
        if not (currency.isascii() and currency.isalpha() and len(currency) == 3):
            faults.append(FieldError("currency", say("is no code of three letters, such as EUR")))
        if faults:
            message = say("The form could not be read, so nothing was begun. Mend what is named below.")
            raise BacktestInvalid(message, errors=tuple(faults))
        return Wanted(
            from_version=int(from_ or active),
            to_version=version,
            days=max(1, int(days or 30)),
            assumed=Assumed(minutes=minutes, cost_per_hour=cost, currency=currency),
        )


def read_asked(
    days: FromQuery[str] = "",
    compare: FromQuery[str] = "",
    minutes: FromQuery[str] = "",
    cost: FromQuery[str] = "",
    currency: FromQuery[str] = "",
) -> Asked:
    """Read what is asked for out of the address."""
    return Asked(days=days, from_=compare, minutes=minutes, cost=cost, currency=currency)


@dataclass(frozen=True, slots=True)
class Heat:
    """An hour of an average week: its reviews, and a shade from 0 to 5 by how many that are among the week's hours."""

    count: float
    shade: int


class RehearsalPages(Controller):
    """What a version would have done."""

    path = "/p/{project:str}/rules"
    opt = requires(Permission.READ_CONFIG)
    dependencies = WORK

    @get("/plan/{version:int}", dependencies={"asked": Provide(read_asked, sync_to_thread=False)})
    async def plan(self, work: InHand, version: FromPath[int], asked: NamedDependency[Asked]) -> Template:
        """Show what a version would do with the newest items."""
        wanted = asked.wanted(version, work.config.version)
        services = work.services
        found = await rehearsal.plan(services.db, services.configs, project_id=work.who.project_id, wanted=wanted)
        return work.page(
            "plan.html",
            **_context(work, found),
            here=HERE,
            version=version,
            wanted=wanted,
            asked=asked,
            may_begin=work.who.may(Permission.WRITE_CONFIG),
        )

    @get("/backtests")
    async def backtests(self, work: InHand, cursor: FromQuery[str] = "") -> Template:
        """List backtests, with the form that begins one."""
        before = position_of(cursor or None)
        found, more = await rehearsal.list_backtests(
            work.hot, project_id=work.who.project_id, before=before, limit=ROWS
        )
        here = f"/p/{work.who.project}/rules/backtests"
        return work.page(
            "backtests.html",
            here=HERE,
            backtests=found,
            active=work.config.version,
            more=f"{here}?{urlencode({'cursor': more})}" if more else None,
            may_begin=work.who.may(Permission.WRITE_CONFIG),
        )

    @post("/backtests", status_code=200, opt=requires(Permission.WRITE_CONFIG))
    async def begin(self, request: AnyRequest, work: InHand, tx: Tx) -> Redirect:
        """Begin a backtest, and go to its page."""
        pairs = await read_form(request)
        names = ("days", "compare", "minutes", "cost", "currency")
        days, compare, minutes, cost, currency = (first(pairs, name) for name in names)
        asked = Asked(days=days, from_=compare, minutes=minutes, cost=cost, currency=currency)
        version = first(pairs, "version").strip()
        if not (version.isascii() and version.isdigit() and len(version) < 10):
            message = say("Say which version is to be tried. Nothing was begun.")
            raise BacktestInvalid(message, errors=(FieldError("version", say("is no version number")),))
        wanted = asked.wanted(int(version), work.config.version)
        begun = await rehearsal.begin(tx, project_id=work.who.project_id, actor=work.who.actor, wanted=wanted)
        return Redirect(f"/p/{work.who.project}/rules/backtests/{begun.id}", status_code=303)

    @get("/backtests/{backtest_id:uuid}")
    async def backtest(self, work: InHand, backtest_id: FromPath[UUID]) -> Template:
        """Show how far a backtest is and what it found; while it goes on, the page asks again."""
        found = await rehearsal.get(work.hot, project_id=work.who.project_id, backtest_id=backtest_id)
        shown: dict[str, Any] = {} if found.result is None else _context(work, found.result)
        return work.page(
            "_backtest.html" if work.is_partial else "backtest.html",
            **shown,
            here=HERE,
            backtest=found,
            url=f"/p/{work.who.project}/rules/backtests/{backtest_id}",
            may_begin=work.who.may(Permission.WRITE_CONFIG),
        )

    @post("/backtests/{backtest_id:uuid}/stop", status_code=200, opt=requires(Permission.WRITE_CONFIG))
    async def stop(self, request: AnyRequest, work: InHand, tx: Tx, backtest_id: FromPath[UUID]) -> Redirect:
        """End a backtest that is under way."""
        await read_form(request)
        await rehearsal.stop(tx, project_id=work.who.project_id, actor=work.who.actor, backtest_id=backtest_id)
        return Redirect(f"/p/{work.who.project}/rules/backtests/{backtest_id}", status_code=303)


def _context(work: Work, report: Report) -> dict[str, Any]:
    pools = {pool.pool: pool.title for pool in report.pools}
    return {
        "report": report,
        "picture": _picture(report),
        "pool_titles": pools,
        "heats": {pool.pool: _heat(pool.new) for pool in report.pools if pool.new is not None and pool.new.reviews},
        "may_open": work.who.may(Permission.READ_ITEMS),
    }


def _picture(report: Report) -> Picture | None:
    return draw({(flow.old, flow.new): flow.count for flow in report.flows})


def _heat(load: Load) -> list[list[Heat]]:
    """Give the week as seven rows of 24 hours."""
    most = max(load.hours, default=0.0)
    shades = [Heat(count, min(SHADES, int(count / most * SHADES + 0.999)) if most else 0) for count in load.hours]
    return [shades[at : at + 24] for at in range(0, len(shades), 24)]
