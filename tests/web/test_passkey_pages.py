"""Passkeys over HTTP: what each step's answer carries, and that no request chooses the host they are bound to."""

import re

import httpx
import pytest

from review.identity import throttling_rules
from review.identity.passkeys import Party
from tests.identity.authenticator import Authenticator
from tests.make import BASE_URL, World
from tests.web.test_account_pages import read, send
from tests.web.test_pages import HTML, sign_in

COOKIE = "countersign-passkey"


@pytest.fixture
async def device(http: httpx.AsyncClient, world: World) -> Authenticator:
    """Nora's, with a passkey, and Nora signed in."""
    made = Authenticator(Party.of(world.settings.public_url).origin)
    await sign_in(http, world)
    answer = await add(http, made)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account?done=passkey")
    return made


async def add(http: httpx.AsyncClient, device: Authenticator) -> httpx.Response:
    options = await send(http, "/account/passkeys/begin", name="Laptop")
    return await send(http, "/account/passkeys", name="Laptop", credential=device.make(options.text))


async def come(http: httpx.AsyncClient, device: Authenticator, target: str = "/account") -> httpx.Response:
    options = await http.post("/sign-in/passkey/begin", headers={"host": "testserver.local"})
    form = {"credential": device.answer(options.text), "next": target}
    return await http.post("/sign-in/passkey", data=form, headers=HTML)


async def test_a_passkey_opens_a_session_and_leads_nowhere_else(http: httpx.AsyncClient, device: Authenticator) -> None:
    await send(http, "/sign-out")
    options = await http.post("/sign-in/passkey/begin")
    assert options.headers["content-type"] == "application/json"
    (cookie,) = options.headers.get_list("set-cookie")
    assert {"HttpOnly", "Path=/", "Max-Age=300"} <= {part.strip() for part in cookie.split(";")}
    assert "samesite=lax" in cookie.lower()
    device_cookie = http.cookies["countersign-device"]
    answer = await come(http, device, "//evil.example")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert COOKIE not in http.cookies
    assert http.cookies["countersign-device"] == device_cookie
    page = await read(http)
    assert "with a passkey" in page
    (mark,) = re.findall(r'name="passkey" value="([0-9a-f]+)"', page)
    assert (await send(http, "/account/passkeys/remove", passkey=mark)).headers["location"].endswith("passkey-gone")
    assert mark not in await read(http)


async def test_the_host_that_a_request_names_does_not_count(http: httpx.AsyncClient, device: Authenticator) -> None:
    await send(http, "/sign-out")
    own, device.origin = device.origin, BASE_URL
    assert own != BASE_URL
    refused = await come(http, device)
    assert (refused.status_code, "The passkey was not taken" in refused.text) == (401, True)
    assert "countersign" not in http.cookies
    device.origin = own
    assert (await come(http, device)).status_code == 303


async def test_another_browser_cannot_use_what_this_one_was_asked(
    http: httpx.AsyncClient, device: Authenticator
) -> None:
    await send(http, "/sign-out")
    options = await http.post("/sign-in/passkey/begin")
    form = {"credential": device.answer(options.text)}
    kept = http.cookies[COOKIE]
    http.cookies.clear()
    assert (await http.post("/sign-in/passkey", data=form)).status_code == 401
    # A refusal without the cookie used nothing up.
    answer = await http.post("/sign-in/passkey", data=form, headers={"cookie": f"{COOKIE}={kept}"})
    assert answer.status_code == 303


async def test_refusals_are_told_on_the_page_and_to_the_script(http: httpx.AsyncClient, device: Authenticator) -> None:
    again = await add(http, device)
    assert (again.status_code, "The passkey was not taken" in again.text) == (422, True)
    nameless = await http.post("/account/passkeys/begin", data={"_csrf": await csrf(http)})
    assert (nameless.status_code, "needs a name" in nameless.json()["detail"]) == (422, True)
    await send(http, "/sign-out")
    http.cookies.clear()
    device.origin = BASE_URL
    for _ in range(throttling_rules.ACCOUNT_FROM_NETWORK.free + 1):
        assert (await come(http, device)).status_code == 401
    slower = await come(http, device)
    assert (slower.status_code, slower.headers["retry-after"]) == (429, "1")
    assert "Nothing is locked" in slower.text


async def csrf(http: httpx.AsyncClient) -> str:
    found = re.search(r'name="csrf-token" content="([^"]+)"', await read(http))
    assert found is not None
    return found[1]
