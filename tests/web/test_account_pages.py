"""The account page and the pages before sign-in, over HTTP and without script."""

import re
from typing import Any

import httpx
import msgspec
import pytest

from review.audit.rules import OPERATOR
from review.delivery.notifications import letters
from review.identity import password_changes, throttling_rules
from review.identity.accounts import Door
from review.identity.rules import Role
from review.kernel.settings import Settings
from review.web.pages import browsers
from review.web.pages.cookies import door_of
from tests.faults.serving import services_of, serving
from tests.identity.test_accounts import code_now
from tests.make import OF_A_PAGE, PASSWORD, World
from tests.web.test_pages import HTML, sign_in, token

EMAIL = "nora@example.com"
NEW = "a much longer secret"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


async def send(http: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    return await http.post(path, data={"_csrf": await token(http), **fields}, headers=HTML)


async def enter(http: httpx.AsyncClient, **more: Any) -> httpx.Response:
    return await http.post("/sign-in", data={"email": EMAIL, "password": PASSWORD}, **more)


async def read(http: httpx.AsyncClient, path: str = "/account") -> str:
    answer = await http.get(path, headers=HTML)
    assert answer.status_code == 200, answer.text
    return answer.text


async def turn_on(http: httpx.AsyncClient) -> list[str]:
    """Turn the second factor on with the code of a step ago; give the recovery codes."""
    assert (await send(http, "/account/second-factor/begin", present=PASSWORD)).status_code == 303
    assert "otpauth://totp/Countersign:" in await read(http)
    on = await send(http, "/account/second-factor/confirm", code=await code_now(door(http), -1))
    codes = re.search(r'<code class="command" tabindex="0">(.*?)</code>', on.text, re.DOTALL)
    assert codes is not None
    return codes[1].strip().splitlines()


def door(http: httpx.AsyncClient) -> Door:
    return door_of(services_of(http))


async def test_everybody_sees_where_they_are_signed_in_and_ends_it(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    lost = http.cookies["countersign"]
    http.cookies.clear()
    await enter(http, headers={"user-agent": FIREFOX})
    page = await read(http)
    assert "Signed in on 2 devices" in page
    assert "Firefox on Linux" in page
    assert page.count("this one") == 1
    assert "cs_" in page, "their tokens, by the public part"
    assert world.tokens["nora"] not in page
    (mark,) = re.findall(r'name="session" value="([0-9a-f]+)"', page)
    ended = await send(http, "/account/sessions/end", session=mark)
    assert ended.headers["location"] == "/account?done=ended"
    assert (await send(http, "/account/sessions/end", session=mark)).headers["location"] == "/account?done=gone"
    assert (await http.get("/account", headers=HTML | {"cookie": f"countersign={lost}"})).status_code == 303
    assert "Signed in on 1 device<" in await read(http)


async def test_nobody_ends_somebody_elses_session(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world, "otto")
    http.cookies.clear()
    await enter_as_other(http, world)
    theirs = (await read(http)).count('name="session"')
    assert theirs == 1
    (mark,) = re.findall(r'name="session" value="([0-9a-f]+)"', await read(http))
    http.cookies.clear()
    await http.post("/sign-in", data={"email": "otto@example.com", "password": PASSWORD})
    assert (await send(http, "/account/sessions/end", session=mark)).headers["location"] == "/account?done=gone"
    assert await world.db.hot.fetchval("SELECT count(*) FROM sessions") == 4


async def enter_as_other(http: httpx.AsyncClient, world: World) -> None:
    """Have Nora signed in twice."""
    await sign_in(http, world)
    http.cookies.clear()
    await enter(http)


@pytest.mark.parametrize(("path", "left"), [("end-others", 1), ("end-all", 0)])
async def test_signing_out_everywhere(http: httpx.AsyncClient, world: World, path: str, left: int) -> None:
    await enter_as_other(http, world)
    assert (await send(http, f"/account/sessions/{path}")).status_code == 303
    assert await world.db.hot.fetchval("SELECT count(*) FROM sessions") == left
    assert (await http.get("/account", headers=HTML)).status_code == (200 if left else 303)
    assert await world.count("audit_entries", action="session.revoked") == 1


async def test_a_password_is_changed_by_whoever_knows_it(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    path = "/account/password"
    wrong = await send(http, path, present="wrong horse", new=NEW, again=NEW)
    assert (wrong.status_code, "not your present password" in wrong.text) == (422, True)
    unlike = await send(http, path, present=PASSWORD, new=NEW, again=NEW + "x")
    assert (unlike.status_code, "not the same" in unlike.text) == (422, True)
    short = await send(http, path, present=PASSWORD, new="short", again="short")
    assert (short.status_code, "must have 10 to 1024 characters" in short.text) == (422, True)
    assert (await send(http, path, present=PASSWORD, new=NEW, again=NEW)).headers[
        "location"
    ] == "/account?done=password"
    assert "Your new password holds" in await read(http, "/account?done=password")
    assert (await enter(http)).status_code == 401
    assert PASSWORD not in wrong.text + unlike.text


async def test_after_many_failures_a_calm_page_says_how_long_to_wait(http: httpx.AsyncClient, world: World) -> None:
    await world.add_person("nora", Role.REVIEWER, password=PASSWORD)
    for email in (EMAIL, "nobody@example.com"):
        for _ in range(throttling_rules.ACCOUNT_FROM_NETWORK.free + 1):
            refused = await http.post("/sign-in", data={"email": email, "password": "wrong horse"})
            assert refused.status_code == 401
        answer = await http.post("/sign-in", data={"email": email, "password": PASSWORD})
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        assert "Nothing is locked, and nothing was changed." in answer.text
        assert "set-cookie" not in answer.headers
    await services_of(http).errands.finish()
    assert await world.count("audit_entries", action="session.refused") == 3, "the 1st, 2nd and 4th"


async def test_the_device_cookie_is_earned_by_signing_in_and_kept(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    device = http.cookies["countersign-device"]
    await send(http, "/sign-out")
    assert http.cookies["countersign-device"] == device
    again = await enter(http)
    cookie = next(each for each in again.headers.get_list("set-cookie") if "-device" in each)
    assert {"HttpOnly", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "samesite=lax" in cookie.lower()
    assert http.cookies["countersign-device"] == device


async def test_a_second_factor_from_turning_it_on_to_turning_it_off(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    assert (await send(http, "/account/second-factor/begin", present="wrong horse")).status_code == 422
    assert (await send(http, "/account/second-factor/confirm", code="123456")).status_code == 409
    codes = await turn_on(http)
    assert len(codes) == 10
    await send(http, "/sign-out")
    half = await enter(http)
    assert half.headers["location"] == "/sign-in/code?next=%2F"
    assert "countersign" not in http.cookies
    assert (await http.get("/account", headers=HTML)).status_code == 303, "half a sign-in is none"
    assert EMAIL in await read(http, "/sign-in/code")
    wrong = await http.post("/sign-in/code", data={"code": "1", "next": "/account"})
    assert (wrong.status_code, "The code is not good" in wrong.text) == (401, True)
    right = await http.post("/sign-in/code", data={"code": codes[0], "next": "//evil.example"})
    assert (right.status_code, right.headers["location"]) == (303, "/")
    page = await read(http)
    assert "9 recovery codes left" in page
    assert "with a password and a code" in page
    renewed = await send(http, "/account/second-factor/recovery-codes", code=codes[1])
    assert renewed.status_code == 200
    assert codes[2] not in renewed.text
    assert (await send(http, "/account/second-factor/off", present=PASSWORD, code=codes[2])).status_code == 422
    assert (
        await send(http, "/account/second-factor/off", present="x", code=await code_now(door(http)))
    ).status_code == 422
    off = await send(http, "/account/second-factor/off", present=PASSWORD, code=await code_now(door(http)))
    assert off.headers["location"] == "/account?done=off"
    assert (await enter(http)).headers["location"] == "/"
    for action in ("added", "removed", "recovery_codes_made", "recovery_code_used"):
        assert await world.count("audit_entries", action=f"second_factor.{action}") >= 1, action


async def test_a_code_is_asked_for_after_the_password_only(http: httpx.AsyncClient, world: World) -> None:
    assert world.project == "support"
    for answer in (
        await http.get("/sign-in/code", headers=HTML),
        await http.post("/sign-in/code", data={"code": "123456"}),
        await http.post("/sign-in/code", data={"code": "123456"}, headers={"cookie": "countersign-step=" + "x" * 43}),
    ):
        assert (answer.status_code, "Begin again with your password" in answer.text) == (401, True)


async def test_where_a_second_factor_is_asked_of_everybody(settings: Settings, world: World) -> None:
    strict = msgspec.structs.replace(settings, require_second_factor=True)
    await world.add_person("nora", Role.REVIEWER, password=PASSWORD)
    async with serving(strict) as http:
        http.headers.update(OF_A_PAGE)
        await enter(http)
        assert "Set up your second factor" in await read(http, "/sign-in/code")
        first = await http.post("/sign-in/code", data={"code": await code_now(door(http), -1), "next": "/account"})
        assert (first.status_code, 'href="/account"' in first.text) == (200, True)
        assert "it cannot be turned off" in await read(http)
        kept = await send(http, "/account/second-factor/off", present=PASSWORD, code=await code_now(door(http)))
        assert kept.status_code == 409


async def test_a_link_leads_to_a_new_password(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    async with world.db.transaction() as tx:
        link = await password_changes.make_link(tx, email=EMAIL, actor=OPERATOR)
    path = f"/choose-password/{link.secret}"
    for _ in range(2):
        assert EMAIL in await read(http, path), "what scans mails opens links too"
    unlike = await http.post(path, data={"new": NEW, "again": "x"})
    short = await http.post(path, data={"new": "short", "again": "short"})
    assert (unlike.status_code, short.status_code) == (422, 422)
    done = await http.post(path, data={"new": NEW, "again": NEW})
    assert done.headers["location"] == "/sign-in?done=password"
    assert "every session was ended" in await read(http, "/sign-in?done=password")
    assert (await http.get("/account", headers=HTML)).status_code == 303
    for used in (
        await http.get(path, headers=HTML),
        await http.post(path, data={"new": NEW, "again": NEW}, headers=HTML),
    ):
        assert (used.status_code, "That is used up" in used.text) == (410, True)
    assert (await http.get("/choose-password/x", headers=HTML)).status_code == 410


async def test_forgetting_a_password_says_the_same_for_everybody(
    settings: Settings, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the link carries this installation's own address, whatever host the request named."""
    mailed: list[dict[str, Any]] = []

    async def keep(_settings: Settings, **letter: Any) -> bool:
        mailed.append(letter)
        return True

    monkeypatch.setattr(letters, "send_password_link", keep)
    await world.add_person("nora", Role.REVIEWER, password=PASSWORD)
    mailing = msgspec.structs.replace(
        settings, smtp_url="smtp://127.0.0.1:1", smtp_sender="c@example.com", base_url="https://review.example.com/"
    )
    async with serving(mailing) as http:
        http.headers.update(OF_A_PAGE)
        assert "I forgot my password" in await read(http, "/sign-in")
        answers = [
            await http.post("/forgot-password", data={"email": email}, headers={"x-forwarded-host": "evil.example"})
            for email in (EMAIL, "nobody@example.com", "ana@example.com", "nonsense")
        ]
        await services_of(http).errands.finish()
        assert len({(answer.status_code, answer.text) for answer in answers}) == 1
        assert "a link is on its way" in answers[0].text
        (letter,) = mailed
        assert letter["address"] == EMAIL
        assert re.fullmatch(r"https://review\.example\.com/choose-password/[\w-]{43}", letter["url"])
        for _ in range(7):
            await http.post("/forgot-password", data={"email": "x@example.com"})
        refused = await http.post("/forgot-password", data={"email": EMAIL})
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")


async def test_without_mail_the_page_says_who_can_help(http: httpx.AsyncClient, world: World) -> None:
    assert world.project == "support"
    assert "I forgot my password" not in await read(http, "/sign-in")
    assert "review users reset-password" in await read(http, "/forgot-password")
    assert (await http.post("/forgot-password", data={"email": EMAIL})).status_code == 409


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (FIREFOX, "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/141.0 Safari/537.36 Edg/141.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/141.0 Safari/537.36", "Chrome on Linux"),
        ("", "an unnamed browser"),
        ("x" * 90, "x" * 60),
    ],
)
def test_browsers_are_named_so_that_one_knows_them_again(user_agent: str, name: str) -> None:
    assert browsers.name_of(user_agent) == name
