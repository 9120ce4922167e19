"""Keys and tokens that are there: listing them, rotating them with an overlap, ending them."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action, Actor
from review.identity import key_queries as queries
from review.identity import keys, roles
from review.identity.errors import KeyEnded, KeyNotFound, NotAPerson, NotPermitted
from review.identity.keys import NewKey, Wish
from review.identity.models import ApiKey
from review.identity.roles import ALL
from review.identity.rules import Permission, Principal, permissions_of
from review.kernel.paging import cursor_of, position_of
from review.kernel.sentences import say

MOST_ON_A_PAGE = 200
OVERLAP_HOURS, LONGEST_OVERLAP_HOURS = 24, 30 * 24
State = Literal["active", "rotated", "expired", "revoked", "orphaned"]


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key or token without its secret; `permissions` is what it carries now, `person` whose token it is.

    `state` is `active`, `rotated` (it counts on until `expires_at`, and `rotated_to` has its place), `expired`,
    `revoked`, or `orphaned` where its person is disabled or no longer in the project.
    """

    id: UUID
    prefix: str
    name: str
    person: str | None
    role: str
    scopes: list[str] | None
    permissions: list[Permission]
    state: State
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    last_used_from: str
    rotated_from: UUID | None
    rotated_to: UUID | None


class KeyPage(msgspec.Struct, frozen=True):
    """A page of keys, newest first, and the cursor of the page after it."""

    data: list[KeyView]
    next: str | None


class Rotated(msgspec.Struct, frozen=True):
    """The new key, with its secret this once, and the one whose place it takes, which counts on until it expires."""

    key: NewKey
    previous: KeyView


class Mine(msgspec.Struct, frozen=True):
    """Narrows what is done to the tokens of one person."""

    user_id: UUID


async def list_keys(
    tx: AsyncSession, project_id: UUID, *, mine: Mine | None = None, cursor: str | None = None, limit: int
) -> KeyPage:
    """List keys and tokens, newest first: all of the project's, or one person's own.

    Raises:
        Invalid: the cursor is not one of ours (422).
    """
    user_id = None if mine is None else mine.user_id
    rows = await queries.list_keys(tx, project_id, user_id=user_id, after=position_of(cursor), limit=limit + 1)
    page = [_view(row) for row in rows[:limit]]
    return KeyPage(page, cursor_of(page[-1].id) if len(rows) > limit else None)


async def get_key(tx: AsyncSession, project_id: UUID, key_id: UUID, *, mine: Mine | None = None) -> KeyView:
    """Give one key or token.

    Raises:
        KeyNotFound: there is none, or it is somebody else's (404; the two look alike).
    """
    row = await queries.find_key_row(tx, project_id, key_id)
    if row is None or (mine is not None and row["user_id"] != mine.user_id):
        message = say("There is no key %(key_id)s here that is yours to see.", key_id=key_id)
        raise KeyNotFound(message)
    return _view(row)


async def make_own_token(tx: AsyncSession, who: Principal, wish: Wish, *, longest: timedelta) -> NewKey:
    """Make a token for the caller; one made with a token carries no more than that.

    Raises:
        NotAPerson: a service key has no tokens (403); IdentityInvalid (422); NotPermitted (403).
    """
    check_owner(who)
    if wish.scopes is None and who.key_id is not None:
        caller = await tx.get_one(ApiKey, (who.project_id, who.key_id))
        wish = msgspec.structs.replace(wish, scopes=None if caller.scopes is None else tuple(caller.scopes))
    return await keys.make_token(
        tx,
        who.project_id,
        wish,
        user_id=who.id,
        role=who.role,
        actor=who.actor,
        held=who.permissions,
        longest=longest,
    )


async def rotate(
    tx: AsyncSession,
    project_id: UUID,
    key_id: UUID,
    *,
    actor: Actor,
    overlap: timedelta = timedelta(hours=OVERLAP_HOURS),
    mine: Mine | None = None,
    held: Collection[Permission] = ALL,
    longest: timedelta = keys.LONGEST_TOKEN,
) -> Rotated:
    """Make a new key in the place of one, with its name, role, scopes and length of life; the old one counts on.

    The old one ends after `overlap`, or earlier if it was to end before that. A person's token is theirs to rotate, and
    the new one lives no longer than `longest`, whatever the old one did.

    Raises:
        KeyNotFound (404); KeyEnded: it is revoked, expired or rotated already (409); NotPermitted: it is a person's, or
        carries more than the caller does (403).
    """
    old = await queries.lock_key(tx, project_id, key_id)
    before = await get_key(tx, project_id, key_id, mine=mine)
    told = {"name": repr(before.name), "state": before.state, "person": before.person}
    if old is None or before.state != "active":
        message = say("The key %(name)s is %(state)s, so it cannot be rotated. Nothing was changed.", **told)
        raise KeyEnded(message)
    if old.user_id is not None and mine is None:
        message = say("The token %(name)s is %(person)s's to rotate. Nothing was changed; you may revoke it.", **told)
        raise NotPermitted(message)
    roles.check_grant(before.permissions, held, say("The key"))
    now = await keys.now_of(tx)
    ends = None if old.expires_at is None else now + (old.expires_at - old.created_at)
    if old.user_id is not None:
        ends = min(ends or now + longest, now + longest)
    wish = Wish(name=old.name, scopes=None if old.scopes is None else tuple(old.scopes), expires_at=ends)
    made = await keys.store_key(
        tx, project_id, wish, role=old.role, user_id=old.user_id, actor=actor, rotated_from=old.id
    )
    until = min(now + overlap, old.expires_at or now + overlap)
    old.expires_at = until
    await tx.flush()
    details = {"name": old.name, "prefix": old.prefix, "new_prefix": made.prefix, "until": until.isoformat()}
    audit.record(tx, project_id, actor, Action.KEY_ROTATED, details=details)
    await tx.flush()
    return Rotated(made, await get_key(tx, project_id, key_id))


async def rotate_own(
    tx: AsyncSession,
    who: Principal,
    key_id: UUID,
    *,
    longest: timedelta,
    overlap: timedelta = timedelta(hours=OVERLAP_HOURS),
) -> Rotated:
    """Rotate a token of the caller; with a token only one whose scopes are among those of that, whatever its role.

    Raises:
        NotAPerson (403), and as `rotate`.
    """
    mine = check_owner(who)
    wanted = await get_key(tx, who.project_id, key_id, mine=mine)
    if who.key_id is not None:
        scopes = (await tx.get_one(ApiKey, (who.project_id, who.key_id))).scopes
        if scopes is not None and (wanted.scopes is None or not set(wanted.scopes) <= set(scopes)):
            message = say(
                "The token %(name)s has scopes that the one you call with has not. Nothing was changed.",
                name=repr(wanted.name),
            )
            raise NotPermitted(message)
    return await rotate(
        tx,
        who.project_id,
        key_id,
        actor=who.actor,
        overlap=overlap,
        mine=mine,
        held=who.permissions,
        longest=longest,
    )


async def revoke(
    tx: AsyncSession, project_id: UUID, key_id: UUID, *, actor: Actor, mine: Mine | None = None
) -> KeyView:
    """End a key or token now; one that is revoked already stays as it is.

    Raises:
        KeyNotFound (404).
    """
    key = await queries.lock_key(tx, project_id, key_id)
    before = await get_key(tx, project_id, key_id, mine=mine)
    if key is not None and key.revoked_at is None:
        key.revoked_at = func.now()
        details = {"name": before.name, "prefix": before.prefix, "person": before.person}
        audit.record(tx, project_id, actor, Action.KEY_REVOKED, details=details)
        await tx.flush()
    return await get_key(tx, project_id, key_id)


def check_owner(who: Principal) -> Mine:
    """Give what narrows to the caller's own tokens.

    Raises:
        NotAPerson: a service key has none (403).
    """
    if who.kind != "user":
        message = say("A service key has no tokens of its own; keys are at /api/v1/keys. Nothing was changed.")
        raise NotAPerson(message)
    return Mine(who.id)


def _view(row: Any) -> KeyView:
    carried = permissions_of(row["role"], row["permissions"], row["scopes"])
    own = {name: row[name] for name in KeyView.__struct_fields__ if name != "permissions"}
    return KeyView(**own, permissions=sorted(carried))
