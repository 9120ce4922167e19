"""Submitting, reading, withdrawing and overriding items."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Meta

from review.decisions.rules import Verdict
from review.identity.rules import Permission, Principal
from review.intake import service as intake
from review.intake import withdrawal
from review.intake.service import Accepted
from review.items import service as items
from review.items.schemas import HistoryEntry, ItemDetail, ItemView, Submission
from review.items.service import ItemFilter, ItemPage
from review.kernel import strict_json
from review.kernel.errors import FieldError, Invalid, ReviewError
from review.reviewing import overrides
from review.reviewing import service as reviewing
from review.reviewing.schemas import Comment, JudgementIn, Reasons
from review.web.api import bodies
from review.web.api.openapi import gives, takes
from review.web.errors import Problem, problem_of
from review.web.guards import admit_again, requires, secret_of
from review.web.leaving import unless_they_leave
from review.web.limits import count_items
from review.web.services import AnyRequest, Services, Svc, Tx, Who
from review.web.timing import allow

Wait = Annotated[float, QueryParameter(name="wait", ge=0, le=60)]
Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=200)]


class Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Up to 1,000 items, each judged on its own merits."""

    items: Annotated[list[Submission], Meta(min_length=1, max_length=intake.MAX_BATCH)]


class RawBatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A batch whose items are still text, so that one bad item is that item's affair alone."""

    items: list[msgspec.Raw]


class BatchResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one item of a batch: `status` is what the item alone would have been answered with."""

    index: int
    status: int
    item: ItemView | None = None
    error: Problem | None = None


class BatchResults(msgspec.Struct, frozen=True):
    """What became of each item, in the order given."""

    results: list[BatchResult]


class HistoryPage(msgspec.Struct, frozen=True):
    """Everything that happened to an item, oldest first."""

    data: list[HistoryEntry]
    next: str | None = None


class WithdrawIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why upstream takes an item back."""

    reason: Comment = ""


class OverrideIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A lead's decision over everybody's head; `reason` says why and must be there."""

    verdict: Verdict
    reason: Comment
    output: Any = msgspec.UNSET
    reasons: Reasons = ()


@post(
    "/items",
    opt=requires(Permission.SUBMIT) | takes(Submission) | gives({"application/json": ItemView}),
    status_code=201,
)
async def submit_item(request: AnyRequest, services: Svc, who: Who, wait: Wait = 0) -> Response[ItemView]:
    """Submit an item; with `wait`, hold the answer until it is decided or the seconds are up.

    201 when it was stored now, 200 when it had been submitted before with the same content.
    """
    desk = await services.desk_of(who)
    accepted = await intake.submit(desk, await request.body(), idempotency_key=bodies.idempotency_key(request))
    item = accepted.item
    if wait and item.decision is None:
        item = await _wait(request, services, who, item.id, wait)
    return Response(_plain(item), status_code=201 if accepted.created else 200)


@post(
    "/items/batch",
    opt=requires(Permission.SUBMIT) | takes(Batch, "application/json", "application/x-ndjson"),
    status_code=200,
)
async def submit_batch(request: AnyRequest, services: Svc, who: Who) -> BatchResults:
    """Submit up to 1,000 items, as `{"items": […]}` or one JSON text per line."""
    raw = await request.body()
    texts = _lines(raw) if bodies.is_ndjson(request) else _items(raw)
    if not 1 <= len(texts) <= intake.MAX_BATCH:
        message = f"The batch has {len(texts)} items; nothing was stored. Send 1 to {intake.MAX_BATCH} at a time."
        raise Invalid(message, errors=(FieldError("items", f"must hold 1 to {intake.MAX_BATCH} items"),))
    count_items(request.scope, len(texts))
    key = bodies.idempotency_key(request)
    keys = [None if key is None else f"{key}#{at}" for at in range(len(texts))]
    outcomes = await intake.submit_batch(await services.desk_of(who), texts, idempotency_keys=keys)
    return BatchResults([_result(at, outcome) for at, outcome in enumerate(outcomes)])


@get("/items", opt=requires(Permission.READ_ITEMS))
async def list_items(
    services: Svc,
    who: Who,
    status: FromQuery[str | None] = None,
    type: FromQuery[str | None] = None,  # noqa: A002  the contract's name
    pool: FromQuery[str | None] = None,
    external_id: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> ItemPage:
    """List items, newest first."""
    wanted = ItemFilter(status=status, type=type, pool=pool, external_id=external_id)
    return await items.list_items(
        services.db.hot, who=who, wanted=wanted, cursor=cursor, limit=limit, base_url=services.base_url
    )


@get("/items/{item_id:uuid}", opt=requires(Permission.READ_ITEMS))
async def get_item(request: AnyRequest, services: Svc, who: Who, item_id: FromPath[UUID], wait: Wait = 0) -> ItemDetail:
    """Read an item with its payload; with `wait`, hold the answer until it is decided or the seconds are up."""
    return await _wait(request, services, who, item_id, wait)


@get("/items/{item_id:uuid}/history", opt=requires(Permission.READ_ITEMS))
async def get_history(services: Svc, who: Who, item_id: FromPath[UUID]) -> HistoryPage:
    """Read everything that happened to an item, in order, with who and why."""
    entries = await items.list_history(services.db.hot, who=who, item_id=item_id, base_url=services.base_url)
    return HistoryPage(entries)


@post(
    "/items/{item_id:uuid}/withdraw",
    opt=requires(Permission.SUBMIT) | takes(WithdrawIn, required=False),
    status_code=200,
)
async def withdraw_item(request: AnyRequest, services: Svc, who: Who, tx: Tx, item_id: FromPath[UUID]) -> ItemView:
    """Take an open item back; withdrawing twice is the same as once."""
    given = await bodies.read(request, WithdrawIn, optional=True)
    return await withdrawal.withdraw(
        tx,
        who=who,
        item_id=item_id,
        reason=given.reason,
        tell_closed=services.hints.tell_closed,
        base_url=services.base_url,
    )


@post(
    "/items/{item_id:uuid}/override",
    opt=requires(Permission.OVERRIDE) | takes(OverrideIn),
    status_code=200,
    responses={202: ResponseSpec(ItemView, description="Waits for a second person")},
)
async def override_item(
    request: AnyRequest, services: Svc, who: Who, tx: Tx, item_id: FromPath[UUID]
) -> Response[ItemView]:
    """Decide an item as a lead, or revise its decision, with a reason.

    200 when it is decided, 202 when its type takes two people and it waits for a second to confirm it.
    """
    given = await bodies.read(request, OverrideIn)
    submitted = JudgementIn(verdict=given.verdict, output=given.output, reasons=given.reasons, comment=given.reason)
    item = await reviewing.override(tx, services.bench(), who=who, item_id=item_id, submitted=submitted)
    waits = await overrides.is_pending(tx, who=who, item_id=item_id)
    return Response(item, status_code=202 if waits else 200)


async def _wait(request: AnyRequest, services: Services, who: Principal, item_id: UUID, seconds: float) -> ItemDetail:
    hot, base_url = services.db.hot, services.base_url
    places = services.limits.waiting
    if not seconds or not places.has_room(who.id):
        return await items.get_detail(hot, who=who, item_id=item_id, base_url=base_url)
    allow(request.scope, seconds)
    waiting = intake.wait_decided(hot, services.hints, who=who, item_id=item_id, seconds=seconds, base_url=base_url)
    with places.hold(who.id), services.watch.keep(secret_of(request), who) as watched:
        item = await unless_they_leave(request, watched.unless_changed(waiting))
    now = await admit_again(request)  # who was let in a minute ago may be anybody now
    if item is None or now.permissions != who.permissions:
        return await items.get_detail(hot, who=now, item_id=item_id, base_url=base_url)
    return item


def _plain(item: ItemView) -> ItemView:
    """Leave the payload out of an answer to the one who just sent it."""
    return ItemView(**{name: getattr(item, name) for name in ItemView.__struct_fields__})


def _lines(raw: bytes) -> list[bytes]:
    if raw.count(b"\n") > 10 * intake.MAX_BATCH:  # before they are made, for empty ones are cheap to send
        message = f"The batch has more lines than {intake.MAX_BATCH} items need; nothing was stored."
        raise Invalid(message, errors=(FieldError("items", f"must hold 1 to {intake.MAX_BATCH} items"),))
    return [line for line in raw.split(b"\n") if line.strip()]


def _items(raw: bytes) -> list[msgspec.Raw]:
    """Take a batch apart without looking into its items."""
    return strict_json.decode_outer(raw, RawBatch).items


def _result(at: int, outcome: Accepted | ReviewError) -> BatchResult:
    if isinstance(outcome, ReviewError):
        problem = problem_of(outcome)
        return BatchResult(at, problem.status, error=problem)
    return BatchResult(at, 201 if outcome.created else 200, item=outcome.item)
