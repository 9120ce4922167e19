"""Issue 5, flow, over HTTP: verdicts that wait, Undo, and the next item ahead, with script and without."""

import asyncio
import re

import httpx
import pytest

from review.kernel.db import Database
from review.kernel.settings import Settings
from review.reviewing import pending
from tests.make import CONFIG, World
from tests.reviewing.test_pending import OVER, bench
from tests.web.test_pages import HTML, HTMX, sign_in, take

JUDGED = {"verdict": "approve", "base": "output"}


@pytest.fixture
async def world(db: Database, settings: Settings) -> World:
    """A project in which verdicts may be taken back for a minute."""
    return await World.build(db, settings, source=CONFIG.replace("undo: 0s", "undo: 1m").format(project="support"))


def ahead_in(page: str) -> dict[str, str]:
    """Read which item a fragment shows, as a page that shows it says so."""
    found = re.search(r'data-assignment="([^"]+)" data-fence="([^"]+)"', page)
    assert found is not None
    return {"ahead": found[1], "ahead_fence": found[2]}


def undo_in(page: str) -> tuple[str, dict[str, str]]:
    """Read what the Undo button sends."""
    found = re.search(r'formaction="([^"]+)" name="given" value="([^"]+)"', page)
    assert found is not None
    return found[1], {"given": found[2]}


async def ask_ahead(http: httpx.AsyncClient, form: dict[str, str]) -> httpx.Response:
    return await http.post("/p/support/pools/triage/ahead", data=form)


async def test_the_next_item_is_there_ahead_and_what_is_said_of_the_last_follows(
    http: httpx.AsyncClient, world: World
) -> None:
    await sign_in(http, world)
    first, form = await take(http, world, text="message 0")
    assert (await ask_ahead(http, form)).status_code == 204
    await world.submit(text="message 1")
    ahead = await ask_ahead(http, form)
    assert (ahead.status_code, "message 1" in ahead.text, 'id="undo"' in ahead.text) == (200, True, False)
    assert ahead.text.lstrip().startswith("<main")
    home = await http.get("/p/support", headers=HTML)
    assert home.text.count("In your hands:") == 1, "what is ahead is not in hand"
    judged = await http.post(f"{first}/review", data=form | JUDGED | ahead_in(ahead.text), headers=HTMX)
    assert judged.status_code == 200, judged.text
    assert [re.findall(r'id="(rest|session|desk)"', judged.text)] == [["rest", "session"]]
    assert "Approved." in judged.text
    assert "1 done today" in judged.text, "what may still be taken back was done all the same"
    assert await world.count("decisions") == 0
    claimed = await world.db.hot.fetchval("SELECT count(*) FROM events WHERE kind = 'item.claimed'")
    assert claimed == 2


async def test_undo_without_script(http: httpx.AsyncClient, world: World) -> None:
    """Everything works as a plain form: the button is there after the verdict, and the item as it was filled in."""
    await sign_in(http, world)
    first, form = await take(http, world, text="message 0")
    await world.submit(text="message 1")
    sent = form | {"verdict": "reject", "base": "output", "comment": "the date is wrong", "reasons": "ambiguous"}
    onward = await http.post(f"{first}/review", data=sent)
    assert onward.status_code == 303
    page = await http.get(onward.headers["location"], headers=HTML)
    assert "Rejected." in page.text
    address, given = undo_in(page.text)
    undone = await http.post(address, data={"_csrf": form["_csrf"]} | given | ahead_in(page.text), headers=HTML)
    assert "Taken back." in undone.text
    assert "message 0" in undone.text
    assert "the date is wrong" in undone.text
    assert 'value="ambiguous" checked' in undone.text
    assert 'id="undo"' not in undone.text
    late = await http.post(address, data={"_csrf": form["_csrf"]} | given, headers=HTML)
    assert (late.status_code, "nothing to take back" in late.text) == (409, True)
    next_ = await ask_ahead(http, form)
    assert "message 1" in next_.text, "what was in hand since comes next"


async def test_two_pages_and_what_is_sent_twice(http: httpx.AsyncClient, world: World) -> None:
    """Two tabs have the same item ahead: one shows it, the other gets one of its own; a form sent twice counts once."""
    await sign_in(http, world)
    first, form = await take(http, world, text="message 0")
    for number in (1, 2, 3):
        await world.submit(text=f"message {number}")
    second = (await ask_ahead(http, form)).text
    await world.db.hot.execute("UPDATE assignments SET ahead_fence = NULL")  # it is in hand on the other page
    other = f"/p/support/assignments/{ahead_in(second)['ahead']}"
    shown = ahead_in((await ask_ahead(http, form)).text)
    one = await http.post(f"{first}/review", data=form | JUDGED | shown, headers=HTMX)
    two = await http.post(f"{other}/review", data=form | JUDGED | shown, headers=HTMX)
    assert 'id="desk"' not in one.text
    assert 'id="desk"' in two.text
    assert "message 3" in two.text
    again = await http.post(f"{first}/review", data=form | JUDGED | shown, headers=HTMX)
    assert (again.status_code, "Approved." in again.text, 'id="desk"' in again.text) == (200, True, False)
    changed = await http.post(f"{first}/review", data=form | JUDGED | {"verdict": "reject"}, headers=HTMX)
    assert (changed.status_code, changed.headers["hx-trigger"]) == (409, "lease:lost")
    assert await world.count("pending_judgements") == 2


async def test_a_form_sent_twice_at_once_without_script_leads_on_twice(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    first, form = await take(http, world, text="message 0")
    await world.submit(text="message 1")
    await world.submit(text="message 2")
    posts = [http.post(f"{first}/review", data=form | JUDGED) for _ in range(2)]
    answers = await asyncio.gather(*posts)
    assert [each.status_code for each in answers] == [303, 303]
    assert len({each.headers["location"] for each in answers}) == 1, "both lead to the item that is in hand"
    assert await world.count("pending_judgements") == 1


async def test_undo_belongs_to_the_verdict_that_the_line_names(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    first, form = await take(http, world, text="message 0")
    await world.submit(text="message 1")
    judged = await http.post(f"{first}/review", data=form | JUDGED, headers=HTMX)
    assert 'id="undo"' in judged.text
    second = f"/p/support/assignments/{ahead_in(judged.text)['ahead']}"
    skipped = await http.post(f"{second}/skip", data=form | {"reason": "not mine"}, headers=HTMX)
    assert "Nothing waits in triage" in skipped.text
    assert "Skipped." in skipped.text
    assert 'id="undo"' not in skipped.text


async def test_a_verdict_that_came_to_nothing_is_told_until_it_is_noted(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    first, form = await take(http, world, text="message 0", external_id="msg-0")
    await http.post(f"{first}/review", data=form | JUDGED, headers=HTMX)
    await world.db.hot.execute("UPDATE assignments SET state = 'cancelled', holder_id = NULL, lease_until = NULL")
    await world.db.hot.execute(OVER)
    await pending.sweep(world.db, bench(world))
    home = await http.get("/p/support", headers=HTML)
    assert "does not count: the seat is closed" in home.text
    assert "msg-0" in home.text
    noted = await http.post("/p/support/seen", data=form)
    assert (noted.status_code, noted.headers["location"]) == (303, "/p/support")
    assert "does not count" not in (await http.get("/p/support", headers=HTML)).text


async def test_what_is_put_back_unseen_is_everybodys(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    _first, form = await take(http, world, text="message 0")
    await world.submit(text="message 1")
    shown = ahead_in((await ask_ahead(http, form)).text)
    assert await world.claim("ben") == []
    address = f"/p/support/assignments/{shown['ahead']}/put-back"
    for _ in range(2):
        left = await http.post(address, data=form | {"fence": shown["ahead_fence"]})
        assert left.status_code == 204
    assert len(await world.claim("ben")) == 1
