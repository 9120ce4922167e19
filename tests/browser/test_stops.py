"""The two switches of an incident: a stop, with its banner and its end, and going back to an earlier version."""

from playwright.async_api import Page, expect

from review.identity.rules import Role
from tests.browser.conftest import Site
from tests.make import PASSWORD
from tests.rehearsal.worlds import LOOSER, apply


async def test_a_stop_is_two_clicks_from_a_page_stands_on_every_page_and_is_resumed(site: Site, page: Page) -> None:
    """Issue 6.7."""
    item = (await site.world.submit(confidence=0.95)).item.id
    await site.world.add_person("lou", Role.LEAD, password=PASSWORD)
    site.email = "lou@example.com"
    await site.sign_in(page, f"/p/support/items/{item}")
    await page.get_by_role("link", name="Stops", exact=True).click()
    await page.get_by_role("button", name="Rule rest").click()
    await expect(page.get_by_role("heading", name="rest", exact=True)).to_be_visible()
    await expect(page.get_by_text("is stopped: nothing of it is let through by rule")).to_be_visible()
    await page.goto(f"{site.url}/p/support/stops?item={item}")
    await page.get_by_label("What becomes of it meanwhile").select_option("hold")
    await page.get_by_label("Why", exact=True).fill("labels are wrong since noon")
    await page.get_by_role("button", name="Stop it now").click()
    await expect(page.get_by_role("heading", name="ticket_intent")).to_be_visible()
    await page.goto(f"{site.url}/p/support/items/{item}")
    banner = page.get_by_role("complementary", name="Stops")
    await expect(banner).to_contain_text("Item type ticket_intent is stopped: nothing of it is decided by rule")
    await banner.get_by_role("link", name="See the stops").click()
    for stopped in ("ticket_intent", "rest"):
        section = page.get_by_role("region", name=stopped, exact=True)
        await section.get_by_label("Why may it run again?").fill("mended")
        await section.get_by_role("button", name=f"Resume {stopped}").click()
    await expect(page.get_by_text("Nothing is stopped.")).to_be_visible()
    await page.goto(f"{site.url}/p/support/items/{item}")
    await expect(banner).to_have_count(0)


async def test_going_back_to_an_earlier_version_is_itself_a_version(site: Site, page: Page) -> None:
    """Issue 6.1."""
    await apply(site.world, LOOSER)
    await site.world.add_person("ada", Role.ADMIN, password=PASSWORD)
    site.email = "ada@example.com"
    await site.sign_in(page, "/p/support/rules")
    await page.get_by_role("link", name="Version 1", exact=True).click()
    await page.get_by_label("Why").fill("the looser one let too much through")
    await page.get_by_role("button", name="Go back to this version").click()
    await page.wait_for_url("**/rules/3**")
    await page.get_by_role("link", name="Rules", exact=True).click()
    row = page.get_by_role("row").filter(has_text="the looser one let too much through")
    await expect(row).to_contain_text("active")
