"""Passkeys in the browser: signing in with one, adding and removing them. Only here a script is needed."""

from typing import Any

from litestar import Controller, post
from litestar.response import Redirect, Response

from review.identity import passkeys
from review.identity.errors import PasskeyRefused, TooManyAttempts
from review.identity.passkeys import Begun, Party
from review.web.addresses import client_of
from review.web.guards import PUBLIC
from review.web.pages import account, session
from review.web.pages.cookies import browser_of, cookies_of, door_of, local_path, passkey_cookie, passkey_of
from review.web.pages.reading import first, read_form, read_pairs
from review.web.services import AnyRequest, Services, Svc, Tx


@post("/sign-in/passkey/begin", opt={PUBLIC: True}, status_code=200)
async def begin_passkey_sign_in(request: AnyRequest, services: Svc, tx: Tx) -> Response[str]:
    """Give the script what it asks the browser for a passkey with."""
    services.limits.arrive(client_of(request))
    await read_pairs(request)
    return _asked(services, await passkeys.begin_sign_in(tx, Party.of(services.base_url)))


@post("/sign-in/passkey", opt={PUBLIC: True}, status_code=200)
async def sign_in_with_passkey(request: AnyRequest, services: Svc) -> Response[Any]:
    """Open a session for a passkey's owner, and go where they were going."""
    pairs = await read_pairs(request)
    target = first(pairs, "next")
    try:
        signed_in = await passkeys.sign_in(
            door_of(services),
            Party.of(services.base_url),
            credential=first(pairs, "credential"),
            cookie=passkey_of(request),
            browser=browser_of(request),
        )
    except PasskeyRefused as refusal:
        return session.form(services, target, fault=refusal.sentence, status=refusal.status)
    except TooManyAttempts as refusal:
        return session.later(session.form(services, target, fault=refusal.sentence, status=refusal.status), refusal)
    cookies = [*cookies_of(services, signed_in), passkey_cookie(services, "")]
    return Redirect(local_path(target), status_code=303, cookies=cookies)


class PasskeyPages(Controller):
    """What the account page's owner does with passkeys."""

    path = "/account/passkeys"
    opt = {"any_role": True}  # noqa: RUF012  Litestar's own name, which it does not change

    @post("/begin", status_code=200)
    async def begin(self, request: AnyRequest, services: Svc) -> Response[str]:
        """Give the script what it asks the browser to make a passkey with."""
        pairs = await read_form(request)
        async with services.sign_ins:
            begun = await passkeys.begin_adding(
                door_of(services),
                Party.of(services.base_url),
                request.auth,
                name=first(pairs, "name"),
                password=first(pairs, "present"),
                browser=browser_of(request),
            )
        return _asked(services, begun)

    @post("/", status_code=200)
    async def add(self, request: AnyRequest, services: Svc) -> Response[Any]:
        """Keep the passkey that the reader's device has made."""
        pairs = await read_form(request)
        try:
            await passkeys.add(
                door_of(services),
                Party.of(services.base_url),
                request.auth,
                name=first(pairs, "name"),
                credential=first(pairs, "credential"),
                cookie=passkey_of(request),
                browser=browser_of(request),
            )
        except account.REFUSALS as refusal:
            return await account.refused(request, services, refusal)
        return account.back("passkey")

    @post("/remove", status_code=200)
    async def remove(self, request: AnyRequest, tx: Tx) -> Redirect:
        """Forget one of the reader's passkeys; one that is gone already is fine."""
        pairs = await read_form(request)
        await passkeys.remove(tx, request.auth, first(pairs, "passkey"), origin=browser_of(request).origin)
        return account.back("passkey-gone")


def _asked(services: Services, begun: Begun) -> Response[str]:
    cookies = [passkey_cookie(services, begun.cookie)]
    return Response(begun.options, media_type="application/json", cookies=cookies)
