"""Issue 5, flow, in the browser and by keyboard: the verdict paints the next item itself, and Undo brings the last back."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, Response, Route, expect

from review.kernel.db import Database
from review.kernel.settings import Settings
from review.reviewing import pending
from tests.browser.conftest import Site
from tests.make import CONFIG, World
from tests.reviewing.test_pending import OVER, bench

TEXT = ".evidence .text"
OUTCOME = "#outcome"
REVIEW = re.compile(r"/review$")
# What moved on the page since this was started, also what a key just pressed would excuse; and the frame in which the
# text of the next item was painted.
WATCH = """() => {
  globalThis.moved = 0;
  new PerformanceObserver((list) => { for (const each of list.getEntries()) globalThis.moved += each.value; })
    .observe({ type: "layout-shift", buffered: false });
}"""


@pytest.fixture
async def world(db: Database, settings: Settings) -> World:
    """A project in which verdicts may be taken back for a minute, so that no test is a race."""
    return await World.build(db, settings, source=CONFIG.replace("undo: 0s", "undo: 1m").format(project="support"))


def _is_ahead(answer: Response) -> bool:
    return answer.url.endswith("/ahead")


@asynccontextmanager
async def prepared(page: Page) -> AsyncIterator[None]:
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
    await page.keyboard.press("r")
    await expect(page.locator(TEXT)).to_have_text("message 1")
    await expect(page.locator(OUTCOME)).to_have_text("Rejected.")
    await settle(site.world)
    assert await site.verdicts() == ["reject"]
    assert await page.evaluate("moved") == 0
    print(await page.evaluate("document.querySelector('#rest').outerHTML"))
    await page.screenshot(path="/tmp/flow.png")
