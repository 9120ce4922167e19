"""Candidates: stored versions that nobody goes by until somebody makes them active."""

from typing import Any

import msgspec
import pytest

from review.audit.rules import OPERATOR
from review.configuration import candidates
from review.configuration import service as configuration
from review.configuration.candidates import VersionView
from review.configuration.errors import ApprovalRequired, NotACandidate
from review.configuration.plans import Plan
from review.identity.rules import Principal, Role
from tests.make import CONFIG, World

SOURCE = CONFIG.format(project="support")
STRICTER = SOURCE.replace("item.confidence < 0.8", "item.confidence < 0.99")
STRICTEST = SOURCE.replace("item.confidence < 0.8", "true")
TWO_PEOPLE = "\napprovals: {rules: true}\n"


@pytest.fixture
async def admins(world: World) -> tuple[Principal, Principal]:
    return (await world.add_person("ada", Role.ADMIN), await world.add_person("abe", Role.ADMIN))


async def propose(world: World, source: str, who: Principal, reason: str = "") -> Plan:
    async with world.db.transaction() as tx:
        return await candidates.propose(tx, source, actor=who.actor, only_project="support", reason=reason)


async def activate(world: World, version: int, who: Principal) -> Plan:
    async with world.db.transaction() as tx:
        return await candidates.activate(tx, who=who, version=version)


async def approve(world: World, version: int, who: Principal) -> VersionView:
    async with world.db.transaction() as tx:
        return await candidates.approve(tx, who=who, version=version, reason="read it")


async def apply(world: World, source: str) -> Plan:
    async with world.db.transaction() as tx:
        return await configuration.apply(tx, source, actor=OPERATOR)


async def go_back(world: World, version: int) -> Plan:
    async with world.db.transaction() as tx:
        return await configuration.apply_version(
            tx, project="support", version=version, actor=OPERATOR, reason="it hurt"
        )


async def active(world: World) -> int:
    found: int = await world.db.hot.fetchval("SELECT config_version FROM projects WHERE slug = 'support'")
    return found


async def states(world: World) -> dict[int, str]:
    async with world.db.transaction() as tx:
        return {each.version: each.state for each in await candidates.list_versions(tx, project="support")}


async def told(world: World, action: str) -> list[dict[str, Any]]:
    rows = await world.db.hot.fetch("SELECT details FROM audit_entries WHERE action = $1 ORDER BY at", action)
    return [msgspec.json.decode(row["details"]) for row in rows]


async def test_a_candidate_changes_nothing_until_it_is_made_active(
    world: World, admins: tuple[Principal, Principal]
) -> None:
    ada, _ = admins
    plan = await propose(world, STRICTER, ada, "too much slips through")
    assert (plan.version, plan.applied) == (2, False)
    assert [str(each) for each in plan.differences] == ["~ rule low-confidence (when)"]
    assert await active(world) == 1
    compiled = await world.configs.get(ada.project_id, 2)
    assert compiled.ruleset.version == 2
    made = await activate(world, 2, ada)
    assert (made.version, made.previous_version, made.applied) == (2, 1, True)
    assert await active(world) == 2
    assert await states(world) == {2: "active", 1: "superseded"}
    assert (await told(world, "config.proposed"))[0]["reason"] == "too much slips through"
    assert (await told(world, "config.applied"))[-1]["version"] == 2


async def test_a_candidate_that_changes_nothing_is_none(world: World, admins: tuple[Principal, Principal]) -> None:
    plan = await propose(world, SOURCE, admins[0])
    assert (plan.version, plan.differences) == (1, ())
    assert await world.count("config_versions") == 1


async def test_an_older_candidate_becomes_active_under_the_next_number(
    world: World, admins: tuple[Principal, Principal]
) -> None:
    ada, _ = admins
    await propose(world, STRICTER, ada)
    assert (await apply(world, STRICTEST)).version == 3
    made = await activate(world, 2, ada)
    assert (made.version, made.previous_version, made.ruleset_version) == (4, 3, 2)
    assert await active(world) == 4
    assert await states(world) == {4: "active", 3: "superseded", 2: "candidate", 1: "superseded"}


async def test_going_back_is_a_version_of_its_own_and_needs_no_second_person_for_the_last(
    world: World, admins: tuple[Principal, Principal]
) -> None:
    ada, abe = admins
    await apply(world, SOURCE + TWO_PEOPLE)
    await propose(world, STRICTER + TWO_PEOPLE, ada)
    await approve(world, 3, abe)
    await activate(world, 3, ada)
    back = await go_back(world, 2)
    assert (back.version, back.applied, back.ruleset_version) == (4, True, 1)
    assert (await told(world, "config.applied"))[-1]["reason"] == "it hurt"


async def test_nobody_drops_the_second_person_by_going_back_alone(world: World) -> None:
    await apply(world, SOURCE + TWO_PEOPLE)
    with pytest.raises(ApprovalRequired):
        await go_back(world, 1)
    assert await active(world) == 2


async def test_rules_take_a_second_person_where_the_project_asks_for_it(
    world: World, admins: tuple[Principal, Principal]
) -> None:
    ada, abe = admins
    await apply(world, SOURCE + TWO_PEOPLE)
    with pytest.raises(ApprovalRequired):
        await apply(world, STRICTER + TWO_PEOPLE)
    with pytest.raises(ApprovalRequired):
        await apply(world, SOURCE)  # nor is the second person done without
    await propose(world, STRICTER + TWO_PEOPLE, ada)
    with pytest.raises(NotACandidate, match="yours"):
        await approve(world, 3, ada)
    with pytest.raises(ApprovalRequired, match="one more person"):
        await activate(world, 3, ada)
    for _ in range(2):
        assert [each.name for each in (await approve(world, 3, abe)).approvals] == [abe.actor.name]
    assert (await activate(world, 3, ada)).version == 3
    assert len(await told(world, "config.approved")) == 1


async def test_a_candidate_of_nobody_takes_two_people(world: World, admins: tuple[Principal, Principal]) -> None:
    ada, abe = admins
    await apply(world, SOURCE + TWO_PEOPLE)
    async with world.db.transaction() as tx:
        await candidates.propose(tx, STRICTER + TWO_PEOPLE, actor=OPERATOR, only_project="support", reason="")
    await approve(world, 3, abe)
    with pytest.raises(ApprovalRequired):
        await activate(world, 3, ada)
    await approve(world, 3, ada)
    assert (await activate(world, 3, abe)).applied


async def test_other_changes_need_no_second_person(world: World) -> None:
    await apply(world, SOURCE + TWO_PEOPLE)
    titled = SOURCE.replace("project: support", "project: support\ntitle: Help")
    assert (await apply(world, titled + TWO_PEOPLE)).applied


async def test_what_was_withdrawn_or_active_is_no_candidate(world: World, admins: tuple[Principal, Principal]) -> None:
    ada, abe = admins
    await propose(world, STRICTER, ada)
    async with world.db.transaction() as tx:
        view = await candidates.withdraw(tx, who=ada, version=2, reason="wrong one")
    assert (view.state, view.withdrawn_by) == ("withdrawn", ada.actor.name)
    for version in (1, 2):
        with pytest.raises(NotACandidate):
            await approve(world, version, abe)
        with pytest.raises(NotACandidate):
            await activate(world, version, ada)
    assert await active(world) == 1
