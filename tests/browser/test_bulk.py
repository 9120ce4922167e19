"""Issue 5, bulk, by keyboard alone: select, act, preview, give the reason, take it back, and follow it to its end."""

import socket
from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest_asyncio
from playwright.async_api import Page, expect

from review.kernel.settings import Settings
from tests.browser.conftest import Site, open_site
from tests.bulk.acts import submitted, work
from tests.make import World


@pytest_asyncio.fixture(loop_scope="session")
async def site(world: World, settings: Settings, ports: dict[str, socket.socket]) -> AsyncIterator[Site]:
    """A server where an act counts after a second; no worker runs, so it can be taken back until one is asked to."""
    async with open_site(world, msgspec.structs.replace(settings, bulk_grace=timedelta(seconds=1)), ports) as opened:
        yield opened


async def begin(page: Page, key: str, reason: str) -> None:
    """Preview by key what is selected, say why, and start it."""
    await page.keyboard.press(key)
    await expect(page.get_by_label("Why")).to_be_focused()
    await page.keyboard.type(reason)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Nothing is done yet")).to_be_visible()


async def test_many_are_judged_and_taken_back_without_a_mouse(site: Site, page: Page) -> None:
    ids = await submitted(site.world, 3)
    await site.sign_in(page, "/p/support/pools/triage")
    told = page.locator("[data-selected]")
    await expect(told).to_have_text("Nothing selected")
    await expect(page.get_by_role("button", name="Reject…")).to_be_disabled()
    await page.keyboard.press("x")
    await expect(page.get_by_label("Select message 1")).to_be_focused()
    await page.keyboard.press("x")
    await expect(told).to_have_text("2 selected")
    await begin(page, "r", "a test batch")
    await page.keyboard.press("u")
    await expect(page.get_by_role("heading", name="Taken back")).to_be_visible()
    assert await work(site.world) == 0

    await page.goto(f"{site.url}/p/support/pools/triage")
    await expect(told).to_have_text("Nothing selected")
    await page.keyboard.press("Shift+X")
    await expect(told).to_have_text("Everything that matches is selected")
    await begin(page, "a", "all in order")
    await expect(page.get_by_role("heading", name="Approve 3 items")).to_be_visible()
    async with site.world.db.transaction() as tx:  # as a worker in the middle of it
        connection = await tx.connection()
        await connection.exec_driver_sql(
            "UPDATE bulk_acts SET state = 'running', counts_at = now() WHERE state = 'waiting'"
        )
    await expect(page.get_by_role("progressbar")).to_have_attribute("value", "0")
    await page.get_by_role("button", name="Stop the rest").focus()
    await page.evaluate("document.querySelector('#bulk-act').dataset.old = ''")
    await expect(page.locator("#bulk-act:not([data-old])")).to_be_visible()  # it asks again while the act goes on
    await expect(page.get_by_role("button", name="Stop the rest")).to_be_focused()
    assert await work(site.world) == len(ids)
    await expect(page.get_by_role("heading", name="Done to all 3")).to_be_visible()
    assert await site.verdicts() == ["approve"] * 3
