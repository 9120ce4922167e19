"""Promise 33 on the pages: nothing is chosen beforehand, and each way out is one step away."""

import re

import httpx
import pytest

from review.identity import passwords
from tests import limited
from tests.limited import build, match, override, refund, take
from tests.make import PASSWORD, World
from tests.web.test_pages import token

HTML = {"Accept": "text/html"}


@pytest.fixture
async def limits(http: httpx.AsyncClient) -> World:
    """The project with limits, whose people have passwords."""
    services = http._transport.app.state.services  # type: ignore[attr-defined]  # the application's own
    world = await build(services.db, services.settings)
    hashed = passwords.hash_password(PASSWORD)
    await world.db.hot.execute("UPDATE users SET password_hash = $1", hashed)
    return world


async def sign_in(http: httpx.AsyncClient, name: str) -> None:
    http.cookies.clear()
    await http.post("/sign-in", data={"email": f"{name}@example.com", "password": PASSWORD})


async def page(http: httpx.AsyncClient, path: str) -> str:
    answer = await http.get(f"/p/limits{path}", headers=HTML)
    assert answer.status_code == 200, answer.text
    return answer.text


async def send(http: httpx.AsyncClient, path: str, **data: object) -> httpx.Response:
    return await http.post(f"/p/limits{path}", data={"_csrf": await token(http), **data}, headers=HTML)


async def test_nothing_is_chosen_beforehand_and_every_way_out_is_one_step_away(
    http: httpx.AsyncClient, limits: World
) -> None:
    await refund(limits)
    held = await take(limits, "lea")
    await sign_in(http, "lea")
    shown = await page(http, f"/assignments/{held.id}")
    assert not re.search(r"<(input|button)[^>]*name=.(verdict|kind|reasons).[^>]*\bchecked", shown)
    assert not re.search(r'<input[^>]*name="verdict"', shown), "a verdict is a button, and pressed by whoever means it"
    for name in ("approve", "correct", "reject", "skip", "escalate", "stop", "conflict", "override"):
        assert f'id="{name}"' in shown, name
    assert not re.search(r"<button[^>]*autofocus", shown)


async def test_what_the_pool_may_not_say_is_not_offered_and_refused_in_words(
    http: httpx.AsyncClient, limits: World
) -> None:
    await refund(limits, tags=["narrow"])
    held = await take(limits, "ana", "triage")
    await sign_in(http, "ana")
    url = f"/assignments/{held.id}"
    shown = await page(http, url)
    assert 'id="reject"' not in shown
    assert 'id="stop"' not in shown
    assert "The people of triage may not reject here. Escalate instead." in shown
    refused = await send(http, f"{url}/review", fence=held.fence, verdict="reject", base="output")
    assert refused.status_code == 403
    assert "may approve or correct, and not reject" in refused.text
    assert 'id="judge"' in refused.text, "the item is still in hand"


async def test_a_conflict_is_declared_in_one_step(http: httpx.AsyncClient, limits: World) -> None:
    await refund(limits)
    held = await take(limits, "ana")
    await sign_in(http, "ana")
    done = await send(http, f"/assignments/{held.id}/skip", fence=held.fence, kind="conflict", reason="")
    assert done.status_code == 303
    assert await limits.count("case_reviewers", part="conflict") == 1


async def test_a_lead_stops_what_sends_such_items_from_the_review_page(http: httpx.AsyncClient, limits: World) -> None:
    item = (await refund(limits)).item
    held = await take(limits, "lea")
    await sign_in(http, "lea")
    done = await send(http, f"/assignments/{held.id}/stop", kind="source", reason="labels are wrong")
    assert done.headers["location"].endswith("?done=stop")
    for path in ("", f"/items/{item.id}", "/stops"):
        assert "labels are wrong" in await page(http, path), path
    after = await page(http, f"/assignments/{held.id}?done=stop")
    assert "Stop all that crm sends" not in after
    assert "Stop all items of type refund" in after
    body = {"type": "refund", "input": {}, "output": {"amount": 1}, "confidence": 0.99}
    sent = await http.post("/api/v1/items", json=body, headers={"Authorization": f"Bearer {limits.service_key}"})
    assert sent.json()["status"] == "queued"
    assert "What sent it was stopped" in await page(http, f"/items/{sent.json()['id']}")
    what = f"source:{limits.service.id}"
    await send(http, "/stops/resume", what=what, reason="mended")
    assert "Nothing is stopped" in await page(http, "/stops")
    await send(http, "/stops/stop", what="item_type:refund", reason="a new model")
    assert "a new model" in await page(http, "")
    assert (await send(http, "/stops/stop", what="nonsense", reason="x")).status_code == 422


async def test_an_override_waits_on_the_page_for_a_second_person(http: httpx.AsyncClient, limits: World) -> None:
    item = (await match(limits)).item
    await sign_in(http, "lea")
    shown = await page(http, f"/items/{item.id}")
    assert "Two people must decide this" in shown
    await send(http, f"/items/{item.id}/override", verdict="reject", reason="not the same person")
    mine = await page(http, f"/items/{item.id}")
    assert "somebody else must confirm it" in mine
    assert "Confirm it" not in mine
    await sign_in(http, "max")
    other = await page(http, f"/items/{item.id}")
    (proposal,) = set(re.findall(r'name="proposal" value="([^"]+)"', other))
    await send(http, f"/items/{item.id}/override/confirm", proposal=proposal)
    assert await limits.count("decisions", item_id=item.id) == 1
    assert "lea@example.com, max@example.com, overriding" in await page(http, f"/items/{item.id}")


async def test_a_proposed_override_is_taken_back(http: httpx.AsyncClient, limits: World) -> None:
    item = (await match(limits)).item
    await override(limits, "lea", item, "reject")
    await sign_in(http, "max")
    shown = await page(http, f"/items/{item.id}")
    (proposal,) = set(re.findall(r'name="proposal" value="([^"]+)"', shown))
    await send(http, f"/items/{item.id}/override/withdraw", proposal=proposal)
    assert "Waits for a second person" not in await page(http, f"/items/{item.id}")
    assert await limits.count("audit_entries", action="override.withdrawn") == 1


async def test_a_lead_corrects_from_the_item_page(http: httpx.AsyncClient, limits: World) -> None:
    item = (await refund(limits, confidence=0.99)).item
    await sign_in(http, "lea")
    path = f"/items/{item.id}/override"
    assert (await send(http, path, verdict="correct", output="{", reason="x")).status_code == 400
    assert (await send(http, path, verdict="", reason="x")).status_code == 422
    done = await send(http, path, verdict="correct", output='{"amount": 7}', reason="a typing error")
    assert done.headers["location"].endswith("?done=override")
    output = await limits.db.hot.fetchval("SELECT output::text FROM decisions WHERE revision = 2")
    assert output == '{"amount": 7}'


async def test_whoever_confirms_sees_the_answer_and_may_take_it(http: httpx.AsyncClient, limits: World) -> None:
    await refund(limits)
    await limits.judge("ana", await take(limits, "ana"), "correct", {"amount": 900}, comment="much more")
    held = await take(limits, "lea", "seniors")
    await sign_in(http, "lea")
    shown = await page(http, f"/assignments/{held.id}")
    assert "What was judged before" in shown
    assert "much more" in shown
    taken = await page(http, f"/assignments/{held.id}?base=answer-0")
    assert re.search(r'value="900(\.0)?"', taken)


async def test_the_table_of_reviewers_says_when_it_cannot_say(http: httpx.AsyncClient, limits: World) -> None:
    await limited.send(limits, "note", {})
    await limits.judge("ana", await take(limits, "ana"), "approve")
    await sign_in(http, "lea")
    shown = await page(http, "/reviewers")
    assert "ana@example.com" in shown
    assert "too few to say" in shown
    assert "Nobody has reviewed" not in await page(http, "/reviewers?days=7")
