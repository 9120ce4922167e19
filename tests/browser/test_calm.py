"""Keys, the palette and preferences in a real browser."""

from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import Site

TEXT = ".evidence .text"


async def choose(page: Page, site: Site, **keys: str) -> None:
    """Choose keys of one's own on the page of preferences."""
    await page.goto(f"{site.url}/preferences")
    for name, key in keys.items():
        await page.locator(f"#key-{name}").fill(key)
    await page.get_by_role("button", name="Keep my preferences").click()
    await expect(page.get_by_role("status")).to_contain_text("Kept.")


async def test_the_list_of_keys_says_what_works_on_this_page(site: Site, page: Page) -> None:
    await site.world.submit(text="only one")
    await site.sign_in(page)
    await page.wait_for_url("**/p/support")
    await page.wait_for_load_state()
    await page.keyboard.press("?")
    listed = page.locator("#help dl")
    await expect(listed.first).to_contain_text("Go to Queue")
    await expect(listed.first).not_to_contain_text("Approve")
    await expect(listed.first).not_to_contain_text("Audit")
    await page.keyboard.press("?")
    await expect(page.locator("#help")).to_be_hidden()
    await site.take_next(page)
    await page.keyboard.press("?")
    for said in ("Approve", "Correct", "Reject", "Skip", "Escalate", "Take that choice"):
        await expect(listed.first).to_contain_text(said)


async def test_g_and_a_letter_lead_to_a_page_and_never_while_typing(site: Site, page: Page) -> None:
    await site.sign_in(page)
    await page.wait_for_url("**/p/support")
    await page.wait_for_load_state()
    await page.keyboard.press("g")
    await page.keyboard.press("d")
    await page.wait_for_url("**/p/support/due")
    await page.goto(f"{site.url}/p/support/find")
    await expect(page.locator("#q")).to_be_focused()
    await page.keyboard.type("gq?")
    assert await page.locator("#q").input_value() == "gq?"
    await expect(page.locator("#help")).to_be_hidden()
    await page.keyboard.press("Escape")
    await page.keyboard.press("g")
    await page.keyboard.press("q")
    await page.wait_for_url("**/p/support")


async def test_somebody_works_by_keys_of_their_own(site: Site, page: Page) -> None:
    for number in range(2):
        await site.world.submit(text=f"message {number}")
    await site.sign_in(page)
    await page.wait_for_url("**/p/support")
    await choose(page, site, a="y")
    await site.take_next(page)
    await expect(page.locator("#approve kbd")).to_have_text("Y")
    await page.keyboard.press("a")
    assert await site.verdicts() == []
    await page.keyboard.press("y")
    await expect(page.locator(TEXT)).to_have_text("message 1")
    await expect(page.locator("#outcome")).to_have_text("Approved.")
    assert await site.verdicts() == ["approve"]


async def test_single_keys_can_be_turned_off(site: Site, page: Page) -> None:
    """WCAG 2.2, 2.1.4: what is said to a computer that listens presses no key."""
    await site.world.submit(text="only one")
    await site.sign_in(page)
    await page.wait_for_url("**/p/support")
    await page.goto(f"{site.url}/preferences")
    await page.get_by_label("Single keys do what their buttons do").uncheck()
    await page.get_by_role("button", name="Keep my preferences").click()
    await expect(page.get_by_role("status")).to_contain_text("Kept.")
    await site.take_next(page)
    await expect(page.locator("#approve kbd")).to_be_hidden()
    for key in ("a", "r", "1", "?"):
        await page.keyboard.press(key)
    await expect(page.locator("#help")).to_be_hidden()
    assert await page.locator(".field.changed").count() == 0
    assert await site.verdicts() == []
    await page.get_by_role("button", name="Approve").click()
    await expect(page.get_by_role("heading", name="Nothing waits in triage")).to_be_visible()


async def test_the_palette_finds_items_pages_and_what_the_page_can_do(site: Site, page: Page) -> None:
    for number in range(2):
        await site.world.submit(text=f"message {number}", external_id=f"msg-{number}", subject=f"customer-{number}")
    await site.sign_in(page)
    await page.wait_for_url("**/p/support")
    await page.wait_for_load_state()
    await page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Find or do")
    await expect(field).to_be_focused()
    await page.keyboard.type("customer-1")
    option = page.get_by_role("option", name="msg-1, customer-1")
    await expect(option).to_have_attribute("aria-selected", "true")
    assert await field.get_attribute("aria-activedescendant") == await option.get_attribute("id")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/items/*")

    await site.take_next(page)
    await page.get_by_role("link", name="Find or do").click()
    await page.keyboard.type("reject")
    await expect(page.get_by_role("option", name="Reject")).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Enter")
    await expect(page.locator(TEXT)).to_have_text("message 1")
    await expect(page.locator("#outcome")).to_have_text("Rejected.")
    assert await site.verdicts() == ["reject"]

    await page.keyboard.press("Control+k")
    await page.keyboard.type("due")
    await page.get_by_role("option", name="Due soon").click()
    await page.wait_for_url("**/due")
    await page.keyboard.press("Control+k")
    await expect(page.locator("#palette")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#palette")).to_be_hidden()


async def test_finding_works_without_script(site: Site, browser: Browser) -> None:
    await site.world.submit(text="only one", external_id="msg-7")
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await site.sign_in(page, "/p/support")
    await page.get_by_role("link", name="Find or do").click()
    await page.get_by_label("What are you looking for?").fill("msg")
    await page.get_by_role("button", name="Find it").click()
    await page.locator("#found").get_by_role("link", name="msg-7").click()
    await page.wait_for_url("**/items/*")
    await context.close()


async def test_the_browser_tells_its_zone_and_pages_are_written_in_it(site: Site, browser: Browser) -> None:
    context = await browser.new_context(timezone_id="Asia/Tokyo")
    page = await context.new_page()
    await site.come_in(page, "/account")
    written = page.locator("time[datetime]").first
    await expect(written).to_contain_text("JST")
    await expect(written).to_have_attribute("title", await title_of(page))
    await context.close()


async def title_of(page: Page) -> str:
    """Give the exact moment that the first time on the page names, in UTC."""
    stamp = await page.locator("time[datetime]").first.get_attribute("datetime") or ""
    return stamp.replace("T", " ").replace("Z", " UTC")
