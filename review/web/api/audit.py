"""The audit over HTTP: searching it, taking it along, and the proofs that it is whole."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream

from review.audit import proofs, reading
from review.audit.queries import Wanted
from review.audit.schemas import CheckpointView, Consistency, EntryPage, ItemProof
from review.identity.rules import Permission
from review.web import auditing
from review.web.api.openapi import gives
from review.web.downloads import NDJSON, stream_audit
from review.web.guards import requires
from review.web.services import Svc, Who

READ = requires(Permission.READ_AUDIT)
LARGEST = 2**63 - 1
Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=reading.MAX_PAGE)]
From = Annotated[int, QueryParameter(name="from", ge=1, le=LARGEST)]
To = Annotated[int, QueryParameter(name="to", ge=1, le=LARGEST)]


def read_wanted(
    actor: FromQuery[str | None] = None,
    action: FromQuery[str | None] = None,
    item: FromQuery[UUID | None] = None,
    since: FromQuery[datetime | None] = None,
    until: FromQuery[datetime | None] = None,
    text: FromQuery[str | None] = None,
) -> Wanted:
    """Read what entries are narrowed to."""
    return Wanted(actor=actor, action=action, item=item, since=since, until=until, text=text)


@get("/audit", opt=READ, dependencies={"wanted": Provide(read_wanted, sync_to_thread=False)})
async def list_entries(
    services: Svc, who: Who, wanted: NamedDependency[Wanted], cursor: FromQuery[str | None] = None, limit: Limit = 50
) -> EntryPage:
    """Search the audit, newest first: by actor (name, id or kind), action, item, time, and a text within.

    A page may hold fewer entries than asked for and still have a `next`: it looks through 20,000 at most.
    """
    return await auditing.search(services.db.hot, who, wanted, cursor=cursor, limit=limit)


@get("/audit/export", opt=READ | gives({NDJSON: None}))
async def export_audit(services: Svc, who: Who) -> Stream:
    """Download the whole audit as NDJSON, for `review audit verify --export`; that you did is an entry in it."""
    return await stream_audit(services, who)


@get("/audit/checkpoint", opt=READ)
async def get_checkpoint(services: Svc, who: Who) -> CheckpointView:
    """Read the newest signed tree head; a witness that keeps these can show that nothing was cut or rebuilt."""
    return await proofs.get_checkpoint(services.db.hot, who.project_id)


@get("/audit/consistency", opt=READ)
async def get_consistency(services: Svc, who: Who, first: From, second: To) -> Consistency:
    """Prove that the log of size `from` is the beginning of the log of size `to`."""
    return await proofs.prove_consistency(services.db.hot, who.project_id, first, second)


@get("/items/{item_id:uuid}/proof", opt=READ)
async def get_proof(services: Svc, who: Who, item_id: FromPath[UUID]) -> ItemProof:
    """Prove that an item's entries stand in the log that the newest checkpoint signs."""
    await auditing.check_hearing(services.db.hot, who, item_id)
    return await proofs.prove_item(services.db.hot, who.project_id, item_id)
