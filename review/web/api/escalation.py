"""Saying that somebody knows of an escalation."""

from uuid import UUID

import msgspec
from litestar import post
from litestar.params import FromPath

from review.escalation import service as escalation
from review.escalation.service import Acknowledged
from review.identity.rules import Permission
from review.web.api import bodies
from review.web.api.openapi import takes
from review.web.guards import requires
from review.web.services import AnyRequest, Tx, Who


class AcknowledgeIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing: the caller and the item say it all."""


@post(
    "/items/{item_id:uuid}/acknowledge",
    opt=requires(Permission.WORK) | takes(AcknowledgeIn, required=False),
    status_code=200,
)
async def acknowledge(request: AnyRequest, who: Who, tx: Tx, item_id: FromPath[UUID]) -> Acknowledged:
    """Say that you know of an item's escalation and see to it: nobody is paged about it any more.

    The first to say so is kept; whoever comes later is told who it was.
    """
    await bodies.read(request, AcknowledgeIn, optional=True)
    return await escalation.acknowledge(tx, who=who, item_id=item_id)
