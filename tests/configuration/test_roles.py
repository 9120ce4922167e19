"""Roles of a project's own: what may be written, and what applying and leaving them out does."""

import asyncio
from typing import Any

import pytest

from review.audit.rules import OPERATOR
from review.configuration import service as configuration
from review.configuration.document import parse
from review.configuration.errors import ConfigurationInvalid, RoleInUse
from review.configuration.plans import Plan
from review.configuration.rules import compile_config
from review.identity import keys, people
from review.identity.rules import PERMISSIONS, Permission, Role
from tests.make import CONFIG, World

LEAD = "{title: Leads triage, may: [items:read, assignments:work, decisions:override]}"
CARRIED = frozenset({Permission.READ_ITEMS, Permission.WORK, Permission.OVERRIDE})


def source(roles: str) -> str:
    return CONFIG.format(project="support") + f"roles: {roles}\n"


async def apply(world: World, roles: str, **more: Any) -> Plan:
    async with world.db.transaction() as tx:
        return await configuration.apply(tx, source(roles), actor=OPERATOR, **more)


def faults(roles: str) -> list[tuple[str, str]]:
    with pytest.raises(ConfigurationInvalid) as refused:
        compile_config(parse(source(roles)))
    assert all(fault.line > 20 for fault in refused.value.faults), "each names its line"
    return [(fault.path, fault.message) for fault in refused.value.faults]


def test_a_role_is_a_name_for_permissions() -> None:
    config = compile_config(parse(source(f"{{triage-lead: {LEAD}}}")))
    assert config.roles["triage-lead"].may == CARRIED
    assert config.roles["triage-lead"].title == "Leads triage"


@pytest.mark.parametrize(
    ("roles", "path", "told"),
    [
        ("{admin: {may: [items:read]}}", "roles.admin", "`admin` is a built-in role"),
        ("{service: {may: [items:read]}}", "roles.service", "is a built-in role"),
        ("{Boss: {may: [items:read]}}", "roles.Boss", "must be a name"),
        ("{boss: {}}", "roles.boss", "`may` is missing"),
        ("{boss: [items:read]}", "roles.boss", "must be a mapping"),
        ("{boss: {may: []}}", "roles.boss.may", "at least one permission"),
        ("{boss: {may: [items:fly]}}", "roles.boss.may[0]", "`items:fly` is no permission"),
        ("{boss: {may: [items:read, items:read]}}", "roles.boss.may[1]", "stands there twice"),
        ("{boss: {may: [config:write, pools:all]}}", "roles.boss.may[0]", "is the built-in admin's alone"),
        ("{boss: {may: [items:read, feedback:read]}}", "roles.boss.may[1]", "needs `pools:all` beside it"),
        ("{boss: {may: [items:submit]}}", "roles.boss.may[0]", "needs `pools:all` beside it"),
        ("{boss: {may: [items:read], pools: all}}", "roles.boss.pools", "is unknown"),
        ("[boss]", "roles", "must map names"),
    ],
)
def test_what_cannot_be_a_role_is_refused_with_its_line(roles: str, path: str, told: str) -> None:
    found = faults(roles)
    assert found[0][0] == path
    assert told in found[0][1]


async def test_applying_brings_a_role_and_a_change_of_it_counts_at_once(world: World) -> None:
    plan = await apply(world, f"{{triage-lead: {LEAD}}}")
    assert [str(each) for each in plan.differences] == ["+ role triage-lead"]
    async with world.db.transaction() as tx:
        await people.change(tx, world.service.project_id, world.people["ana"].id, actor=OPERATOR, role="triage-lead")
    ana = await keys.authenticate_key(world.db.hot, world.tokens["ana"])
    assert (ana.role, ana.permissions, ana.is_pool_bound) == ("triage-lead", CARRIED, True)
    await apply(world, "{triage-lead: {may: [items:read]}}")
    assert (await keys.authenticate_key(world.db.hot, world.tokens["ana"])).permissions == {Permission.READ_ITEMS}
    other = await World.build(world.db, world.settings, "elsewhere", CONFIG.format(project="elsewhere"))
    assert await other.count("project_roles") == 0


async def test_a_role_that_somebody_has_cannot_be_left_out(world: World) -> None:
    await apply(world, f"{{triage-lead: {LEAD}, robot: {{may: [items:read, pools:all]}}}}")
    async with world.db.transaction() as tx:
        await people.change(tx, world.service.project_id, world.people["ana"].id, actor=OPERATOR, role="triage-lead")
        await keys.create_key(tx, project="support", name="robot", role="robot", actor=OPERATOR)
    with pytest.raises(RoleInUse, match=r"robot \(1\), triage-lead \(1\)"):
        await apply(world, "{}")
    with pytest.raises(RoleInUse):
        async with world.db.transaction() as tx:
            await configuration.apply_version(tx, project="support", version=1, actor=OPERATOR)
    async with world.db.transaction() as tx:
        await people.change(tx, world.service.project_id, world.people["ana"].id, actor=OPERATOR, role="reviewer")
    await world.db.hot.execute("UPDATE api_keys SET revoked_at = now() WHERE name = 'robot'")
    await apply(world, "{}")
    assert await world.count("project_roles") == 0


async def test_a_role_is_not_left_out_while_it_is_being_given(world: World) -> None:
    await apply(world, f"{{triage-lead: {LEAD}}}")

    async def give() -> None:
        async with world.db.transaction() as tx:
            project_id, ana = world.service.project_id, world.people["ana"].id
            await people.change(tx, project_id, ana, actor=OPERATOR, role="triage-lead")

    await asyncio.gather(give(), apply(world, "{}"), return_exceptions=True)
    held, kept = await world.count("memberships", role="triage-lead"), await world.count("project_roles")
    assert held == kept, "either both came about or neither"


async def test_nobody_makes_a_role_that_carries_more_than_they_do(world: World) -> None:
    held = PERMISSIONS[Role.REVIEWER] | {Permission.WRITE_CONFIG}
    with pytest.raises(ConfigurationInvalid) as refused:
        await apply(world, f"{{triage-lead: {LEAD}}}", held=held)
    assert [(each.path, each.message) for each in refused.value.faults] == [
        ("roles.triage-lead.may", "holds `decisions:override`, which you do not carry yourself")
    ]
    await apply(world, f"{{triage-lead: {LEAD}}}")
    plan = await apply(world, f"{{triage-lead: {LEAD}, reader: {{may: [items:read]}}}}", held=held)
    assert plan.applied, "what stays as it was is nobody's to answer for"
