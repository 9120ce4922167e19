"""Issue 6, 2: a long list is sent, named by what it holds and looked up, and rates are tried, all over HTTP."""

import httpx
import pytest

from review.identity.rules import Role
from tests.make import CONFIG, World, submission

RULES = CONFIG.replace(
    "rules:\n",
    """rules:
  - {{name: known, when: 'item.subject in lists.known', then: {{review: seniors}}}}
  - {{name: burst, when: 'rate("item.subject", "1h") >= 2', then: {{review: seniors}}}}
""",
)


@pytest.fixture
async def admin(world: World) -> dict[str, str]:
    """What an admin sends along."""
    await world.add_person("ada", Role.ADMIN)
    return {"Authorization": f"Bearer {world.tokens['ada']}"}


async def send(http: httpx.AsyncClient, headers: dict[str, str], text: str, kind: str = "text/plain") -> httpx.Response:
    return await http.post("/api/v1/config/lists", content=text, headers={**headers, "Content-Type": kind})


async def test_a_list_is_sent_named_and_looked_up_and_an_item_tried(
    http: httpx.AsyncClient, world: World, admin: dict[str, str]
) -> None:
    sent = (await send(http, admin, "ann\nben\n")).json()
    assert sent == {"sha256": sent["sha256"], "entries": 2}
    assert (await send(http, admin, '"ann"\n"ben"', "application/x-ndjson")).json() == sent
    document = f"lists: {{known: {{sha256: {sent['sha256']}}}}}\n" + RULES.format(project=world.project)
    yaml = {**admin, "Content-Type": "application/yaml"}
    assert (await http.post("/api/v1/config/check", content=document, headers=yaml)).json()["faults"] == []
    tried = [
        (
            await http.post(
                "/api/v1/config/evaluate",
                json={"document": document, "item": submission(subject=subject, confidence=0.9)},
                headers=admin,
            )
        ).json()
        for subject in ("ann", "cleo")
    ]
    assert [each["route"]["rule"] for each in tried] == ["known", "rest"]
    assert tried[1]["route"]["measured"]["rate(item.subject, 1h)"] == 0
    values = [value for rule in tried[1]["rules"] for value in rule["values"]]
    assert {"name": 'rate("item.subject", "1h")', "value": "0"} in values
    planned = await http.put("/api/v1/config", params={"dry_run": True}, content=document, headers=yaml)
    listed = [each for each in planned.json()["differences"] if each["kind"] == "list"]
    assert [(each["name"], each["keys"]) for each in listed] == [("known", ["2 entries"])]
    assert (await http.put("/api/v1/config", content=document, headers=yaml)).json()["applied"] is True
    service = {"Authorization": f"Bearer {world.service_key}"}
    item = await http.post("/api/v1/items", json=submission(subject="ben", confidence=0.9), headers=service)
    assert item.json()["route"]["rule"] == "known"


@pytest.mark.parametrize(
    ("text", "kind", "refusal"),
    [
        ("", "text/plain", (422, "list_invalid")),
        ('"a"\n[1]', "application/x-ndjson", (422, "list_invalid")),
        ("a", "image/png", (415, "unsupported_media_type")),
    ],
)
async def test_what_is_no_list_is_refused_and_nothing_is_stored(
    http: httpx.AsyncClient,
    world: World,
    admin: dict[str, str],
    text: str,
    kind: str,
    refusal: tuple[int, str],
) -> None:
    headers = {**admin, "Content-Type": kind}
    answer = await http.post("/api/v1/config/lists", content=text, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == refusal
    assert await world.count("entry_lists") == 0


async def test_a_list_may_be_longer_than_other_bodies(
    http: httpx.AsyncClient, world: World, admin: dict[str, str]
) -> None:
    line = "x" * 999 + "\n"
    assert (await send(http, admin, line * 12_000)).json()["entries"] == 1
    assert 12_000 * len(line) > world.settings.max_body_bytes
    assert (await send(http, admin, line * 68_000)).status_code == 413
