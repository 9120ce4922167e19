"""Sensitive content in a real browser: hidden from eye and screen reader until asked for, with script and without."""

from playwright.async_api import Browser, Page, expect

from review.audit.rules import OPERATOR
from review.configuration import service as configuration
from tests.browser.conftest import Site
from tests.make import CONFIG

MARKED = CONFIG.format(project="support").replace("    reasons:", "    sensitive: all\n    reasons:")
WORN = "(it) => getComputedStyle(it).filter"


async def spoken(page: Page) -> str:
    """Give what the browser tells a screen reader; Playwright's own snapshot knows no inertness by style."""
    session = await page.context.new_cdp_session(page)
    tree = await session.send("Accessibility.getFullAXTree")
    await session.detach()
    return "\n".join(str(node.get("name", {}).get("value", "")) for node in tree["nodes"] if not node["ignored"])


async def mark(site: Site, items: int = 2) -> None:
    """Have what comes be sensitive."""
    async with site.world.db.transaction() as tx:
        await configuration.apply(tx, MARKED, actor=OPERATOR)
    for number in range(items):
        await site.world.submit(
            text=f"message {number}", alternatives=[{"output": {"label": "refund"}, "confidence": 0.2}]
        )


async def test_a_key_shows_this_item_as_it_is_and_the_next_is_hidden_again(site: Site, page: Page) -> None:
    await mark(site)
    await site.sign_in(page)
    await page.wait_for_url("**/p/support")
    await site.take_next(page)
    text = page.locator(".evidence .text")
    assert "blur" in await page.locator(".evidence .veiled").evaluate(WORN)
    assert "message 0" not in await spoken(page)
    assert "Hidden, as it is sensitive" in await spoken(page)
    options = page.locator("#palette-list")
    await page.keyboard.press("Control+k")
    await expect(options).to_contain_text("Approve")
    await expect(options).not_to_contain_text("refund")
    await page.keyboard.press("Escape")
    await expect(options).to_be_hidden()
    await page.keyboard.press("v")
    await expect(page.get_by_label("Show it as it is")).to_be_checked()
    await page.keyboard.press("Control+k")
    await expect(options).to_contain_text("refund")
    await page.keyboard.press("Escape")
    await expect(options).to_be_hidden()
    assert await page.locator(".evidence .veiled").evaluate(WORN) == "none"
    assert "message 0" in await spoken(page)
    assert "Hidden, as it is sensitive" not in await spoken(page)
    await page.keyboard.press("a")
    await expect(text).to_have_text("message 1")
    await expect(page.get_by_label("Show it as it is")).not_to_be_checked()
    assert "message 1" not in await spoken(page)


async def test_a_form_that_comes_back_with_a_fault_stays_shown(site: Site, page: Page) -> None:
    await mark(site, 1)
    await site.sign_in(page)
    await page.wait_for_url("**/p/support")
    await site.take_next(page)
    await page.keyboard.press("v")
    await page.get_by_role("radio", name="refund").check(force=True)
    await page.get_by_role("button", name="Approve").click()
    await expect(page.locator("#fault")).to_be_visible()
    await expect(page.get_by_label("Show it as it is")).to_be_checked()


async def test_without_script_the_box_does_it(site: Site, browser: Browser) -> None:
    await mark(site, 1)
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await site.sign_in(page)
    await page.get_by_role("button", name="Take the next of triage").click()
    await page.wait_for_url("**/assignments/**")
    assert "message 0" not in await spoken(page)
    await page.get_by_label("Show it as it is").check()
    assert "message 0" in await spoken(page)
    await page.reload()
    await expect(page.get_by_label("Show it as it is")).not_to_be_checked()
    await context.close()
