"""Asking for an erasure, and seeing how far it is."""

from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action
from review.erasure import queries
from review.erasure.errors import ErasureNotFound, NothingToErase
from review.erasure.schemas import MAX_REASON, MAX_SUBJECT, ErasureIn, ErasureView, Found
from review.identity.rules import Principal
from review.kernel.db import Hot, driver_of
from review.kernel.errors import FieldError, Invalid
from review.kernel.ids import new_id
from review.kernel.sentences import say


async def preview(hot: Hot, *, project_id: UUID, asked: ErasureIn) -> Found:
    """Count what an erasure would reach as things stand.

    Raises:
        Invalid: neither a subject nor an item is named, or both (422).
    """
    kind, of = _named(asked)
    return Found(**dict(await queries.count(hot, project_id, kind, of)))


async def request(tx: AsyncSession, *, who: Principal, asked: ErasureIn) -> ErasureView:
    """Have workers erase what there is now of a subject, or of an item; what arrives later is not part of it.

    Where the same is under way already, that erasure is given. The subject is used here and kept nowhere.

    Raises:
        Invalid: nothing, or nothing clear, is named (422); NothingToErase (404).
    """
    kind, of = _named(asked)
    reason = asked.reason.strip()
    if not reason or len(reason) > MAX_REASON:
        message = say("An erasure needs a reason of at most %(most)s characters. Nothing was erased.", most=MAX_REASON)
        raise Invalid(message, errors=(FieldError("reason", say("is empty or too long")),))
    hot = await driver_of(tx)
    erasure_id = new_id()
    await queries.add(hot, who.project_id, erasure_id, kind, reason, who.actor.name)
    taken = await queries.take(hot, who.project_id, erasure_id, kind, of)
    if not taken:
        await queries.remove(hot, who.project_id, erasure_id)
        under_way = await queries.find_under_way(hot, who.project_id, kind, of)
        if under_way is None:
            message = say("There is nothing here that this names and that is not erased yet. Nothing was changed.")
            raise NothingToErase(message)
        return await get(hot, project_id=who.project_id, erasure_id=under_way)
    if kind == "subject":
        await _remove_views(hot, who.project_id, of)
    details = {"erasure": str(erasure_id), "kind": kind, "items": taken, "reason": reason}
    audit.record(tx, who.project_id, who.actor, Action.ERASURE_REQUESTED, details=details)
    await tx.flush()
    return await get(hot, project_id=who.project_id, erasure_id=erasure_id)


async def get(hot: Hot, *, project_id: UUID, erasure_id: UUID) -> ErasureView:
    """Give an erasure as far as it is.

    Raises:
        ErasureNotFound (404).
    """
    row = await queries.find(hot, project_id, erasure_id)
    if row is None:
        message = say("There is no erasure %(erasure_id)s here.", erasure_id=erasure_id)
        raise ErasureNotFound(message)
    return _view(row)


async def find_of_item(hot: Hot, *, project_id: UUID, item_id: UUID) -> UUID | None:
    """Tell the last erasure that an item is part of, None where it is part of none."""
    return await queries.find_of_item(hot, project_id, item_id)


async def list_erasures(
    hot: Hot, *, project_id: UUID, before: UUID | None = None, limit: int = 50
) -> list[ErasureView]:
    """List erasures, the last first."""
    return [_view(row) for row in await queries.list_erasures(hot, project_id, before, limit)]


def _named(asked: ErasureIn) -> tuple[str, str]:
    """Give the kind of an erasure, and what it is of."""
    if (asked.subject is None) == (asked.item_id is None):
        message = say("Name either a subject or an item. Nothing was erased.")
        raise Invalid(message, errors=(FieldError("subject", say("is one of the two that can be named")),))
    if asked.item_id is not None:
        return "item", str(asked.item_id)
    subject = asked.subject or ""
    if not subject or len(subject) > MAX_SUBJECT or "\0" in subject:
        message = say("No item has such a subject. Nothing was erased.")
        raise Invalid(message, errors=(FieldError("subject", say("is no subject that an item can have")),))
    return "subject", subject


async def _remove_views(hot: Hot, project_id: UUID, subject: str) -> None:
    """Remove the saved filters that look for a subject: they name it."""
    named = [
        view_id
        for view_id, query in await queries.list_views(hot, project_id)
        if ("subject", subject) in parse_qsl(query.lstrip("?"))
    ]
    if named:
        await queries.remove_views(hot, project_id, named)


def _view(row: Any) -> ErasureView:
    return ErasureView(**dict(row))
