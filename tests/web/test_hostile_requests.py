"""Addresses, headers and forms that no browser sends: each is refused in the contract's words, and none is a 500."""

import asyncio
import threading

import httpx
import pytest

from review.identity import passwords
from review.identity.rules import Role
from tests.make import BASE_URL, OF_A_PAGE, PASSWORD, World
from tests.web.test_pages import HTML, HTMX, sign_in, take

NO_ADDRESS = "http://["  # what `urlsplit` refuses


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/items?type=%00",
        "/api/v1/items?pool=a%00b",
        "/api/v1/items?external_id=%00",
        "/api/v1/feedback?type=%00",
        "/static/%00",
        "/p/%00",
        "/p/support/pools/%00",
        "/sign-in?next=%00",
    ],
)
async def test_a_nul_in_an_address_is_refused_before_anything_looks_it_up(
    http: httpx.AsyncClient, world: World, path: str
) -> None:
    await sign_in(http, world)
    answer = await http.get(path, headers=bearer(world.service_key))
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_nul_in_a_form_is_stored_as_what_browsers_show_for_it(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    stranger = await http.post("/sign-in", data={"email": "nora@example.com\0", "password": PASSWORD}, headers=HTML)
    assert stranger.status_code == 401
    where, form = await take(http, world)
    skipped = await http.post(f"{where}/skip", data=form | {"reason": "a\0b"})
    assert skipped.status_code == 303
    where, form = await take(http, world)
    answer = await http.post(f"{where}/review", data=form | {"verdict": "reject", "comment": "a\0b"})
    assert answer.status_code == 303
    assert await world.count("reviews", comment="a\ufffdb") == 1


async def test_headers_that_name_no_address_are_read_as_such(http: httpx.AsyncClient, world: World) -> None:
    await world.add_person("nora", Role.REVIEWER, password=PASSWORD)
    form = {"email": "nora@example.com", "password": PASSWORD}
    del http.headers["sec-fetch-site"]  # as in older browsers
    foreign = await http.post("/sign-in", data=form, headers={"origin": NO_ADDRESS})
    assert (foreign.status_code, foreign.json()["code"]) == (403, "cross_site")
    htmx = await http.get("/p/support", headers=HTMX | {"hx-current-url": NO_ADDRESS})
    assert (htmx.status_code, htmx.headers["hx-redirect"]) == (401, "/sign-in?next=%2F")
    posted = await http.post("/p/support/pools/triage/next", headers=HTML | OF_A_PAGE | {"referer": NO_ADDRESS})
    assert (posted.status_code, posted.headers["location"]) == (303, "/sign-in?next=%2F")


async def test_options_are_answered_to_whoever_asks(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    item_id = (await world.submit()).item.id
    for path in ("/p/support", "/p/support/pools/triage", f"/p/support/items/{item_id}", f"/api/v1/items/{item_id}"):
        answer = await http.options(path)
        assert (answer.status_code, "GET" in answer.headers["allow"]) == (204, True), path


async def test_a_lost_claim_leaves_the_address_of_an_htmx_page_alone(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    where, form = await take(http, world)
    assert (await http.post(f"{where}/review", data=form | {"verdict": "approve"})).status_code == 303
    late = await http.post(f"{where}/review", data=form | {"verdict": "reject"}, headers=HTMX)
    assert (late.status_code, late.headers["hx-push-url"]) == (409, "false")


async def test_no_address_below_api_answers_with_a_page_of_the_framework(http: httpx.AsyncClient, world: World) -> None:
    for path in ("/api/schema", "/api/schema/openapi.json", "/api/schema/zzz", "/api/zzz", "/api/v1/zzz"):
        answer = await http.get(path, headers=HTML)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), path
    assert world.project == "support"


async def test_metrics_name_their_charset_once(http: httpx.AsyncClient) -> None:
    answer = await http.get("/metrics")
    assert answer.headers["content-type"].count("charset") == 1
    assert answer.headers["content-type"].startswith("text/plain; version=")


async def test_strangers_who_sign_in_all_at_once_leave_reviewers_their_connections(
    http: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_in(http, world)
    where, form = await take(http, world)
    looked, go_on = threading.Event(), threading.Event()

    def verify(_stored: str, _password: str) -> bool:
        looked.set()
        go_on.wait(30)
        return False

    monkeypatch.setattr(passwords, "verify", verify)
    crowd = 2 * world.settings.pool_connections
    async with httpx.AsyncClient(transport=http._transport, base_url=BASE_URL, headers=OF_A_PAGE) as strangers:
        guesses = [
            asyncio.create_task(strangers.post("/sign-in", data={"email": f"{guess}@example.com", "password": "guess"}))
            for guess in range(crowd)
        ]
        await asyncio.to_thread(looked.wait, 30)
        async with asyncio.timeout(10):
            answer = await http.post(f"{where}/review", data=form | {"verdict": "approve"})
        go_on.set()
        refused = await asyncio.gather(*guesses)
    assert answer.status_code == 303
    assert [each.status_code for each in refused] == [401] * crowd
