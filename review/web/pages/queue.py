"""Where reviewers find their work: their projects, their pools, what they hold, and the next of a pool."""

from datetime import timedelta
from typing import Any

from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response, Template

from review.configuration.rules import ProjectConfig
from review.identity import queries as identity
from review.identity.rules import Permission
from review.insight import load
from review.insight.load import Load
from review.queueing import ahead, due, overview
from review.queueing import service as queueing
from review.queueing.listing_rules import Wanted
from review.queueing.schemas import HeldLine
from review.registry import service as registry
from review.registry.service import News
from review.web.content import visible
from review.web.guards import requires
from review.web.pages import around, desk, habits, last, words
from review.web.pages.reading import SAID, read_form
from review.web.pages.views import Countdown, HeldRow, LoadRow, PoolRow
from review.web.pages.work import WORK, InHand, Work
from review.web.services import AnyRequest, Tx
from review.web.words.catalogue import gettext, one_of


@get("/", opt={"any_role": True})
async def projects(request: AnyRequest, tx: Tx) -> Response[Any]:
    """Show the projects a person is in, or open the only one."""
    visitor = request.auth
    found = await identity.list_projects_of(tx, visitor.user_id)
    if len(found) == 1:
        return Redirect(f"/p/{found[0].slug}", status_code=303)
    context = {"csrf_token": visitor.csrf_token, "visitor": visitor, "projects": found}
    return Template(template_name="projects.html", context=context)


class QueuePages(Controller):
    """A project's home, and the way to the next item."""

    path = "/p/{project:str}"
    opt = requires(Permission.WORK)
    dependencies = WORK

    @get("/", opt=requires(Permission.READ_ITEMS))
    async def home(self, work: InHand, done: FromQuery[str] = "") -> Template:
        """Show the caller's pools with what waits in them, and what they hold."""
        pools = await overview.pool_summaries(work.hot, who=work.who, config=work.config)
        held = await overview.held_by(work.hot, who=work.who)
        rows = [
            PoolRow(
                name=each.pool,
                title=each.title,
                waiting=each.waiting,
                is_capped=each.is_capped,
                due_soon=each.due_soon,
                oldest_created_at=each.oldest_created_at,
            )
            for each in pools
        ]
        seen = await work.look()
        clocks = await work.told_clocks(seen.clocks)
        kept = (each for each in seen.kept if each.kind != around.PINNED)
        aside = [around.line_of(each, work.looker, clocks.get(each.item_id)) for each in kept]
        mine = [_held_row(each, work.config, clocks.get(each.item_id)) for each in held]
        shown: dict[str, Any] = {"pools": rows, "held": mine, "kept": aside}
        shown["loads"] = await _loads(work)
        shown["resting"] = await work.resting()
        shown["dropped"] = last.look_back(seen.waiting, work.who).dropped
        shown["models"] = await _models(work)
        return work.page("home.html", here="Queue", **shown, said=one_of(SAID, done))

    @post("/pools/{pool:str}/next", status_code=200)
    async def take_next(self, request: AnyRequest, work: InHand, pool: FromPath[str]) -> Redirect:
        """Go on with what the caller holds of the pool or what is kept for them, or claim its most urgent item."""
        await read_form(request)
        here = f"/p/{work.who.project}"
        known = await work.find_in_hand(pool)
        known = known or await ahead.resume(work.hot, who=work.who, pool=pool, config=work.config)
        if known is not None:
            return Redirect(f"{here}/assignments/{known}", status_code=303)
        claimed = await queueing.claim(
            work.hot, who=work.who, pool=pool, limit=1, config=work.config, base_url=work.base_url
        )
        path = f"/assignments/{claimed[0].id}" if claimed else f"/pools/{pool}"
        return Redirect(here + path, status_code=303)


async def _models(work: Work) -> list[News]:
    """Give the model versions that are news, to whoever may clear them."""
    if not work.who.may(Permission.CLEAR_MODELS):
        return []
    return await registry.list_news(work.hot, who=work.who)


async def _loads(work: Work) -> list[LoadRow]:
    """Give who has how much, to whoever leads the pools that they see; today began at midnight in the reader's zone."""
    if not load.may_see(work.who):
        return []
    pools = await due.pools_of(work.hot, who=work.who, config=work.config)
    began = habits.day_began(work.looker.now, work.zone)
    found = await load.list_load(work.hot, who=work.who, pools=pools, since=began)
    most = max([1, *(each.in_hand for each in found)])
    return [_load_row(work, each, most) for each in found]


def _load_row(work: Work, one: Load, most: int) -> LoadRow:
    pace = one.pace_seconds
    return LoadRow(
        who=visible(one.email),
        url=f"/p/{work.who.project}/queue?{Wanted(holder=one.email).query()}",
        in_hand=one.in_hand,
        share=round(100 * one.in_hand / most),
        aside=one.aside,
        oldest=one.oldest,
        overdue=one.overdue,
        done=one.done,
        is_done_capped=one.done >= load.DONE_CAP,
        pace="" if pace is None else words.seconds(pace) if pace < 60 else words.duration(timedelta(seconds=pace)),
    )


def _held_row(line: HeldLine, config: ProjectConfig, clock: Countdown | None) -> HeldRow:
    title = f"{desk.title_in(config, line.type)} {line.external_id or ''}".strip()
    pool = config.pools[line.pool].title if line.pool in config.pools else line.pool
    return HeldRow(
        assignment_id=line.assignment_id,
        title=gettext("%(item)s, from %(pool)s", item=title, pool=pool),
        lease_expires_at=line.lease_expires_at,
        clock=clock,
    )
