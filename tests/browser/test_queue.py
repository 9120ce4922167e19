"""Lists in the browser (issue 5, point 6): along the lines by key, and lines that follow what happens."""

from playwright.async_api import Page, expect

from tests.browser.conftest import Site

LINE = "#lines > li"
# Notes each line that is put in, taken out or moved, and that the page stayed the same one.
WATCH = """() => {
  window.moved = [];
  new MutationObserver((all) => all.forEach((one) => {
    for (const it of [...one.addedNodes, ...one.removedNodes]) if (it.id) window.moved.push(it.id);
  })).observe(document.querySelector('#lines'), { childList: true });
}"""


async def test_lines_follow_what_happens_and_focus_stays_where_it_was(site: Site, page: Page) -> None:
    """Promise: only what changed is put in; whoever has a line in focus keeps it."""
    items = [(await site.world.submit(text=f"message {n}")).item.id for n in range(3)]
    await site.sign_in(page, "/p/support/pools/triage")
    await expect(page.locator(LINE)).to_have_count(3)
    await expect(page.locator("main[data-heard]")).to_be_attached()
    await page.keyboard.press("j")
    await expect(page.get_by_role("link", name="message 0")).to_be_focused()
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("k")
    await expect(page.get_by_role("link", name="message 1")).to_be_focused()

    await page.evaluate(WATCH)
    await site.world.claim("ana")
    await site.world.submit(text="message 3")
    site.hint()
    await expect(page.locator(LINE)).to_have_count(4)
    await expect(page.locator(f"#i-{items[0]} .state")).to_have_text("in hand")
    await expect(page.locator("#count")).to_have_text("4 items.")
    await expect(page.get_by_role("link", name="message 1")).to_be_focused()
    moved = await page.evaluate("() => window.moved")
    assert f"i-{items[1]}" not in moved, "what says the same is left alone"
    assert f"i-{items[2]}" not in moved

    await page.evaluate("() => { window.same = true; }")
    await site.world.db.hot.execute("UPDATE assignments SET pool = 'seniors' WHERE item_id = $1", items[1])
    site.hint()
    await expect(page.get_by_role("link", name="message 2")).to_be_focused()
    assert await page.evaluate("() => window.same")
    await page.keyboard.press("/")
    await expect(page.get_by_label("Input says")).to_be_focused()
    await page.keyboard.press("Escape")
    await page.keyboard.press("k")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/items/*")


async def test_what_arrives_in_an_empty_pool_appears(site: Site, page: Page) -> None:
    await site.sign_in(page, "/p/support/pools/triage")
    await expect(page.get_by_role("heading", name="Nothing waits in triage")).to_be_visible()
    await expect(page.locator("main[data-heard]")).to_be_attached()
    await site.world.submit(text="the first one")
    site.hint()
    await expect(page.get_by_role("link", name="the first one")).to_be_visible()
