"""The project's configuration over HTTP: read it, check it, try it on an item, plan it, apply it."""

from typing import Any

import msgspec
from litestar import Response, get, post, put
from litestar.params import FromQuery

from review.configuration import service as configuration
from review.configuration.plans import Plan
from review.identity.rules import Permission
from review.intake import trials
from review.intake.trying import Checked, Trial
from review.web.api import bodies
from review.web.api.openapi import gives, takes
from review.web.guards import requires
from review.web.services import AnyRequest, Svc, Tx, Who

YAML = "application/yaml"


class TrialIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A configuration as text, YAML or JSON, and an item as it would be submitted."""

    document: str
    item: dict[str, Any]


@get("/config", opt=requires(Permission.READ_CONFIG) | gives({"application/json": dict[str, Any], YAML: None}))
async def get_config(request: AnyRequest, who: Who, tx: Tx, version: FromQuery[int | None] = None) -> Response[bytes]:
    """Read the configuration: as JSON that PUT takes back, or as it was written with `Accept: application/yaml`."""
    found = await configuration.get_version(tx, project=who.project, version=version)
    headers = {"ETag": f'"{found.version}"'}
    if YAML in request.headers.get("accept", ""):
        return Response(found.source.encode(), media_type=YAML, headers=headers)
    return Response(msgspec.json.encode(found.document), media_type="application/json", headers=headers)


@put(
    "/config", opt=requires(Permission.WRITE_CONFIG) | takes(dict[str, Any], "application/json", YAML), status_code=200
)
async def put_config(request: AnyRequest, who: Who, tx: Tx, dry_run: FromQuery[bool] = False) -> Plan:  # noqa: FBT002  a query
    """Make this the configuration, as a new version, or with `dry_run` say what that would change."""
    return await configuration.apply(
        tx,
        await request.body(),
        actor=who.actor,
        dry_run=dry_run,
        only_project=who.project,
        held=who.permissions,
    )


@post(
    "/config/check",
    opt=requires(Permission.WRITE_CONFIG) | takes(Any, "application/json", YAML),
    status_code=200,
)
async def check_config(request: AnyRequest, services: Svc, who: Who) -> Checked:
    """Say what is wrong with a configuration, each fault with its line and column; nothing is stored."""
    return await trials.check(services.db.hot, who.project_id, await request.body())


@post("/config/evaluate", opt=requires(Permission.WRITE_CONFIG) | takes(TrialIn), status_code=200)
async def evaluate_config(request: AnyRequest, services: Svc, who: Who) -> Trial:
    """Say where an item would go by a configuration, and what each rule makes of it; nothing is stored."""
    given = await bodies.read(request, TrialIn)
    return await trials.evaluate(services.db.hot, who.project_id, given.document, given.item)
