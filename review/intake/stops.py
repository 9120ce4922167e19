"""Stopping a source or an item type at once: nothing of it is let through by rule until somebody resumes it.

A stop travels with the look-up of the key that submits, so it holds from the next request on and costs intake nothing.
What rules would have let through goes to people; upstream's calls are answered as ever.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action
from review.configuration.rules import ProjectConfig
from review.identity.rules import Principal
from review.intake import stop_queries as queries
from review.intake.errors import NotStopped, SourceNotFound
from review.intake.models import Stop
from review.kernel.db import Hot, driver_of
from review.kernel.errors import FieldError, Invalid
from review.kernel.ids import new_id

Kind = Literal["source", "item_type"]
MAX_REASON = 2_000
MOST_SHOWN = 200


class StopView(msgspec.Struct, frozen=True, kw_only=True):
    """A stop: of a `source`, where `subject` is the id of the key or person, or of an `item_type`, by its name.

    `resumed_at` is null while it stands.
    """

    id: UUID
    kind: str
    subject: str
    name: str
    reason: str
    stopped_by: str
    stopped_at: datetime
    resumed_by: str | None
    resumed_at: datetime | None


class SourceView(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may send items: a service key, or a person by their own token."""

    id: UUID
    name: str
    is_person: bool


class Sender(msgspec.Struct, frozen=True):
    """Who sent an item, by id and name, and the item's type."""

    id: str
    name: str
    type: str


async def stop(
    tx: AsyncSession, *, who: Principal, config: ProjectConfig, kind: Kind, subject: str, reason: str
) -> StopView:
    """Let nothing of a source or item type through by rule from now on; stopping twice keeps the first stop.

    Raises:
        SourceNotFound: there is no such thing (404); Invalid: no reason was given (422).
    """
    said = _said(reason, "A stop must say why. Nothing was changed; send it again with a reason.")
    name = await _name_of(await driver_of(tx), who, config, kind, subject)
    standing = await queries.find_standing(tx, who.project_id, kind, subject)
    if standing is not None:
        return _view(standing)
    stopped = Stop(
        project_id=who.project_id,
        id=new_id(),
        kind=kind,
        subject=subject,
        name=name,
        reason=said,
        stopped_by=who.actor.name,
    )
    tx.add(stopped)
    details = {"stop_id": str(stopped.id), "kind": kind, "subject": subject, "name": name, "reason": said}
    audit.record(tx, who.project_id, who.actor, Action.SOURCE_STOPPED, details=details)
    await tx.flush()
    await tx.refresh(stopped)
    return _view(stopped)


async def resume(
    tx: AsyncSession, *, who: Principal, config: ProjectConfig, kind: Kind, subject: str, reason: str
) -> StopView:
    """Let rules decide again; what came meanwhile stays with people.

    Raises:
        SourceNotFound (404); NotStopped: nothing stands (409); Invalid: no reason was given (422).
    """
    said = _said(reason, "Resuming must say why. Nothing was changed; send it again with a reason.")
    standing = await queries.find_standing(tx, who.project_id, kind, subject)
    if standing is None:
        await _name_of(await driver_of(tx), who, config, kind, subject)
        message = f"{'Item type' if kind == 'item_type' else 'Source'} {subject} is not stopped. Nothing was changed."
        raise NotStopped(message)
    await queries.resume(tx, standing, who.actor.name)
    details = {"stop_id": str(standing.id), "kind": kind, "subject": subject, "name": standing.name, "reason": said}
    audit.record(tx, who.project_id, who.actor, Action.SOURCE_RESUMED, details=details)
    await tx.flush()
    await tx.refresh(standing)
    return _view(standing)


async def list_stops(hot: Hot, *, who: Principal, with_past: bool = False) -> list[StopView]:
    """List the stops that stand, and with `with_past` those that have ended, up to 200."""
    rows = await queries.list_stops(hot, who.project_id, with_past=with_past, limit=MOST_SHOWN)
    return [StopView(**dict(row)) for row in rows]


async def list_of_item(hot: Hot, *, who: Principal, item_id: UUID) -> list[StopView]:
    """List the stops that stand for the sender or the type of an item that the caller may see."""
    return [StopView(**dict(row)) for row in await queries.list_of_item(hot, who.project_id, item_id)]


async def list_sources(hot: Hot, *, who: Principal) -> list[SourceView]:
    """List who may send items: keys first, by name."""
    return [SourceView(**dict(row)) for row in await queries.list_sources(hot, who.project_id)]


async def find_sender(hot: Hot, *, who: Principal, item_id: UUID) -> Sender | None:
    """Find who sent an item that the caller may see, and its type."""
    row = await queries.find_sender(hot, who.project_id, item_id)
    return None if row is None or row["id"] is None else Sender(**dict(row))


async def _name_of(hot: Hot, who: Principal, config: ProjectConfig, kind: Kind, subject: str) -> str:
    if kind == "item_type":
        if subject not in config.item_types:
            message = f"There is no item type {subject!r} here. Nothing was changed."
            raise SourceNotFound(message)
        return subject
    names = {str(row["id"]): str(row["name"]) for row in await queries.list_sources(hot, who.project_id)}
    if subject not in names:
        message = f"There is no key and nobody with a token of the id {subject} here. Nothing was changed."
        raise SourceNotFound(message)
    return names[subject]


def _said(reason: str, message: str) -> str:
    said = reason.strip()
    if not 0 < len(said) <= MAX_REASON:
        raise Invalid(message, errors=(FieldError("reason", "is missing or longer than 2,000 characters"),))
    return said


def _view(stop: Stop) -> StopView:
    return StopView(**{name: getattr(stop, name) for name in StopView.__struct_fields__})
