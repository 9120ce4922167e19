"""Talking about the item in hand, by keyboard: a comment for colleagues, a question for upstream."""

from playwright.async_api import Page, expect

from tests.browser.conftest import Site
from tests.make import World

TEXT = ".evidence .text"


async def test_a_comment_is_written_by_key_and_stands_there_at_once(site: Site, page: Page) -> None:
    await site.world.submit(text="message 0")
    await site.sign_in(page)
    await site.take_next(page)
    await page.keyboard.press("t")
    await page.keyboard.type("Ask @le")
    await expect(page.locator("#commenting output")).to_contain_text("Tab writes @lea@example.com")
    await page.keyboard.press("Tab")
    await page.keyboard.type("about it")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("#comments summary").first).to_have_text("Comments: 1")
    await expect(page.locator("#commenting")).to_be_hidden()
    await page.locator("#comments summary").first.click()
    await expect(page.locator("#comments")).to_contain_text("Ask @lea@example.com about it")
    await page.keyboard.press("t")
    await expect(page.get_by_label("Comment", exact=True)).to_have_value("")


async def test_a_question_by_key_leaves_the_hands_and_comes_back_with_its_answer(site: Site, page: Page) -> None:
    for number in range(2):
        await site.world.submit(text=f"message {number}")
    await site.sign_in(page)
    await site.take_next(page)
    await page.keyboard.press("q")
    await page.keyboard.type("Which address?")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator(TEXT)).to_have_text("message 1")
    await expect(page.locator("#outcome")).to_contain_text("Asked.")
    question = await site.world.db.hot.fetchrow("SELECT id, item_id FROM item_questions")
    assert question is not None
    answer = await page.request.post(
        f"{site.url}/api/v1/items/{question['item_id']}/questions/{question['id']}/answer",
        data={"answer": "The old one."},
        headers=_upstream(site.world),
    )
    assert answer.ok
    await page.goto(f"{site.url}/p/support")
    await page.get_by_role("link", name="Go on with it").last.click()  # the longest held stand first
    await expect(page.locator(TEXT)).to_have_text("message 0")
    await expect(page.locator("#beside")).to_contain_text("The old one.")


def _upstream(world: World) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.service_key}"}
