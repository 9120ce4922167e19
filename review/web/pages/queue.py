"""Where reviewers find their work: their projects, their pools, and the lines of one pool."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response, Template

from review.configuration.rules import ProjectConfig
from review.identity import queries as identity
from review.identity.rules import Permission
from review.intake import stops
from review.queueing import listing_rules, overview, pinning, snoozing
from review.queueing import service as queueing
from review.queueing.schemas import HeldLine, QueuedLine
from review.web import content
from review.web.guards import requires
from review.web.pages import around, bulk, desk
from review.web.pages.reading import SAID, read_form
from review.web.pages.stops import told
from review.web.pages.views import Countdown, HeldRow, PoolRow, QueueLine
from review.web.pages.work import WORK, InHand
from review.web.services import AnyRequest, Tx

LINES = 50
MARKS = {"adjudication": "disputed", "lead": "to confirm"}


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
    """A project's home, and its pools."""

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
        kept = [each for each in await pinning.list_kept(work.hot, who=work.who) if each.kind != around.PINNED]
        clocks = await work.countdowns([*(each.item_id for each in held), *(each.item_id for each in kept)])
        aside = [around.line_of(each, work.looker, clocks.get(each.item_id)) for each in kept]
        mine = [_held_row(each, work.config, clocks.get(each.item_id)) for each in held]
        stopped = [told(each) for each in await stops.list_stops(work.hot, who=work.who)]
        shown: dict[str, Any] = {"pools": rows, "held": mine, "kept": aside, "stopped": stopped}
        return work.page("home.html", here="Queue", **shown, said=SAID.get(done, ""))

    @get("/pools/{pool:str}")
    async def lines(
        self, work: InHand, pool: FromPath[str], after: FromQuery[UUID | None] = None, done: FromQuery[str] = ""
    ) -> Template:
        """List what is open in a pool, most urgent first."""
        await queueing.check_pool(work.hot, who=work.who, pool=pool, config=work.config)
        found = await overview.list_open(work.hot, who=work.who, pool=pool, after=after, limit=LINES + 1)
        shown, here = found[:LINES], f"/p/{work.who.project}/pools/{pool}"
        clocks = await work.countdowns([each.item_id for each in shown])
        return work.page(
            "_lines.html" if work.is_partial else "queue.html",
            pool=work.config.pools[pool],
            lines=[_line(each, work.config, clocks.get(each.item_id)) for each in shown],
            more=f"{here}?after={shown[-1].assignment_id}" if len(found) > LINES else None,
            after=after,
            tools=None if work.is_partial else await bulk.tools(work),
            filter=listing_rules.Wanted(pool=pool).query(),
            said=SAID.get(done, ""),
        )

    @post("/pools/{pool:str}/next", status_code=200)
    async def take_next(self, request: AnyRequest, work: InHand, tx: Tx, pool: FromPath[str]) -> Redirect:
        """Go on with what the caller holds of the pool or what is kept for them, or claim its most urgent item."""
        await read_form(request)
        here = f"/p/{work.who.project}"
        kept = [each for each in await pinning.list_kept(work.hot, who=work.who) if each.pool == pool]
        pinned = {each.assignment_id for each in kept if each.kind == around.PINNED}
        for line in await overview.held_by(work.hot, who=work.who):
            if line.pool == pool and line.assignment_id not in pinned:
                return Redirect(f"{here}/assignments/{line.assignment_id}", status_code=303)
        for back in kept:
            if back.kind == around.RESERVED:
                await snoozing.take_up(tx, who=work.who, assignment_id=back.assignment_id, config=work.config)
                return Redirect(f"{here}/assignments/{back.assignment_id}", status_code=303)
        claimed = await queueing.claim(
            work.hot, who=work.who, pool=pool, limit=1, config=work.config, base_url=work.base_url
        )
        path = f"/assignments/{claimed[0].id}" if claimed else f"/pools/{pool}"
        return Redirect(here + path, status_code=303)


def _line(line: QueuedLine, config: ProjectConfig, clock: Countdown | None) -> QueueLine:
    return QueueLine(
        item_id=line.item_id,
        type_title=desk.title_in(config, line.type),
        brief=content.brief(msgspec.json.decode(line.input)),
        confidence=line.confidence,
        clock=clock,
        created_at=line.created_at,
        mark=MARKS.get(line.kind, ""),
    )


def _held_row(line: HeldLine, config: ProjectConfig, clock: Countdown | None) -> HeldRow:
    title = f"{desk.title_in(config, line.type)} {line.external_id or ''}".strip()
    pool = config.pools[line.pool].title if line.pool in config.pools else line.pool
    return HeldRow(
        assignment_id=line.assignment_id,
        title=f"{title}, from {pool}",
        lease_expires_at=line.lease_expires_at,
        clock=clock,
    )
