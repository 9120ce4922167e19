"""Webhooks: endpoints as the configuration has them, their secrets, what they are owed, and starting it again."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action, Actor
from review.configuration.rules import ProjectConfig
from review.configuration.service import ConfigCache
from review.delivery.webhooks import endpoint_queries, queries
from review.delivery.webhooks.errors import EndpointNotActive, EndpointNotFound, SecretAlreadyShown
from review.delivery.webhooks.keyring import make_secret
from review.delivery.webhooks.rules import News, Standing, Subscriber, is_owed
from review.delivery.webhooks.schemas import EndpointView, SecretView, ShownSecret
from review.delivery.webhooks.signing import Kind
from review.kernel import outbox
from review.kernel.db import Database, Hot, driver_of
from review.kernel.errors import FieldError, Invalid
from review.kernel.events import EventKind
from review.kernel.ids import new_id
from review.kernel.sealing import Sealer
from review.kernel.sentences import say

log = logging.getLogger(__name__)

LONGEST_OVERLAP_HOURS = 7 * 24
MOST_SECRETS = 4  # that count beside the newest; each is one more signature in a header


async def sync(tx: AsyncSession, project_id: UUID, config: ProjectConfig) -> None:
    """Make the project's endpoints those of this configuration, unless they are of it or a newer one already.

    Locks the project's feed, then its endpoints. What a removed endpoint was owed ends as dead.
    """
    hot = await driver_of(tx)
    if await endpoint_queries.find_version(hot, project_id) >= config.version:
        return
    if await endpoint_queries.lock_version(hot, project_id) >= config.version:
        return
    endpoints = [
        {"id": new_id(), "name": each.name, "url": each.url, "events": each.events, "max_in_flight": each.max_in_flight}
        for each in config.webhooks.values()
    ]
    text = msgspec.json.encode(endpoints).decode()
    names = [each.name for each in config.webhooks.values()]
    removed = await endpoint_queries.put_endpoints(hot, project_id, config.version, text, names)
    if removed:
        await queries.give_up(hot, project_id, removed, "the endpoint was taken out of the configuration")


async def sync_changed(db: Database, configs: ConfigCache) -> int:
    """Bring the endpoints of every project up to date whose configuration has moved on; tell how many projects.

    A project that fails is logged and left for the next turn.
    """
    behind = await endpoint_queries.list_behind(db.hot)
    for project_id, version in behind:
        try:
            config = await configs.get(project_id, version)
            async with db.transaction() as tx:
                await sync(tx, project_id, config)
        except Exception:
            log.exception("the endpoints of project %s could not be brought up to date", project_id)
    return len(behind)


async def queue(tx: AsyncSession, project_id: UUID, events: Sequence[News]) -> int:
    """Owe these events to the endpoints that want them, in the caller's transaction; tell how many deliveries it made.

    Locks those endpoints. An event that is owed already is not owed twice.
    """
    hot = await driver_of(tx)
    subscribers = [
        Subscriber(row["id"], row["name"], frozenset(row["events"]), row["created_at"])
        for row in await queries.list_subscribers(hot, project_id)
    ]
    owed = [(new_id(), each.id, event.id) for event in events for each in subscribers if is_owed(each, event)]
    return await queries.owe(hot, project_id, owed) if owed else 0


async def list_endpoints(tx: AsyncSession, project_id: UUID) -> list[EndpointView]:
    """List a project's endpoints by name, those that were removed last; `sync` comes before."""
    return await _views(await driver_of(tx), project_id, None)


async def get_endpoint(tx: AsyncSession, project_id: UUID, name: str) -> EndpointView:
    """Give one endpoint.

    Raises:
        EndpointNotFound (404).
    """
    found = await _views(await driver_of(tx), project_id, name)
    if not found:
        raise EndpointNotFound(name)
    return found[0]


async def show_secret(tx: AsyncSession, sealer: Sealer, project_id: UUID, name: str, *, actor: Actor) -> ShownSecret:
    """Hand over the endpoint's secret, which happens once; it is made if there is none yet.

    Raises:
        EndpointNotFound (404); EndpointNotActive: it was removed, SecretAlreadyShown (409);
        SecretUnreadable: it was sealed with another key (503).
    """
    hot = await driver_of(tx)
    endpoint = await _lock(hot, project_id, name, say("no secret was shown"), (Standing.ACTIVE, Standing.DISABLED))
    newest = await endpoint_queries.find_newest_secret(hot, project_id, endpoint["id"])
    if newest is not None and newest["shown_at"] is not None:
        message = say(
            "The secret of %(name)s was shown before and is not shown again. Nothing was changed; if it is lost,"
            " rotate it: the old one counts on for as long as you say.",
            name=repr(name),
        )
        raise SecretAlreadyShown(message)
    if newest is None:
        _, made = await make_secret(hot, project_id, endpoint["id"], kind=Kind.HMAC, sealer=sealer, shown=True)
        shown = ShownSecret(endpoint=name, kind=made.kind.value, secret=made.secret)
    else:
        secret = newest["public_key"] or sealer.unseal(bytes(newest["sealed"]))
        shown = ShownSecret(endpoint=name, kind=newest["kind"], secret=secret)
        await endpoint_queries.mark_shown(hot, project_id, newest["id"])
    details = {"endpoint": name, "kind": shown.kind}
    audit.record(tx, project_id, actor, Action.SIGNING_SHOWN, details=details)
    return shown


async def rotate_secret(
    tx: AsyncSession, sealer: Sealer, project_id: UUID, name: str, *, kind: Kind, overlap_hours: int, actor: Actor
) -> ShownSecret:
    """Make a new secret and hand it over; those before it count on for the overlap, and both sign meanwhile.

    Raises:
        EndpointNotFound (404); EndpointNotActive: it was removed (409); Invalid: the overlap is out of bounds (422).
    """
    if not 0 <= overlap_hours <= LONGEST_OVERLAP_HOURS:
        message = say("The overlap of %(hours)s hours cannot be had; nothing was changed.", hours=overlap_hours)
        fault = FieldError(
            "overlap_hours",
            say("must be from 0 to %(most)s", most=LONGEST_OVERLAP_HOURS),
        )
        raise Invalid(message, errors=(fault,))
    hot = await driver_of(tx)
    endpoint = await _lock(hot, project_id, name, say("nothing was rotated"), (Standing.ACTIVE, Standing.DISABLED))
    overlap = timedelta(hours=overlap_hours)
    until = await endpoint_queries.expire_secrets(hot, project_id, endpoint["id"], overlap, MOST_SECRETS)
    _, made = await make_secret(hot, project_id, endpoint["id"], kind=kind, sealer=sealer, shown=True)
    details = {"endpoint": name, "kind": kind.value, "overlap_hours": overlap_hours}
    audit.record(tx, project_id, actor, Action.SIGNING_ROTATED, details=details)
    return ShownSecret(
        endpoint=name, kind=kind.value, secret=made.public_key or made.secret, previous_until=until if overlap else None
    )


async def test_endpoint(tx: AsyncSession, project_id: UUID, name: str, *, actor: Actor) -> UUID:
    """Announce `webhook.test` for this endpoint alone, and give the event's id; it is sent like any other.

    Raises:
        EndpointNotFound (404); EndpointNotActive (409).
    """
    hot = await driver_of(tx)
    await _lock(hot, project_id, name, say("nothing was sent"), (Standing.ACTIVE,))
    event_id = outbox.emit(
        tx, project_id, EventKind.WEBHOOK_TEST, item_id=None, payload={"endpoint": name, "by": actor.name}
    )
    audit.record(tx, project_id, actor, Action.ENDPOINT_TESTED, details={"endpoint": name})
    return event_id


async def enable(tx: AsyncSession, project_id: UUID, name: str, *, actor: Actor) -> EndpointView:
    """Send to an endpoint again, at once and with a clean slate; one that is active ends its rest by this.

    What it missed is dead, and is sent when it is replayed.

    Raises:
        EndpointNotFound (404); EndpointNotActive: the configuration no longer has it (409).
    """
    hot = await driver_of(tx)
    endpoint = await _lock(hot, project_id, name, say("nothing was changed"), (Standing.ACTIVE, Standing.DISABLED))
    await endpoint_queries.set_standing(hot, project_id, endpoint["id"], disabled_because=None)
    details = {"endpoint": name, "change": "enabled", "was": endpoint["state"]}
    audit.record(tx, project_id, actor, Action.ENDPOINT_CHANGED, details=details)
    return await get_endpoint(tx, project_id, name)


async def disable(tx: AsyncSession, project_id: UUID, name: str, *, reason: str, actor: Actor) -> EndpointView:
    """Send nothing more to an endpoint until it is enabled; what it is owed, now and meanwhile, is dead.

    Raises:
        EndpointNotFound (404); EndpointNotActive: the configuration no longer has it (409).
    """
    hot = await driver_of(tx)
    endpoint = await _lock(hot, project_id, name, say("nothing was changed"), (Standing.ACTIVE, Standing.DISABLED))
    await endpoint_queries.set_standing(hot, project_id, endpoint["id"], disabled_because=reason)
    await queries.give_up(hot, project_id, [endpoint["id"]], f"the endpoint was disabled: {reason}")
    details = {"endpoint": name, "change": "disabled", "was": endpoint["state"], "reason": reason}
    audit.record(tx, project_id, actor, Action.ENDPOINT_CHANGED, details=details)
    return await get_endpoint(tx, project_id, name)


async def lock_active(hot: Hot, project_id: UUID, name: str, otherwise: str) -> UUID:
    """Lock an endpoint that is sent to, and give its id; `otherwise` says what was not done.

    Raises:
        EndpointNotFound (404); EndpointNotActive (409).
    """
    endpoint_id: UUID = (await _lock(hot, project_id, name, otherwise, (Standing.ACTIVE,)))["id"]
    return endpoint_id


async def _lock(hot: Hot, project_id: UUID, name: str, otherwise: str, allowed: Sequence[Standing]) -> Any:
    endpoint = await endpoint_queries.lock(hot, project_id, name)
    if endpoint is None:
        raise EndpointNotFound(name)
    if Standing(endpoint["state"]) not in allowed:
        why = f" ({endpoint['reason']})" if endpoint["reason"] else ""
        told = {"name": repr(name), "state": f"{endpoint['state']}{why}", "otherwise": otherwise}
        if endpoint["state"] == Standing.DISABLED:
            raise EndpointNotActive(say("The endpoint %(name)s is %(state)s; %(otherwise)s. Enable it first.", **told))
        message = say("The endpoint %(name)s is %(state)s; %(otherwise)s. Put it back into the configuration.", **told)
        raise EndpointNotActive(message)
    return endpoint


async def _views(hot: Hot, project_id: UUID, name: str | None) -> list[EndpointView]:
    rows = await endpoint_queries.list_endpoints(hot, project_id, name)
    secrets: dict[UUID, list[SecretView]] = {row["id"]: [] for row in rows}
    for row in await endpoint_queries.list_secrets(hot, project_id, list(secrets)):
        secrets[row["endpoint_id"]].append(_secret(row))
    return [
        msgspec.convert({**dict(row), "secrets": secrets[row["id"]]}, EndpointView, from_attributes=True)
        for row in rows
    ]


def _secret(row: Any) -> SecretView:
    expires_at: datetime | None = row["expires_at"]
    return SecretView(
        kind=row["kind"],
        created_at=row["created_at"],
        shown_at=row["shown_at"],
        expires_at=expires_at,
        public_key=row["public_key"],
    )
