"""Erasing what there is of a subject or an item, and seeing how far that is."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, QueryParameter

from review.erasure import service as erasures
from review.erasure.schemas import ErasureIn, ErasureView, Found
from review.identity.rules import Permission
from review.kernel.paging import cursor_of, position_of
from review.web.api import bodies
from review.web.api.openapi import takes
from review.web.guards import requires
from review.web.services import AnyRequest, Svc, Tx, Who

ERASE = requires(Permission.ERASE)
Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=100)]


class Erasures(msgspec.Struct, frozen=True):
    """Erasures, the last first, and the cursor that goes on."""

    data: list[ErasureView]
    next: str | None = None


@post("/erasures", opt=ERASE | takes(ErasureIn), status_code=202)
async def request_erasure(request: AnyRequest, who: Who, tx: Tx) -> ErasureView:
    """Have workers erase what there is now of a subject, or of an item; what arrives later is not part of it."""
    return await erasures.request(tx, who=who, asked=await bodies.read(request, ErasureIn))


@post("/erasures/preview", opt=ERASE | takes(ErasureIn), status_code=200)
async def preview_erasure(request: AnyRequest, services: Svc, who: Who) -> Found:
    """Count what an erasure would reach, and change nothing."""
    asked = await bodies.read(request, ErasureIn)
    return await erasures.preview(services.db.hot, project_id=who.project_id, asked=asked)


@get("/erasures", opt=ERASE)
async def list_erasures(services: Svc, who: Who, *, cursor: FromQuery[str] = "", limit: Limit = 50) -> Erasures:
    """List erasures, the last first."""
    before = position_of(cursor or None)
    found = await erasures.list_erasures(services.db.hot, project_id=who.project_id, before=before, limit=limit + 1)
    return Erasures(found[:limit], cursor_of(found[limit - 1].id) if len(found) > limit else None)


@get("/erasures/{erasure_id:uuid}", opt=ERASE)
async def get_erasure(services: Svc, who: Who, erasure_id: FromPath[UUID]) -> ErasureView:
    """Tell how far an erasure is."""
    return await erasures.get(services.db.hot, project_id=who.project_id, erasure_id=erasure_id)
