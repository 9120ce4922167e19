"""Promise 26: what a changed role or pool no longer lets somebody work goes back to its queue at once."""

from typing import Any

import pytest

from review.audit.rules import OPERATOR
from review.identity.errors import LastAdmin
from review.identity.rules import Role
from review.queueing import departures
from review.queueing.errors import LeaseLost
from tests.make import World

HELD = "SELECT a.pool, u.email FROM assignments a JOIN users u ON u.id = a.holder_id WHERE a.state = 'held' ORDER BY 1"
RELEASED = """
SELECT item_id, details ->> 'holder' AS holder, details ->> 'reason' AS reason
FROM audit_entries WHERE action = 'assignment.released'
"""


async def change(world: World, name: str, **what: Any) -> None:
    async with world.db.transaction() as tx:
        await departures.change(tx, world.service.project_id, world.people[name].id, actor=OPERATOR, **what)


async def hold_in_both_pools(world: World, name: str, role: Role) -> None:
    """Have somebody hold one assignment of triage and one of seniors, and nobody else any."""
    await change(world, name, role=role, pools=["seniors"])
    await world.submit()
    await world.submit("where is my gold card", tags=["vip"])
    await world.claim(name, "triage")
    await world.claim(name, "seniors")
    assert await held(world) == ["seniors", "triage"]


async def held(world: World) -> list[str]:
    return [row["pool"] for row in await world.db.hot.fetch(HELD)]


@pytest.mark.parametrize(
    ("before", "what", "kept"),
    [
        (Role.REVIEWER, {"role": "analyst"}, []),
        (Role.LEAD, {"role": "auditor"}, []),
        (Role.REVIEWER, {"pools": []}, ["triage"]),
        (Role.LEAD, {"role": "reviewer", "pools": []}, ["triage"]),
        (Role.LEAD, {"role": "reviewer"}, ["seniors", "triage"]),
        (Role.LEAD, {"pools": []}, ["seniors", "triage"]),
        (Role.REVIEWER, {"role": "lead", "pools": []}, ["seniors", "triage"]),
    ],
)
async def test_what_they_may_not_work_any_more_goes_back_and_the_rest_stays(
    world: World, before: Role, what: dict[str, Any], kept: list[str]
) -> None:
    """Ana is in triage by the configuration and in seniors directly; a lead works every pool."""
    await hold_in_both_pools(world, "ana", before)
    await change(world, "ana", **what)
    assert await held(world) == kept
    released = await world.db.hot.fetch(RELEASED)
    assert [(row["holder"], row["reason"]) for row in released] == [("ana@example.com", departures.CHANGED)] * (
        2 - len(kept)
    )
    assert await world.count("events", kind="item.returned") == 2 - len(kept)


async def test_pools_that_groups_give_are_still_theirs(world: World) -> None:
    await hold_in_both_pools(world, "ana", Role.LEAD)
    await world.db.hot.execute(
        "INSERT INTO pool_members VALUES ($1, 'seniors', 'ana@example.com', 'oidc:acme')", world.service.project_id
    )
    await change(world, "ana", role="reviewer", pools=[])
    assert await held(world) == ["seniors", "triage"]


async def test_what_went_back_is_the_next_ones_and_the_old_claim_counts_no_more(world: World) -> None:
    await world.submit()
    (claimed,) = await world.claim("ana")
    await change(world, "ana", role="analyst")
    (again,) = await world.claim("ben")
    assert (again.id, again.fence) == (claimed.id, claimed.fence + 1)
    with pytest.raises(LeaseLost):
        await world.judge("ana", claimed, "approve")


async def test_a_change_that_is_refused_gives_nothing_back(world: World) -> None:
    await hold_in_both_pools(world, "ana", Role.ADMIN)
    with pytest.raises(LastAdmin):
        await change(world, "ana", role="analyst")
    assert await held(world) == ["seniors", "triage"]
