"""The models that made a project's items: their versions, which are cleared, and two of them side by side."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromQuery, QueryParameter
from msgspec import Meta

from review.identity.rules import Permission
from review.registry import comparison
from review.registry import service as registry
from review.registry.comparison import Compared
from review.registry.rules import Called, State
from review.registry.service import VersionView
from review.web.api import bodies
from review.web.api.openapi import takes
from review.web.guards import requires
from review.web.services import AnyRequest, Svc, Tx, Who

CLEAR = requires(Permission.CLEAR_MODELS)
Name = Annotated[str, Meta(max_length=registry.MAX_NAME)]
Standing = Annotated[State | None, QueryParameter(name="state")]
Days = Annotated[int, QueryParameter(name="days", ge=1, le=comparison.MOST_DAYS)]


class VersionIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A model version as items name it, and why; without a name, the items that name no model."""

    reason: Annotated[str, Meta(min_length=1, max_length=registry.MAX_REASON)]
    name: Name = ""
    version: Name = ""
    prompt_version: Name = ""

    @property
    def called(self) -> Called:
        """Give what items call it."""
        return Called(self.name, self.version, self.prompt_version)


class Versions(msgspec.Struct, frozen=True):
    """Model versions: those that wait to be cleared first, then by when they were seen last."""

    data: list[VersionView]
    next: str | None = None


@get("/models", opt=requires(Permission.READ_CONFIG))
async def list_models(
    services: Svc, who: Who, name: FromQuery[str | None] = None, standing: Standing = None
) -> Versions:
    """List the model versions that items were made by, of one model or in one state if asked, up to 500."""
    return Versions(await registry.list_versions(services.db.hot, who=who, name=name, state=standing))


@get("/models/compare", opt=requires(Permission.READ_CONFIG))
async def compare_models(
    services: Svc,
    who: Who,
    a: FromQuery[UUID],
    b: FromQuery[UUID],
    days: Days = comparison.DAYS,
    type: FromQuery[str] = "",  # noqa: A002  the query's name
) -> Compared:
    """Compare two model versions, by their ids, by what they made in the last days, of one item type if asked."""
    return await comparison.compare(services.db.hot, who=who, a=a, b=b, days=days, item_type=type)


@post("/models/clear", opt=CLEAR | takes(VersionIn), status_code=200)
async def clear_model(request: AnyRequest, who: Who, tx: Tx) -> VersionView:
    """Let rules decide what a version makes, from the next submission on; it may be cleared ahead of its first item."""
    given = await bodies.read(request, VersionIn)
    return await registry.clear_called(tx, who=who, called=given.called, reason=given.reason)


@post("/models/revoke", opt=CLEAR | takes(VersionIn), status_code=200)
async def revoke_model(request: AnyRequest, who: Who, tx: Tx) -> VersionView:
    """Have people judge again what a version makes, from the next submission on; what was decided stands."""
    given = await bodies.read(request, VersionIn)
    return await registry.revoke_called(tx, who=who, called=given.called, reason=given.reason)
