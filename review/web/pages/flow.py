"""From one item to the next: the next is claimed and rendered ahead, and the last verdict may be taken back."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from litestar import Controller, post
from litestar.params import FromPath
from litestar.response import Redirect, Response, Template

from review.identity.rules import Permission
from review.queueing import ahead
from review.reviewing import pending
from review.web.guards import requires
from review.web.pages.assignments import shown_in
from review.web.pages.reading import SAID, fence_of, read_form
from review.web.pages.work import WORK, InHand
from review.web.services import AnyRequest, Tx
from review.web.words.catalogue import one_of


class FlowPages(Controller):
    """What a page asks for while somebody judges one item after the other."""

    path = "/p/{project:str}"
    opt = requires(Permission.WORK)
    dependencies = WORK

    @post("/pools/{pool:str}/ahead", status_code=200)
    async def claim_ahead(self, request: AnyRequest, work: InHand, tx: Tx, pool: FromPath[str]) -> Response[Any]:
        """Claim the pool's next item for a page that keeps it until it is wanted; empty where nothing waits."""
        await read_form(request)
        found = await ahead.reserve(tx, who=work.who, pool=pool, config=work.config, base_url=work.base_url)
        if found is None:
            return Response(None, status_code=204)
        inside = replace(await work.seeing(tx), is_partial=True)
        return await inside.show(found, await inside.begin(found), act="ahead", push="")

    @post("/assignments/{assignment_id:uuid}/put-back", status_code=204)
    async def put_back(self, request: AnyRequest, work: InHand, tx: Tx, assignment_id: FromPath[UUID]) -> None:
        """Give an item back that was claimed ahead, and that the page is left without having shown."""
        pairs = await read_form(request)
        await ahead.put_back(tx, who=work.who, assignment_id=assignment_id, fence=fence_of(pairs))

    @post("/assignments/{assignment_id:uuid}/undo", status_code=200)
    async def undo(self, request: AnyRequest, work: InHand, tx: Tx, assignment_id: FromPath[UUID]) -> Template:
        """Take the verdict back and show the item as it was filled in; what was in hand since comes next."""
        pairs = await read_form(request)
        fence = fence_of(pairs, "given")
        filled = await pending.take_back(tx, who=work.who, assignment_id=assignment_id, fence=fence, config=work.config)
        inside = await work.seeing(tx)
        claimed = await inside.held(assignment_id)
        if (since := shown_in(pairs)) is not None:
            await ahead.stow(inside.hot, who=work.who, pool=claimed.pool, config=work.config, only=since)
        draft, url = await inside.take_up(claimed, filled), f"/p/{work.who.project}/assignments/{assignment_id}"
        return await inside.show(claimed, draft, outcome=one_of(SAID, "undo"), act="undo", push=url, is_draft_used=True)

    @post("/seen", status_code=200)
    async def see_dropped(self, request: AnyRequest, work: InHand, tx: Tx) -> Redirect:
        """Take notice of the verdicts that could not be counted."""
        await read_form(request)
        await pending.forget_dropped(tx, who=work.who)
        return Redirect(f"/p/{work.who.project}", status_code=303)
