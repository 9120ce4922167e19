"""Keys and people in a real browser: making, rotating and ending a token, and giving somebody another role."""

import re

from playwright.async_api import Page, expect

from review.identity.rules import KEY_FORM, Role
from tests.browser.conftest import Site
from tests.make import PASSWORD


async def test_a_token_is_made_rotated_and_ended(site: Site, page: Page) -> None:
    await site.sign_in(page, "/p/support/keys")
    await page.get_by_label("Name", exact=True).fill("laptop")
    await page.get_by_text("Narrow what it may do").click()
    await page.get_by_text("items:read", exact=True).click()
    await page.get_by_role("button", name="Make a token").click()
    secret = await page.locator("code.command").inner_text()
    assert re.fullmatch(KEY_FORM, secret)
    await expect(page.get_by_text("reviewer, only items:read")).to_be_visible()
    await page.get_by_text("Rotate laptop").click()
    await page.get_by_role("button", name="Rotate").click()
    await expect(page.locator("code.command")).not_to_have_text(secret)
    await expect(page.get_by_text("counts on until")).to_be_visible()
    assert secret not in await page.content()
    await page.goto(f"{site.url}/p/support/keys")
    await page.get_by_text("End it now laptop").first.click()
    await page.locator("details[open]").get_by_role("button", name="End it").click()
    await expect(page.get_by_text("It has ended.")).to_be_visible()


async def test_somebody_gets_another_role_and_pools(site: Site, page: Page) -> None:
    await site.world.add_person("ada", Role.ADMIN, password=PASSWORD)
    site.email = "ada@example.com"
    await site.sign_in(page, "/p/support/people")
    ben = page.get_by_role("region", name="ben ben@example.com")
    await ben.get_by_text("Change").click()
    await ben.get_by_label("Role").select_option("lead")
    await ben.get_by_text("seniors", exact=True).click()
    await ben.get_by_role("button", name="Keep this").click()
    await expect(page.get_by_text("It counts from their next request on.")).to_be_visible()
    await expect(ben.get_by_text("seniors, triage")).to_be_visible()


async def test_seldom_used_pages_stand_in_a_menu_and_the_top_row_stays_one_line(site: Site, page: Page) -> None:
    await site.world.add_person("ada", Role.ADMIN, password=PASSWORD)
    site.email = "ada@example.com"
    await page.set_viewport_size({"width": 1280, "height": 800})
    await site.sign_in(page, "/p/support/pools/triage")
    await page.wait_for_load_state()
    assert await page.evaluate("document.querySelector('.top').offsetHeight") < 60
    more, people = page.locator(".top summary"), page.locator(".top a[href$='/people']")
    await expect(people).to_be_hidden()
    await more.press("Enter")
    await expect(people).to_be_visible()
    await people.press("Escape")
    await expect(people).to_be_hidden()
    await expect(more).to_be_focused()
    await more.press("Enter")
    await page.get_by_role("link", name="Find or do").focus()
    await expect(people).to_be_hidden()
    letter = await people.get_attribute("data-go")
    await page.keyboard.press("g")
    await page.keyboard.press(letter or "")
    await page.wait_for_url("**/p/support/people")
