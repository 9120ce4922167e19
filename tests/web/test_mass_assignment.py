"""Promise 23: a field that a call does not have is refused, and nothing comes of the rest; made from the routes."""

from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import msgspec
import pytest

from review.kernel.db import Database
from review.kernel.settings import Settings
from review.web.api.openapi import BODY
from tests.web.matrix import Route, api_routes
from tests.web.scene import Scene, addressed

PRIVILEGED: dict[str, Any] = {
    "state": "decided",
    "status": "decided",
    "project_id": str(uuid4()),
    "source": "override",
    "decided_by": "lea@example.com",
    "decision": {"verdict": "approve"},
    "id": str(uuid4()),
    "user_id": str(uuid4()),
    "permissions": ["config:write"],
    "prefix": "aaaaaaaaaaaa",
    "secret_sha256": "00",
    "created_by": "operator",
    "last_used_at": "2026-11-27T00:00:00Z",
    "holder_id": str(uuid4()),
    "fence": 7,
    "role": "admin",
    "unheard_of": True,
}
TAKING = [route for route in api_routes() if BODY in route.handler.opt]


async def dump_of(database_url: str, *, without: tuple[str, ...] = ()) -> str:
    """Give every row of every table as text, in no particular order of rows."""
    connection = await asyncpg.connect(database_url)
    rows: list[str] = []
    for table in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"):
        if table[0] not in without:
            rows += sorted(row[0] for row in await connection.fetch(f'SELECT t::text FROM "{table[0]}" t'))
    await connection.close()
    return "\n".join(rows)


def own_fields(route: Route) -> set[str]:
    """Name the fields that a call has, which are nothing extra there."""
    kind = route.handler.opt[BODY][0]
    return (
        {field.encode_name for field in msgspec.structs.fields(kind)}
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
        else set()
    )


def test_there_are_bodies_to_look_at() -> None:
    assert len(TAKING) > 20
    assert {"fence", "role"} <= {name for route in TAKING for name in own_fields(route)}


async def test_a_field_that_a_call_does_not_have_is_refused_and_changes_nothing(
    http: httpx.AsyncClient, db: Database, settings: Settings, database_url: str
) -> None:
    scene = await Scene.build(http, db, settings, "admin")
    before = await dump_of(database_url, without=("api_keys",))  # when a key was used last is written meanwhile
    keys = await scene.world.count("api_keys")
    for route in TAKING:
        if isinstance(route.row.body, str) or route.path.endswith("/imports"):
            continue  # a text has no fields, and a file none of the call's
        body: dict[str, Any] = route.row.body or {}
        for name, value in PRIVILEGED.items():
            if name in own_fields(route):
                continue
            headers = {"authorization": f"Bearer {secret_for(scene, route)}"}
            path = addressed(route, scene.own)
            answer = await http.request(route.method, path, json=body | {name: value}, headers=headers)
            told = f"{route.name} with {name}: {answer.status_code} {answer.text[:300]}"
            if route.path.endswith("/config/check"):  # what answers with the faults, and stores nothing
                assert answer.json()["faults"], told
            else:
                assert answer.status_code in {400, 422}, told
            assert name in answer.text, told
    assert await dump_of(database_url, without=("api_keys",)) == before
    assert await scene.world.count("api_keys") == keys


async def test_a_field_too_many_in_an_item_of_a_batch_is_that_items_affair(
    http: httpx.AsyncClient, db: Database, settings: Settings
) -> None:
    scene = await Scene.build(http, db, settings, "admin")
    items = await scene.world.count("items")
    route = next(each for each in TAKING if each.path.endswith("/items/batch"))
    (good,) = route.row.body["items"]
    headers = {"authorization": f"Bearer {scene.world.service_key}"}
    bad = [good | {name: value} for name, value in PRIVILEGED.items()]
    answer = await http.post(route.path, json={"items": [*bad, good]}, headers=headers)
    assert [each["status"] for each in answer.json()["results"]] == [422] * len(bad) + [201]
    assert await scene.world.count("items") == items + 1


@pytest.mark.parametrize("name", ["role", "project_id", "person_id", "scopes", "permissions", "expires_at", "state"])
async def test_what_a_form_does_not_have_comes_to_nothing(
    http: httpx.AsyncClient, db: Database, settings: Settings, name: str
) -> None:
    """A browser's form is read by name, so a field too many is never looked at."""
    scene = await Scene.build(http, db, settings, "reviewer")
    form = {"_csrf": scene.caller.csrf, "name": "laptop", "days": "30", name: "admin"}
    headers = {"cookie": f"countersign={scene.caller.cookie}"}
    answer = await http.post("/p/support/keys/tokens", data=form, headers=headers)
    assert answer.status_code == 200
    made = await db.hot.fetchrow("SELECT * FROM api_keys WHERE name = 'laptop'")
    assert made is not None
    assert (made["role"], made["scopes"], made["project_id"]) == ("reviewer", None, scene.world.service.project_id)
    assert made["user_id"] == scene.world.people["reviewer"].id


def secret_for(scene: Scene, route: Route) -> str:
    """Give the credential that may make the call and gets as far as its body."""
    is_services = route.path.endswith(("/items", "/batch", "{item_id}/withdraw"))
    return scene.world.service_key if is_services else scene.caller.secret
