"""Promise 29 over HTTP: a key is shown once and is nowhere else, and rotation overlaps."""

import hashlib
import json
import logging
import re
from typing import Any

import asyncpg
import httpx
import pytest

from review.identity.rules import KEY_FORM, Role
from tests.make import World
from tests.web.scene import Caller, enter
from tests.web.test_access import PREFIX, bearer
from tests.web.test_mass_assignment import dump_of

PAGE = "/p/support/keys"


@pytest.fixture
async def admin(http: httpx.AsyncClient, world: World) -> Caller:
    """An admin, signed in, with a token."""
    caller = await enter(http, world, Role.ADMIN)
    http.cookies.clear()
    return caller


async def post(http: httpx.AsyncClient, caller: Caller, path: str, **form: str) -> httpx.Response:
    headers = {"cookie": f"countersign={caller.cookie}", "accept": "text/html"}
    return await http.post(path, data={"_csrf": caller.csrf, **form}, headers=headers)


async def read(http: httpx.AsyncClient, caller: Caller, path: str = PAGE) -> str:
    headers = {"cookie": f"countersign={caller.cookie}", "accept": "text/html"}
    answer = await http.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", answer.text)


def secrets_in(text: str) -> list[str]:
    return re.findall(KEY_FORM, text)


async def test_a_planted_key_is_nowhere_but_in_the_answer_that_hands_it_over(
    http: httpx.AsyncClient, world: World, admin: Caller, caplog: pytest.LogCaptureFixture, database_url: str
) -> None:
    """Searched for in every table, the logs at debug, error pages, metrics, the audit and all later answers."""
    caplog.set_level(logging.DEBUG)
    by_api = await http.post(f"{PREFIX}/keys", json={"name": "crm"}, headers=bearer(admin.secret))
    of_own = await http.post(f"{PREFIX}/tokens", json={"name": "laptop"}, headers=bearer(admin.secret))
    by_page = await post(http, admin, PAGE, name="billing", role="service", days="30")
    rotated = await http.post(f"{PREFIX}/keys/{by_api.json()['id']}/rotate", headers=bearer(admin.secret))
    planted = [by_api.json()["secret"], of_own.json()["secret"], rotated.json()["key"]["secret"]]
    planted += [*secrets_in(by_page.text), admin.secret, world.service_key]
    assert len(set(planted)) == 6
    later: list[httpx.Response] = []
    for secret in planted:
        later.append(await http.get(f"{PREFIX}/items", headers=bearer(secret)))
        assert later[-1].status_code == 200
        later += [
            await http.post(f"{PREFIX}/items", content=b"{", headers=bearer(secret)),
            await http.get(f"{PREFIX}/items/nope", headers=bearer(secret)),
            await http.get(f"{PREFIX}/config", headers=bearer(secret[:-1] + ("x" if secret[-1] != "x" else "y"))),
            await http.get("/p/support", headers={"accept": "text/html", "cookie": f"countersign={secret}"}),
        ]
    for path in ("keys", "tokens", "people"):
        later.append(await http.get(f"{PREFIX}/{path}", headers=bearer(admin.secret)))
    later += [await http.get("/metrics"), await http.get("/api/openapi.json")]
    shown = "\n".join([*(f"{answer.headers} {answer.text}" for answer in later), await read(http, admin)])
    dump = await dump_of(database_url)
    for secret in planted:
        tail = secret.rsplit("_", 1)[1][:43]
        for what, text in (("a table", dump), ("a log", caplog.text), ("an answer", shown)):
            assert tail not in text, f"a secret stands in {what}"
        assert hashlib.sha256(secret.encode()).hexdigest() in dump, "the dump would show a key if it were there"
        assert len(tail) * 5.95 > 250  # bits: 43 characters of 62 kinds
    assert "key.rotated" in dump


async def test_the_page_shows_a_secret_once_and_lists_both_while_they_overlap(
    http: httpx.AsyncClient, world: World, admin: Caller
) -> None:
    made = await post(http, admin, f"{PAGE}/tokens", name="<b>laptop", days="90", scope="items:read")
    assert made.status_code == 200
    assert made.headers["cache-control"] == "no-store"
    (first,) = secrets_in(made.text)
    assert "&lt;b&gt;laptop" in made.text
    assert not secrets_in(await read(http, admin))
    key_id = await world.db.hot.fetchval("SELECT id FROM api_keys WHERE name = '<b>laptop'")
    rotated = await post(http, admin, f"{PAGE}/tokens/{key_id}/rotate", overlap_hours="24")
    (second,) = secrets_in(rotated.text)
    assert first[:15] in rotated.text, "the one before it is named"
    for secret in (first, second):
        assert (await http.get(f"{PREFIX}/items", headers=bearer(secret))).status_code == 200
        refused = await http.get(f"{PREFIX}/config", headers=bearer(secret))
        assert refused.json()["code"] == "not_permitted", "it is narrowed to its scope"
    page = await read(http, admin)
    assert first[:15] in page
    assert second[:15] in page
    ended = await post(http, admin, f"{PAGE}/tokens/{key_id}/revoke")
    assert (ended.status_code, ended.headers["location"]) == (303, f"{PAGE}?done=revoked")
    assert (await http.get(f"{PREFIX}/items", headers=bearer(first))).status_code == 401
    assert (await http.get(f"{PREFIX}/items", headers=bearer(second))).status_code == 200


@pytest.mark.parametrize("form", [{"days": "7"}, {"name": ""}, {"scope": "items:fly"}, {"days": "90\0"}])
async def test_a_form_that_cannot_be_is_refused_and_makes_nothing(
    http: httpx.AsyncClient, world: World, admin: Caller, form: dict[str, str]
) -> None:
    before = await world.count("api_keys")
    for path in (PAGE, f"{PAGE}/tokens"):
        answer = await post(http, admin, path, **({"name": "x", "days": "30", "role": "service"} | form))
        assert answer.status_code == 422
    for hours in ("-1", "721", "x", ""):
        key_id = await world.db.hot.fetchval("SELECT id FROM api_keys WHERE name = 'crm'")
        assert (await post(http, admin, f"{PAGE}/{key_id}/rotate", overlap_hours=hours)).status_code == 422
    assert await world.count("api_keys") == before


async def test_a_service_key_has_no_tokens_of_its_own(http: httpx.AsyncClient, admin: Caller) -> None:
    made = await http.post(f"{PREFIX}/keys", json={"name": "ops", "role": "admin"}, headers=bearer(admin.secret))
    ops = bearer(made.json()["secret"])
    for answer in (
        await http.get(f"{PREFIX}/tokens", headers=ops),
        await http.post(f"{PREFIX}/tokens", json={"name": "x"}, headers=ops),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "not_a_person")
    assert (await http.get(f"{PREFIX}/keys", headers=ops)).status_code == 200


async def test_keys_are_made_with_an_end_and_no_more_than_is_carried(http: httpx.AsyncClient, admin: Caller) -> None:
    narrow = await http.post(
        f"{PREFIX}/keys",
        json={"name": "minter", "role": "admin", "scopes": ["keys:write"]},
        headers=bearer(admin.secret),
    )
    minter = bearer(narrow.json()["secret"])
    wide = await http.post(f"{PREFIX}/keys", json={"name": "x"}, headers=minter)
    assert (wide.status_code, wide.json()["code"]) == (403, "not_permitted")
    assert "items:submit" in wide.json()["detail"]
    past = {"name": "x", "expires_at": "2020-01-01T00:00:00Z"}
    for body, path in ((past, "keys"), (past, "tokens"), (past | {"expires_at": "2100-01-01T00:00:00Z"}, "tokens")):
        answer = await http.post(f"{PREFIX}/{path}", json=body, headers=bearer(admin.secret))
        assert (answer.status_code, [each["path"] for each in answer.json()["errors"]]) == (422, ["expires_at"])


async def test_what_is_asked_of_a_key_costs_one_look_up(
    http: httpx.AsyncClient, world: World, admin: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its scopes, its role and its last use come with no statement of their own."""
    asked: list[str] = []
    fetchrow, execute = asyncpg.Pool.fetchrow, asyncpg.Pool.execute

    async def counted(pool: Any, statement: str, *given: object) -> Any:
        asked.append(statement)
        return await (fetchrow if statement.lstrip().startswith("SELECT") else execute)(pool, statement, *given)

    monkeypatch.setattr(asyncpg.Pool, "fetchrow", counted)
    monkeypatch.setattr(asyncpg.Pool, "execute", counted)
    for _ in range(5):
        assert (await http.get(f"{PREFIX}/config", headers=bearer(world.service_key))).status_code == 403
    assert len(asked) == 5
    assert json.loads((await http.get(f"{PREFIX}/keys", headers=bearer(admin.secret))).text)["data"]
