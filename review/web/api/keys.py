"""Service keys and personal tokens over HTTP: making, rotating and ending them."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Meta

from review.identity import keyring, keys
from review.identity.keyring import KeyPage, KeyView, Rotated
from review.identity.keys import NewKey, Wish
from review.identity.rules import Permission
from review.identity.service import get_project
from review.web.api import bodies
from review.web.api.openapi import takes
from review.web.guards import requires
from review.web.services import AnyRequest, Svc, Tx, Who

READ, WRITE, OWN = (requires(each) for each in (Permission.READ_KEYS, Permission.WRITE_KEYS, Permission.OWN_TOKENS))
Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=keyring.MOST_ON_A_PAGE)]
Name = Annotated[str, Meta(min_length=1, max_length=keys.MAX_NAME_LENGTH, pattern=r"\S")]
Scopes = Annotated[tuple[Annotated[str, Meta(max_length=63)], ...], Meta(min_length=1, max_length=100)]
Moment = Annotated[datetime, Meta(tz=True)]


class TokenIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A token to be made: `scopes` narrow what the role carries, and `expires_at` is its end."""

    name: Name
    scopes: Scopes | None = None
    expires_at: Moment | None = None


class KeyIn(TokenIn, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A service key to be made, and the role it has."""

    role: Annotated[str, Meta(max_length=63)] = "service"


class RotateIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how many hours the old one counts on."""

    overlap_hours: Annotated[int, Meta(ge=0, le=keyring.LONGEST_OVERLAP_HOURS)] = keyring.OVERLAP_HOURS


class RevokeIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing: which key it is says it all."""


@get("/keys", opt=READ)
async def list_keys(who: Who, tx: Tx, cursor: FromQuery[str | None] = None, limit: Limit = 50) -> KeyPage:
    """List the project's service keys and everybody's tokens, newest first, without their secrets."""
    return await keyring.list_keys(tx, who.project_id, cursor=cursor, limit=limit)


@post("/keys", opt=WRITE | takes(KeyIn), status_code=201)
async def create_key(request: AnyRequest, who: Who, tx: Tx) -> NewKey:
    """Make a service key; the answer holds its secret, which is not kept and cannot be read again."""
    given = await bodies.read(request, KeyIn)
    owner = await get_project(tx, who.project)
    wish = Wish(name=given.name, scopes=given.scopes, expires_at=given.expires_at)
    return await keys.make_key(tx, owner, wish, role=given.role, actor=who.actor, held=who.permissions)


@post("/keys/{key_id:uuid}/rotate", opt=WRITE | takes(RotateIn, required=False), status_code=200)
async def rotate_key(request: AnyRequest, who: Who, tx: Tx, key_id: FromPath[UUID]) -> Rotated:
    """Make a new key in the place of a service key; the old one counts on for `overlap_hours`."""
    overlap = timedelta(hours=(await bodies.read(request, RotateIn, optional=True)).overlap_hours)
    return await keyring.rotate(tx, who.project_id, key_id, actor=who.actor, overlap=overlap, held=who.permissions)


@post("/keys/{key_id:uuid}/revoke", opt=WRITE | takes(RevokeIn, required=False), status_code=200)
async def revoke_key(request: AnyRequest, who: Who, tx: Tx, key_id: FromPath[UUID]) -> KeyView:
    """End a key, or anybody's token, now; one that is revoked already stays so."""
    await bodies.read(request, RevokeIn, optional=True)
    return await keyring.revoke(tx, who.project_id, key_id, actor=who.actor)


@get("/tokens", opt=OWN)
async def list_tokens(who: Who, tx: Tx, cursor: FromQuery[str | None] = None, limit: Limit = 50) -> KeyPage:
    """List your own tokens in the project, newest first, without their secrets."""
    mine = keyring.check_owner(who)
    return await keyring.list_keys(tx, who.project_id, mine=mine, cursor=cursor, limit=limit)


@post("/tokens", opt=OWN | takes(TokenIn), status_code=201)
async def create_token(request: AnyRequest, services: Svc, who: Who, tx: Tx) -> NewKey:
    """Make a token of your own; the answer holds its secret, which is not kept and cannot be read again.

    It acts with the role you have at the time, narrowed to its scopes. Made with a token, it carries no more than that.
    """
    given = await bodies.read(request, TokenIn)
    wish = Wish(name=given.name, scopes=given.scopes, expires_at=given.expires_at)
    return await keyring.make_own_token(tx, who, wish, longest=services.settings.token_max_lifetime)


@post("/tokens/{token_id:uuid}/rotate", opt=OWN | takes(RotateIn, required=False), status_code=200)
async def rotate_token(request: AnyRequest, services: Svc, who: Who, tx: Tx, token_id: FromPath[UUID]) -> Rotated:
    """Make a new token in the place of one of yours; the old one counts on for `overlap_hours`."""
    keyring.check_owner(who)
    overlap = timedelta(hours=(await bodies.read(request, RotateIn, optional=True)).overlap_hours)
    longest = services.settings.token_max_lifetime
    return await keyring.rotate_own(tx, who, token_id, overlap=overlap, longest=longest)


@post("/tokens/{token_id:uuid}/revoke", opt=OWN | takes(RevokeIn, required=False), status_code=200)
async def revoke_token(request: AnyRequest, who: Who, tx: Tx, token_id: FromPath[UUID]) -> KeyView:
    """End a token of yours now; one that is revoked already stays so."""
    mine = keyring.check_owner(who)
    await bodies.read(request, RevokeIn, optional=True)
    return await keyring.revoke(tx, who.project_id, token_id, actor=who.actor, mine=mine)
