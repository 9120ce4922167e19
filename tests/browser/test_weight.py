"""Issue 5: what a first visit, from the sign-in to an item in hand, and the visits after it cost over the wire."""

from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Page

from tests.browser.conftest import Site

FIRST_VISIT_BYTES = 100_000
LATER_BYTES = 60_000


@dataclass
class Wire:
    """What came over it, heads and bodies as they were sent; what the browser had kept did not come."""

    requests: list[str] = field(default_factory=list)
    bytes: int = 0

    async def tap(self, page: Page) -> None:
        """Count from here on."""
        devtools = await page.context.new_cdp_session(page)
        devtools.on("Network.requestServedFromCache", lambda told: self.requests.remove(told["requestId"]))
        devtools.on("Network.requestWillBeSent", lambda told: self.requests.append(told["requestId"]))
        devtools.on("Network.loadingFinished", self._finished)
        await devtools.send("Network.enable")

    def _finished(self, told: dict[str, Any]) -> None:
        self.bytes += int(told["encodedDataLength"])

    def reset(self) -> None:
        self.requests.clear()
        self.bytes = 0


async def test_a_first_visit_weighs_less_than_a_hundred_kilobytes_and_a_later_one_brings_only_pages(
    site: Site, page: Page
) -> None:
    for number in range(30):
        await site.world.submit(text=f"message {number}. " + "Where is my card? " * 20)
    wire = Wire()
    await wire.tap(page)
    await site.come_in(page, "/p/support")
    await page.goto(f"{site.url}/p/support/pools/triage")
    await site.take_next(page)
    await page.wait_for_load_state("networkidle")
    assert 0 < wire.bytes < FIRST_VISIT_BYTES, wire
    first, requests = wire.bytes, len(wire.requests)
    wire.reset()
    for path in ("/p/support", "/p/support/pools/triage"):
        await page.goto(site.url + path)
    await site.take_next(page)
    await page.wait_for_load_state("networkidle")
    assert 0 < wire.bytes < min(LATER_BYTES, first), wire
    assert len(wire.requests) < requests
