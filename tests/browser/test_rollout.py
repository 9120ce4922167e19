"""A candidate begun from its version's page, let live, and taken back by one button."""

from playwright.async_api import Page, expect

from review.identity.rules import Role
from tests.browser.conftest import Site
from tests.make import PASSWORD
from tests.rehearsal.worlds import LOOSER, propose
from tests.rollout.scenes import follow, submit


async def test_a_rollout_is_begun_goes_live_and_is_rolled_back(site: Site, page: Page) -> None:
    to = await propose(site.world, LOOSER)
    await site.world.add_person("ada", Role.ADMIN, password=PASSWORD)
    site.email = "ada@example.com"
    await site.sign_in(page, f"/p/support/rules/{to}")
    await page.get_by_role("button", name="Begin the rollout").click()
    await page.wait_for_load_state()
    await expect(page.get_by_text("in the shadow", exact=True)).to_be_visible()
    await submit(site.world, 3, confidence=0.6)
    await follow(site.world)
    await page.reload()
    await expect(page.get_by_role("img", name="Where items went")).to_be_visible()
    await page.get_by_label("Share of new items, in %").fill("5")
    await page.get_by_label("How it widens").fill("25% after 1d, 100% after 3d")
    await page.get_by_label("of what its rules decided, people found wrong").fill("5")
    await page.get_by_role("button", name="Go live").click()
    await expect(page.get_by_text("It routes 5 % of the new items.")).to_be_visible()
    await expect(page.get_by_role("row", name="of what its rules decided, people found wrong")).to_be_visible()
    await page.get_by_label("Why", exact=True).fill("too much slips through")
    await page.get_by_role("button", name="Roll back").click()
    await expect(page.get_by_text("Rolled back. New items go by the active version from now on.")).to_be_visible()
    await expect(page.get_by_role("button", name="Roll back")).to_have_count(0)
