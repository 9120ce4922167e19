"""Lists of items: one pool's or all that somebody may see, narrowed by the address, kept as views, and live."""

from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath
from litestar.response import Redirect, Response

from review.delivery.feed.errors import TooManyStreams
from review.identity.rules import Permission
from review.kernel.errors import Invalid
from review.kernel.sentences import say
from review.queueing import listing, listing_rules, views
from review.queueing import service as queueing
from review.web.event_stream import EVENT_STREAM, HEADERS, EventStream
from review.web.guards import requires
from review.web.pages import bulk_form, list_parts
from review.web.pages.list_parts import BESIDES, address, read, refused
from review.web.pages.reading import SAID, Pairs, first, read_form
from review.web.pages.work import WORK, InHand, Work
from review.web.services import AnyRequest, Tx
from review.web.words.catalogue import one_of


class ListPages(Controller):
    """The lists of a project."""

    path = "/p/{project:str}"
    opt = requires(Permission.READ_ITEMS)
    dependencies = WORK

    @get("/pools/{pool:str}", opt=requires(Permission.WORK))
    async def of_pool(self, request: AnyRequest, work: InHand, pool: FromPath[str]) -> Response[Any]:
        """List what is in a pool: what is open, most urgent first, unless the address says otherwise."""
        return await _show(request, work, pool)

    @get("/queue")
    async def of_all(self, request: AnyRequest, work: InHand) -> Response[Any]:
        """List what is in all the pools that the caller sees, and what was decided without one if they see it all."""
        return await _show(request, work, "")

    @get("/queue/live")
    async def live(self, request: AnyRequest, work: InHand) -> Response[Any]:
        """Say whenever something in the project changed, at most once a second; the stream tells nothing of what."""
        if EVENT_STREAM not in request.headers.get("accept", ""):
            return Redirect(address(work, "", ""), status_code=303)  # somebody opened the address by hand
        room = work.services.live
        if not room.has_room(work.who.id):
            message = say(
                "You have as many lists open as are told of changes at once. This one looks by itself instead."
            )
            raise TooManyStreams(message)
        told = room.tell(work.who.project_id, work.who.id)
        return EventStream(told, media_type=EVENT_STREAM, headers=HEADERS)

    @post("/views", status_code=200)
    async def keep(self, request: AnyRequest, work: InHand, tx: Tx) -> Redirect:
        """Keep a list's filter under a name, for oneself or for everybody."""
        pairs = await read_form(request)
        pool = first(pairs, "pool")
        if pool:
            await queueing.check_pool(work.hot, who=work.who, pool=pool, config=work.config)
        wanted = listing_rules.read(parse_qsl(first(pairs, "query"), max_num_fields=100), besides=BESIDES)
        wanted = msgspec.structs.replace(wanted, pool="") if pool else wanted
        is_shared = bool(first(pairs, "shared"))
        name = first(pairs, "name")
        await views.keep(tx, who=work.who, name=name, wanted=wanted, pool=pool or None, is_shared=is_shared)
        return Redirect(address(work, pool, wanted.query(done="kept")), status_code=303)

    @post("/views/{view_id:uuid}/remove", status_code=200)
    async def remove(self, request: AnyRequest, work: InHand, tx: Tx, view_id: FromPath[UUID]) -> Redirect:
        """Take a view away, and show the list without a filter."""
        await read_form(request)
        pool = await views.remove(tx, who=work.who, view_id=view_id)
        return Redirect(address(work, pool or "", "done=view-removed"), status_code=303)


async def _show(request: AnyRequest, work: Work, pool: str) -> Response[Any]:
    """Show a list; what cannot be asked for is refused beside the filter, which keeps what was typed."""
    pairs: Pairs = list(request.query_params.multi_items())
    if any(not value for _, value in pairs) and not work.is_partial:  # a form sends what is left open too
        return Redirect(address(work, pool, urlencode([pair for pair in pairs if pair[1]])), status_code=303)
    desk = await views.find_desk(work.hot, who=work.who, config=work.config)
    if pool and pool not in desk.pools:
        await queueing.check_pool(work.hot, who=work.who, pool=pool, config=work.config)
    asked, listed = read(pairs, pool), None
    try:
        if not asked.faults:
            known: dict[str, Any] = {"who": work.who, "config": work.config, "pools": desk.pools}
            listed = await listing.look(work.hot, **known, wanted=asked.wanted, after=asked.after, limit=asked.lines)
    except Invalid as fault:
        asked = refused(asked.given, pool, fault)
    rows = await list_parts.rows(work, listed.lines) if listed else []
    onward = list_parts.onward(work, pool, asked, listed)
    tools = bulk_form.tools_of(work.who, work.config, desk.pools) if work.who.may(Permission.WORK) else None
    if work.is_partial:
        return work.page("_lines.html", lines=rows, more=onward, tools=tools)
    shown: dict[str, Any] = list_parts.around(work, desk, pool, asked)
    shown |= {"tools": tools, "resting": await work.resting()}
    status = 422 if asked.faults else 200
    said = one_of(SAID, first(pairs, "done"))
    return work.page("queue.html", status=status, lines=rows, more=onward, listed=listed, said=said, **shown)
