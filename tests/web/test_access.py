"""Promises 22 and 29: every route by every role, other projects' rows, other pools' items, and keys at rest."""

import asyncio
import hashlib
import logging
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from litestar.handlers import HTTPRouteHandler

from review.audit.rules import OPERATOR
from review.identity import keys
from review.identity.rules import PERMISSIONS, Permission, Role
from review.kernel.settings import Settings
from review.web.app import create_app
from review.web.guards import PERMISSION, PUBLIC
from tests.make import CONFIG, World

PREFIX = "/api/v1"
BODIES: dict[str, dict[str, Any]] = {
    "withdraw": {},
    "override": {"verdict": "reject", "reason": "policy"},
    "pause": {"reason": "waiting for upstream"},
    "resume": {},
    "replay": {"state": "dead"},
    "disable": {"reason": "it moves house"},
    "extend": {"fence": 1},
    "release": {"fence": 1},
    "skip": {"fence": 1},
    "escalate": {"fence": 1},
    "review": {"fence": 1, "verdict": "approve"},
    "confirm": {"proposal": str(UUID(int=1))},
    "override/withdraw": {"proposal": str(UUID(int=1))},
    "stop": {"reason": "it goes wild"},
    "{source_id}/resume": {"reason": "it is mended"},
    "{item_type}/resume": {"reason": "it is mended"},
}


def api_routes() -> list[tuple[str, str, HTTPRouteHandler]]:
    """List every call of the API: method, path, handler."""
    app = create_app(Settings(database_url="postgresql://nowhere", redis_url="redis://nowhere"))
    found = [
        (method, route.path_format, handler)
        for route in app.routes
        if route.path.startswith(PREFIX)
        for handler in getattr(route, "route_handlers", ())
        for method in handler.http_methods
        if method != "OPTIONS"
    ]
    return sorted(found, key=lambda each: each[:2])


ROUTES = api_routes()
OF_ONE = [(method, path) for method, path, _ in ROUTES if "_id}" in path]


def filled(path: str, **ids: object) -> str:
    return path.format(
        **(
            {"item_id": uuid4(), "assignment_id": uuid4(), "pool": "triage", "name": "crm", "delivery_id": uuid4()}
            | {"source_id": uuid4(), "item_type": "ticket_intent"}
            | ids
        )
    )


def body_of(path: str) -> Any:
    last, one = path.rsplit("/", 1)[-1], "/".join(path.rsplit("/", 2)[-2:])
    return BODIES.get(one, BODIES.get(last))


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


async def call(http: httpx.AsyncClient, method: str, path: str, secret: str, **ids: object) -> httpx.Response:
    return await http.request(method, filled(path, **ids), json=body_of(path), headers=bearer(secret))


async def keys_of_roles(world: World) -> dict[Role, str]:
    keys = {Role.SERVICE: world.service_key}
    for role in Role:
        if role is not Role.SERVICE:
            await world.add_person(f"the-{role.value}", role)
            keys[role] = world.tokens[f"the-{role.value}"]
    return keys


def test_every_call_names_a_permission() -> None:
    assert len(ROUTES) > 15
    for method, path, handler in ROUTES:
        assert PUBLIC not in handler.opt, f"{method} {path}"
        assert handler.opt[PERMISSION] in set(Permission), f"{method} {path}"


async def test_every_role_may_do_what_its_permissions_say_and_nothing_else(
    http: httpx.AsyncClient, world: World
) -> None:
    keys = await keys_of_roles(world)
    for method, path, handler in ROUTES:
        for role, secret in keys.items():
            answer = await call(http, method, path, secret)
            told = f"{role} {method} {path}: {answer.status_code} {answer.text[:200]}"
            if handler.opt[PERMISSION] in PERMISSIONS[role]:
                assert answer.status_code not in {401, 403}, told
                assert answer.status_code < 500, told
            else:
                assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted"), told
    assert await world.count("config_versions") == 1


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic abc", "Bearer cs_x_y", "Bearer \x00", f"Bearer cs_{'a' * 12}_{'b' * 43}", "é"],
)
async def test_without_a_key_of_ours_nothing_answers(http: httpx.AsyncClient, world: World, header: str) -> None:
    assert world.project == "support"
    for method, path, _ in ROUTES:
        headers = {"Authorization": header.encode("latin-1")} if header else {}
        answer = await http.request(method, filled(path), headers=headers)  # type: ignore[arg-type]  # odd on purpose
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated"), f"{method} {path}"
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"


async def test_another_projects_rows_are_not_there(http: httpx.AsyncClient, world: World) -> None:
    other = await World.build(world.db, world.settings, "elsewhere", CONFIG.format(project="elsewhere"))
    theirs = (await other.submit(external_id="same")).item
    (held,) = await other.claim("ben")
    decided = (await other.submit(confidence=0.9)).item
    mine = (await world.submit(external_id="same")).item
    admin = await world.add_person("the-admin", Role.ADMIN)
    keys = [world.service_key, world.tokens["lea"], world.tokens["ben"], world.tokens["the-admin"]]
    for method, path in OF_ONE:
        for item_id in (theirs.id, decided.id):
            for secret in keys:
                foreign = await call(http, method, path, secret, item_id=item_id, assignment_id=held.id)
                unknown = await call(http, method, path, secret)
                assert foreign.status_code == unknown.status_code in {403, 404}, f"{method} {path}"
                assert foreign.json()["code"] == unknown.json()["code"]
    waited = await http.get(f"{PREFIX}/items/{theirs.id}?wait=5", headers=bearer(world.service_key))
    assert waited.status_code == 404
    listed = await http.get(f"{PREFIX}/items?external_id=same", headers=bearer(world.tokens["the-admin"]))
    assert [each["id"] for each in listed.json()["data"]] == [str(mine.id)]
    assert admin.project_id != other.service.project_id
    assert await other.count("assignments", state="held") == 1


async def test_a_reviewer_sees_the_items_of_their_pools_only(http: httpx.AsyncClient, world: World) -> None:
    hidden = (await world.submit(tags=["vip"])).item
    passed = (await world.submit(confidence=0.95)).item
    shown = (await world.submit()).item
    ana = bearer(world.tokens["ana"])
    for item in (hidden, passed):
        for path in (f"items/{item.id}", f"items/{item.id}/history", f"items/{item.id}?wait=1"):
            assert (await http.get(f"{PREFIX}/{path}", headers=ana)).status_code == 404
    for query in ("", "?pool=seniors", "?status=queued", "?type=ticket_intent"):
        listed = await http.get(f"{PREFIX}/items{query}", headers=ana)
        assert {each["id"] for each in listed.json()["data"]} <= {str(shown.id)}
    assert (await http.post(f"{PREFIX}/pools/seniors/claims", headers=ana)).json()["code"] == "pool_not_found"
    (seniors,) = await world.claim("sam", pool="seniors")
    stolen = await http.post(f"{PREFIX}/assignments/{seniors.id}/extend", json={"fence": seniors.fence}, headers=ana)
    assert stolen.status_code == 404
    assert (await http.get(f"{PREFIX}/items/{shown.id}", headers=ana)).status_code == 200


async def test_an_adjudicator_sees_the_item_they_are_asked_about(http: httpx.AsyncClient, world: World) -> None:
    item = (await world.submit(tags=["panel"])).item
    sam = bearer(world.tokens["sam"])
    assert (await http.get(f"{PREFIX}/items/{item.id}", headers=sam)).status_code == 404
    (first,), (second,) = await world.claim("ana"), await world.claim("ben")
    await world.judge("ana", first, "approve")
    await world.judge("ben", second, "reject")
    assert (await http.get(f"{PREFIX}/items/{item.id}", headers=sam)).status_code == 200
    listed = await http.get(f"{PREFIX}/items", headers=sam)
    assert [each["id"] for each in listed.json()["data"]] == [str(item.id)]


async def test_a_key_is_no_person(http: httpx.AsyncClient, world: World) -> None:
    """Not even one with the permission: judgement is a person's."""
    async with world.db.transaction() as tx:
        key = await keys.create_key(tx, project="support", name="robot", role=Role.ADMIN, actor=OPERATOR)
    await world.submit()
    for path in ("pools/triage/claims", *(f"assignments/{uuid4()}/{act}" for act in ("extend", "release", "review"))):
        answer = await call(http, "POST", f"{PREFIX}/{path}", key)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_a_person")
    assert await world.count("assignments", state="held") == 0


async def test_a_revoked_key_and_a_disabled_person_are_refused_at_once(http: httpx.AsyncClient, world: World) -> None:
    async def status(secret: str) -> int:
        return (await http.get(f"{PREFIX}/items", headers=bearer(secret))).status_code

    async def change(statement: str) -> None:
        await world.db.hot.execute(statement)

    assert await status(world.service_key) == await status(world.tokens["ana"]) == 200
    await change("UPDATE api_keys SET revoked_at = now() WHERE name = 'crm'")
    assert await status(world.service_key) == 401
    await change("UPDATE users SET disabled_at = now() WHERE email = 'ana@example.com'")
    assert await status(world.tokens["ana"]) == 401
    await change("UPDATE api_keys SET expires_at = now() WHERE user_id IS NOT NULL")
    assert await status(world.tokens["ben"]) == 401


async def dump_of(database_url: str) -> str:
    """Give every row of every table as text."""
    connection = await asyncpg.connect(database_url)
    rows: list[str] = []
    for table in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        rows += [row[0] for row in await connection.fetch(f'SELECT t::text FROM "{table[0]}" t')]
    await connection.close()
    return "\n".join(rows)


async def test_keys_are_not_kept(
    http: httpx.AsyncClient, world: World, caplog: pytest.LogCaptureFixture, database_url: str
) -> None:
    """A planted key is in no row, no log and no answer; what is stored cannot be turned back into it."""
    caplog.set_level(logging.DEBUG)
    secrets = [world.service_key, *world.tokens.values()]
    answers = [await http.get(f"{PREFIX}/items", headers=bearer(secret)) for secret in secrets]
    answers.append(await http.get(f"{PREFIX}/items", headers=bearer(secrets[0][:-1] + "x")))
    answers.append(await http.post(f"{PREFIX}/items", content=b"{", headers=bearer(secrets[0])))
    dump = await dump_of(database_url)
    tails = [secret.rsplit("_", 1)[1] for secret in secrets]
    for tail in tails:
        assert tail not in dump
        assert tail not in caplog.text
        assert all(tail not in answer.text + str(answer.headers) for answer in answers)
    assert hashlib.sha256(secrets[0].encode()).hexdigest() in dump, "the dump would show a key if it were there"
    assert min(len(tail) for tail in tails) * 5.95 > 250  # bits: 43 characters of 62 kinds


async def test_people_of_two_projects_at_once_stay_apart(http: httpx.AsyncClient, world: World) -> None:
    """Look-ups of keys are shared while one is under way; each caller still gets their own project."""
    other = await World.build(world.db, world.settings, "elsewhere", CONFIG.format(project="elsewhere"))
    await world.submit(external_id="here")
    await other.submit(external_id="there")
    calls = [
        (key, name) for key, name in ((world.service_key, "here"), (other.service_key, "there")) for _ in range(40)
    ]
    answers = await asyncio.gather(*(http.get(f"{PREFIX}/items", headers=bearer(key)) for key, _ in calls))
    for answer, (_, name) in zip(answers, calls, strict=True):
        assert [each["external_id"] for each in answer.json()["data"]] == [name]
