"""Issue 5, flow, by keyboard in the browser: a verdict paints the next item itself, and Undo brings the last back."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest_asyncio
from playwright.async_api import Page, Response, Route, expect

from review.kernel.db import Database
from review.kernel.settings import Settings
from review.reviewing import pending
from tests.browser.conftest import Site
from tests.make import CONFIG, World
from tests.reviewing.test_pending import OVER, bench

TEXT = ".evidence .text"
OUTCOME = "#outcome"
REVIEW = re.compile(r"/review$")
# What moved on the page since this was started, also what a key just pressed would excuse.
WATCH = """() => {
  globalThis.moved = 0;
  const add = (list) => { for (const each of list.getEntries()) globalThis.moved += each.value; };
  globalThis.watch = new PerformanceObserver(add);
  watch.observe({ type: "layout-shift", buffered: false });
}"""
# From here on: once what the page did before has been painted and told.
ANEW = """async () => {
  for (let n = 0; n < 3; n += 1) await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  watch.takeRecords();
  globalThis.moved = 0;
}"""


TWICE = """() => {
  const press = () => document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "a", bubbles: true }));
  press();
  press();
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def world(db: Database, settings: Settings) -> World:
    """A project in which verdicts may be taken back for a minute, so that no test is a race."""
    return await World.build(db, settings, source=CONFIG.replace("undo: 0s", "undo: 1m").format(project="support"))


def _is_ahead(answer: Response) -> bool:
    return answer.url.endswith("/ahead")


@asynccontextmanager
async def prepared(page: Page) -> AsyncGenerator[None]:
    """Wait until the page has the next item."""
    async with page.expect_response(_is_ahead) as answer:
        yield
    await (await answer.value).finished()


async def start(site: Site, page: Page, items: int = 3) -> None:
    for number in range(items):
        await site.world.submit(text=f"message {number}")
    await site.sign_in(page)
    async with prepared(page):
        await site.take_next(page)


async def settle(world: World) -> None:
    await world.db.hot.execute(OVER)
    await pending.sweep(world.db, bench(world))


async def test_a_key_decides_and_paints_the_next_item_and_another_takes_it_back(site: Site, page: Page) -> None:
    """The next item is there before the server has answered, nothing moves, and nothing counts that was taken back."""
    await start(site, page)
    held = asyncio.Event()

    async def hold(route: Route) -> None:
        await held.wait()
        await route.continue_()

    await page.route(REVIEW, hold)
    await page.evaluate(WATCH)
    await page.keyboard.press("a")
    await expect(page.locator(TEXT)).to_have_text("message 1")
    await expect(page.locator(OUTCOME)).to_have_text("")
    await expect(page.locator("#sending")).to_be_visible()
    async with prepared(page):
        held.set()
        await expect(page.locator(OUTCOME)).to_have_text("Approved.")
    await expect(page.locator("#undo")).to_contain_text("Undo")
    assert await page.evaluate("moved") == 0
    assert await site.verdicts() == []
    await page.keyboard.press("u")
    await expect(page.locator(TEXT)).to_have_text("message 0")
    await expect(page.locator(OUTCOME)).to_contain_text("Taken back.")
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.evaluate(ANEW)
    await page.keyboard.press("r")
    await expect(page.locator(TEXT)).to_have_text("message 1")
    await expect(page.locator(OUTCOME)).to_have_text("Rejected.")
    await settle(site.world)
    assert await site.verdicts() == ["reject"]
    assert await page.evaluate("moved") == 0


async def test_a_verdict_whose_answer_is_lost_or_that_is_refused_brings_its_item_back(site: Site, page: Page) -> None:
    """Nothing unacknowledged is shown as done, nothing acknowledged is done twice, and what was typed stays."""
    await start(site, page)

    async def lose(route: Route) -> None:
        await route.fetch()
        await route.fulfill(status=502, body="Bad gateway")

    await page.route(REVIEW, lose)
    await page.keyboard.press("n")
    await page.keyboard.type("look at the date")
    await page.keyboard.press("Escape")
    await page.keyboard.press("a")
    await expect(page.locator("#unsent")).to_contain_text("Your verdict may not have arrived.")
    await expect(page.locator(TEXT)).to_have_text("message 0")
    await expect(page.locator("#comment")).to_have_value("look at the date")
    await expect(page.locator(OUTCOME)).to_have_text("")
    await page.unroute(REVIEW)
    async with prepared(page):
        await page.keyboard.press("a")
        await expect(page.locator(OUTCOME)).to_have_text("Approved.")
    await expect(page.locator(TEXT)).to_have_text("message 1")
    assert await site.world.count("pending_judgements") == 1

    await site.world.db.hot.execute(
        "UPDATE assignments SET lease_until = now() - interval '1 s' WHERE given_fence IS NULL AND ahead_fence IS NULL"
    )
    await page.keyboard.press("r")
    await expect(page.locator("#lost")).to_be_visible()
    await expect(page.locator(TEXT)).to_have_text("message 1")
    assert await site.world.count("pending_judgements") == 1


async def test_one_key_pressed_twice_judges_one_item_and_leaving_the_page_gives_the_next_back(
    site: Site, page: Page
) -> None:
    await start(site, page)
    async with prepared(page):
        await page.evaluate(TWICE)
        await expect(page.locator(OUTCOME)).to_have_text("Approved.")
    await expect(page.locator(TEXT)).to_have_text("message 1")
    assert await site.world.count("pending_judgements") == 1
    assert await site.world.count("assignments", state="held") == 3, "judged, in hand, and ahead"
    await page.goto(f"{site.url}/p/support")
    async with asyncio.timeout(10):
        while await site.world.count("assignments", state="held") == 3:
            await asyncio.sleep(0.01)
    await page.get_by_role("link", name="Go on with it").click()
    await expect(page.locator(TEXT)).to_have_text("message 1")
    await expect(page.locator("#undo")).to_be_visible()
