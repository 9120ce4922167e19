"""A version seen on history: from the plan to a backtest, whose page comes to its end by itself."""

from playwright.async_api import Page, expect

from review.identity.rules import Role
from review.rehearsal import running
from tests.browser.conftest import Site
from tests.make import PASSWORD
from tests.rehearsal.worlds import LOOSER, NOTHING, arrivals, propose


async def test_a_backtest_shows_how_far_it_is_and_then_what_it_found(site: Site, page: Page) -> None:
    await arrivals(site.world)
    to = await propose(site.world, LOOSER)
    await site.world.add_person("ada", Role.ADMIN, password=PASSWORD)
    site.email = "ada@example.com"
    await site.sign_in(page, f"/p/support/rules/plan/{to}?compare=1&minutes=4&cost=38")
    await expect(page.get_by_role("img", name="Where items went")).to_be_visible()
    slipped = page.get_by_role("row", name="A correction would have slipped through")
    await slipped.locator("summary").click()
    example = await slipped.get_by_role("link").get_attribute("href")
    await page.get_by_role("button", name="Try it on all items").click()
    await page.wait_for_load_state()
    await expect(page.get_by_role("heading", name="Under way")).to_be_visible()
    await expect(page.get_by_role("button", name="Stop")).to_be_visible()
    await running.advance(site.world.db, site.world.configs, NOTHING)
    await expect(page.get_by_role("heading", name="3 of 7 items would go elsewhere")).to_be_visible()
    await slipped.locator("summary").click()
    await slipped.get_by_role("link").click()
    assert example is not None
    await page.wait_for_url(f"**{example}")
