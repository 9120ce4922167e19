"""What stands around the item in hand, as of what was just done."""

import httpx

from tests.make import World
from tests.web.test_pages import HTMX, sign_in, take


async def test_the_next_item_comes_with_what_was_just_done(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    first, form = await take(http, world, text="message 0")
    for number in (1, 2):
        await world.submit(text=f"message {number}")
    pinned = await http.post(f"{first}/pin", data=form, headers=HTMX)
    assert "message 1" in pinned.text
    assert f'href="{first}"' in pinned.text, "the pinned item is a tab"
    judged = await http.post(f"{first}/review", data=form | {"verdict": "reject", "base": "output"}, headers=HTMX)
    assert judged.status_code == 200, judged.text
    assert "1 done today" in judged.text
    assert f'href="{first}"' not in judged.text, "what was judged is no tab any more"


async def test_what_is_pinned_is_there_when_nothing_else_waits(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    first, form = await take(http, world)
    pinned = await http.post(f"{first}/pin", data=form, headers=HTMX)
    assert "Nothing waits in triage" in pinned.text
    assert f'href="{first}"' in pinned.text


async def test_a_session_that_ended_leaves_what_is_typed_beside_the_item(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    held, form = await take(http, world)
    item_id = await world.db.hot.fetchval("SELECT id FROM items")
    http.cookies.clear()
    headers = HTMX | {"HX-Current-URL": f"http://testserver.local{held}"}
    answer = await http.post(f"/p/support/items/{item_id}/comments", data=form | {"text": "x"}, headers=headers)
    assert (answer.status_code, answer.headers.get("hx-trigger")) == (401, "session:ended")
    assert "hx-redirect" not in answer.headers
