"""Clearing model versions and taking that back, and reading the register."""

import asyncio
from collections import OrderedDict
from datetime import datetime
from uuid import UUID
from weakref import WeakValueDictionary

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action, Actor
from review.identity.rules import Principal
from review.kernel.db import Hot, driver_of
from review.kernel.errors import FieldError
from review.kernel.sentences import number, say
from review.registry import queries
from review.registry.errors import (
    AlreadyCleared,
    ModelVersionInvalid,
    ModelVersionNotFound,
    NotCleared,
    TooManyVersions,
)
from review.registry.rules import BEFORE, Called, Cleared, State, may_clear, may_revoke

CACHED = 256
MOST_LISTED = 500
MOST_NAMED = 200  # in one entry of the audit
MAX_REASON = 2_000
MAX_NAME = 200


class VersionView(msgspec.Struct, frozen=True, kw_only=True):
    """A model, its version and its prompt's version, as items name them; what they do not say is empty.

    `state` is `seen` where clearing was not asked for when it came, `waiting`, `cleared` or `revoked`; `reason`,
    `changed_by` and `changed_at` are of who cleared it or took that back. `items` and `last_seen_at` follow intake by
    some seconds. One that was cleared ahead of its first item has no times yet.
    """

    id: UUID
    name: str
    version: str
    prompt_version: str
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    items: int
    state: State
    reason: str
    changed_by: str
    changed_at: datetime | None

    @property
    def called(self) -> Called:
        """Give what items call it."""
        return Called(self.name, self.version, self.prompt_version)


class News(msgspec.Struct, frozen=True, kw_only=True):
    """A version that waits to be cleared, or that came within a day."""

    id: UUID
    name: str
    version: str
    prompt_version: str
    first_seen_at: datetime | None
    state: State


class Clearances:
    """What is cleared, by project, as this process read it last; the stamp of the key's look-up says if that stands."""

    def __init__(self, hot: Hot) -> None:
        self._hot = hot
        self._known: OrderedDict[UUID, tuple[int, Cleared]] = OrderedDict()
        self._turns: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    async def get(self, project_id: UUID, stamp: int) -> Cleared:
        """Give what is cleared, no older than this stamp."""
        known = self._known.get(project_id)
        if known is not None and known[0] >= stamp:
            return known[1]
        async with self._turns.setdefault(project_id, asyncio.Lock()):  # once for all who wait for it
            known = self._known.get(project_id)
            if known is None or known[0] < stamp:
                known = self._known[project_id] = await self._read(project_id)
                self._known.move_to_end(project_id)
                if len(self._known) > CACHED:
                    self._known.popitem(last=False)
        return known[1]

    async def _read(self, project_id: UUID) -> tuple[int, Cleared]:
        rows = await queries.find_cleared(self._hot, project_id)
        found = frozenset(Called.of(row) for row in rows if row["name"] is not None)
        return (rows[0]["stamp"] if rows else 0), Cleared(found)


async def follow_clearing(tx: AsyncSession, project_id: UUID, *, is_asked: bool, actor: Actor) -> None:
    """Note whether the configuration that becomes active asks for clearing.

    Where it begins to, what was seen until then counts as cleared; what waits from an earlier time, or was revoked,
    does not.
    """
    hot = await driver_of(tx)
    if not is_asked:
        await queries.no_longer_ask(hot, project_id)
        return
    await queries.lock(hot, project_id)
    if not await queries.ask(hot, project_id):
        return
    newest = await queries.look_at_newest(hot, project_id)
    known = {Called.of(row) for row in await queries.count(hot, project_id, newest)}
    for row in newest:
        if Called.of(row) not in known:
            await queries.add(hot, project_id, Called.of(row), 0, (row["first"], row["last"]), "seen")
    cleared = await queries.clear_seen(hot, project_id)
    await queries.stamp(hot, project_id)
    if cleared:
        named = [str(each) for each in cleared[:MOST_NAMED]]
        details = {"count": len(cleared), "versions": named, "reason": BEFORE}
        audit.record(tx, project_id, actor, Action.MODEL_CLEARED, details=details)


async def clear(tx: AsyncSession, *, who: Principal, version_id: UUID, reason: str) -> VersionView:
    """Let rules decide what a version makes, from the next submission on.

    Raises:
        ModelVersionNotFound (404); AlreadyCleared (409); ModelVersionInvalid: no reason was given (422).
    """
    return await _change(tx, who, version_id, "cleared", reason)


async def clear_called(tx: AsyncSession, *, who: Principal, called: Called, reason: str) -> VersionView:
    """Clear a version by its name, even ahead of its first item.

    Raises:
        AlreadyCleared, TooManyVersions (409); ModelVersionInvalid: a name or the reason cannot be used (422).
    """
    _check_name(called)
    _said(reason)
    hot = await driver_of(tx)
    await queries.lock(hot, who.project_id)
    found = await queries.find_called(hot, who.project_id, called)
    if found is None and await queries.how_many(hot, who.project_id) >= queries.MOST:
        message = say(
            "This project has %(most)s model versions, and no more are kept. Nothing was changed.",
            most=number(queries.MOST),
        )
        raise TooManyVersions(message)
    if found is None:
        version_id = await queries.add(hot, who.project_id, called, 0, (None, None), "waiting")
    else:
        version_id = found["id"]
    return await _change(tx, who, version_id, "cleared", reason)


async def revoke(tx: AsyncSession, *, who: Principal, version_id: UUID, reason: str) -> VersionView:
    """Have people judge again what a version makes; what rules have decided stands.

    Raises:
        ModelVersionNotFound (404); NotCleared (409); ModelVersionInvalid: no reason was given (422).
    """
    return await _change(tx, who, version_id, "revoked", reason)


async def revoke_called(tx: AsyncSession, *, who: Principal, called: Called, reason: str) -> VersionView:
    """Take the clearing of a version back by its name.

    Raises:
        ModelVersionNotFound (404); NotCleared (409); ModelVersionInvalid: no reason was given (422).
    """
    _said(reason)
    _check_name(called)
    found = await queries.find_called(await driver_of(tx), who.project_id, called)
    if found is None:
        raise _unknown(str(called))
    return await _change(tx, who, found["id"], "revoked", reason)


async def _change(tx: AsyncSession, who: Principal, version_id: UUID, state: State, reason: str) -> VersionView:
    said, hot = _said(reason), await driver_of(tx)
    await queries.lock(hot, who.project_id)  # whoever counts or asks for clearing at the same time comes first or after
    row = await queries.lock_version(tx, who.project_id, version_id)
    if row is None:
        raise _unknown(str(version_id))
    called, was = Called(row.name, row.version, row.prompt_version), row.state
    if state == "cleared" and not may_clear(was):
        message = say("%(called)s is cleared already. Nothing was changed.", called=called)
        raise AlreadyCleared(message)
    if state == "revoked" and not may_revoke(was):
        message = say(
            "%(called)s is not cleared, so there is nothing to take back. Nothing was changed.", called=called
        )
        raise NotCleared(message)
    await queries.set_state(tx, row, state, said, who.actor.name)
    await queries.stamp(hot, who.project_id)
    details = {"model_version_id": str(row.id), **{key: value for key, value in called._asdict().items() if value}}
    action = Action.MODEL_CLEARED if state == "cleared" else Action.MODEL_REVOKED
    audit.record(tx, who.project_id, who.actor, action, details={**details, "was": was, "reason": said})
    return VersionView(**dict(await queries.find_version(hot, who.project_id, version_id)))


async def list_versions(
    hot: Hot, *, who: Principal, name: str | None = None, state: State | None = None
) -> list[VersionView]:
    """List model versions: those that wait first, then by when they were seen last, up to 500."""
    rows = await queries.list_versions(hot, who.project_id, name=name, state=state, limit=MOST_LISTED)
    return [VersionView(**dict(row)) for row in rows]


async def get_version(hot: Hot, *, who: Principal, version_id: UUID) -> VersionView:
    """Give one model version.

    Raises:
        ModelVersionNotFound (404).
    """
    row = await queries.find_version(hot, who.project_id, version_id)
    if row is None:
        raise _unknown(str(version_id))
    return VersionView(**dict(row))


async def list_news(hot: Hot, *, who: Principal, limit: int = 5) -> list[News]:
    """List the versions that wait to be cleared, and those that came within a day."""
    return [News(**dict(row)) for row in await queries.list_news(hot, who.project_id, limit)]


def _unknown(called: str) -> ModelVersionNotFound:
    message = say("There is no model version %(called)s here. Nothing was changed.", called=called)
    return ModelVersionNotFound(message)


def _check_name(called: Called) -> None:
    """Refuse a name that no item could give."""
    faults = [
        FieldError(field, say("is longer than 200 characters, or holds a NUL character"))
        for field, value in called._asdict().items()
        if len(value) > MAX_NAME or "\0" in value
    ]
    if not called.name and (called.version or called.prompt_version):
        faults.append(FieldError("name", say("is missing; leave all three out for items that name no model")))
    if faults:
        message = say("This cannot be the name of a model version. Nothing was changed.")
        raise ModelVersionInvalid(message, errors=tuple(faults))


def _said(reason: str) -> str:
    said = reason.strip()
    if not 0 < len(said) <= MAX_REASON or "\0" in said:
        message = say(
            "Clearing a version, or taking that back, must say why. Nothing was changed; send it with a reason."
        )
        fault = FieldError("reason", say("is missing or longer than 2,000 characters"))
        raise ModelVersionInvalid(message, errors=(fault,))
    return said
