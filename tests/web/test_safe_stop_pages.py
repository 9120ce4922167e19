"""Promise 19 on the pages: two clicks to stop, a line on every page, and what was let through just before."""

import html
import re
from datetime import timedelta

import httpx

from review.identity.rules import Role
from review.intake import stop_touches
from tests.bulk.acts import work
from tests.make import World, submission
from tests.web.test_pages import HTML, sign_in, token

MODEL = {"name": "intent-clf", "version": "7"}


async def read(http: httpx.AsyncClient, path: str) -> str:
    answer = await http.get(f"/p/support{path}", headers=HTML)
    assert answer.status_code == 200, answer.text
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)))


async def test_a_lead_stops_what_an_item_came_by_in_two_clicks_and_every_page_says_so(
    http: httpx.AsyncClient, world: World
) -> None:
    bearer = {"Authorization": f"Bearer {world.service_key}"}
    sent = await http.post("/api/v1/items", json=submission(confidence=0.95, model=MODEL), headers=bearer)
    item = sent.json()["id"]
    await sign_in(http, world, "lou", Role.LEAD)
    shown = (await http.get(f"/p/support/items/{item}", headers=HTML)).text
    assert f'href="/p/support/stops?item={item}"' in shown
    form = (await http.get(f"/p/support/stops?item={item}", headers=HTML)).text
    assert 'value="item_type:ticket_intent" selected' in form
    for value in ("project:support", "model:intent-clf", "model:intent-clf@7", "rule:rest"):
        assert f'value="{value}"' in form
    assert f'href="/p/support/items/{item}"' in form, "the rule let it through within the last hour"
    assert "In the last day: 1" in form
    wish = {"what": "model:intent-clf@7", "way": "everything", "expires_in": "4h", "reason": "<b>wild</b> since noon"}
    done = await http.post("/p/support/stops/stop", data={"_csrf": await token(http), **wish}, headers=HTML)
    assert done.headers["location"].endswith("?done=stop"), done.text
    for path in ("", "/queue", f"/items/{item}", "/rules"):
        assert "<b>wild</b> since noon" in await read(http, path)
        assert "people judge all that rules would decide" in await read(http, path)
    seen = await read(http, "/stops?what=model:intent-clf@7&within=15m")
    assert "shortly before the stop" in seen
    assert "ticket_intent · rest" in seen
    await sign_in(http, world)
    said = await read(http, "")
    assert "<b>wild</b> since noon" in said
    assert "See the stops" not in said


async def test_a_preview_counts_what_came_and_is_not_moved_by_what_it_cannot_read(
    http: httpx.AsyncClient, world: World
) -> None:
    bearer = {"Authorization": f"Bearer {world.service_key}"}
    for confidence in (0.95, 0.1):
        await http.post("/api/v1/items", json=submission(confidence=confidence, model=MODEL), headers=bearer)
    lea = world.people["lea"]
    touched = {
        (kind, subject): await stop_touches.count_touched(world.db.hot, who=lea, kind=kind, subject=subject)
        for kind, subject in (("project", "support"), ("model", "intent-clf"), ("rule", "rest"), ("model", "other"))
    }
    assert [(each.hour, each.day, each.open) for each in touched.values()] == [
        (2, 2, 1),
        (2, 2, 1),
        (1, 1, 0),
        (0, 0, 0),
    ]
    passed, is_more = await stop_touches.list_let_through(
        world.db.hot, who=lea, kind="project", subject="support", before=None, within=timedelta(hours=1)
    )
    assert ([each.rule for each in passed], is_more) == (["rest"], False)
    await sign_in(http, world, "lou", Role.LEAD)
    for query in ("what=nonsense", "item=nonsense", "what=rule:rest&within=never"):
        assert "Stop something" in await read(http, f"/stops?{query}")


async def test_what_was_let_through_is_brought_back_and_what_is_held_is_counted(
    http: httpx.AsyncClient, world: World
) -> None:
    """Issue 6.7: two of the ways, and everything let through before, from the page of stops."""
    sent = [await world.submit(confidence=0.95, model=MODEL) for _ in range(2)]
    await sign_in(http, world, "lou", Role.LEAD)
    assert "Bring these back to people" in await read(http, "/stops?what=model:intent-clf&within=1d")
    wish = {"act": "bring_back", "what": "model:intent-clf", "within": "1d", "_csrf": await token(http)}
    seen = await http.post("/p/support/bulk/preview", data=wish, headers=HTML)
    assert "Bring 2 items back to people" in seen.text
    assert "/p/support/stops?what=model" in seen.text
    ids = " ".join(str(each.item.id) for each in sent)
    given = {"act": "bring_back", "items": ids, "reason": "wild", "once": "1", "_csrf": await token(http)}
    begun = await http.post("/p/support/bulk", data=given, headers=HTML)
    await world.db.hot.execute("UPDATE bulk_acts SET counts_at = now()")
    assert await work(world) == 2
    assert "Bring 2 items back to people" in (await http.get(begun.headers["location"], headers=HTML)).text
    item = await read(http, f"/items/{sent[0].item.id}")
    assert "somebody brought it back: that counts until people revise it" in item
    assert "lou@example.com brought it back to people. It waits in triage" in item
    nothing = await http.post("/p/support/bulk/preview", data=wish, headers=HTML)
    assert (nothing.status_code, "Nothing of it was let through" in nothing.text) == (422, True)
    for way, words in (("hold", "nobody is handed it meanwhile"), ("fallback", "what its type declares as fallback")):
        stop = {"what": f"rule:{'rest' if way == 'hold' else 'blocked'}", "way": way, "reason": "r"}
        await http.post("/p/support/stops/stop", data={"_csrf": await token(http), **stop}, headers=HTML)
        assert words in await read(http, "/rules")
    bearer = {"Authorization": f"Bearer {world.service_key}"}
    held = (await http.post("/api/v1/items", json=submission(confidence=0.95), headers=bearer)).json()["id"]
    assert "It holds 1 item, which goes on once it is resumed" in await read(http, "/stops")
    assert f'href="/p/support/items/{held}"' in (await http.get("/p/support/stops", headers=HTML)).text
    assert "nobody was handed it while the stop stood" in await read(http, f"/items/{held}")
