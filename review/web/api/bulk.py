"""Acts on many items at once: what one would do, asking for it, taking it back, and what became of each item."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import Meta

from review.bulk import service as bulk
from review.bulk.errors import BulkInvalid
from review.bulk.schemas import MOST_ITEMS, ActView, Asked, Preview, Told
from review.identity.rules import Permission, Principal
from review.kernel.errors import FieldError
from review.queueing import listing, listing_rules
from review.web.api import bodies
from review.web.api.openapi import gives, takes
from review.web.guards import requires
from review.web.services import AnyRequest, Services, Svc, Tx, Who

WORK = requires(Permission.WORK)


class BulkIn(Asked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be done to many items alike, and why; they are given by id, or by a filter as lists have it."""

    items: Annotated[list[UUID], Meta(max_length=MOST_ITEMS)] | None = None
    filter: dict[str, str] | None = None

    @property
    def asked(self) -> Asked:
        """The act without its items."""
        return Asked(**{name: getattr(self, name) for name in Asked.__struct_fields__})


class Acts(msgspec.Struct, frozen=True):
    """The caller's own acts, the last one first, behind those of others that they may stop."""

    data: list[ActView]
    next: str | None = None


@post("/bulk/preview", opt=WORK | takes(BulkIn), status_code=200)
async def preview_bulk(request: AnyRequest, services: Svc, who: Who) -> Preview:
    """Say what an act would do to each of up to 1,000 items as things stand, and to which not and why."""
    given = await bodies.read(request, BulkIn)
    config = await services.config_of(who)
    ids = await _chosen(services, who, given)
    parts: dict[str, Any] = {"config": config, "item_types": services.item_types, "asked": given.asked}
    return await bulk.preview(services.db.hot, who=who, item_ids=ids, **parts)


@post("/bulk", opt=WORK | takes(BulkIn) | gives({"application/json": ActView}), status_code=201)
async def begin_bulk(request: AnyRequest, services: Svc, who: Who, tx: Tx) -> Response[ActView]:
    """Ask for an act on up to 1,000 items; it counts, and is done, once the time to take it back is over.

    201 when it was stored now, 200 when it had been asked for before under the same Idempotency-Key.
    """
    given = await bodies.read(request, BulkIn)
    ids = await _chosen(services, who, given)
    begun = await bulk.begin(
        tx,
        who=who,
        config=await services.config_of(who),
        asked=given.asked,
        item_ids=ids,
        grace=services.settings.bulk_grace,
        key=bodies.idempotency_key(request),
    )
    return Response(begun.act, status_code=201 if begun.is_new else 200)


@get("/bulk", opt=WORK)
async def list_bulk(services: Svc, who: Who) -> Acts:
    """List what others have under way and the caller, who leads there, may stop; then the caller's own last acts."""
    led = await bulk.list_led(services.db.hot, who=who)
    return Acts([*led, *await bulk.list_acts(services.db.hot, who=who)])


@get("/bulk/{act_id:uuid}", opt=WORK)
async def get_bulk(services: Svc, who: Who, act_id: FromPath[UUID]) -> Told:
    """Give an act, the caller's own or one they lead, with what became of each item."""
    return await bulk.get_told(services.db.hot, who=who, act_id=act_id)


@post("/bulk/{act_id:uuid}/undo", opt=WORK, status_code=200)
async def undo_bulk(who: Who, tx: Tx, act_id: FromPath[UUID]) -> ActView:
    """Take an act of the caller's own back as a whole, before anything of it is done."""
    return await bulk.undo(tx, who=who, act_id=act_id)


@post("/bulk/{act_id:uuid}/stop", opt=WORK, status_code=200)
async def stop_bulk(who: Who, tx: Tx, act_id: FromPath[UUID]) -> ActView:
    """Stop the rest of an act, one's own or one that one leads: what is done stays done, the rest stays as it is."""
    return await bulk.stop(tx, who=who, act_id=act_id)


async def _chosen(services: Services, who: Principal, given: BulkIn) -> list[UUID]:
    """Give the items by id, or those that match the filter now, up to 1,000."""
    if (given.items is None) == (given.filter is None):
        message = "Say which items, by `items` or by `filter`, and not by both. Nothing was changed."
        raise BulkInvalid(message, errors=(FieldError("items", "goes without `filter`, and one of them is needed"),))
    if given.items is not None:
        return given.items
    wanted = listing_rules.read((given.filter or {}).items())
    return await listing.find(services.db.hot, who=who, config=await services.config_of(who), wanted=wanted)
