"""G11: what a first visit weighs, and how soon keys work in it on a slow phone with a slow line."""

import shutil
from contextlib import AsyncExitStack
from time import perf_counter
from typing import Any

from playwright.async_api import Browser, CDPSession, Page, async_playwright

from benchmarks.rounds import Effort
from benchmarks.rows import pages
from benchmarks.stage import Stage
from benchmarks.table import Line

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ITEMS = 200
FIRST_VISIT_BYTES = 100_000
SLOWER = 6  # times, by Chromium's own brake on its processor
SLOW_LINE = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
KEYS_WORK = "() => document.readyState === 'complete' && 'keys' in (globalThis.countersign ?? {})"


class Wire:
    """What came over the line, heads and bodies, and how many requests."""

    def __init__(self) -> None:
        self.bytes = 0
        self.requests = 0

    async def tap(self, devtools: CDPSession) -> None:
        """Count what loads from here on."""
        devtools.on("Network.loadingFinished", self._finished)
        await devtools.send("Network.enable")

    def _finished(self, told: dict[str, Any]) -> None:
        size = int(told["encodedDataLength"])
        self.bytes += size
        self.requests += size > 0  # what the browser had kept comes with nothing


async def measure(stage: Stage, effort: Effort) -> list[Line]:
    """Sign in, go home, list the pool, take an item: with an empty cache, then again, then on a slow phone."""
    async with AsyncExitStack() as opened:
        reviewer = await pages.reviewer(stage, opened, ITEMS, effort.seconds)
        playwright = await opened.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        lines = await _weigh(browser, reviewer.url)
        times = [await _phone(browser, reviewer.url) for _ in range(effort.pairs)]
        await browser.close()
    phone = Line(
        goal="G11",
        what="an item in hand on a slow phone, empty cache",
        against="from the address to keys that work",
        values=tuple(times),
        bound=None,
        unit=" s",
        seen=f"processor {SLOWER} times slower, 400 ms there and back, 400 kbit/s",
    )
    return [*lines, phone]


async def _weigh(browser: Browser, url: str) -> list[Line]:
    """Count a visit with an empty cache, and the next one."""
    context = await browser.new_context()
    page = await context.new_page()
    wire = Wire()
    await wire.tap(await context.new_cdp_session(page))
    lines: list[Line] = []
    for visit, bound in (("first", FIRST_VISIT_BYTES), ("second", None)):
        wire.bytes = wire.requests = 0
        if bound:
            await sign_in(page, url)
        for path in (pages.HOME, pages.POOL):
            await page.goto(url + path)
        await page.get_by_role("button", name="Take the next").first.click()
        await page.locator("#desk[data-assignment]").wait_for()
        await page.wait_for_load_state("networkidle")
        lines.append(
            Line(
                goal="G11",
                what=f"{visit} visit: home, pool and an item in hand" + (", with signing in" if bound else ""),
                against="counted over the wire",
                values=(wire.bytes,),
                bound=bound,
                at_most=True,
                unit=" bytes",
                seen=f"{wire.requests} requests",
            )
        )
    await context.close()
    return lines


async def _phone(browser: Browser, url: str) -> float:
    """Give the seconds until keys work on the page of the item in hand, which a phone opens for the first time."""
    context = await browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = await context.new_page()
    await sign_in(page, url)
    await page.get_by_role("button", name="Take the next").first.click()
    await page.locator("#desk[data-assignment]").wait_for()
    here = page.url
    devtools = await context.new_cdp_session(page)
    await devtools.send("Network.enable")
    await devtools.send("Network.clearBrowserCache")
    await devtools.send("Network.emulateNetworkConditions", SLOW_LINE)
    await devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    began = perf_counter()
    await page.goto(here, wait_until="commit", timeout=120_000)
    await page.wait_for_function(KEYS_WORK, timeout=120_000)
    took = perf_counter() - began
    await context.close()
    return took


async def sign_in(page: Page, url: str) -> None:
    """Come in through the front door."""
    await page.goto(f"{url}/sign-in")
    await page.get_by_label("E-mail").fill(pages.READER)
    await page.get_by_label("Password").fill(pages.PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(f"{url}{pages.HOME}")
