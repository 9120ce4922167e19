"""The versions of the configuration over HTTP, from a proposal to the way back."""

import httpx
import pytest

from review.identity.rules import Role
from tests.make import CONFIG, World

VERSIONS = "/api/v1/config/versions"
SOURCE = CONFIG.format(project="support")
STRICTER = SOURCE.replace("item.confidence < 0.8", "item.confidence < 0.99")


@pytest.fixture
async def admin(world: World) -> dict[str, str]:
    await world.add_person("the-admin", Role.ADMIN)
    return {"Authorization": f"Bearer {world.tokens['the-admin']}"}


async def test_a_candidate_is_proposed_made_active_and_taken_back(
    http: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    proposed = await http.post("/api/v1/config/candidates?reason=stricter", content=STRICTER, headers=admin)
    assert (proposed.status_code, proposed.json()["version"], proposed.json()["applied"]) == (201, 2, False)
    assert (await http.get("/api/v1/config", headers=admin)).headers["etag"] == '"1"'
    listed = (await http.get(VERSIONS, headers=admin)).json()
    assert [(each["version"], each["state"], each["reason"]) for each in listed["data"]] == [
        (2, "candidate", "stricter"),
        (1, "active", ""),
    ]
    own = await http.post(f"{VERSIONS}/2/approve", json={}, headers=admin)
    assert (own.status_code, own.json()["code"]) == (409, "not_a_candidate")
    assert (await http.post(f"{VERSIONS}/2/activate", json={}, headers=admin)).json()["applied"] is True
    back = await http.post(f"{VERSIONS}/1/roll-back", json={"reason": "too strict"}, headers=admin)
    assert (back.json()["version"], back.json()["ruleset_version"]) == (3, 1)
    gone = await http.post("/api/v1/config/candidates", content=STRICTER, headers=admin)
    withdrawn = await http.post(f"{VERSIONS}/{gone.json()['version']}/withdraw", json={}, headers=admin)
    assert withdrawn.json()["state"] == "withdrawn"
    assert (await http.post(f"{VERSIONS}/99/activate", json={}, headers=admin)).status_code == 404
