"""Promises 22 and 29 beyond the matrix: what of the lists is shown to whom, and who is refused at once."""

import asyncio
from uuid import uuid4

import httpx

from review.audit.rules import OPERATOR
from review.identity import keys
from review.identity.rules import Role
from tests.make import CONFIG, World

PREFIX = "/api/v1"


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


async def test_another_projects_rows_are_not_listed(http: httpx.AsyncClient, world: World) -> None:
    other = await World.build(world.db, world.settings, "elsewhere", CONFIG.format(project="elsewhere"))
    theirs = (await other.submit(external_id="same")).item
    mine = (await world.submit(external_id="same")).item
    admin = await world.add_person("the-admin", Role.ADMIN)
    waited = await http.get(f"{PREFIX}/items/{theirs.id}?wait=5", headers=bearer(world.service_key))
    assert waited.status_code == 404
    listed = await http.get(f"{PREFIX}/items?external_id=same", headers=bearer(world.tokens["the-admin"]))
    assert [each["id"] for each in listed.json()["data"]] == [str(mine.id)]
    assert admin.project_id != other.service.project_id


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
        body = {"fence": 1} if "/review" not in path else {"fence": 1, "verdict": "approve"}
        given = None if path.startswith("pools") else body
        answer = await http.post(f"{PREFIX}/{path}", json=given, headers=bearer(key))
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
