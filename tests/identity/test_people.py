"""Who is in a project, and who may change that: grants, the last admin, and what the audit keeps of it."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from review.audit.rules import OPERATOR
from review.identity import keys, people, sessions
from review.identity import service as identity
from review.identity.errors import (
    IdentityInvalid,
    LastAdmin,
    NotAuthenticated,
    NotPermitted,
    PersonNotFound,
    ProjectNotFound,
)
from review.identity.people import PersonView
from review.identity.rules import PERMISSIONS, Permission, Role
from tests.make import CONFIG, World, unknown_id

LEAD_OF_PEOPLE = PERMISSIONS[Role.LEAD] | {Permission.WRITE_PEOPLE}


async def change(world: World, name: str, **what: Any) -> PersonView:
    async with world.db.transaction() as tx:
        return await people.change(tx, world.service.project_id, world.people[name].id, actor=OPERATOR, **what)


async def remove(world: World, name: str, **what: Any) -> None:
    async with world.db.transaction() as tx:
        await people.remove(tx, world.service.project_id, world.people[name].id, actor=OPERATOR, **what)


async def details_of(world: World, action: str) -> list[Any]:
    rows = await world.db.hot.fetch(
        "SELECT details::text AS told FROM audit_entries WHERE project_id = $1 AND action = $2 ORDER BY id",
        *(world.service.project_id, action),
    )
    return [msgspec.json.decode(row["told"]) for row in rows]


async def test_people_are_listed_with_role_pools_and_when_they_were_seen(world: World) -> None:
    await change(world, "ana", pools=["seniors"])
    await world.db.hot.execute("UPDATE api_keys SET last_used_at = now() WHERE user_id = $1", world.people["ana"].id)
    found: list[PersonView] = []
    async with world.db.transaction() as tx:
        page = await people.list_people(tx, world.service.project_id, cursor=None, limit=4)
        found += page.data
        while page.next:
            page = await people.list_people(tx, world.service.project_id, cursor=page.next, limit=4)
            found += page.data
    assert [each.name for each in found] == ["ana", "ben", "cleo", "dan", "sam", "lea"]
    ana, *_, lea = found
    assert (ana.role, ana.pools, ana.configured_pools, ana.is_disabled) == ("reviewer", ["seniors"], ["triage"], False)
    assert ana.last_seen_at is not None
    assert (lea.role, lea.pools, lea.last_seen_at) == ("lead", [], None)


async def test_a_change_counts_at_once_and_is_kept_with_before_and_after(world: World) -> None:
    after = await change(world, "ana", role="lead", pools=["seniors", "seniors"])
    assert (after.role, after.pools) == ("lead", ["seniors"])
    assert (await keys.authenticate_key(world.db.hot, world.tokens["ana"])).role == "lead"
    assert await change(world, "ana", role="lead") == after
    assert await details_of(world, "user.changed") == [
        {
            "email": "ana@example.com",
            "before": {"role": "reviewer", "pools": []},
            "after": {"role": "lead", "pools": ["seniors"]},
        }
    ]


@pytest.mark.parametrize(
    ("what", "path"),
    [({"role": "king"}, "role"), ({"role": "service"}, "role"), ({"pools": ["triage", "nowhere"]}, "pools[1]")],
)
async def test_what_is_not_there_cannot_be_given(world: World, what: dict[str, Any], path: str) -> None:
    with pytest.raises(IdentityInvalid) as refused:
        await change(world, "ana", **what)
    assert [each.path for each in refused.value.errors] == [path]
    assert (await keys.authenticate_key(world.db.hot, world.tokens["ana"])).role == "reviewer"


async def test_nobody_gives_or_takes_what_they_do_not_carry(world: World) -> None:
    await world.add_person("adi", Role.ADMIN)
    with pytest.raises(NotPermitted, match="config:write"):
        await change(world, "ana", role="admin", held=LEAD_OF_PEOPLE)
    with pytest.raises(NotPermitted):
        await change(world, "adi", role="reviewer", held=LEAD_OF_PEOPLE)
    with pytest.raises(NotPermitted):
        await change(world, "adi", pools=["triage"], held=LEAD_OF_PEOPLE)
    with pytest.raises(NotPermitted):
        await remove(world, "adi", held=LEAD_OF_PEOPLE)
    assert (await change(world, "ana", role="lead", held=LEAD_OF_PEOPLE)).role == "lead"
    await remove(world, "ana", held=LEAD_OF_PEOPLE)


async def test_the_last_admin_stays(world: World) -> None:
    await world.add_person("adi", Role.ADMIN)
    for act in (change(world, "adi", role="lead"), remove(world, "adi")):
        with pytest.raises(LastAdmin):
            await act
    await world.add_person("odd", Role.ADMIN)
    await world.db.hot.execute("UPDATE users SET disabled_at = now() WHERE email = 'odd@example.com'")
    with pytest.raises(LastAdmin):
        await remove(world, "adi")
    await world.db.hot.execute("UPDATE users SET disabled_at = NULL")
    await remove(world, "adi")


async def test_of_two_admins_who_take_each_other_out_one_stays(world: World) -> None:
    await world.add_person("adi", Role.ADMIN)
    await world.add_person("odd", Role.ADMIN)
    acts = (remove(world, "adi"), change(world, "odd", role="reviewer"))
    outcomes = await asyncio.gather(*acts, return_exceptions=True)
    assert sorted(isinstance(each, LastAdmin) for each in outcomes) == [False, True]
    assert await world.count("memberships", role="admin") == 1


async def test_whoever_is_removed_is_out_at_once_and_what_they_did_stays(world: World) -> None:
    await World.build(world.db, world.settings, "elsewhere", CONFIG.format(project="elsewhere"))
    ana = world.people["ana"]
    await change(world, "ana", pools=["seniors"])
    await world.submit()
    (held,) = await world.claim("ana")
    await world.judge("ana", held, "approve")
    await remove(world, "ana")
    with pytest.raises(NotAuthenticated):
        await keys.authenticate_key(world.db.hot, world.tokens["ana"])
    async with world.db.transaction() as tx:
        how: dict[str, Any] = {"browser": sessions.Browser(), "vouching": sessions.Vouching()}
        cookie = (await sessions.open_session(tx, ana.id, lifetime=timedelta(hours=1), **how)).cookie
    found = {name: await sessions.find_visitor(world.db.hot, cookie, project=name) for name in ("support", "elsewhere")}
    assert found["support"] is not None
    assert found["elsewhere"] is not None
    with pytest.raises(ProjectNotFound):
        identity.enter_project(found["support"], "support")
    assert identity.enter_project(found["elsewhere"], "elsewhere").role == "reviewer"
    assert await world.count("pool_members", email="ana@example.com") == 1, "the configuration's to change"
    assert await world.count("reviews", reviewer_id=ana.id) == 1
    (told,) = await details_of(world, "user.removed")
    assert told == {
        "email": "ana@example.com",
        "before": {"role": "reviewer", "pools": ["seniors"]},
        "after": None,
        "tokens_revoked": 1,
    }
    with pytest.raises(PersonNotFound):
        await remove(world, "ana")


async def test_people_of_another_project_are_nobody(world: World) -> None:
    other = await World.build(world.db, world.settings, "elsewhere", CONFIG.format(project="elsewhere"))
    stranger = await other.add_person("stranger", Role.ADMIN)
    for user_id in (stranger.id, unknown_id()):
        async with world.db.transaction() as tx:
            with pytest.raises(PersonNotFound):
                await people.change(tx, world.service.project_id, user_id, actor=OPERATOR, role="lead")
