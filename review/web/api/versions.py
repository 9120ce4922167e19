"""The versions of the configuration over HTTP: candidates proposed, approved, made active, withdrawn; going back."""

from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Meta

from review.configuration import candidates
from review.configuration import service as configuration
from review.configuration.candidates import MAX_REASON, VersionView
from review.configuration.plans import Plan
from review.identity.rules import Permission
from review.web.api import bodies
from review.web.api.config import YAML
from review.web.api.openapi import takes
from review.web.guards import requires
from review.web.services import AnyRequest, Tx, Who

PAGE = 50
Before = Annotated[int | None, QueryParameter(name="before", ge=1, le=2**31 - 1)]
WRITE = requires(Permission.WRITE_CONFIG)


class VersionWhyIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why; it is kept with the version."""

    reason: Annotated[str, Meta(max_length=MAX_REASON)] = ""


class ConfigVersions(msgspec.Struct, frozen=True):
    """Versions, newest first; `next` is the `before` of the page that follows."""

    data: list[VersionView]
    next: str | None = None


@get("/config/versions", opt=requires(Permission.READ_CONFIG))
async def list_versions(who: Who, tx: Tx, before: Before = None) -> ConfigVersions:
    """List the versions of the configuration and what became of each, 50 at a time."""
    found = await candidates.list_versions(tx, project=who.project, before=before, limit=PAGE)
    return ConfigVersions(found, str(found[-1].version) if len(found) == PAGE else None)


@post("/config/candidates", opt=WRITE | takes(dict[str, Any], "application/json", YAML), status_code=201)
async def propose_config(request: AnyRequest, who: Who, tx: Tx, reason: FromQuery[str] = "") -> Plan:
    """Store a configuration as a candidate, which nothing goes by until it is made active."""
    return await candidates.propose(
        tx,
        await request.body(),
        actor=who.actor,
        only_project=who.project,
        reason=reason,
        held=who.permissions,
    )


@post("/config/versions/{version:int}/approve", opt=WRITE | takes(VersionWhyIn), status_code=200)
async def approve_config(request: AnyRequest, who: Who, tx: Tx, version: FromPath[int]) -> VersionView:
    """Say that somebody else's candidate may act."""
    given = await bodies.read(request, VersionWhyIn)
    return await candidates.approve(tx, who=who, version=version, reason=given.reason)


@post("/config/versions/{version:int}/activate", opt=WRITE | takes(VersionWhyIn), status_code=200)
async def activate_config(request: AnyRequest, who: Who, tx: Tx, version: FromPath[int]) -> Plan:
    """Make a candidate the active configuration."""
    given = await bodies.read(request, VersionWhyIn)
    return await candidates.activate(tx, who=who, version=version, reason=given.reason)


@post("/config/versions/{version:int}/withdraw", opt=WRITE | takes(VersionWhyIn), status_code=200)
async def withdraw_config(request: AnyRequest, who: Who, tx: Tx, version: FromPath[int]) -> VersionView:
    """Take a candidate back."""
    given = await bodies.read(request, VersionWhyIn)
    return await candidates.withdraw(tx, who=who, version=version, reason=given.reason)


@post("/config/versions/{version:int}/roll-back", opt=WRITE | takes(VersionWhyIn), status_code=200)
async def roll_back_config(request: AnyRequest, who: Who, tx: Tx, version: FromPath[int]) -> Plan:
    """Go back to a version that was active once, as a new version."""
    given = await bodies.read(request, VersionWhyIn)
    return await configuration.apply_version(
        tx, project=who.project, version=version, actor=who.actor, reason=given.reason, held=who.permissions
    )
