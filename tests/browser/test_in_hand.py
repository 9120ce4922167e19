"""Issue 5, flow, in the browser and by keyboard: put aside, pin, send back; and nothing typed is ever lost."""

from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import Site

TEXT = ".evidence .text"
LAPSE = "UPDATE assignments SET lease_until = now() - interval '1 second' WHERE state = 'held'"


async def start(site: Site, page: Page, items: int = 2) -> None:
    for number in range(items):
        await site.world.submit(text=f"message {number}")
    await site.sign_in(page)
    await site.take_next(page)


async def test_an_item_is_put_aside_by_key_and_taken_up_from_the_pools_page(site: Site, page: Page) -> None:
    await start(site, page)
    await page.keyboard.press("z")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator(TEXT)).to_have_text("message 1")
    await expect(page.locator("#outcome")).to_contain_text("Put aside.")
    await page.goto(f"{site.url}/p/support")
    await expect(page.get_by_role("heading", name="Put aside")).to_be_visible()
    await page.get_by_role("button", name="Take it now").click()
    await expect(page.locator(TEXT)).to_have_text("message 0")


async def test_pinned_items_are_tabs_that_lead_back(site: Site, page: Page) -> None:
    await start(site, page)
    await page.keyboard.press("p")
    await expect(page.locator(TEXT)).to_have_text("message 1")
    await page.get_by_role("link", name="message 0").click()
    await expect(page.locator(TEXT)).to_have_text("message 0")
    await expect(page.locator(".also a")).to_have_count(2)


async def test_sending_back_by_key_gives_it_to_who_had_it_before(site: Site, page: Page) -> None:
    await site.world.submit(text="message 0")
    (held,) = await site.world.claim("ana")
    await site.world.db.hot.execute(LAPSE)
    await site.world.db.hot.execute("DELETE FROM case_reviewers")
    await site.world.db.hot.execute("UPDATE assignments SET state = 'open', holder_id = NULL, lease_until = NULL")
    await site.sign_in(page)
    await site.take_next(page)
    await page.keyboard.press("b")
    await page.keyboard.type("look at the date")
    await page.get_by_role("button", name="Send it back", exact=True).click()
    await expect(page.get_by_role("heading", name="Nothing waits in triage")).to_be_visible()
    row = await site.world.db.hot.fetchrow("SELECT holder_id, id FROM assignments")
    assert row is not None
    assert (row["holder_id"], row["id"]) == (site.world.people["ana"].id, held.id)


async def test_a_draft_comes_back_on_another_device(site: Site, page: Page, browser: Browser) -> None:
    await start(site, page, 1)
    await page.get_by_label("Note", exact=True).or_(page.locator("#comment")).first.fill("half a thought")
    await expect(page.locator("#saved")).to_have_text("Draft saved")
    context = await browser.new_context()
    other = await context.new_page()
    await site.sign_in(other, page.url.removeprefix(site.url))
    await expect(other.locator("#offer")).to_contain_text("You wrote this before")
    await other.get_by_role("button", name="Use it").click()
    await expect(other.locator("#comment")).to_have_value("half a thought")
    await expect(other.locator("#offer")).to_have_count(0)
    await other.locator("#comment").fill("a whole thought")
    await expect(other.locator("#saved")).to_have_text("Draft saved")
    await page.locator("#comment").fill("half a thought more")
    await expect(page.locator("#overtaken")).to_be_visible()
    await context.close()


async def test_after_a_lost_lease_and_without_a_line_what_was_typed_stays(site: Site, page: Page) -> None:
    await start(site, page, 1)
    await page.locator("#comment").fill("half a thought")
    await expect(page.locator("#saved")).to_have_text("Draft saved")
    await page.context.set_offline(True)
    await expect(page.locator("#offline")).to_be_visible()
    await page.locator("#comment").fill("half a thought, offline")
    await page.context.set_offline(False)
    await expect(page.locator("#saved")).to_have_text("Draft saved")
    saved = await site.world.db.hot.fetchval("SELECT fields::text FROM drafts")
    assert "half a thought, offline" in saved


async def test_a_session_that_ends_is_said_and_everything_is_there_after_signing_in(site: Site, page: Page) -> None:
    await start(site, page, 1)
    await page.locator("#comment").fill("half a thought")
    await expect(page.locator("#saved")).to_have_text("Draft saved")
    await site.world.db.hot.execute("DELETE FROM sessions")
    await page.keyboard.press("Escape")
    await page.keyboard.press("a")
    await expect(page.locator("#signed-out")).to_contain_text("Your session has ended.")
    await expect(page.locator("#comment")).to_have_value("half a thought")
    await page.get_by_role("link", name="Sign in again").click()
    await page.get_by_label("E-mail").fill(site.email)
    await page.get_by_label("Password").fill("correct horse battery")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("#comment")).to_have_value("half a thought")
