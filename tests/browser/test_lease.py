"""The lease in the browser: kept while the page is open, clearly lost when it is lost, and nothing typed with it."""

from datetime import timedelta

from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import Site

LAPSE = "UPDATE assignments SET lease_until = now() - interval '1 second' WHERE state = 'held'"
LEFT = "SELECT lease_until - now() FROM assignments WHERE state = 'held'"


async def test_the_page_keeps_the_lease(site: Site, page: Page) -> None:
    await page.clock.install()
    await site.world.submit(text="only one")
    await site.sign_in(page)
    await site.take_next(page)
    await site.world.db.hot.execute("UPDATE assignments SET lease_until = now() + interval '1 minute'")
    async with page.expect_response(lambda response: response.url.endswith("/extend")) as beat:
        await page.clock.fast_forward("03:25")
    assert (await beat.value).ok
    assert await site.world.db.hot.fetchval(LEFT) > timedelta(minutes=9)
    await expect(page.locator("#lost")).to_be_hidden()


async def test_a_lost_lease_is_told_and_what_was_typed_stays(site: Site, page: Page) -> None:
    await page.clock.install()
    await site.world.submit(text="only one")
    await site.sign_in(page)
    await site.take_next(page)
    await page.get_by_label("Note").fill("half a thought")
    await site.world.db.hot.execute(LAPSE)
    await page.clock.fast_forward("03:25")
    await expect(page.locator("#lost")).to_contain_text("You no longer hold this item.")
    await expect(page.get_by_role("button", name="Approve")).to_be_disabled()
    await expect(page.get_by_label("Note")).to_have_value("half a thought")
    await page.keyboard.press("Escape")
    await page.keyboard.press("a")
    assert await site.verdicts() == []
    await page.get_by_role("link", name="Go to triage").click()
    await expect(page.get_by_role("heading", name="triage")).to_be_visible()


async def test_a_verdict_that_comes_too_late_is_refused_on_the_spot(site: Site, page: Page) -> None:
    await site.world.submit(text="only one")
    await site.sign_in(page)
    await site.take_next(page)
    await page.get_by_label("Note").fill("half a thought")
    await page.keyboard.press("Escape")
    await site.world.db.hot.execute(LAPSE)
    await page.keyboard.press("a")
    await expect(page.locator("#lost")).to_be_visible()
    await expect(page.get_by_label("Note")).to_have_value("half a thought")
    assert await site.verdicts() == []


async def test_without_script_a_late_verdict_shows_what_was_typed(site: Site, browser: Browser) -> None:
    await site.world.submit(text="only one")
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await site.sign_in(page, "/p/support")
    await page.get_by_role("button", name="Take the next of triage").click()
    await page.get_by_label("Note").fill("half a thought")
    await site.world.db.hot.execute(LAPSE)
    await page.get_by_role("button", name="Reject").click()
    await expect(page.get_by_role("heading", name="You no longer hold this item")).to_be_visible()
    await expect(page.get_by_text("half a thought")).to_be_visible()
    assert await site.verdicts() == []
    await context.close()


async def test_a_lost_connection_is_told_and_the_hold_taken_up_again(site: Site, page: Page) -> None:
    await page.clock.install()
    await site.world.submit(text="only one")
    await site.sign_in(page)
    await site.take_next(page)
    await page.route("**/extend", lambda route: route.fulfill(status=503))
    await page.clock.fast_forward("03:25")
    await expect(page.locator("#offline")).to_be_visible()
    await page.unroute("**/extend")
    await page.clock.fast_forward("00:11")
    await expect(page.locator("#offline")).to_be_hidden()
    await expect(page.locator("#lost")).to_be_hidden()
