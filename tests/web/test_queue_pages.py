"""Lists on the pages (issue 5, point 6): what the address asks for, what views keep, and what nobody is told."""

import asyncio
import re
from contextlib import suppress
from urllib.parse import urlencode
from uuid import uuid4

import asyncpg
import httpx
import pytest

from review.identity.rules import Role
from review.insight import load
from review.web.live import CHANGED, LEAST_SECONDS, MOST_OF_ONE, Live
from tests.make import PASSWORD, World
from tests.web.test_counts import _counted
from tests.web.test_pages import HTML, sign_in, token

QUEUE = "/p/support/queue"


async def page_of(http: httpx.AsyncClient, path: str = QUEUE, status: int = 200, **asked: str) -> str:
    answer = await http.get(f"{path}?{urlencode(asked)}" if asked else path, headers=HTML)
    assert answer.status_code == status, answer.text
    return answer.text


def briefs(page: str) -> list[str]:
    return re.findall(r'<a class="grow over"[^>]*>([^<]*)</a>', page)


def said_count(page: str) -> str:
    found = re.search(r'id="count">(.*?)<', page, re.DOTALL)
    assert found is not None
    return " ".join(found[1].split())


@pytest.fixture
async def stocked(world: World) -> World:
    for n in range(4):
        model = {"name": "intent-clf", "version": f"v{n % 2}"}
        await world.submit(f"text {n}", confidence=0.1 * n, model=model, subject=f"s-{n}", tags=["beta"][: n % 2])
    await world.submit("for seniors", tags=["vip"])
    await world.claim("ana")
    return world


async def test_the_address_narrows_and_sorts_and_each_chip_takes_one_thing_away(
    http: httpx.AsyncClient, stocked: World
) -> None:
    await sign_in(http, stocked, role=Role.LEAD)
    page = await page_of(http)
    assert sorted(briefs(page)) == ["for seniors", "text 0", "text 1", "text 2", "text 3"]
    assert said_count(page) == "5 items."
    page = await page_of(http, model="v1", confidence_from="0.2", sort="doubt")
    assert briefs(page) == ["text 3"]
    assert said_count(page) == "One item."
    chips = re.findall(r'<a class="narrow-by" href="([^"]*)">([^<]*)<', page)
    assert [said.strip() for _, said in chips] == ["Confidence from 0.2", "Model or version is v1"]
    assert "model=v1" in chips[0][0]
    assert "confidence_from" not in chips[0][0]
    assert briefs(await page_of(http, sort="doubt")) == ["text 0", "text 1", "text 2", "text 3", "for seniors"]
    page = await page_of(http, text="nothing like it")
    assert said_count(page) == "Nothing matches."
    assert "Show all that is open" in page


async def test_what_a_form_leaves_open_is_left_out_of_the_address(http: httpx.AsyncClient, stocked: World) -> None:
    await sign_in(http, stocked)
    answer = await http.get("/p/support/pools/triage?text=&type=&sort=due&status=", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/p/support/pools/triage?sort=due")


async def test_what_cannot_be_asked_for_is_said_at_its_field_and_what_was_typed_stays(
    http: httpx.AsyncClient, stocked: World
) -> None:
    await sign_in(http, stocked)
    page = await page_of(http, status=422, confidence_from="7", text="kept")
    assert "is a number from 0 to 1" in page
    assert 'value="kept"' in page
    assert briefs(page) == []
    for asked in ({"colour": "red"}, {"after": "x"}, {"sort": "odd"}, {"holder": "ana@example.com"}):
        assert "Nothing was looked up." in await page_of(http, status=422, **asked)


async def test_a_reviewer_sees_their_pools_and_not_who_has_what(http: httpx.AsyncClient, stocked: World) -> None:
    await sign_in(http, stocked)
    page = await page_of(http)
    assert "for seniors" not in page
    assert "in hand" in page
    assert "with ana" not in page
    assert said_count(page) == "4 items."
    assert briefs(await page_of(http, text="seniors")) == []
    await page_of(http, status=422, pool="seniors")
    await sign_in(http, stocked, "lou", Role.LEAD)
    assert "with ana" in await page_of(http)
    assert briefs(await page_of(http, holder="ana@example.com")) == ["text 0"]


async def test_a_list_takes_four_statements_whatever_is_asked(
    http: httpx.AsyncClient, stocked: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise G11: who is asking, their pools and views, the lines with their count, and their clocks."""
    asked: list[str] = []
    for name in ("execute", "fetch", "fetchrow", "fetchval"):
        monkeypatch.setattr(asyncpg.Pool, name, _counted(getattr(asyncpg.Pool, name), asked))
    await sign_in(http, stocked)
    paths = (QUEUE, "/p/support/pools/triage", f"{QUEUE}?text=text&sort=due&status=waiting", f"{QUEUE}?status=any")
    for path in paths:
        await page_of(http, path)
        asked.clear()
        await page_of(http, path)
        assert len(asked) == 4, asked


async def test_a_view_is_kept_shown_to_whom_it_is_for_and_taken_away(http: httpx.AsyncClient, stocked: World) -> None:
    await sign_in(http, stocked, "lou", Role.LEAD)
    form = {"_csrf": await token(http), "name": "Unsure", "query": "sort=doubt&confidence_to=0.5", "pool": "triage"}
    kept = await http.post("/p/support/views", data=form | {"shared": "yes"}, headers=HTML)
    assert kept.headers["location"] == "/p/support/pools/triage?confidence_to=0.5&sort=doubt&done=kept"
    await http.post("/p/support/views", data=form | {"name": "Mine alone"}, headers=HTML)
    assert "Mine alone" in await page_of(http, kept.headers["location"])
    await sign_in(http, stocked)
    page = await page_of(http, "/p/support/pools/triage")
    assert "Unsure" in page
    assert "Mine alone" not in page
    page = await page_of(http, "/p/support/pools/triage?confidence_to=0.5&sort=doubt")
    assert re.search(r'aria-current="page"[^>]*>Unsure<', page)
    assert "Take this view away" not in page, "that is for a lead"
    csrf = {"_csrf": await token(http)}
    view_id = await stocked.db.hot.fetchval("SELECT id FROM queue_views WHERE is_shared")
    assert (await http.post(f"/p/support/views/{view_id}/remove", data=csrf, headers=HTML)).status_code == 404
    shared = await http.post("/p/support/views", data=form | csrf | {"shared": "yes"}, headers=HTML)
    assert shared.status_code == 403
    await http.post("/sign-in", data={"email": "lou@example.com", "password": PASSWORD})
    removed = await http.post(f"/p/support/views/{view_id}/remove", data={"_csrf": await token(http)}, headers=HTML)
    assert removed.headers["location"] == "/p/support/pools/triage?done=view-removed"
    assert await stocked.count("queue_views") == 1
    actions = await stocked.db.hot.fetch("SELECT action FROM audit_entries WHERE action LIKE 'view.%' ORDER BY at")
    assert [row["action"] for row in actions] == ["view.shared", "view.removed"]


async def test_a_line_changes_its_version_only_with_what_it_says(http: httpx.AsyncClient, stocked: World) -> None:
    await sign_in(http, stocked, role=Role.LEAD)

    async def versions() -> dict[str, str]:
        return dict(re.findall(r'<li id="i-([^"]+)" data-version="([^"]+)"', await page_of(http)))

    before = await versions()
    assert await versions() == before
    (taken,) = await stocked.claim("ben")
    after = await versions()
    assert {item for item in after if after[item] != before[item]} == {str(taken.item.id)}


async def test_leads_see_who_has_how_much_and_reviewers_do_not(http: httpx.AsyncClient, stocked: World) -> None:
    (done, *_) = await stocked.claim("ben", limit=2)
    await stocked.judge("ben", done, "approve")
    await stocked.db.hot.execute("UPDATE assignments SET due_at = now() - interval '1 hour' WHERE state = 'held'")
    await sign_in(http, stocked)
    assert "Who has how much" not in await page_of(http, "/p/support")
    await sign_in(http, stocked, "lou", Role.LEAD)
    page = await page_of(http, "/p/support")
    (row,) = re.findall(r"<tr><th[^>]*><a href=\"([^\"]+)\">ben@example.com</a></th>(.*?)</tr>", page, re.DOTALL)
    assert row[0] == "/p/support/queue?holder=ben%40example.com"
    cells = [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in re.findall(r"<td.*?</td>", row[1], re.DOTALL)]
    assert cells == ["1", "0", "1 overdue", "taken less than a minute ago", "1", "0 s"]
    assert len(briefs(await page_of(http, row[0]))) == 1


async def test_a_pool_leads_load_is_that_of_their_pools(world: World) -> None:
    await world.submit(tags=["vip"])
    await world.submit()
    await world.claim("sam", pool="seniors")
    await world.claim("ana")
    since = await world.db.hot.fetchval("SELECT now() - interval '1 day'")
    found = await load.list_load(world.db.hot, who=world.people["lea"], pools=["seniors"], since=since)
    assert [(one.email, one.in_hand) for one in found] == [("sam@example.com", 1)]
    assert await load.list_load(world.db.hot, who=world.people["ana"], pools=["triage"], since=since) == []


async def test_open_lists_are_told_at_most_once_a_second_and_no_more_of_them_than_there_is_room() -> None:
    """Issue 5: live without a connection held, and with an end for everybody."""
    live, project, who = Live(MOST_OF_ONE + 1), uuid4(), uuid4()
    told = [live.tell(project, who) for _ in range(MOST_OF_ONE)]
    for each in told:
        assert (await anext(each)).startswith(b"retry")
    assert not live.has_room(who)
    assert live.has_room(uuid4())
    clock = asyncio.get_running_loop().time
    for _ in range(3):
        live.wake([project, uuid4()])
    began = clock()
    assert await anext(told[0]) == CHANGED
    assert clock() - began < LEAST_SECONDS / 2
    live.wake([project])
    assert await anext(told[0]) == CHANGED
    assert clock() - began >= LEAST_SECONDS
    await told[1].aclose()
    assert live.streams == MOST_OF_ONE - 1
    live.release()
    for each in told:
        with suppress(StopAsyncIteration):
            while True:
                await anext(each)
    assert live.streams == 0
    assert not live.has_room(uuid4())


async def test_somebody_who_opens_the_stream_by_hand_is_shown_the_list(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    answer = await http.get(f"{QUEUE}/live", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, QUEUE)


async def test_the_api_lists_by_the_same_filters(http: httpx.AsyncClient, stocked: World) -> None:
    async def asked(query: str, name: str = "lea") -> httpx.Response:
        return await http.get(f"/api/v1/queue{query}", headers={"authorization": f"Bearer {stocked.tokens[name]}"})

    first = (await asked("?sort=doubt&limit=2")).json()
    assert [(one["input"]["text"], one["status"], one["pool"]) for one in first["data"]] == [
        ("text 0", "in_review", "triage"),
        ("text 1", "queued", "triage"),
    ]
    assert (first["count"], first["is_capped"], first["looked"]) == (5, False, None)
    rest = (await asked(f"?sort=doubt&limit=9&cursor={first['next']}".replace("+", "%2B"))).json()
    assert [one["input"]["text"] for one in rest["data"]] == ["text 2", "text 3", "for seniors"]
    assert (rest["count"], rest["next"]) == (None, None)
    (held,) = (await asked("?holder=ana@example.com")).json()["data"]
    assert [each["email"] for each in held["holders"]] == ["ana@example.com"]
    (held,) = (await asked("?status=held", "ben")).json()["data"]
    assert [each["email"] for each in held["holders"]] == [""]
    for query, status in (("?sort=odd", 422), ("?colour=red", 400), ("?cursor=x", 422), ("?confidence_from=7", 422)):
        assert (await asked(query)).status_code == status, query
    assert (await asked("?holder=ana@example.com", "ben")).status_code == 422
