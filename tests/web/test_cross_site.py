"""Promise 26: what other sites, neighbours and planted cookies make a browser send is refused, on every route."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
import msgspec
import pytest
from litestar.handlers import HTTPRouteHandler

from review.identity.rules import Role
from review.kernel.settings import Settings
from review.web.guards import ANY_ORIGIN, PUBLIC, check_origin, session_guard
from review.web.pages.headers import HEADERS
from tests.conftest import OF_TESTS, built_app
from tests.make import BASE_URL, PASSWORD, World, submission
from tests.web.matrix import filled
from tests.web.test_access import bearer
from tests.web.test_pages import HTML, HTMX, sign_in, take, token

pytestmark = pytest.mark.usefixtures("unhurried")

EVIL = "https://evil.example"
SECURE_URL = "https://review.example.com"
FORM = {"content-type": "application/x-www-form-urlencoded"}


def page_routes() -> list[tuple[str, str, HTTPRouteHandler]]:
    """List what stands behind the session guard: method, path, handler."""
    found = [
        (method, route.path_format, handler)
        for route in built_app(OF_TESTS).routes
        for handler in getattr(route, "route_handlers", ())
        for method in handler.http_methods
        if method != "OPTIONS" and session_guard in handler.resolve_guards()
    ]
    return sorted(found, key=lambda each: each[:2])


ROUTES = page_routes()
CHANGING = [path for method, path, handler in ROUTES if method == "POST" and not handler.opt.get(ANY_ORIGIN)]
READING = [path for method, path, handler in ROUTES if method == "GET" and not handler.opt.get(ANY_ORIGIN)]
PUBLIC_ONES = {path for _, path, handler in ROUTES if handler.opt.get(PUBLIC)}

# What a browser says of itself, as a hostile page can bring it about. None of it may change anything.
FOREIGN: dict[str, dict[str, str]] = {
    "another site": {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
    "a neighbouring host": {"sec-fetch-site": "same-site", "origin": "http://other.testserver.local"},
    "an unknown word": {"sec-fetch-site": "friendly"},
    "an old browser, another site": {"origin": EVIL},
    "an old browser, a neighbouring host": {"origin": "http://other.testserver.local"},
    "an old browser, another port": {"origin": "http://testserver.local:8401"},
    "a sandboxed frame": {"origin": "null"},
    "an address in an address": {"origin": f"{EVIL}/@testserver.local"},
    "a name before the host": {"origin": "http://testserver.local@evil.example"},
    "a scheme that is none": {"origin": "file://testserver.local"},
    "nothing at all": {},
}


@pytest.fixture
async def bare(http: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """The same application, asked by something that says nothing of where it comes from."""
    async with httpx.AsyncClient(transport=http._transport, base_url=BASE_URL) as client:
        yield client


@asynccontextmanager
async def served(settings: Settings) -> AsyncGenerator[httpx.AsyncClient]:
    """The application with other settings, behind TLS."""
    app = built_app(settings)
    async with app.lifespan():
        transport = httpx.ASGITransport(app=cast("Any", app), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=SECURE_URL) as client:
            yield client


def address(path: str) -> str:
    return filled(path, project="support", channel="ops", key="x", token="x")


async def rows(world: World) -> dict[str, int]:
    tables = await world.db.hot.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {row["tablename"]: await world.db.hot.fetchval(f"SELECT count(*) FROM {row['tablename']}") for row in tables}


def test_there_are_routes_to_attack() -> None:
    assert {"/sign-in", "/sign-out", "/p/{project}/assignments/{assignment_id}/review"} <= set(CHANGING)
    assert {"/", "/p/{project}/pools/{pool}", "/p/{project}/items/{item_id}"} <= set(READING)
    assert {method for method, _, _ in ROUTES} <= {"GET", "HEAD", "POST"}, "forms can send no other"


@pytest.mark.parametrize("said", list(FOREIGN))
async def test_no_changing_route_takes_what_another_place_sends(
    http: httpx.AsyncClient, bare: httpx.AsyncClient, world: World, said: str
) -> None:
    """With the session's cookie and even with its token; and where there is neither, which is how one signs in."""
    await sign_in(http, world, role=Role.ADMIN)
    form = {"_csrf": await token(http), "email": "nora@example.com", "password": PASSWORD, "fence": "1"}
    before = await rows(world)
    for cookies in (dict(http.cookies), {}):
        bare.cookies.update(cookies)
        for path in CHANGING:
            answer = await bare.post(address(path), data=form, headers=FOREIGN[said])
            assert (answer.status_code, answer.json()["code"]) == (403, "cross_site"), path
            assert "set-cookie" not in answer.headers
        bare.cookies.clear()
    assert await rows(world) == before


async def test_no_changing_route_takes_a_form_without_this_session_s_token(
    http: httpx.AsyncClient, bare: httpx.AsyncClient, world: World
) -> None:
    await sign_in(http, world, role=Role.ADMIN)
    own = await token(http)
    await world.add_person("mallory", Role.ADMIN, password=PASSWORD)
    credentials = {"email": "mallory@example.com", "password": PASSWORD}
    await bare.post("/sign-in", data=credentials, headers={"origin": BASE_URL})
    page = await bare.get("/p/support", headers=HTML)
    (others,) = re.findall(r'name="csrf-token" content="([^"]+)"', page.text)
    assert others != own
    before = await rows(world)
    for path in CHANGING:
        if path in PUBLIC_ONES:  # no session, so no token of one
            continue
        for wrong in ({}, {"_csrf": ""}, {"_csrf": "x"}, {"_csrf": others}, {"_csrf": own[:-1]}):
            answer = await http.post(address(path), data={"fence": "1", **wrong})
            assert (answer.status_code, answer.json()["code"]) == (403, "cross_site"), f"{path} {wrong}"
        in_the_address = await http.post(address(path), params={"_csrf": own}, data={"fence": "1"})
        assert in_the_address.status_code == 403, path
    assert await rows(world) == before


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "multipart/form-data; boundary=x", "application/json", "application/x-www-form-urlencodedx", ""],
)
async def test_a_form_is_read_from_nothing_else_than_a_form(http: httpx.AsyncClient, world: World, kind: str) -> None:
    await sign_in(http, world)
    here, form = await take(http, world)
    body = "&".join(f"{name}={value}" for name, value in {**form, "verdict": "approve"}.items())
    headers = {"content-type": kind} if kind else {}
    for path in (f"{here}/review", "/sign-out", "/sign-in"):
        answer = await http.post(path, content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type"), path
    assert await world.count("reviews") == 0
    answer = await http.post(
        f"{here}/review", content=body, headers={"content-type": f"{FORM['content-type']}; charset=UTF-8"}
    )
    assert answer.status_code == 303


async def test_no_trick_makes_a_read_change_anything(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    here, form = await take(http, world)
    before = await rows(world)
    said = {**form, "verdict": "approve", "_method": "POST", "reason": "x"}
    tricks = {"x-http-method-override": "POST", "x-http-method": "POST", "x-method-override": "POST"}
    for path in [*CHANGING, *READING]:
        for name in (path, path.replace("{assignment_id}", here.rpartition("/")[2])):
            for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE"):
                await http.request(method, address(name), params=said, headers=tricks)
    assert await rows(world) == before
    assert (await http.get("/sign-out", headers=HTML)).status_code in {404, 405}
    assert (await http.get("/p/support", headers=HTML)).status_code == 200, "still signed in"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(
    ("mode", "dest"),
    [
        *(("no-cors", "script"), ("no-cors", "image"), ("no-cors", "style"), ("no-cors", "empty")),
        *(("cors", "empty"), ("navigate", "iframe"), ("navigate", "object"), ("", "")),
    ],
)
async def test_no_page_is_given_into_a_page_of_another_place(
    http: httpx.AsyncClient, world: World, site: str, mode: str, dest: str
) -> None:
    """Nothing to measure either: what is refused says the same to everybody."""
    await sign_in(http, world)
    headers = {"sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": dest}
    for path in READING:
        for kind in (HTML, HTMX):
            answer = await http.get(address(path), headers=kind | headers)
            assert answer.status_code == 403, path
            assert answer.headers["cross-origin-resource-policy"] == "same-origin"
            assert "nora" not in answer.text


async def test_a_link_from_elsewhere_may_be_followed(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert (await http.get("/p/support", headers=HTML | headers)).status_code == 200


def test_where_links_carry_https_a_page_in_the_clear_is_another_place() -> None:
    check_origin({"origin": SECURE_URL, "host": "10.0.0.7:8400"}, "POST", SECURE_URL)
    for origin in ("http://review.example.com", "https://review.example.com:8443", "null", ""):
        with pytest.raises(Exception, match="another site"):
            check_origin({"origin": origin, "host": "review.example.com"}, "POST", SECURE_URL)
    with pytest.raises(Exception, match="another site"):
        check_origin({"origin": "null", "host": ""}, "POST", "")


async def test_a_planted_cookie_counts_for_nothing(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    (own,) = [value for name, value in http.cookies.items() if name == "countersign"]
    async with httpx.AsyncClient(transport=http._transport, base_url=BASE_URL) as client:
        for sent, is_in in (
            (f"countersign={own}", True),
            (f"other=1; countersign={own}; countersign={own}", True),
            (f"countersign={own}; countersign=planted", False),
            (f"countersign=planted; countersign={own}", False),
            (f"countersign =x; countersign={own}", False),
            (f"Countersign={own}", False),
            (f"=countersign={own}", False),
            ("countersign", False),
        ):
            answer = await client.get("/p/support", headers=HTML | {"cookie": sent})
            assert (answer.status_code == 200) == is_in, sent


async def test_behind_tls_only_the_host_s_own_cookie_counts(settings: Settings, world: World) -> None:
    """Names that the framework would read as ours and a browser lets a neighbouring host set are none of ours."""
    await world.add_person("nora", Role.REVIEWER, password=PASSWORD)
    secure = msgspec.structs.replace(settings, secure_cookies=True, base_url=SECURE_URL)
    async with served(secure) as client:
        form = {"email": "nora@example.com", "password": PASSWORD}
        answer = await client.post("/sign-in", data=form, headers={"origin": SECURE_URL})
        given = answer.headers.get_list("set-cookie")
        assert all(each.startswith("__Host-") and "Secure" in each and "HttpOnly" in each for each in given), given
        (cookie,) = (each for each in given if each.startswith("__Host-countersign="))
        name, _, value = cookie.partition(";")[0].partition("=")
        flags = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert name == "__Host-countersign"
        assert {"secure", "httponly", "path=/", "samesite=lax"} <= flags
        assert not any(flag.startswith("domain") for flag in flags)
        client.cookies.clear()
        for sent, is_in in (
            (f"__Host-countersign={value}".encode(), True),
            (f"countersign={value}".encode(), False),
            (f"__host-countersign={value}".encode(), False),
            (f"__Host-countersign={value}; __Host-countersign=planted".encode(), False),
            (b"\xa0__Host-countersign=" + value.encode(), False),
            (b"__Host-countersign\x85=" + value.encode(), False),
            (f"$Version=1; $__Host-countersign={value}".encode(), False),
        ):
            answer = await client.get("/p/support", headers={b"accept": b"text/html", b"cookie": sent})
            assert (answer.status_code == 200) == is_in, sent


async def test_every_session_begins_under_a_new_name(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    first = http.cookies["countersign"]
    await http.post("/sign-in", data={"email": "nora@example.com", "password": PASSWORD})
    assert http.cookies["countersign"] != first


async def test_cookies_never_open_the_api(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world, role=Role.ADMIN)
    item_id = (await world.submit()).item.id
    for method, path in (("GET", f"/api/v1/items/{item_id}"), ("GET", "/api/v1/config"), ("POST", "/api/v1/items")):
        answer = await http.request(method, path, json=submission() if method == "POST" else None)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated"), path
        assert answer.headers["www-authenticate"] == "Bearer"
    cookie = http.cookies["countersign"]
    for secret in (cookie, f"countersign={cookie}"):
        assert (await http.get("/api/v1/config", headers=bearer(secret))).status_code == 401


ADDRESSES = [
    *("/", "/sign-in", "/p/support", "/p/nowhere", "/no/such/page", "/static/countersign.css", "/static/nothing.js"),
    *("/static/../pyproject.toml", "/static", "/healthz", "/readyz", "/metrics", "/api", "/api/errors"),
    *("/api/openapi.json", "/api/schema", "/api/v1/items", "/api/v1/nothing", "/%00", "/styleguide"),
]


@pytest.mark.parametrize("secure", [False, True])
async def test_every_answer_carries_every_header(settings: Settings, world: World, secure: bool) -> None:
    """Pages, problems, redirects, files, refused methods, and addresses that lead nowhere."""
    assert world.project == "support"
    async with served(msgspec.structs.replace(settings, secure_cookies=secure)) as client:
        for path in ADDRESSES:
            for method in ("GET", "POST", "OPTIONS", "HEAD", "TRACE"):
                answer = await client.request(method, path, headers=HTML)
                told = f"{method} {path}: {answer.status_code}"
                for name, value in HEADERS.items():
                    sent = answer.headers.get_list(name)
                    assert len(sent) == 1, f"{told} {name} {sent}"
                    assert sent == [value] or name == "Cache-Control", f"{told} {name}"
                is_file = answer.is_success and path.startswith("/static")
                assert (answer.headers["cache-control"] == "no-store") != is_file, told
                assert ("strict-transport-security" in answer.headers) == secure, told
                assert "access-control-allow-origin" not in answer.headers, told
                assert "server" not in answer.headers, told


async def test_a_fault_of_ours_carries_them_too(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    await sign_in(http, world)

    async def broken(*_: object) -> None:
        await asyncio.sleep(0)
        message = "<script>alert(1)</script> postgresql://secret"
        raise LookupError(message)

    monkeypatch.setattr("review.web.guards.sessions.find_visitor", broken)
    for kind in (HTML, HTMX, {}):
        answer = await http.get("/p/support", headers=kind)
        assert answer.status_code == 500
        assert "secret" not in answer.text
        assert HEADERS.items() <= {name.title(): value for name, value in answer.headers.items()}.items() | set(
            HEADERS.items()
        )
        assert answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "target",
    [
        *("//evil.example", "/\\evil.example", "\\/evil.example", "/\t/evil.example", "https:evil.example", "/a\nb"),
        *("https://evil.example/", "javascript:alert(1)", "data:text/html,x", " //evil.example", "/\u2028/evil"),
        *("////evil.example", "/..//evil.example", "/./\\evil.example", "/.//evil.example"),
    ],
)
async def test_signing_in_leads_to_this_site_alone(http: httpx.AsyncClient, world: World, target: str) -> None:
    await world.add_person("nora", Role.REVIEWER, password=PASSWORD)
    form = {"email": "nora@example.com", "password": PASSWORD, "next": target}
    answer = await http.post("/sign-in", data=form)
    joined = httpx.URL(f"{BASE_URL}/sign-in").join(answer.headers["location"])
    assert str(joined).startswith(f"{BASE_URL}/")
    assert not answer.headers["location"].startswith(("//", "/\\"))
    page = await http.get("/sign-in", params={"next": target}, headers=HTML)
    (kept,) = re.findall(r'name="next" value="([^"]*)"', page.text)
    assert kept.startswith("/")
    assert not kept.startswith("//")


async def test_nothing_that_a_browser_sends_along_is_said_back(http: httpx.AsyncClient, world: World) -> None:
    """CVE-2026-48060 of the framework: markup that another host planted in a cookie came back in the page."""
    await sign_in(http, world)
    planted = '"><img src=x onerror=alert(1)>'
    names = ("csrftoken", "next", "_csrf", "theme", "session")
    cookie = "; ".join([f"countersign={http.cookies['countersign']}", *(f"{name}={planted}" for name in names)])
    forged = {"x-forwarded-host": "evil.example", "x-forwarded-proto": "javascript", "forwarded": "host=evil.example"}
    for path in ("/", "/sign-in", "/p/support", "/p/support/notifications", "/no/such/page", "/p/nowhere"):
        answer = await http.get(path, headers=HTML | forged | {"cookie": cookie, "user-agent": planted})
        assert "onerror" not in answer.text, path
        assert "evil.example" not in answer.text + str(answer.headers), path
