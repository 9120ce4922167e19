"""Who is calling and whom they mean: proxies that are trusted, hosts that are ours (ASVS 15.3.4)."""

from typing import Any

import httpx
import msgspec
import pytest

from review.identity.rules import Role
from review.kernel.settings import Settings
from review.web.addresses import Proxies
from review.web.hosts import HostNotAllowed, Hosts, name_of
from tests.faults.serving import bearer, serving
from tests.make import OF_A_PAGE, PASSWORD, World

OURS = ("10.0.0.0/8", "2001:db8::/32")


def seen(networks: tuple[str, ...], peer: str, *headers: tuple[str, str]) -> dict[str, Any]:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    scope: dict[str, Any] = {"client": (peer, 1), "scheme": "http", "headers": raw}
    Proxies(networks).see_through(scope)
    return scope


XFF, FORWARDED, PROTO = "X-Forwarded-For", "Forwarded", "X-Forwarded-Proto"


@pytest.mark.parametrize(
    ("networks", "peer", "headers", "caller"),
    [
        ((), "10.0.0.1", [(XFF, "192.0.2.7")], "10.0.0.1"),
        (OURS, "192.0.2.9", [(XFF, "192.0.2.7")], "192.0.2.9"),
        (OURS, "10.0.0.1", [(XFF, "192.0.2.7")], "192.0.2.7"),
        (OURS, "10.0.0.1", [(XFF, "127.0.0.1, 192.0.2.7")], "192.0.2.7"),
        (OURS, "10.0.0.1", [(XFF, "1.1.1.1, 192.0.2.7, 10.0.0.2")], "192.0.2.7"),
        (OURS, "10.0.0.1", [(XFF, "1.1.1.1"), (XFF, "192.0.2.7")], "192.0.2.7"),
        (OURS, "10.0.0.1", [(XFF, "10.0.0.3, 10.0.0.2")], "10.0.0.3"),
        (OURS, "10.0.0.1", [(XFF, "192.0.2.7, nonsense")], "10.0.0.1"),
        (OURS, "10.0.0.1", [(XFF, "192.0.2.7, unknown, 10.0.0.2")], "10.0.0.2"),
        (OURS, "10.0.0.1", [(XFF, "192.0.2.7:4711")], "192.0.2.7"),
        (OURS, "10.0.0.1", [(XFF, "[2001:db9::1]:4711")], "2001:db9::1"),
        (OURS, "10.0.0.1", [(XFF, "::ffff:192.0.2.7")], "192.0.2.7"),
        (OURS, "::ffff:10.0.0.1", [(XFF, "192.0.2.7")], "192.0.2.7"),
        (OURS, "2001:db8::5", [(XFF, "2001:db9::1")], "2001:db9::1"),
        (OURS, "10.0.0.1", [(XFF, ",".join(["10.9.9.9"] * 5_000))], "10.9.9.9"),
        (OURS, "10.0.0.1", [(FORWARDED, 'for=1.1.1.1, for="[2001:db9::1]:80";proto=https')], "2001:db9::1"),
        (OURS, "10.0.0.1", [(FORWARDED, "for=1.1.1.1"), (XFF, "192.0.2.7")], "192.0.2.7"),
        (OURS, "10.0.0.1", [(FORWARDED, "for=_hidden")], "10.0.0.1"),
        (OURS, "10.0.0.1", [], "10.0.0.1"),
        (OURS, "", [(XFF, "192.0.2.7")], ""),
    ],
)
def test_the_caller_is_the_nearest_address_that_is_no_proxy_of_ours(
    networks: tuple[str, ...], peer: str, headers: list[tuple[str, str]], caller: str
) -> None:
    assert seen(networks, peer, *headers)["client"][0] == caller


@pytest.mark.parametrize(
    ("peer", "proto", "scheme"),
    [("10.0.0.1", "https", "https"), ("192.0.2.9", "https", "http"), ("10.0.0.1", "gopher", "http")],
)
def test_the_scheme_is_taken_from_a_proxy_of_ours_alone(peer: str, proto: str, scheme: str) -> None:
    assert seen(OURS, peer, (PROTO, proto))["scheme"] == scheme


@pytest.mark.parametrize(
    ("trusted", "origin"), [((), "127.0.0.1"), (("127.0.0.0/8",), "192.0.2.7")], ids=["nobody", "loopback"]
)
async def test_a_session_has_the_address_that_counts(
    settings: Settings, world: World, trusted: tuple[str, ...], origin: str
) -> None:
    await world.add_person("nora", Role.REVIEWER, password=PASSWORD)
    async with serving(msgspec.structs.replace(settings, trusted_proxies=trusted)) as http:
        form = {"email": "nora@example.com", "password": PASSWORD}
        answer = await http.post("/sign-in", data=form, headers=OF_A_PAGE | {XFF: "203.0.113.5, 192.0.2.7"})
    assert answer.status_code == 303
    assert await world.db.hot.fetchval("SELECT origin FROM sessions") == origin


def allowed(settings: Settings, host: str | None, path: str = "/sign-in", *more: str) -> bool:
    given = [] if host is None else [host, *more]
    headers = [(b"host", each.encode("latin-1")) for each in given]
    try:
        Hosts(settings).check({"headers": headers, "path": path})
    except HostNotAllowed:
        return False
    return True


OPEN = Settings(host="0.0.0.0")  # noqa: S104  as in a container
NAMED = Settings(host="0.0.0.0", base_url="https://review.example.com", allowed_hosts=("web", "b.example:8400"))  # noqa: S104  as in a container


@pytest.mark.parametrize(
    ("settings_", "host", "path", "fine"),
    [
        (Settings(), "127.0.0.1:8400", "/", True),
        (Settings(), "localhost:9", "/", True),
        (Settings(), "[::1]:8400", "/", True),
        (Settings(), "LOCALHOST.", "/", True),
        (Settings(), "evil.example:8400", "/", False),
        (Settings(), "127.0.0.1.evil.example", "/", False),
        (Settings(), "localhost@evil.example", "/", False),
        (Settings(), "localhost:80:80", "/", False),
        (Settings(), "localhost:x", "/", False),
        (Settings(), "[::1", "/", False),
        (Settings(), "", "/", False),
        (Settings(), None, "/", False),
        (Settings(), "lo\xe7alhost", "/", False),
        (OPEN, "192.168.1.5:8400", "/", True),
        (OPEN, "my-machine:8400", "/", False),
        (NAMED, "review.example.com", "/", True),
        (NAMED, "REVIEW.example.com:443", "/", True),
        (NAMED, "web:8400", "/", True),
        (NAMED, "b.example", "/", True),
        (NAMED, "192.168.1.5:8400", "/", False),
        (NAMED, "192.168.1.5:8400", "/readyz", True),
        (NAMED, "[2001:db8::5]:8400", "/metrics", True),
        (NAMED, "evil.example", "/healthz", False),
        (NAMED, None, "/healthz", True),
    ],
)
def test_hosts_that_are_ours_and_no_others(settings_: Settings, host: str | None, path: str, fine: bool) -> None:
    assert allowed(settings_, host, path) is fine


def test_two_hosts_are_none() -> None:
    assert not allowed(Settings(), "localhost", "/", "localhost")


def test_the_name_that_listens_everywhere_is_no_name_of_ours() -> None:
    assert name_of("0.0.0.0:80") == "0.0.0.0"  # noqa: S104  an address like any other


@pytest.mark.parametrize("path", ["/", "/sign-in", "/api/v1/items", "/nothing/here", "/static/app.css", "/healthz"])
async def test_a_foreign_host_is_refused_before_anything_else(http: httpx.AsyncClient, world: World, path: str) -> None:
    answer = await http.get(path, headers={"Host": "evil.example", "Authorization": f"Bearer {world.service_key}"})
    assert (answer.status_code, answer.json()["code"]) == (400, "host_not_allowed")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_what_headers_say_of_the_host_changes_nothing(http: httpx.AsyncClient) -> None:
    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.example"}
    answer = await http.get("/p/support", headers=forged | {"Accept": "text/html"})
    assert answer.headers["location"] == "/sign-in?next=%2Fp%2Fsupport"


@pytest.mark.parametrize(
    "path", ["/api/v1/items?statuss=queued", "/api/v1/items?limit=1&limit=2", "/api/v1/webhooks?x="]
)
async def test_query_parameters_that_a_call_does_not_have_are_named(
    http: httpx.AsyncClient, world: World, path: str
) -> None:
    await world.add_person("ada", world.people["lea"].role)
    answer = await http.get(path, **bearer(world.tokens["ada"]))
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    (fault,) = answer.json()["errors"]
    assert fault["path"] in {"statuss", "limit", "x"}
