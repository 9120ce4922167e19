"""Keys for people: everybody's own tokens, and for those who may see them the project's service keys."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from review.identity import keyring, keys, roles
from review.identity.keyring import Rotated
from review.identity.keys import NewKey, Wish
from review.identity.rules import Permission
from review.identity.service import get_project
from review.kernel.db import get_now
from review.kernel.errors import FieldError, Invalid
from review.kernel.sentences import say
from review.web.guards import requires
from review.web.pages.reading import Pairs, first, read_form
from review.web.pages.views import Badge
from review.web.pages.work import WORK, InHand, Work
from review.web.services import AnyRequest, Tx
from review.web.words.catalogue import N_, gettext

WRITE, OWN = requires(Permission.WRITE_KEYS), requires(Permission.OWN_TOKENS)
LINES = 50
STATES: Final = {
    "active": Badge(N_("active"), "good"),
    "rotated": Badge(N_("rotated"), "warn"),
    "expired": Badge(N_("expired"), "plain"),
    "revoked": Badge(N_("revoked"), "plain"),
    "orphaned": Badge(N_("of no use"), "plain"),
}
SPANS: Final = (("30", N_("30 days")), ("90", N_("90 days")), ("180", N_("180 days")), ("365", N_("a year")))
REVOKED: Final = N_("It has ended. Whatever still calls with it is refused.")


class KeyPages(Controller):
    """The caller's own tokens, and the project's service keys."""

    path = "/p/{project:str}/keys"
    opt = OWN
    dependencies = WORK

    @get("/")
    async def show(self, work: InHand, tx: Tx, cursor: FromQuery[str] = "", done: FromQuery[str] = "") -> Template:
        """Show the reader's tokens, and the project's keys to those who may see them."""
        return await _page(work, tx, cursor=cursor, said=gettext(REVOKED) if done else "")

    @post("/tokens", status_code=200)
    async def create_token(self, request: AnyRequest, work: InHand, tx: Tx) -> Template:
        """Make a token for the reader and show its secret, once."""
        wish = await _wish(work, await read_form(request))
        longest = work.services.settings.token_max_lifetime
        return await _page(work, tx, made=await keyring.make_own_token(tx, work.who, wish, longest=longest))

    @post("/tokens/{token_id:uuid}/rotate", status_code=200)
    async def rotate_token(self, request: AnyRequest, work: InHand, tx: Tx, token_id: FromPath[UUID]) -> Template:
        """Make a new token in the place of one of the reader's and show its secret, once."""
        overlap, longest = _overlap(await read_form(request)), work.services.settings.token_max_lifetime
        rotated = await keyring.rotate_own(tx, work.who, token_id, overlap=overlap, longest=longest)
        return await _page(work, tx, made=rotated.key, rotated=rotated)

    @post("/tokens/{token_id:uuid}/revoke", status_code=200)
    async def revoke_token(self, request: AnyRequest, work: InHand, tx: Tx, token_id: FromPath[UUID]) -> Redirect:
        """End a token of the reader's."""
        await read_form(request)
        mine = keyring.check_owner(work.who)
        await keyring.revoke(tx, work.who.project_id, token_id, actor=work.who.actor, mine=mine)
        return _back(work)

    @post("/", opt=WRITE, status_code=200)
    async def create_key(self, request: AnyRequest, work: InHand, tx: Tx) -> Template:
        """Make a service key and show its secret, once."""
        pairs, who = await read_form(request), work.who
        owner = await get_project(tx, who.project)
        wish = await _wish(work, pairs)
        made = await keys.make_key(tx, owner, wish, role=first(pairs, "role"), actor=who.actor, held=who.permissions)
        return await _page(work, tx, made=made)

    @post("/{key_id:uuid}/rotate", opt=WRITE, status_code=200)
    async def rotate_key(self, request: AnyRequest, work: InHand, tx: Tx, key_id: FromPath[UUID]) -> Template:
        """Make a new key in the place of a service key and show its secret, once."""
        overlap, who = _overlap(await read_form(request)), work.who
        rotated = await keyring.rotate(
            tx, who.project_id, key_id, actor=who.actor, overlap=overlap, held=who.permissions
        )
        return await _page(work, tx, made=rotated.key, rotated=rotated)

    @post("/{key_id:uuid}/revoke", opt=WRITE, status_code=200)
    async def revoke_key(self, request: AnyRequest, work: InHand, tx: Tx, key_id: FromPath[UUID]) -> Redirect:
        """End a key, or anybody's token."""
        await read_form(request)
        await keyring.revoke(tx, work.who.project_id, key_id, actor=work.who.actor)
        return _back(work)


async def _page(
    work: Work,
    tx: Tx,
    *,
    cursor: str = "",
    made: NewKey | None = None,
    rotated: Rotated | None = None,
    said: str = "",
) -> Template:
    who, here = work.who, f"/p/{work.who.project}/keys"
    may_read = who.may(Permission.READ_KEYS)
    own = await keyring.list_keys(tx, who.project_id, mine=keyring.check_owner(who), limit=LINES)
    every = await keyring.list_keys(tx, who.project_id, cursor=cursor or None, limit=LINES) if may_read else None
    known = await roles.list_roles(tx, who.project_id)
    for_keys = [role for role in known if Permission.ALL_POOLS in role.permissions <= who.permissions]
    return work.page(
        "keys.html",
        here="Keys",
        here_url=here,
        tokens=own.data,
        keys=None if every is None else sorted(every.data, key=lambda key: key.person is not None),
        more=f"{here}?cursor={every.next}" if every is not None and every.next else None,
        made=made,
        rotated=rotated,
        states=STATES,
        spans=[(value, gettext(title)) for value, title in SPANS],
        permissions=sorted(who.permissions),
        roles=sorted(for_keys, key=lambda role: role.name != "service"),
        may_write=who.may(Permission.WRITE_KEYS),
        longest=work.services.settings.token_max_lifetime.days,
        said=said,
    )


async def _wish(work: Work, pairs: Pairs) -> Wish:
    days, scopes = first(pairs, "days"), tuple(value for name, value in pairs if name == "scope")
    if days not in {"", *(value for value, _ in SPANS)}:
        message = say("A key ends after 30, 90, 180 or 365 days, or not by itself. Nothing was made.")
        raise Invalid(message, errors=(FieldError("days", say("is none of the choices")),))
    ends = await get_now(work.hot) + timedelta(days=int(days)) if days else None
    return Wish(name=first(pairs, "name").strip(), scopes=scopes or None, expires_at=ends)


def _overlap(pairs: Pairs) -> timedelta:
    text = first(pairs, "overlap_hours").strip()
    is_number = text.isascii() and text.isdigit() and len(text) < 5
    if not is_number or int(text) > keyring.LONGEST_OVERLAP_HOURS:
        message = say(
            "The overlap is a whole number of hours, %(longest_overlap_hours)s at most. Nothing was changed.",
            longest_overlap_hours=keyring.LONGEST_OVERLAP_HOURS,
        )
        raise Invalid(message, errors=(FieldError("overlap_hours", say("is no such number of hours")),))
    return timedelta(hours=int(text))


def _back(work: Work) -> Redirect:
    return Redirect(f"/p/{work.who.project}/keys?done=revoked", status_code=303)
