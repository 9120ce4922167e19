"""What an admin decides about somebody whom a provider's groups brought in."""

from review.audit.rules import OPERATOR
from review.identity import people
from review.identity.service import get_project
from tests.identity.oidc.browsing import Idp, Surfer


async def test_a_role_changed_by_hand_stays_and_the_pools_of_groups_are_shown(surfer: Surfer, acme: Idp) -> None:
    """Promise 26: the next sign-in does not undo what an admin decided."""
    await surfer.sign_in(acme)
    project = surfer.world.service.project_id
    async with surfer.world.db.transaction() as tx:
        owner = await get_project(tx, surfer.world.project)
        nora = await people.get_member_id(tx, owner, "nora@example.com")
        person = await people.change(tx, project, nora, actor=OPERATOR, role="analyst")
    assert (person.pools, person.configured_pools, person.given_pools) == ([], [], ["triage"])
    assert (await surfer.sign_in(acme)).status_code == 303
    assert await surfer.memberships() == [("analyst", "direct")]
