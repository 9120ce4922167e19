"""Promise 19 on the pages: who may clear hears of a new version, clears it with a reason, and compares two."""

import html
import re
from typing import Any

import httpx

from review.identity.rules import Role
from tests.intake.test_stops import bearer
from tests.make import World, submission
from tests.registry.test_register import NEXT, SEEN, ask, notice
from tests.web.test_pages import HTML, sign_in, token

TOLD = {"latency_ms": 812, "cost": {"amount": "0.0021", "currency": "USD"}}


async def read(http: httpx.AsyncClient, path: str, status: int = 200) -> str:
    answer = await http.get(f"/p/support{path}", headers=HTML)
    assert answer.status_code == status, answer.text
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)))


async def ids(http: httpx.AsyncClient, world: World) -> dict[str, str]:
    listed = await http.get("/api/v1/models", headers=bearer(world.tokens["lea"]))
    return {each["version"]: each["id"] for each in listed.json()["data"]}


async def arrivals(world: World) -> None:
    """Ten sure and two doubtful items of each version; people correct the doubtful ones of the second."""
    for model in (SEEN, NEXT):
        for at in range(12):
            await world.submit(f"{model['version']} {at}", confidence=0.95 if at < 10 else 0.4, model=model, **TOLD)
    for held in await world.claim("ana", limit=4):
        if held.item.details.model is not None and held.item.details.model.version == "8":
            await world.judge("ana", held, "correct", {"label": "refund"}, reasons=("wrong_label",))
        else:
            await world.judge("ana", held, "approve")


async def test_a_lead_hears_of_a_version_that_waits_and_clears_it_with_a_reason(
    http: httpx.AsyncClient, world: World
) -> None:
    await ask(world)
    sent = await http.post(
        "/api/v1/items", json=submission(confidence=0.95, model=NEXT), headers=bearer(world.service_key)
    )
    await notice(world)
    await sign_in(http, world, "lou", Role.LEAD)
    assert "A new model version waits to be cleared: intent-clf 8 , prompt p1" in await read(http, "")
    said = "Nobody has cleared this version of the model, so people judge what it makes."
    assert said in await read(http, f"/items/{sent.json()['id']}")
    listed = await read(http, "/models")
    assert "waits to be cleared" in listed
    assert "until then people judge all that it makes" in listed
    version = (await ids(http, world))["8"]
    page = (await http.get(f"/p/support/models/{version}", headers=HTML)).text
    assert "No rule names it" in page
    assert "/p/support/stops?what=model%3Aintent-clf%408" in page
    assert "item.model.version == &#34;8&#34;" in page
    assert "/rules/edit" not in page, "only who may change the configuration is sent there"
    form = {"_csrf": await token(http), "reason": "<b>fine</b> on 500"}
    done = await http.post(f"/p/support/models/{version}/clear", data=form, headers=HTML)
    assert done.headers["location"].endswith("?done=clear-model"), done.text
    shown = await read(http, f"/models/{version}?done=clear-model")
    assert "Rules decide what it makes from now on" in shown
    assert "<b>fine</b> on 500" in shown
    assert "waits to be cleared" not in await read(http, "")
    revoked = await http.post(f"/p/support/models/{version}/revoke", data=form, headers=HTML)
    assert revoked.status_code == 303
    assert "took its clearing back" in await read(http, f"/models/{version}")
    await sign_in(http, world)
    assert "model version" not in await read(http, "")
    assert (await http.get("/p/support/models", headers=HTML)).status_code == 403


async def test_two_versions_are_put_side_by_side_in_pictures_and_figures(http: httpx.AsyncClient, world: World) -> None:
    await arrivals(world)
    await notice(world)
    known = await ids(http, world)
    await sign_in(http, world, "lou", Role.LEAD)
    query = f"a={known['7']}&b={known['8']}&days=7"
    page = await read(http, f"/models/compare?{query}&type=ticket_intent")
    for said in (
        "A: intent-clf 7 , prompt p1",
        "Of A 12 items are in this time, of B 12.",
        "83 %, 10 of 12",
        "Fewer than 20 items on one side: too few to tell.",
        "100 %, 2 of 2",
        "wrong_label",
        "812 ms, of 12",
        "0.0021 USD",
    ):
        assert said in page, said
    raw = (await http.get(f"/p/support/models/compare?{query}", headers=HTML)).text
    assert (raw.count('<svg class="interval"'), raw.count('<svg class="chart"')) == (6, 2)
    answer = await http.get(f"/api/v1/models/compare?{query}", headers=bearer(world.tokens["lea"]))
    told: dict[str, Any] = answer.json()
    assert (told["made_by_a"]["changed"]["count"], told["made_by_b"]["changed"]["count"]) == (0, 2)
    assert (told["looked"], told["is_capped"], told["changed"], told["let_through"]) == (
        24,
        False,
        "too_few",
        "too_few",
    )
    assert told["made_by_b"]["let_through"] == told["made_by_a"]["let_through"]
    assert sum(each["items"] for each in told["made_by_a"]["days"]) == 12
    assert told["made_by_a"]["confidence"] == [0, 0, 0, 0, 2, 0, 0, 0, 0, 10]
    same = await http.get(f"/api/v1/models/compare?a={known['7']}&b={known['7']}", headers=bearer(world.tokens["lea"]))
    assert same.json()["made_by_a"] == same.json()["made_by_b"]
    assert "Choose two versions" in await read(http, "/models/compare?a=x&b=%22&days=99999&type=none")
