"""Talking about an item on its page and on the desk, and seeing who else is there."""

from typing import Any
from uuid import UUID

from litestar import Controller, post
from litestar.params import FromPath
from litestar.response import Redirect, Response

from review.identity.rules import Permission
from review.items import service as items
from review.kernel.db import driver_of
from review.queueing import comments
from review.web import presence
from review.web.guards import requires
from review.web.pages.reading import first, read_form
from review.web.pages.understanding import beside_of
from review.web.pages.work import WORK, InHand, Work
from review.web.services import AnyRequest, Tx


class CommentPages(Controller):
    """Comments on one item. Every act is a plain form post; on the desk htmx keeps the item where it is."""

    path = "/p/{project:str}/items/{item_id:uuid}"
    opt = requires(Permission.COMMENT)
    dependencies = WORK

    @post("/comments", status_code=200)
    async def write(self, request: AnyRequest, work: InHand, tx: Tx, item_id: FromPath[UUID]) -> Response[Any]:
        """Say something, and tell those whom it names."""
        pairs = await read_form(request)
        await comments.write(tx, who=work.who, item_id=item_id, text=first(pairs, "text"), base_url=work.base_url)
        return await _back(work, tx, item_id)

    @post("/comments/{comment_id:uuid}/edit", status_code=200)
    async def edit(
        self, request: AnyRequest, work: InHand, tx: Tx, item_id: FromPath[UUID], comment_id: FromPath[UUID]
    ) -> Response[Any]:
        """Write one's own comment anew."""
        said = first(await read_form(request), "text")
        key: dict[str, Any] = {"item_id": item_id, "comment_id": comment_id, "base_url": work.base_url}
        await comments.change(tx, who=work.who, text=said, **key)
        return await _back(work, tx, item_id)

    @post("/comments/{comment_id:uuid}/remove", status_code=200)
    async def remove(
        self, request: AnyRequest, work: InHand, tx: Tx, item_id: FromPath[UUID], comment_id: FromPath[UUID]
    ) -> Response[Any]:
        """Take one's own comment back."""
        await read_form(request)
        key: dict[str, Any] = {"item_id": item_id, "comment_id": comment_id, "base_url": work.base_url}
        await comments.change(tx, who=work.who, text=None, **key)
        return await _back(work, tx, item_id)

    @post("/comments/{comment_id:uuid}/hide", opt=requires(Permission.OVERRIDE), status_code=200)
    async def hide(
        self, request: AnyRequest, work: InHand, tx: Tx, item_id: FromPath[UUID], comment_id: FromPath[UUID]
    ) -> Response[Any]:
        """Hide somebody's comment, as a lead."""
        await read_form(request)
        key: dict[str, Any] = {"item_id": item_id, "comment_id": comment_id, "base_url": work.base_url}
        await comments.hide(tx, who=work.who, **key)
        return await _back(work, tx, item_id)

    @post("/presence", opt=requires(Permission.READ_ITEMS), status_code=200)
    async def look(self, request: AnyRequest, work: InHand, item_id: FromPath[UUID]) -> dict[str, Any]:
        """Note that the reader looks at the item, and tell who else does; names only to who may know them."""
        await read_form(request)
        visible = await items.list_visible(work.hot, who=work.who, item_ids=[item_id])
        others = await presence.note(work.services.redis, who=work.who, item_id=item_id) if visible else []
        if visible and not others:  # as nearly always, every 20 seconds on every page
            return {"said": ""}
        item = await items.get_detail(work.hot, who=work.who, item_id=item_id, base_url=work.base_url)
        is_kept = bool(others) and await items.is_still_to_judge(work.hot, who=work.who, item=item)
        return {"said": presence.said(others, is_kept=is_kept)}


async def _back(work: Work, tx: Tx, item_id: UUID) -> Response[Any]:
    """Lead back to the thread, or give htmx what stands beside the item, with the comment in it."""
    if not work.is_partial:
        return Redirect(f"/p/{work.who.project}/items/{item_id}#comments", status_code=303)
    await tx.flush()
    item = await items.get_detail(await driver_of(tx), who=work.who, item_id=item_id, base_url=work.base_url)
    return work.page("_beside.html", item_id=item_id, beside=await beside_of(work, tx, item), is_desk=True)
