"""Clocks in the browser: they go while the place is open, stand while it is closed, and say when that changes."""

import re
from datetime import UTC, datetime, timedelta

import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import Site

OPENS = datetime(2026, 11, 20, 9, tzinfo=UTC)  # a Friday
CLOCK = "time[data-clock=due]"


def seconds(at: datetime) -> int:
    return int(at.timestamp())


async def set_clock(page: Page, left: timedelta, *periods: tuple[datetime, datetime]) -> None:
    """Give the styleguide's first clock, which counts by hours, other hours."""
    spans = str([[seconds(begin), seconds(end)] for begin, end in periods])
    await page.evaluate(
        "([left, open]) => { const it = document.querySelector('time[data-open]');"
        " it.dataset.left = left; it.dataset.open = open; it.dataset.soon = 900; }",
        [str(int(left.total_seconds())), spans],
    )
    await page.clock.run_for(15_000)


@pytest_asyncio.fixture(loop_scope="session")
async def berlin(browser: Browser) -> Page:
    """A page whose reader is in Berlin, an hour ahead of UTC in winter, at 16:00 on a Friday."""
    context = await browser.new_context(timezone_id="Europe/Berlin", locale="en-GB")
    page = await context.new_page()
    await page.clock.install(time=OPENS + timedelta(hours=6))
    return page


async def test_a_clock_goes_while_the_place_is_open_and_stands_while_it_is_closed(site: Site, berlin: Page) -> None:
    await berlin.goto(f"{site.url}/styleguide")
    now, ends = OPENS + timedelta(hours=6), OPENS + timedelta(hours=7, minutes=30)  # 17:30 in Berlin
    monday = OPENS + timedelta(days=2, hours=23)
    await set_clock(berlin, timedelta(hours=2), (now, ends), (monday, monday + timedelta(hours=8)))
    clock = berlin.locator("time[data-open]").first
    note = clock.locator("+ small")
    await expect(clock).to_have_text("due in 1 h 59 min")
    await expect(note).to_have_text("clock stops Fri 17:30–Mon 09:00")
    await berlin.clock.run_for("01:00:00")
    await expect(clock).to_have_text("due in 59 min")
    await berlin.clock.run_for("00:45:00")
    await expect(clock).to_have_text("due in 30 min")
    await expect(note).to_have_text("stopped until Mon 09:00")
    await berlin.clock.fast_forward("24:00:00")
    await berlin.clock.run_for(15_000)
    await expect(clock).to_have_text("due in 30 min")
    await expect(clock).to_have_class("tone plain")
    await berlin.clock.set_system_time(monday + timedelta(minutes=20))
    await berlin.clock.run_for(15_000)
    await expect(clock).to_have_text("due soon: 9 min")
    await expect(note).to_have_text("")
    await berlin.clock.run_for("00:30:00")
    await expect(clock).to_have_text(re.compile(r"overdue by 2\d min"))
    await expect(clock).to_have_class("tone bad")


async def test_a_clock_that_stops_for_lunch_names_no_day(site: Site, berlin: Page) -> None:
    await berlin.goto(f"{site.url}/styleguide")
    now = OPENS + timedelta(hours=6)
    later = now + timedelta(hours=1, minutes=30)
    await set_clock(berlin, timedelta(hours=5), (now, now + timedelta(hours=1)), (later, later + timedelta(hours=8)))
    await expect(berlin.locator("time[data-open] + small").first).to_have_text("clock stops 17:00–17:30")


async def test_a_paused_clock_is_left_alone(site: Site, berlin: Page) -> None:
    await berlin.goto(f"{site.url}/styleguide")
    await berlin.clock.run_for("03:00:00")
    await expect(berlin.locator("time.paused")).to_have_text("paused, 2 h 5 min left")
    await expect(berlin.locator("time.paused + small")).to_contain_text("waiting for the customer")


async def test_without_script_the_words_of_the_server_stand(site: Site, browser: Browser) -> None:
    await site.world.submit()
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await site.sign_in(page, "/p/support/pools/triage")
    await expect(page.locator(CLOCK)).to_have_text("due in 3 h 59 min")
    await context.close()


async def test_words_that_change_move_nothing(site: Site, berlin: Page) -> None:
    await berlin.goto(f"{site.url}/styleguide")
    row = berlin.locator(".clock").first
    before = await row.bounding_box()
    now = OPENS + timedelta(hours=6)
    await set_clock(berlin, timedelta(minutes=50), (now, now + timedelta(hours=8)))
    after = await row.bounding_box()
    assert before is not None
    assert after is not None
    assert (before["y"], before["height"]) == (after["y"], after["height"])
