"""The audit page in a browser: searched by its form, read without leaving it."""

import os

from playwright.async_api import Page, expect

from review.identity.rules import Role
from tests.audit.logs import advance
from tests.browser.conftest import Site
from tests.make import PASSWORD


async def test_an_auditor_finds_an_act_and_reads_its_particulars(site: Site, page: Page) -> None:
    world = site.world
    await world.add_person("max", Role.AUDITOR, password=PASSWORD)
    await world.submit("where is my card")
    (held,) = await world.claim("ana")
    await world.judge("ana", held, "correct", {"label": "refund"}, comment="surely a refund")
    await advance(world)
    site.email = "max@example.com"
    await site.sign_in(page, "/p/support/audit")
    await expect(page.get_by_text("The newest checkpoint vouches for")).to_be_visible()
    if shots := os.environ.get("SHOTS"):
        await page.screenshot(path=f"{shots}/audit.png", full_page=True)
        await page.set_viewport_size({"width": 390, "height": 800})
        await page.screenshot(path=f"{shots}/audit-phone.png")
        await page.set_viewport_size({"width": 1440, "height": 900})
    await page.get_by_label("What", exact=True).select_option("review.submitted")
    await page.get_by_label("With the words").fill("surely")
    await page.get_by_role("button", name="Search").click()
    rows = page.locator("tbody tr")
    await expect(rows).to_have_count(1)
    assert "action=review.submitted" in page.url
    await rows.locator("summary").click()
    await expect(rows.get_by_text('"comment": "surely a refund"')).to_be_visible()
    if shots:
        await page.screenshot(path=f"{shots}/audit-found.png", full_page=True)
    await page.get_by_role("link", name="Show everything").click()
    await expect(page.get_by_role("button", name="Search")).to_be_visible()
    assert page.url.endswith("/p/support/audit")
