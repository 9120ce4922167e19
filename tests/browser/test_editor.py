"""Issue 6: rules written in a browser: faults marked, fields completed, an item followed, a candidate stored."""

from playwright.async_api import Page, expect

from review.identity.rules import Role
from tests.browser.conftest import Site
from tests.make import PASSWORD

WRITE = """([from, to]) => {
  const it = document.querySelector("#source"), at = it.value.indexOf(from);
  it.focus();
  it.setSelectionRange(at, at + from.length);
  document.execCommand("insertText", false, to);
}"""


async def test_a_rule_is_written_checked_completed_tried_and_saved(site: Site, page: Page) -> None:
    await site.world.submit("spam", confidence=0.62, external_id="msg-7")
    await site.world.add_person("ada", Role.ADMIN, password=PASSWORD)
    site.email = "ada@example.com"
    await site.sign_in(page, "/p/support/rules")
    await page.get_by_role("link", name="Edit", exact=True).click()
    await page.wait_for_load_state()
    source, told = page.locator("#source"), page.locator("#told")
    await page.get_by_label("One of the latest").select_option(label="msg-7 (Ticket intent)")
    await expect(told).to_contain_text("Rule low-confidence sends it to the people of triage")
    await expect(told).to_contain_text("item.confidence is 0.62")

    await page.evaluate(WRITE, ["item.confidence < 0.8", "item.confidense < 0.8"])
    await expect(page.locator(".under mark")).to_have_text("confidense")
    await expect(told.locator(".faults li")).to_contain_text("did you mean `confidence`?")
    await page.locator(".faults a").click()
    await expect(source).to_be_focused()

    await page.evaluate(WRITE, ["item.confidense < 0.8", ""])
    await page.keyboard.type("item.conf")
    await expect(page.locator("#choices li")).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(page.locator("#choices")).to_be_hidden()
    await expect(source).to_be_focused()
    await page.keyboard.press("Control+Space")
    await expect(source).to_have_attribute("aria-activedescendant", "choice-0")
    await page.keyboard.press("Enter")
    await page.keyboard.type(" < 0.6 && item.input.")
    await expect(page.locator("#choices li")).to_have_count(2)
    await page.keyboard.press("ArrowDown")
    await expect(page.locator("#choices [aria-selected=true]")).to_contain_text("item.input.amount")
    await page.keyboard.press("Enter")
    await page.keyboard.type(" > 5")
    await expect(page.locator(".under mark")).to_have_count(0)
    await expect(told).to_contain_text("Rule rest approves it")
    await expect(told).to_contain_text("0.62 < 0.6 does not hold")

    await page.keyboard.press("Tab")
    await expect(source).not_to_be_focused()
    await page.get_by_label("Why it changes").fill("surer, and of some worth")
    await page.get_by_role("button", name="Save as a candidate").click()
    await page.wait_for_url("**/rules/2?done=propose-version")
    await expect(page.get_by_role("main")).to_contain_text("item.confidence < 0.6 && item.input.amount > 5")
