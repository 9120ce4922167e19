"""Views: filters that people keep under a name, for themselves or for everybody in the project."""

from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action
from review.configuration.rules import ProjectConfig
from review.identity.errors import NotPermitted
from review.identity.rules import Permission, Principal
from review.kernel.db import Hot, driver_of
from review.kernel.errors import FieldError, Invalid
from review.kernel.ids import new_id
from review.kernel.sentences import say
from review.queueing import views_queries as queries
from review.queueing.errors import ViewNotFound
from review.queueing.listing_rules import Wanted
from review.queueing.models import QueueView

MOST_VIEWS = 50
LONGEST_NAME = 60


class View(msgspec.Struct, frozen=True):
    """A kept filter: of one pool's list, or of all items where `pool` is None."""

    id: UUID
    name: str
    pool: str | None
    query: str
    is_shared: bool
    is_mine: bool


class Desk(msgspec.Struct, frozen=True):
    """What somebody's lists are made of: the pools that they see, in the configuration's order, and their views."""

    pools: list[str]
    views: list[View]


async def find_desk(hot: Hot, *, who: Principal, config: ProjectConfig) -> Desk:
    """Give the pools whose queues the caller sees, their own views, and those shared, but for other pools' ones."""
    row = await queries.list_views(hot, who, MOST_VIEWS)
    pools = [pool for pool in config.pools if not who.is_pool_bound or pool in row["pools"]]
    views = [msgspec.json.decode(text, type=View) for text in row["views"]]
    return Desk(pools, [each for each in views if each.pool is None or each.pool in pools])


async def keep(
    tx: AsyncSession, *, who: Principal, name: str, wanted: Wanted, pool: str | None, is_shared: bool = False
) -> UUID:
    """Keep a filter under a name; gives its id.

    Raises:
        NotPermitted: it is to be shared, which takes a lead (403); Invalid: the name is missing or too long, or there
        are too many already (422).
    """
    if is_shared and not who.may(Permission.OVERRIDE):
        message = say(
            "Sharing a view with the project takes %(permission)s; nothing was kept.",
            permission=Permission.OVERRIDE.value,
        )
        raise NotPermitted(message)
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        message = say(
            "The view needs a name of 1 to %(most)s characters. Nothing was kept; name it and send it again.",
            most=LONGEST_NAME,
        )
        raise Invalid(
            message,
            errors=(FieldError("name", say("is a name of 1 to %(most)s characters", most=LONGEST_NAME)),),
        )
    if await queries.count_mine(await driver_of(tx), who.project_id, who.id) >= MOST_VIEWS:
        message = say("You keep %(most)s views already. Nothing was kept; take one away first.", most=MOST_VIEWS)
        raise Invalid(message, errors=(FieldError("name", say("would be one view too many")),))
    view = QueueView(
        project_id=who.project_id,
        id=new_id(),
        owner_id=who.id,
        name=name,
        pool=pool,
        query=wanted.query(),
        is_shared=is_shared,
    )
    tx.add(view)
    if is_shared:
        details = {"view": str(view.id), "name": name, "query": view.query, "pool": pool}
        audit.record(tx, who.project_id, who.actor, Action.VIEW_SHARED, details=details)
    await tx.flush()
    return view.id


async def remove(tx: AsyncSession, *, who: Principal, view_id: UUID) -> str | None:
    """Take a view away: one's own, or, for a lead, one that is shared; gives the pool whose list it was of.

    Raises:
        ViewNotFound: there is none, or it is somebody else's (404; the two look alike).
    """
    hot = await driver_of(tx)
    row = await queries.lock_view(hot, who.project_id, view_id)
    if row is None or not (row["owner_id"] == who.id or (row["is_shared"] and who.may(Permission.OVERRIDE))):
        message = say("There is no view %(view_id)s here that you may take away. Nothing was changed.", view_id=view_id)
        raise ViewNotFound(message)
    await queries.remove(hot, who.project_id, view_id)
    if row["is_shared"]:
        details = {"view": str(view_id), "name": row["name"]}
        audit.record(tx, who.project_id, who.actor, Action.VIEW_REMOVED, details=details)
    pool: str | None = row["pool"]
    return pool
