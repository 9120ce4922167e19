"""Somebody's own account: where they are signed in, their password, their second factor, their tokens."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from litestar import Controller, get, post
from litestar.datastructures import Cookie
from litestar.params import FromQuery
from litestar.response import Redirect, Response, Template

from review.identity import account_queries as queries
from review.identity import accounts, passkey_queries, passkeys, password_changes, second_factor, sessions
from review.identity.errors import (
    CodeRefused,
    IdentityInvalid,
    PasskeyRefused,
    SecondFactorConflict,
    SignInRefused,
    TooManyAttempts,
)
from review.identity.sessions import OpenSession, Visitor
from review.kernel.errors import ReviewError
from review.kernel.sentences import say
from review.web.pages import browsers
from review.web.pages.cookies import browser_of, door_of, session_cookie
from review.web.pages.reading import Pairs, first, read_form
from review.web.pages.session import show_recovery_codes
from review.web.services import AnyRequest, Services, Svc, Tx
from review.web.words.catalogue import N_, gettext, one_of
from review.web.words.sentences import translated

HERE: Final = "/account"
SAID: Final = {
    "ended": N_("That session is ended."),
    "gone": N_("That session had ended already."),
    "others": N_("Every other session is ended."),
    "password": N_("Your new password holds. Every other session is ended."),
    "begun": N_("Give your app the key below, then confirm it with a code."),
    "off": N_("The second factor is off."),
    "passkey": N_("Your new passkey is added."),
    "passkey-gone": N_("That passkey is removed."),
}
METHODS: Final = {
    "password": N_("with a password"),
    accounts.WITH_CODE: N_("with a password and a code"),
    passkeys.METHOD: N_("with a passkey"),
}
REFUSALS: Final = (CodeRefused, IdentityInvalid, PasskeyRefused, SecondFactorConflict, SignInRefused, TooManyAttempts)


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One session as its owner sees it."""

    mark: str
    browser: str
    origin: str
    how: str
    since: datetime
    last_seen: datetime
    is_this: bool


class AccountPages(Controller):
    """The account page and what can be done on it; every form works without script."""

    path = HERE
    opt = {"any_role": True}  # noqa: RUF012  Litestar's own name, which it does not change

    @get("/")
    async def show(self, request: AnyRequest, services: Svc, done: FromQuery[str] = "") -> Template:
        """Show where the reader is signed in, and how they sign in."""
        return await page(request, services, said=one_of(SAID, done))

    @post("/sessions/end", status_code=200)
    async def end_session(self, request: AnyRequest, services: Svc, tx: Tx) -> Redirect:
        """End one of the reader's sessions."""
        pairs = await read_form(request)
        idle, origin = services.settings.session_idle, browser_of(request).origin
        ended = await sessions.revoke(tx, request.auth, first(pairs, "session"), origin=origin, idle=idle)
        return back("ended" if ended else "gone")

    @post("/sessions/end-others", status_code=200)
    async def end_others(self, request: AnyRequest, tx: Tx) -> Redirect:
        """End every session of the reader but this one."""
        await read_form(request)
        browser = browser_of(request)
        await sessions.revoke_all(tx, request.auth, origin=browser.origin, sparing=browser.cookie)
        return back("others")

    @post("/sessions/end-all", status_code=200)
    async def end_all(self, request: AnyRequest, services: Svc, tx: Tx) -> Redirect:
        """End every session of the reader, this one too."""
        await read_form(request)
        await sessions.revoke_all(tx, request.auth, origin=browser_of(request).origin)
        forgotten: list[Cookie] = [session_cookie(services, "", 0)]
        return Redirect("/sign-in?done=everywhere", status_code=303, cookies=forgotten)

    @post("/password", status_code=200)
    async def change_password(self, request: AnyRequest, services: Svc) -> Response[Any]:
        """Change the reader's password, which ends their other sessions."""
        pairs = await read_form(request)
        if first(pairs, "new") != first(pairs, "again"):
            fault = gettext("The two new passwords are not the same. Nothing was changed; type them again.")
            return await page(request, services, fault=fault, status=422)
        try:
            async with services.sign_ins:
                await password_changes.change_password(
                    door_of(services),
                    request.auth,
                    present=first(pairs, "present"),
                    new=first(pairs, "new"),
                    browser=browser_of(request),
                )
        except REFUSALS as refusal:
            return await refused(request, services, refusal)
        return back("password")

    @post("/second-factor/begin", status_code=200)
    async def begin_second_factor(self, request: AnyRequest, services: Svc) -> Response[Any]:
        """Make a key for the reader's authenticator app, which counts once a code confirms it."""
        pairs = await read_form(request)
        door, visitor = door_of(services), request.auth
        try:
            await _check_password(request, services, pairs)
            async with door.db.transaction() as tx:
                await second_factor.begin(tx, door.sealer, visitor.user_id)
        except REFUSALS as refusal:
            return await refused(request, services, refusal)
        return back("begun")

    @post("/second-factor/confirm", status_code=200)
    async def confirm_second_factor(self, request: AnyRequest, services: Svc) -> Response[Any]:
        """Turn the second factor on with a first code, and show the recovery codes, once."""
        pairs = await read_form(request)
        door, visitor, origin = door_of(services), request.auth, browser_of(request).origin
        try:
            async with door.db.transaction() as tx:
                code = first(pairs, "code")
                codes = await second_factor.confirm(tx, door.sealer, visitor.user_id, code, origin=origin)
        except REFUSALS as refusal:
            return await refused(request, services, refusal)
        return show_recovery_codes(codes, onward=HERE)

    @post("/second-factor/recovery-codes", status_code=200)
    async def renew_recovery_codes(self, request: AnyRequest, services: Svc) -> Response[Any]:
        """Make new recovery codes for a code of the app, and show them, once."""
        pairs = await read_form(request)
        door, visitor, browser = door_of(services), request.auth, browser_of(request)
        try:
            await accounts.check_code(door, user_id=visitor.user_id, code=first(pairs, "code"), browser=browser)
        except REFUSALS as refusal:
            return await refused(request, services, refusal)
        async with door.db.transaction() as tx:
            codes = await second_factor.renew_recovery_codes(tx, visitor.user_id, origin=browser.origin)
        return show_recovery_codes(codes, onward=HERE)

    @post("/second-factor/off", status_code=200)
    async def turn_second_factor_off(self, request: AnyRequest, services: Svc) -> Response[Any]:
        """Turn the second factor off, for the password and a code."""
        pairs = await read_form(request)
        door, visitor, browser = door_of(services), request.auth, browser_of(request)
        try:
            if door.needs_code:
                message = say("A second factor is asked of everybody here, so it stays on. Nothing was changed.")
                raise SecondFactorConflict(message)
            await _check_password(request, services, pairs)
            await accounts.check_code(door, user_id=visitor.user_id, code=first(pairs, "code"), browser=browser)
        except REFUSALS as refusal:
            return await refused(request, services, refusal)
        async with door.db.transaction() as tx:
            await second_factor.turn_off(tx, visitor.user_id, origin=browser.origin)
        return back("off")


async def _check_password(request: AnyRequest, services: Services, pairs: Pairs) -> None:
    visitor: Visitor = request.auth
    async with services.sign_ins:
        await accounts.check_password(
            door_of(services),
            user_id=visitor.user_id,
            password=first(pairs, "present"),
            browser=browser_of(request),
        )


async def page(
    request: AnyRequest, services: Services, *, said: str = "", fault: str = "", status: int = 200
) -> Template:
    """Show the account page."""
    visitor: Visitor = request.auth
    door, browser, idle = door_of(services), browser_of(request), services.settings.session_idle
    async with door.db.transaction() as tx:
        found = await sessions.list_sessions(tx, visitor.user_id, cookie=browser.cookie, idle=idle)
        factor = await second_factor.get_standing(tx, door.sealer, visitor.user_id, visitor.email)
        tokens: list[Mapping[str, Any]] = await queries.list_tokens(tx, visitor.user_id)
        has_password = await queries.has_password(tx, visitor.user_id)
        known = await passkey_queries.list_passkeys(tx, visitor.user_id)
        is_fresh = await passkeys.is_session_fresh(tx, browser)
    context = {
        "csrf_token": visitor.csrf_token,
        "visitor": visitor,
        "said": said,
        "fault": fault,
        "sessions": [_line(each) for each in found],
        "has_password": has_password,
        "factor": factor,
        "must_have_factor": door.needs_code,
        "tokens": tokens,
        "has_providers": bool(services.federation.providers),
        "passkeys": known,
        "has_passkeys": passkeys.Party.of(services.base_url).has_name,
        "is_fresh": is_fresh,
    }
    return Template(template_name="account.html", context=context, status_code=status)


async def refused(request: AnyRequest, services: Services, refusal: ReviewError) -> Template:
    """Show the page again with what was refused and why; a wrong password does not sign anybody out."""
    told = [
        gettext("The %(field)s %(fault)s.", field=each.path, fault=translated(each.sentence)) for each in refusal.errors
    ]
    fault = " ".join([translated(refusal.sentence), *told])
    status = 422 if refusal.status == 401 else refusal.status
    answer = await page(request, services, fault=fault, status=status)
    if isinstance(refusal, TooManyAttempts):
        answer.headers["Retry-After"] = str(refusal.seconds)
    return answer


def _line(session: OpenSession) -> SessionLine:
    through = session.provider or session.method
    how = one_of(METHODS, session.method) or gettext("through %(provider)s", provider=through)
    return SessionLine(
        mark=session.mark,
        browser=browsers.name_of(session.user_agent),
        origin=session.origin,
        how=how,
        since=session.created_at,
        last_seen=session.last_seen_at,
        is_this=session.is_this,
    )


def back(done: str) -> Redirect:
    """Lead back to the account page, which says what was done."""
    return Redirect(f"{HERE}?done={done}", status_code=303)
