"""Promise 26: browser sessions hold; who is kept out is out with their next request, open calls and leases included."""

import asyncio
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from review.audit.rules import OPERATOR
from review.identity import people, queries, standing
from review.identity.rules import Role
from review.identity.service import get_project
from review.queueing import departures
from review.web import watching
from tests.faults.serving import bearer, services_of
from tests.make import PASSWORD, World
from tests.web.open_calls import calling, streaming
from tests.web.test_pages import HTML, HTMX, sign_in, take, token

EMAIL = "nora@example.com"
WITHIN_SECONDS = 3.0  # the poll interval of one second, and room for a slow machine
SESSION = "countersign"


async def status_of(http: httpx.AsyncClient, cookie: str | None = None) -> int:
    cookies = {} if cookie is None else {"cookie": f"{SESSION}={cookie}"}
    return (await http.get("/p/support", headers=HTML | cookies)).status_code


async def disable(world: World, email: str = EMAIL) -> int:
    async with world.db.transaction() as tx:
        return await departures.disable(tx, email=email, actor=OPERATOR)


async def remove(world: World, email: str = EMAIL) -> int:
    async with world.db.transaction() as tx:
        project = await get_project(tx, world.project)
        user_id = await people.get_member_id(tx, project, email)
        return await departures.remove(tx, project.id, user_id, actor=OPERATOR)


KEPT_OUT = pytest.mark.parametrize("keep_out", [disable, remove], ids=["disabled", "removed"])
KeepOut = Callable[..., Any]


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://testserver.local.evil.example"},
    ],
)
async def test_forms_of_other_sites_do_nothing(http: httpx.AsyncClient, world: World, headers: dict[str, str]) -> None:
    await sign_in(http, world)
    csrf = await token(http)
    del http.headers["sec-fetch-site"]  # what is said below is all that is said
    for path in (
        "/sign-out",
        "/account/sessions/end-all",
        "/account/second-factor/begin",
        "/p/support/pools/triage/next",
    ):
        answer = await http.post(path, data={"_csrf": csrf}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_site"), path
    forged = await http.post("/sign-in", data={"email": EMAIL, "password": PASSWORD}, headers=headers)
    assert forged.status_code == 403
    assert "set-cookie" not in forged.headers, "nobody is signed in to an account that another site chose"
    assert await status_of(http) == 200


async def test_fragments_are_refused_to_strangers_and_keep_to_their_site(http: httpx.AsyncClient, world: World) -> None:
    stranger = await http.get("/p/support/pools/triage", headers=HTMX)
    assert (stranger.status_code, stranger.text) == (401, "null")
    await sign_in(http, world)
    answer = await http.get("/p/support/pools/triage", headers=HTMX | {"sec-fetch-site": "cross-site"})
    assert (answer.status_code, "triage" in answer.text) == (403, False)
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "access-control-allow-origin" not in answer.headers


async def test_a_planted_session_is_never_the_one_that_is_signed_in(http: httpx.AsyncClient, world: World) -> None:
    """Session fixation: the id is new at every sign-in, whether the planted one was made up or somebody's."""
    await sign_in(http, world, "mallory")
    mallorys = http.cookies[SESSION]
    http.cookies.clear()
    await world.add_person("nora", Role.REVIEWER, password=PASSWORD)
    for planted in ("x" * 43, mallorys):
        answer = await http.post(
            "/sign-in",
            data={"email": EMAIL, "password": PASSWORD},
            headers={"cookie": f"{SESSION}={planted}"},
        )
        assert answer.status_code == 303
        assert http.cookies[SESSION] != planted
        assert await status_of(http, planted) == 303, "what was planted opens nothing"
        http.cookies.clear()


async def test_the_id_changes_at_every_sign_in_and_the_old_session_ends(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    before = http.cookies[SESSION]
    await http.post("/sign-in", data={"email": EMAIL, "password": PASSWORD})
    assert http.cookies[SESSION] != before
    assert await world.db.hot.fetchval("SELECT count(*) FROM sessions") == 1
    assert await status_of(http) == 200
    assert await status_of(http, before) == 303


async def test_a_session_does_not_come_back_after_sign_out(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    cookie, csrf = http.cookies[SESSION], await token(http)
    assert (await http.post("/sign-out", data={"_csrf": csrf})).status_code == 303
    assert await status_of(http, cookie) == 303
    replayed = await http.post(
        "/p/support/pools/triage/next", data={"_csrf": csrf}, headers={"cookie": f"{SESSION}={cookie}"}
    )
    assert replayed.status_code == 401


async def test_another_sessions_token_and_a_planted_cookie_of_one_do_nothing(
    http: httpx.AsyncClient, world: World
) -> None:
    await sign_in(http, world)
    first_token = await token(http)
    http.cookies.clear()
    await http.post("/sign-in", data={"email": EMAIL, "password": PASSWORD})
    mine = await token(http)
    assert mine != first_token
    for planted in (first_token, "", "x" * 43):
        names = ("csrftoken", "_csrf", "x-csrftoken")
        cookies = "; ".join([f"{SESSION}={http.cookies[SESSION]}", *(f"{name}={planted}" for name in names)])
        answer = await http.post(
            "/account/sessions/end-all",
            data={"_csrf": planted},
            headers={"cookie": cookies, "x-csrftoken": planted},
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_site")
    assert await status_of(http) == 200


async def test_sessions_end_by_the_databases_clock_when_idle_and_when_old(
    http: httpx.AsyncClient, world: World
) -> None:
    await sign_in(http, world)
    move = "UPDATE sessions SET last_seen_at = now() - interval '239 minutes 50 seconds'"
    await world.db.hot.execute(move)
    assert await status_of(http) == 200, "four hours are not over, and now they begin anew"
    assert await world.db.hot.fetchval("SELECT last_seen_at > now() - interval '1 minute' FROM sessions")
    await world.db.hot.execute("UPDATE sessions SET last_seen_at = now() - interval '4 hours'")
    assert await status_of(http) == 303
    assert not await world.db.hot.fetchval("SELECT last_seen_at > now() - interval '1 minute' FROM sessions")
    await world.db.hot.execute("UPDATE sessions SET last_seen_at = now(), expires_at = now() + interval '1 minute'")
    assert await status_of(http) == 200
    await world.db.hot.execute("UPDATE sessions SET expires_at = now()")
    assert await status_of(http) == 303


async def test_being_seen_costs_no_statement_and_is_written_once_a_minute(
    http: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_in(http, world)
    asked: list[str] = []

    def counted(act: Callable[..., Any]) -> Callable[..., Any]:
        async def count(pool: object, statement: str, *given: object, **more: object) -> Any:
            asked.append(statement)
            return await act(pool, statement, *given, **more)

        return count

    for name in ("execute", "fetch", "fetchrow", "fetchval"):
        monkeypatch.setattr(asyncpg.Pool, name, counted(getattr(asyncpg.Pool, name)))
    seen = "SELECT last_seen_at, xmin::text FROM sessions"
    await status_of(http)
    before = await world.db.hot.fetchrow(seen)
    asked.clear()
    await status_of(http)
    usual = len(asked)
    assert sum("sessions" in statement for statement in asked) == 1
    assert await world.db.hot.fetchrow(seen) == before, "within the minute nothing is written"
    await world.db.hot.execute("UPDATE sessions SET last_seen_at = now() - interval '61 seconds'")
    asked.clear()
    await status_of(http)
    assert len(asked) == usual
    assert await world.db.hot.fetchval("SELECT last_seen_at > now() - interval '10 seconds' FROM sessions")


async def test_noting_that_somebody_was_seen_waits_for_nobody(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    await world.db.hot.execute("UPDATE sessions SET last_seen_at = now() - interval '5 minutes'")
    async with world.db.hot.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM sessions FOR UPDATE")
        assert await asyncio.wait_for(status_of(http), 2) == 200


@KEPT_OUT
async def test_who_is_kept_out_is_out_with_their_next_request(
    http: httpx.AsyncClient, world: World, keep_out: KeepOut
) -> None:
    await sign_in(http, world)
    secret = world.tokens["nora"]
    assert await status_of(http) == 200
    assert (await http.get("/api/v1/items", **bearer(secret))).status_code == 200
    await keep_out(world)
    assert await status_of(http) in {303, 404}
    assert (await http.get("/api/v1/items", **bearer(secret))).status_code == 401
    assert (await http.post("/api/v1/pools/triage/claims", **bearer(secret))).status_code == 401


async def test_a_disabled_person_cannot_sign_in_and_an_enabled_one_can(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    cookie = http.cookies[SESSION]
    await disable(world)
    await disable(world)
    assert await world.count("audit_entries", action="user.disabled") == 1
    form = {"email": EMAIL, "password": PASSWORD}
    assert (await http.post("/sign-in", data=form)).status_code == 401
    async with world.db.transaction() as tx:
        await standing.enable(tx, email=EMAIL, actor=OPERATOR)
    assert await status_of(http, cookie) == 303, "the old session does not come back"
    assert (await http.post("/sign-in", data=form)).status_code == 303


@KEPT_OUT
async def test_what_they_hold_goes_back_to_its_queue_at_once(
    http: httpx.AsyncClient, world: World, keep_out: KeepOut
) -> None:
    await sign_in(http, world)
    address, form = await take(http, world)
    await world.submit()
    (ana,) = await world.claim("ana")
    assert await keep_out(world) == 1
    late = await http.post(f"{address}/review", data={**form, "verdict": "approve"})
    assert late.status_code in {401, 404}
    assert await world.count("assignments", state="held") == 1, "what others hold they keep"
    (again,) = await world.claim("ben")
    assert address.endswith(str(again.id))
    assert again.fence == 2
    assert again.id != ana.id
    released = await world.db.hot.fetch(
        "SELECT actor_kind, details ->> 'holder' AS holder FROM audit_entries WHERE action = 'assignment.released'"
    )
    assert [tuple(row) for row in released] == [("operator", EMAIL)]
    assert await world.count("events", kind="item.returned") == 1


@KEPT_OUT
async def test_their_open_streams_end_and_those_of_others_stay(
    http: httpx.AsyncClient, world: World, keep_out: KeepOut
) -> None:
    await world.add_person("nora", Role.LEAD, password=PASSWORD)
    async with streaming(http, world.tokens["nora"]) as theirs, streaming(http, world.tokens["lea"]) as others:
        began = time.monotonic()
        await keep_out(world)
        await theirs.until_it_says("the key is not good any more")
        await theirs.rest()
        assert time.monotonic() - began < WITHIN_SECONDS
        assert not others.task.done()


@KEPT_OUT
async def test_their_parked_calls_are_refused_before_anything_is_told(
    http: httpx.AsyncClient, world: World, keep_out: KeepOut
) -> None:
    await world.add_person("nora", Role.LEAD, password=PASSWORD)
    item = (await world.submit()).item
    path = f"/api/v1/items/{item.id}?wait=30"
    waiting = [
        asyncio.create_task(http.get(path, **bearer(world.tokens[name]), timeout=40)) for name in ("nora", "lea")
    ]
    while services_of(http).hints.waiters < 2:
        await asyncio.sleep(0.01)
    await keep_out(world)
    theirs = await asyncio.wait_for(waiting[0], WITHIN_SECONDS)
    assert (theirs.status_code, theirs.json()["code"]) == (401, "not_authenticated")
    assert not waiting[1].done()
    (held,) = await world.claim("ana")
    await world.judge("ana", held, "approve")
    services_of(http).hints.tell_closed([item.id])
    assert (await asyncio.wait_for(waiting[1], WITHIN_SECONDS)).json()["status"] == "decided"


async def test_a_call_that_is_answered_right_after_its_key_was_revoked_is_refused(
    http: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the decision comes before the look at the keys."""

    async def blind(_self: watching.KeyWatch) -> None: ...

    monkeypatch.setattr(watching.KeyWatch, "look", blind)
    item = (await world.submit()).item
    waiting = asyncio.create_task(
        http.get(f"/api/v1/items/{item.id}?wait=30", **bearer(world.tokens["lea"]), timeout=40)
    )
    while not services_of(http).hints.waiters:
        await asyncio.sleep(0.01)
    (held,) = await world.claim("ana")
    await disable(world, "lea@example.com")
    await world.judge("ana", held, "approve")
    services_of(http).hints.tell_closed([item.id])
    assert (await asyncio.wait_for(waiting, WITHIN_SECONDS)).status_code == 401


async def test_a_stream_ends_with_the_permission_it_was_opened_by(http: httpx.AsyncClient, world: World) -> None:
    async with streaming(http, world.tokens["lea"]) as call:
        await world.db.hot.execute("UPDATE memberships SET role = 'analyst' WHERE user_id = $1", world.people["lea"].id)
        await call.until_it_says("does not carry events:read any more")


async def test_open_calls_share_one_look_at_their_keys(
    http: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a stream costs while nothing happens does not grow with the number of streams."""
    looks: list[list[str]] = []
    look = queries.list_keys

    async def counted(hot: Any, prefixes: list[str]) -> dict[str, Any]:
        looks.append(prefixes)
        return await look(hot, prefixes)

    monkeypatch.setattr(queries, "list_keys", counted)
    async with (
        streaming(http, world.service_key),
        streaming(http, world.service_key),
        streaming(http, world.tokens["lea"]),
        calling(http, "GET", f"/api/v1/items/{uuid4()}?wait=9", world.service_key) as parked,
    ):
        assert await asyncio.wait_for(parked.status, 20) == 404
        looks.clear()
        await services_of(http).watch.look()
        assert {len(asked) for asked in looks} == {2}
    while services_of(http).tail.streams:
        await asyncio.sleep(0.01)
    looks.clear()
    await services_of(http).watch.look()
    assert looks == [], "nobody is watched any more, so nothing is asked"
