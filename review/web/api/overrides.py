"""Overrides that wait for a second person: reading one, confirming it, taking it back."""

from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath

from review.identity.rules import Permission
from review.items.schemas import ItemView
from review.reviewing import overrides
from review.reviewing.errors import OverrideNotFound
from review.reviewing.schemas import Comment, ProposalView
from review.web.api import bodies
from review.web.api.openapi import takes
from review.web.guards import requires
from review.web.services import AnyRequest, Svc, Tx, Who

OVERRIDE = requires(Permission.OVERRIDE)


class ConfirmIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which override is meant: the `id` that reading it gave, so that no other is confirmed in its place."""

    proposal: UUID


class TakeBackIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which override is meant, and why it is taken back."""

    proposal: UUID
    reason: Comment = ""


@get("/items/{item_id:uuid}/override", opt=OVERRIDE)
async def get_override(who: Who, tx: Tx, item_id: FromPath[UUID]) -> ProposalView:
    """Read the override of an item that waits for a second person."""
    found = await overrides.find_pending(tx, who=who, item_id=item_id)
    if found is None:
        message = f"No override of item {item_id} waits for a second person."
        raise OverrideNotFound(message)
    return found


@post("/items/{item_id:uuid}/override/confirm", opt=OVERRIDE | takes(ConfirmIn), status_code=200)
async def confirm_override(request: AnyRequest, services: Svc, who: Who, tx: Tx, item_id: FromPath[UUID]) -> ItemView:
    """Be the second person: decide the item as another lead has proposed."""
    given = await bodies.read(request, ConfirmIn)
    return await overrides.confirm(tx, services.bench(), who=who, item_id=item_id, proposal_id=given.proposal)


@post("/items/{item_id:uuid}/override/withdraw", opt=OVERRIDE | takes(TakeBackIn), status_code=200)
async def withdraw_override(request: AnyRequest, services: Svc, who: Who, tx: Tx, item_id: FromPath[UUID]) -> ItemView:
    """Take back an override that waits for a second person."""
    given = await bodies.read(request, TakeBackIn)
    return await overrides.withdraw(
        tx, services.bench(), who=who, item_id=item_id, proposal_id=given.proposal, reason=given.reason
    )
