"""Comments on an item."""

from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath

from review.identity.rules import Permission
from review.items import service as items
from review.queueing import comments
from review.queueing.comments import CommentText, CommentView, Thread
from review.web.api import bodies
from review.web.api.openapi import takes
from review.web.guards import requires
from review.web.services import AnyRequest, Svc, Tx, Who


class CommentIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to say of the item; `@ana` or `@ana@example.com` tells somebody who may see it."""

    text: CommentText


@get("/items/{item_id:uuid}/comments", opt=requires(Permission.READ_ITEMS))
async def list_comments(services: Svc, who: Who, item_id: FromPath[UUID]) -> Thread:
    """Read what was said of an item, the newest 200 comments.

    Whoever is still to judge what others judge too does not hear them; `withheld` says how many there are.
    """
    hot = services.db.hot
    item = await items.get_detail(hot, who=who, item_id=item_id, base_url=services.base_url)
    return await comments.list_of(hot, who=who, item=item)


@post("/items/{item_id:uuid}/comments", opt=requires(Permission.COMMENT) | takes(CommentIn))
async def write_comment(request: AnyRequest, services: Svc, who: Who, tx: Tx, item_id: FromPath[UUID]) -> CommentView:
    """Say something of an item, and tell those whom it names."""
    given = await bodies.read(request, CommentIn)
    return await comments.write(tx, who=who, item_id=item_id, text=given.text, base_url=services.base_url)
