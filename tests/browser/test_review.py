"""A reviewer at work in a real browser: by key, by mouse, without script, and when the lease is lost."""

from playwright.async_api import Page, expect

from tests.browser.conftest import Site

HERE = "#desk[data-assignment]"


async def shown(page: Page) -> str:
    """Read the text of the item in hand."""
    return (await page.locator(".evidence .text").inner_text()).strip()


async def test_signing_in_and_deciding_by_key_and_by_mouse(site: Site, page: Page) -> None:
    for number in range(4):
        await site.world.submit(text=f"message {number}")
    await site.sign_in(page)
    await expect(page.get_by_role("heading", name="What waits for you")).to_be_visible()
    await expect(page.locator(".pools .count")).to_contain_text("4")
    await site.take_next(page)
    assert await shown(page) == "message 0"

    await page.keyboard.press("a")
    await expect(page.locator(".evidence .text")).to_have_text("message 1")
    await expect(page.locator("#outcome")).to_have_text("Approved.")
    assert await site.verdicts() == ["approve"]
    assert "/assignments/" in page.url

    await page.locator(".option", has_text="lost_card").click()
    await page.get_by_text("Wrong label").click()
    await page.get_by_role("button", name="Correct", exact=True).click()
    await expect(page.locator(".evidence .text")).to_have_text("message 2")
    await expect(page.locator("#outcome")).to_have_text("Corrected to lost_card.")

    await page.keyboard.press("r")
    await expect(page.locator(".evidence .text")).to_have_text("message 3")
    await page.keyboard.press("3")
    await expect(page.locator(".field.changed")).to_have_count(1)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Nothing waits in triage")).to_be_visible()
    assert await site.verdicts() == ["approve", "correct", "reject", "correct"]
    labels = await site.world.db.hot.fetch("SELECT record ->> 'label' AS label FROM feedback ORDER BY decided_at")
    assert [row["label"] for row in labels] == [
        '{"label": "card_arrival"}',
        '{"label": "lost_card"}',
        None,
        '{"label": "refund"}',
    ]
