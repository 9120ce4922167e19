"""What is due soon, over all pools that the reader may see: overdue first."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromQuery
from litestar.response import Template

from review.identity.rules import Permission
from review.queueing import due
from review.queueing.due import BEGINNING, DueLine, Place
from review.web.guards import requires
from review.web.pages import veils, words
from review.web.pages.desk import title_in
from review.web.pages.views import Countdown, DueRow
from review.web.pages.work import WORK, InHand, Work
from review.web.words.catalogue import N_, gettext

LINES = 50
WITHIN: Final = {"4": N_("4 hours"), "24": N_("24 hours"), "72": N_("3 days"), "168": N_("7 days")}  # by the wall clock
USUAL = "24"
EPOCH = datetime.fromtimestamp(0, UTC)


@get("/p/{project:str}/due", opt=requires(Permission.READ_ITEMS), dependencies=WORK)
async def due_page(work: InHand, within: FromQuery[str] = USUAL, after: FromQuery[str] = "") -> Template:
    """List what is overdue and what is due within some hours, the most overdue first."""
    hours = within if within in WITHIN else USUAL
    span, place = timedelta(hours=int(hours)), _place(after)
    pools = await due.pools_of(work.hot, who=work.who, config=work.config)
    found = await due.list_due(work.hot, who=work.who, pools=pools, within=span, after=place, limit=LINES + 1)
    lines = found[:LINES]
    clocks = await work.countdowns([each.item_id for each in lines])
    rows = [_row(work, each, clocks.get(each.item_id)) for each in lines]
    last = lines[-1] if len(found) > LINES else None
    more = f"/p/{work.who.project}/due?within={hours}&after={_mark(last)}" if last else None
    if work.is_partial:
        return work.page("_due_lines.html", rows=rows, more=more)
    count = await due.count_due(work.hot, who=work.who, pools=pools, within=span)
    choices = [(each, gettext(title), each == hours) for each, title in WITHIN.items()]
    return work.page(
        "due.html",
        here="Due soon",
        rows=rows,
        more=more,
        count=count,
        choices=choices,
        span=gettext(WITHIN[hours]),
        is_first=not after,
    )


def _row(work: Work, line: DueLine, clock: Countdown | None) -> DueRow:
    holders = [email for email in line.holders if email == work.who.email or not work.who.is_blind]
    shown = [gettext("you") if email == work.who.email else email.partition("@")[0] for email in holders]
    pools = [work.config.pools[name].title if name in work.config.pools else name for name in line.pools]
    return DueRow(
        item_id=line.item_id,
        type_title=title_in(work.config, line.type),
        brief=veils.brief(work.config, line.type, msgspec.json.decode(line.input)),
        pool=", ".join(pools),
        clock=clock,
        due_at=line.due_at,
        wanted=line.wanted,
        is_held=bool(line.holders),
        holder=words.listed(shown),
    )


def _mark(line: DueLine) -> str:
    return f"{(line.due_at - EPOCH) // timedelta(microseconds=1)}-{line.item_id}"


def _place(text: str) -> Place:
    """Read where a page begins; what is no place of ours is the beginning."""
    micros, _, item_id = text.partition("-")
    try:
        return Place(EPOCH + timedelta(microseconds=int(micros[:20])), UUID(item_id))
    except (ValueError, OverflowError):
        return BEGINNING
