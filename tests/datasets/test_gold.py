"""Gold: what has an answer that was known is told from what people found out, all the way into datasets."""

from typing import Any

import httpx

from tests.make import World, submission


async def test_gold_is_told_to_nobody_who_is_to_judge_it_and_left_out_of_datasets(
    world: World, http: httpx.AsyncClient
) -> None:
    key = {"Authorization": f"Bearer {world.service_key}"}
    sent = submission("known", external_id="g", gold=True)
    made = (await http.post("/api/v1/items", json=sent, headers=key)).json()
    await world.submit("new")

    held = await world.claim("ana", limit=2)
    open_one = (await http.get(f"/api/v1/items/{made['id']}", headers=key)).json()
    for each in held:
        await world.judge("ana", each, "approve")

    closed = (await http.get(f"/api/v1/items/{made['id']}", headers=key)).json()
    fed = (await http.get("/api/v1/feedback", headers=key)).json()["data"]
    again = await http.post("/api/v1/items", json=sent, headers=key)
    other = await http.post("/api/v1/items", json=sent | {"gold": False}, headers=key)
    assert [each.item.gold for each in held] == [made["gold"], open_one["gold"]] == [False, False]
    assert "gold" not in open_one["details"]
    assert closed["gold"]
    assert {each["input"]["text"]: each["gold"] for each in fed} == {"known": True, "new": False}
    assert (again.status_code, other.status_code) == (200, 409)

    async def preview(**criteria: Any) -> Any:
        body = {"definition": {"criteria": criteria}}
        return (await http.post("/api/v1/datasets/preview", json=body, headers=key)).json()

    usual, all_of_it, gold = await preview(), await preview(gold="included"), await preview(gold="only")
    assert (usual["taken"], usual["left_out"]) == (1, {"gold, so its answer was known before": 1})
    assert (all_of_it["taken"], all_of_it["left_out"]) == (2, {})
    assert (gold["taken"], gold["left_out"]) == (1, {"not gold": 1})


async def test_a_definition_that_gainsays_itself_is_refused_with_the_place(
    world: World, http: httpx.AsyncClient
) -> None:
    key = {"Authorization": f"Bearer {world.service_key}"}
    sampling = {"balanced": True, "weights": {"a": 1}, "near": "keep_together"}

    answer = await http.post(
        "/api/v1/datasets/preview",
        json={"definition": {"sampling": sampling, "splitting": {"by": "subject"}}},
        headers=key,
    )

    assert answer.status_code == 422
    assert [each["path"] for each in answer.json()["errors"]] == [
        "definition.sampling.weights",
        "definition.sampling.near",
        "definition.sampling.near",
    ]
