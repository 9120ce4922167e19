"""The pages of versions: what changed in words and lines, and what becomes of a candidate by a click."""

import httpx
import pytest

from review.configuration import candidates
from review.identity.rules import Role
from tests.make import CONFIG, World

P = "/p/support/rules"
SOURCE = CONFIG.format(project="support")
STRICTER = SOURCE.replace("item.confidence < 0.8", "item.confidence < 0.99")


@pytest.fixture
async def admin(world: World, http: httpx.AsyncClient) -> str:
    """Sign an admin in; gives the token that forms carry. Somebody else has proposed stricter rules."""
    author = await world.add_person("ada", Role.ADMIN)
    await world.add_person("abe", Role.ADMIN, password="correct horse battery")
    async with world.db.transaction() as tx:
        await candidates.propose(
            tx, STRICTER, actor=author.actor, only_project="support", reason="too much slips through"
        )
    await http.post("/sign-in", data={"email": "abe@example.com", "password": "correct horse battery"})
    token: str = await world.db.hot.fetchval("SELECT csrf_token FROM sessions ORDER BY created_at DESC LIMIT 1")
    return token


async def test_a_candidate_is_read_approved_and_made_active_and_taken_back(
    http: httpx.AsyncClient, world: World, admin: str
) -> None:
    listed = (await http.get(P)).text
    assert "too much slips through" in listed
    assert listed.index("Version 2") < listed.index("Version 1")
    page = (await http.get(f"{P}/2")).text
    assert "What it changes against version 1" in page
    assert "item.confidence &lt; 0.8&#34;</del> and is now" in page
    by_line = page[page.index("Line by line") :]
    assert by_line.index("<del>") < by_line.index("<ins>")
    form = {"_csrf": admin, "reason": "read it"}
    acts = (("approve", 2, 2), ("activate", 2, 2), ("roll-back", 1, 3))
    for act, version, then in acts:
        answer = await http.post(f"{P}/{version}/{act}", data=form)
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"].startswith(f"{P}/{then}?done=")
        assert (await http.get(answer.headers["location"])).status_code == 200
    assert (await http.get(f"{P}/3?against=1")).text.count("They say the same.") == 1
    assert await world.db.hot.fetchval("SELECT config_version FROM projects WHERE slug = 'support'") == 3


async def test_a_number_that_is_none_is_refused_and_not_found(http: httpx.AsyncClient, admin: str) -> None:
    assert admin
    assert (await http.get(f"{P}/99")).status_code == 404
    assert (await http.get(f"{P}/2?against=99")).status_code == 404
    assert (await http.get(f"{P}/2?against=0")).status_code == 400
    assert (await http.get(f"{P}/99999999999999999999")).status_code in {400, 404}
