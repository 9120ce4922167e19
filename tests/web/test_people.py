"""People over HTTP and on their page: reading, changing and removing, each with its refusals in words."""

import httpx
import pytest

from review.identity.rules import Role
from tests.make import World
from tests.web.scene import Caller, add_role, enter
from tests.web.test_access import PREFIX, bearer
from tests.web.test_keys import post, read

PAGE = "/p/support/people"


@pytest.fixture
async def admin(http: httpx.AsyncClient, world: World) -> Caller:
    """An admin, signed in, with a token."""
    caller = await enter(http, world, Role.ADMIN)
    http.cookies.clear()
    return caller


async def test_people_over_http(http: httpx.AsyncClient, world: World, admin: Caller) -> None:
    headers, ana = bearer(admin.secret), f"{PREFIX}/people/{world.people['ana'].id}"
    listed = (await http.get(f"{PREFIX}/people?limit=2", headers=headers)).json()
    assert [each["email"] for each in listed["data"]] == ["ana@example.com", "ben@example.com"]
    rest = (await http.get(f"{PREFIX}/people?cursor={listed['next']}", headers=headers)).json()
    assert (len(rest["data"]), rest["next"]) == (5, None)
    changed = await http.put(ana, json={"role": "lead"}, headers=headers)
    assert (changed.status_code, changed.json()["role"], changed.json()["pools"]) == (200, "lead", [])
    changed = await http.put(ana, json={"pools": ["seniors"]}, headers=headers)
    assert (changed.json()["role"], changed.json()["pools"]) == ("lead", ["seniors"])
    assert (await http.get(ana, headers=headers)).json() == changed.json()
    gone = await http.delete(ana, headers=headers)
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await http.get(ana, headers=headers)).json()["code"] == "person_not_found"
    assert (await http.get(f"{PREFIX}/items", headers=bearer(world.tokens["ana"]))).status_code == 401
    last = await http.delete(f"{PREFIX}/people/{world.people['admin'].id}", headers=headers)
    assert (last.status_code, last.json()["code"]) == (409, "last_admin")


async def test_the_page_shows_who_is_there_and_changes_it(http: httpx.AsyncClient, world: World, admin: Caller) -> None:
    await add_role(world)
    page = await read(http, admin, PAGE)
    assert "ana@example.com" in page
    assert "pool-lead, A lead of pools" in page
    ana = world.people["ana"].id
    headers = {"cookie": f"countersign={admin.cookie}"}
    form = {"_csrf": admin.csrf, "role": "pool-lead", "pool": ["seniors", "triage"]}
    answer = await http.post(f"{PAGE}/{ana}", data=form, headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}?done=changed")
    told = await http.get(f"{PREFIX}/people/{ana}", headers=bearer(admin.secret))
    assert (told.json()["role"], told.json()["pools"]) == ("pool-lead", ["seniors", "triage"])
    refused = await post(http, admin, f"{PAGE}/{world.people['admin'].id}", role="lead")
    assert refused.status_code == 409
    assert "make somebody else admin first" in refused.text
    gone = await post(http, admin, f"{PAGE}/{ana}/remove")
    assert (gone.status_code, gone.headers["location"]) == (303, f"{PAGE}?done=removed")
    assert "ana@example.com" not in await read(http, admin, PAGE)


async def test_who_may_only_look_gets_no_forms(http: httpx.AsyncClient, world: World) -> None:
    auditor = await enter(http, world, Role.AUDITOR)
    http.cookies.clear()
    people, keys = await read(http, auditor, PAGE), await read(http, auditor, "/p/support/keys")
    assert f'action="{PAGE}/' not in people
    assert 'action="/p/support/keys"' not in keys
    assert "crm" in keys
