"""While a panel judges, nobody on it is told what the others said."""

import httpx

from tests.make import World


async def test_a_reviewer_learns_what_others_said_only_when_all_are_in(http: httpx.AsyncClient, world: World) -> None:
    item_id = (await world.submit(tags=["panel"])).item.id
    (first,) = await world.claim("ana")
    (second,) = await world.claim("ben")
    await world.judge("ana", first, "correct", {"label": "refund"}, comment="surely a refund")

    async def told(name: str) -> list[str]:
        headers = {"Authorization": f"Bearer {world.tokens[name]}"}
        answer = await http.get(f"/api/v1/items/{item_id}/history", headers=headers)
        return [entry["actor"] for entry in answer.json()["data"] if entry["action"] == "review.submitted"]

    assert await told("ben") == []
    assert await told("ana") == ["ana@example.com"]
    assert await told("lea") == ["ana@example.com"]
    await world.judge("ben", second, "correct", {"label": "refund"})
    assert await told("ben") == ["ana@example.com", "ben@example.com"]


async def test_a_lead_on_the_panel_is_as_blind_as_the_others(http: httpx.AsyncClient, world: World) -> None:
    item_id = (await world.submit(tags=["panel"])).item.id
    (first,) = await world.claim("ana")
    await world.judge("ana", first, "correct", {"label": "refund"}, comment="surely a refund")
    headers = {"Authorization": f"Bearer {world.tokens['lea']}"}
    (second,) = await world.claim("lea")
    held = await http.get(f"/api/v1/items/{item_id}/history", headers=headers)
    assert "surely a refund" not in held.text
    await world.judge("lea", second, "reject")
    judged = await http.get(f"/api/v1/items/{item_id}/history", headers=headers)
    assert "surely a refund" in judged.text
