"""Doing the same to many items: the bar, the preview, the reason, the page of the act; and the same over the API."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from review.bulk import executing, service
from review.identity.rules import Role
from tests.bulk.acts import REJECTED, ask, bench, submitted, work
from tests.make import World, unknown_id
from tests.web.test_pages import HTML, HTMX, sign_in, token

BULK = "/p/support/bulk"


async def sent(http: httpx.AsyncClient, path: str, form: dict[str, Any]) -> httpx.Response:
    return await http.post(f"{BULK}{path}", data=form | {"_csrf": await token(http)}, headers=HTML)


def fields_in(page: str) -> dict[str, str]:
    """Give what the preview's form carries."""
    (form,) = re.findall(r'<form class="specimen" method="post".*?</form>', page, re.DOTALL)
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))


async def count_down(world: World) -> None:
    """Let the time pass in which an act can be taken back."""
    await world.db.hot.execute("UPDATE bulk_acts SET counts_at = now() - interval '1 second'")


async def test_the_list_offers_a_reviewer_what_they_may_do(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    (item_id,) = await submitted(world, 1)
    page = (await http.get("/p/support/pools/triage", headers=HTML)).text
    assert f'<input type="checkbox" name="item" value="{item_id}" form="bulk" aria-label="Select message 0">' in page
    assert 'name="filter" value="pool=triage"' in page
    assert '<option value="ticket_intent:refund" translate="no">refund</option>' in page
    assert "Give back to the queue" not in page
    await sign_in(http, world, "lou", Role.LEAD)
    page = (await http.get("/p/support/pools/triage", headers=HTML)).text
    assert "Give back to the queue" in page
    assert '<option value="seniors" translate="no">seniors</option>' in page


async def test_what_is_selected_is_previewed_done_and_told_item_by_item(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    first, second, held = await submitted(world, 3)
    await world.db.hot.execute("UPDATE assignments SET priority = 99 WHERE item_id = $1", held)
    await world.claim("ben")
    seen = await sent(http, "/preview", {"act": "reject", "item": [str(each) for each in (first, second, held)]})
    assert "Of the 3 that you selected it can be done to 2" in seen.text
    assert "Somebody else has it in hand." in seen.text
    form = fields_in(seen.text) | {"reason": "a test batch", "reasons": "out_of_scope"}
    assert form["items"].split() == [first.hex, second.hex]
    other = await sent(http, "/preview", {"act": "reject", "item": str(first)})
    assert fields_in(other.text)["once"] != form["once"], "another preview is another act"
    begun = await sent(http, "", form)
    again = await sent(http, "", form)
    assert begun.status_code == again.status_code == 303
    assert begun.headers["location"] == again.headers["location"], "sent twice is asked once"
    here = begun.headers["location"]
    waiting = (await http.get(here, headers=HTML)).text
    assert "Nothing is done yet" in waiting
    assert "Undo" in waiting
    assert "a test batch" in waiting
    await count_down(world)
    await work(world)
    part = await http.get(here, headers=HTMX)
    assert part.text.startswith("<section"), "the page asks for this part alone while it goes on"
    assert "Done to all 2" in part.text
    assert "hx-get" not in part.text, "and not again once it is over"
    assert ">message 0<" in part.text
    mine = (await http.get(BULK, headers=HTML)).text
    assert "Reject 2 items" in mine
    story = (await http.get(f"/p/support/items/{first}", headers=HTML)).text
    assert "took it together with others, to judge them alike" in story


async def test_everything_that_matches_is_meant_without_being_listed(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    await submitted(world, 60)
    await submitted(world, 1, tags=["vip"])
    form = {"act": "correct", "value": "ticket_intent:refund", "everything": "yes", "filter": "pool=triage"}
    seen = (await sent(http, "/preview", form)).text
    assert "<h1>Correct 60 items to refund</h1>" in seen
    assert "and 40 more" in seen
    begun = await sent(http, "", fields_in(seen) | {"reason": "all want it back"})
    await count_down(world)
    assert await work(world) == 60
    assert "Done to all 60" in (await http.get(begun.headers["location"], headers=HTML)).text
    outputs = await world.db.hot.fetch("SELECT DISTINCT output::text FROM decisions")
    assert [row["output"] for row in outputs] == ['{"label": "refund"}']


async def test_a_lead_sees_what_others_have_under_way_and_stops_it(http: httpx.AsyncClient, world: World) -> None:
    act = await ask(world, "ana", REJECTED, await submitted(world, 2), grace=60)
    await sign_in(http, world, "rex")
    assert (await http.get(f"{BULK}/{act.id}", headers=HTML)).status_code == 404
    assert f"/bulk/{act.id}" not in (await http.get(BULK, headers=HTML)).text
    await sign_in(http, world, "lou", Role.LEAD)
    assert f"/bulk/{act.id}" in (await http.get(BULK, headers=HTML)).text
    page = (await http.get(f"{BULK}/{act.id}", headers=HTML)).text
    assert 'Asked for by <bdi translate="no">ana@example.com</bdi>.' in page
    assert "Stop the rest" in page
    assert "Undo" not in page
    assert (await sent(http, f"/{act.id}/stop", {})).status_code == 303
    assert "Stopped, with 0 of 2 done" in (await http.get(f"{BULK}/{act.id}", headers=HTML)).text
    assert f"/bulk/{act.id}" not in (await http.get(BULK, headers=HTML)).text


async def test_the_rest_is_stopped_and_the_page_says_by_whom(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    ids = await submitted(world, 3)
    seen = await sent(http, "/preview", {"act": "reject", "item": [str(each) for each in ids]})
    here = (await sent(http, "", fields_in(seen.text) | {"reason": "a test batch"})).headers["location"]
    await count_down(world)
    act_id = UUID(here.rpartition("/")[2])
    assert await executing.step(world.db, bench(world), world.service.project_id, act_id)
    assert "Stop the rest" in (await http.get(here, headers=HTMX)).text
    for _ in range(2):
        assert (await sent(http, f"/{act_id}/stop", {})).headers["location"] == here
    page = (await http.get(here, headers=HTML)).text
    assert "Stopped, with 1 of 3 done" in page
    assert page.count('not done</bdi></span> Stopped by <bdi translate="no">') == 2
    assert "hx-get" not in page
    assert "stopped</bdi></span> 1 of 3<" in (await http.get(BULK, headers=HTML)).text
    await world.db.hot.execute("UPDATE bulk_acts SET ended_at = now() - interval '91 days'")
    assert await service.forget_old(world.db.hot, timedelta(days=90)) == 1
    page = (await http.get(here, headers=HTML)).text
    assert "Stopped, with 1 of 3 done" in page
    assert "is not kept any longer" in page


async def test_undo_takes_all_back_and_comes_too_late_in_words(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world, "lou", Role.LEAD)
    ids = await submitted(world, 2)
    form = {"act": "prioritise", "priority": "90", "item": [str(each) for each in ids], "reason": "the customer called"}
    begun = (await sent(http, "", form)).headers["location"].removeprefix(BULK)
    undone = await sent(http, f"{begun}/undo", {})
    assert undone.status_code == 303
    assert "Taken back" in (await http.get(BULK + begun, headers=HTML)).text
    later = (await sent(http, "", form)).headers["location"].removeprefix(BULK)
    assert later != begun
    await count_down(world)
    await work(world)
    late = await sent(http, f"{later}/undo", {})
    assert late.status_code == 409
    assert "what it did stands" in late.text
    assert await world.count("assignments", priority=90) == 2
    assert "changed its priority from 50 to 90" in (await http.get(f"/p/support/items/{ids[0]}", headers=HTML)).text


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "Nothing is selected"),
        ({"item": "x"}, "is no id of an item"),
        ({"item": "x " * 1001}, "are 1,001, and may be 1,000"),
        ({"act": "dance", "item": str(unknown_id())}, "choose what to do"),
        ({"act": "correct", "value": "ticket_intent:nothing", "item": str(unknown_id())}, "is no value"),
        ({"act": "move", "item": str(unknown_id())}, "decisions:override"),
        ({"everything": "yes", "filter": "pool=seniors"}, "There is no pool"),
        ({"everything": "yes", "filter": "colour=red"}, "is no filter"),
        ({"reasons": ["x" * 201], "item": str(unknown_id())}, "Nothing can be done"),
    ],
)
async def test_what_cannot_be_asked_for_is_refused_in_words(
    http: httpx.AsyncClient, world: World, form: dict[str, Any], words: str
) -> None:
    await sign_in(http, world)
    answer = await sent(http, "/preview", {"act": "reject"} | form)
    assert words in answer.text
    assert answer.status_code in {200, 403, 422}
    assert await world.count("bulk_acts") == 0


async def test_an_act_without_a_reason_is_not_begun(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    (item_id,) = await submitted(world, 1)
    for reason in ("", "x" * 2_001, "see @ben"):
        answer = await sent(http, "", {"act": "reject", "items": item_id.hex, "reason": reason})
        assert answer.status_code == 422
    assert await world.count("bulk_acts") == 0


async def called(
    http: httpx.AsyncClient, world: World, name: str, path: str, body: object = None, **headers: str
) -> httpx.Response:
    headers["authorization"] = f"Bearer {world.tokens[name]}"
    method = "GET" if body is None else "POST"
    return await http.request(method, f"/api/v1/bulk{path}", json=body, headers=headers)


async def test_programs_do_the_same_with_a_key_that_asks_once(http: httpx.AsyncClient, world: World) -> None:
    ids = [str(each) for each in await submitted(world, 2)]
    body = {"act": "decide", "verdict": "correct", "output": {"label": "refund"}, "items": ids, "reason": "same words"}
    seen = (await called(http, world, "ana", "/preview", body)).json()
    assert (seen["done"], seen["left_out"]) == (2, {})
    first = await called(http, world, "ana", "", body, **{"idempotency-key": "k"})
    again = await called(http, world, "ana", "", body, **{"idempotency-key": "k"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    other = await called(http, world, "ana", "", body | {"reason": "other words"}, **{"idempotency-key": "k"})
    assert (other.status_code, other.json()["code"]) == (409, "conflicting_resubmission")
    here = f"/{first.json()['id']}"
    assert (await called(http, world, "ben", here)).json()["code"] == "bulk_not_found"
    await count_down(world)
    await work(world)
    told = (await called(http, world, "ana", here)).json()
    assert told["act"]["counts"] == {"waiting": 0, "done": 2, "left_out": 0, "undone": 0}
    assert [(each["item_id"], each["state"]) for each in told["items"]] == [(each, "done") for each in ids]
    assert (await called(http, world, "ana", f"{here}/undo", {})).json()["code"] == "bulk_counts"
    assert (await called(http, world, "ben", f"{here}/stop", {})).json()["code"] == "bulk_not_found"
    assert (await called(http, world, "ana", f"{here}/stop", {})).json()["state"] == "done"
    assert [each["id"] for each in (await called(http, world, "ana", "")).json()["data"]] == [first.json()["id"]]


async def test_programs_name_items_or_a_filter(http: httpx.AsyncClient, world: World) -> None:
    ids = await submitted(world, 2)
    moved = {"act": "move", "pool": "seniors", "reason": "for those who know"}
    answer = await called(http, world, "lea", "", moved | {"filter": {"pool": "triage", "text": "message 1"}})
    assert answer.json()["counts"]["waiting"] == 1
    await count_down(world)
    await work(world)
    rows = await world.db.hot.fetch("SELECT item_id FROM assignments WHERE pool = 'seniors'")
    assert [row["item_id"] for row in rows] == [ids[1]]
    for given in ({}, {"items": [str(ids[0])], "filter": {}}, {"items": [str(UUID(int=at)) for at in range(1001)]}):
        assert (await called(http, world, "lea", "", moved | given)).status_code == 422
    assert (await called(http, world, "ana", "", moved | {"items": [str(ids[0])]})).json()["code"] == "not_permitted"
    nowhere = moved | {"items": [str(ids[0])], "pool": "nowhere"}
    refused = (await called(http, world, "lea", "", nowhere)).json()
    assert [each["path"] for each in refused["errors"]] == ["pool"]
