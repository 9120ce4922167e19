"""Acts on many items at once: what one would do, asking for it, taking it back, and what became of each item."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import Meta

from review.bulk import service as bulk
from review.bulk.errors import BulkInvalid
from review.bulk.schemas import MOST_ITEMS, ActView, Asked, Kind, Preview, Told
from review.identity.rules import Permission, Principal
from review.intake import stop_touches, stops
from review.kernel.durations import parse_duration
from review.kernel.errors import FieldError
from review.queueing import listing, listing_rules
from review.web.api import bodies
from review.web.api.openapi import gives, takes
from review.web.guards import requires
from review.web.services import AnyRequest, Services, Svc, Tx, Who

WORK = requires(Permission.WORK)
LONGEST_WITHIN = timedelta(days=7)


class LetThroughIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What rules let through lately of what a stop may be of; `within` is like 30m or 4h, up to a week."""

    kind: stops.Kind
    subject: Annotated[str, Meta(min_length=1, max_length=stops.MAX_SUBJECT)]
    within: Annotated[str, Meta(max_length=40)] = "1h"


class BulkIn(Asked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be done to many items alike, and why.

    They are given by id, by a filter as lists have it, or, to be brought back, by what rules let them through.
    """

    items: Annotated[list[UUID], Meta(max_length=MOST_ITEMS)] | None = None
    filter: dict[str, str] | None = None
    let_through: LetThroughIn | None = None

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
    """Give the items by id, or those that match the filter now or were let through, up to 1,000."""
    if sum(each is not None for each in (given.items, given.filter, given.let_through)) != 1:
        message = "Say which items, by `items`, `filter` or `let_through`, and by one alone. Nothing was changed."
        raise BulkInvalid(message, errors=(FieldError("items", "goes by itself, and one of the three is needed"),))
    if given.items is not None:
        return given.items
    if given.let_through is not None and given.act is not Kind.BRING_BACK:
        message = "What rules let through can be brought back, and nothing else. Nothing was changed."
        raise BulkInvalid(message, errors=(FieldError("let_through", "goes with `bring_back` alone"),))
    if given.let_through is not None:
        return await _let_through(services, who, given.let_through)
    wanted = listing_rules.read((given.filter or {}).items())
    return await listing.find(services.db.hot, who=who, config=await services.config_of(who), wanted=wanted)


async def _let_through(services: Services, who: Principal, given: LetThroughIn) -> list[UUID]:
    """Give what a rule let through and nobody has looked at since, the newest first, up to 1,000."""
    try:
        within = parse_duration(given.within)
    except ValueError:
        within = timedelta()
    if not timedelta() < within <= LONGEST_WITHIN:
        message = "Say within which time rules let them through, like 30m or 4h, up to 7d. Nothing was changed."
        raise BulkInvalid(message, errors=(FieldError("let_through.within", "is not between a second and 7 days"),))
    key = {"kind": given.kind, "subject": given.subject}
    return await stop_touches.list_to_bring_back(
        services.db.hot, who=who, **key, before=None, within=within, limit=MOST_ITEMS
    )
