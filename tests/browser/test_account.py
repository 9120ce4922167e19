"""The account page in a real browser: what a person sees and does there, with and without script."""

import pytest
from playwright.async_api import Browser, Page

from review.identity.accounts import Door
from review.kernel.sealing import Sealer
from tests.browser.conftest import Site
from tests.identity.test_accounts import code_now
from tests.make import PASSWORD

NEW = "a much longer secret"


async def test_a_person_sets_up_a_second_factor_and_signs_in_with_it(page: Page, site: Site) -> None:
    door = Door(site.world.db, Sealer(()), site.world.settings.session_lifetime)
    await site.sign_in(page)
    await page.get_by_role("link", name="nora", exact=True).click()
    await page.get_by_role("heading", name="Your account").wait_for()
    await page.locator("#present-begin").fill(PASSWORD)
    await page.get_by_role("button", name="Set one up").click()
    await page.get_by_label("Code").fill(await code_now(door))
    await page.get_by_role("button", name="Turn it on").click()
    await page.get_by_role("heading", name="Your recovery codes").wait_for()
    await page.get_by_role("link", name="I have kept them").click()
    await page.get_by_role("button", name="Sign out", exact=True).click()
    await page.wait_for_url("**/sign-in")
    await site.come_in(page)
    await page.get_by_label("Code").fill(await code_now(door, 1))
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("heading", name="What waits for you").wait_for()


@pytest.mark.parametrize("width", [1440, 390])
async def test_every_form_works_without_script_and_fits_the_screen(browser: Browser, site: Site, width: int) -> None:
    context = await browser.new_context(java_script_enabled=False, viewport={"width": width, "height": 844})
    page, other = await context.new_page(), await (await browser.new_context()).new_page()
    for each in (other, page):
        await site.sign_in(each)
        await each.get_by_role("heading", name="What waits for you").wait_for()
    await page.goto(f"{site.url}/account")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await page.get_by_text("Signed in on 2 devices").is_visible()
    await page.get_by_label("Present password").first.fill(PASSWORD)
    await page.get_by_label("New password").fill(NEW)
    await page.get_by_label("The same again").fill(NEW)
    await page.get_by_role("button", name="Change it").click()
    await page.get_by_text("Your new password holds").wait_for()
    assert await page.get_by_text("Signed in on 1 device", exact=True).is_visible()
    await other.goto(f"{site.url}/account")
    assert await other.get_by_role("heading", name="Sign in").is_visible()
    await page.get_by_role("button", name="Sign out everywhere", exact=True).click()
    await page.get_by_text("You are signed out everywhere.").wait_for()
    await context.close()
