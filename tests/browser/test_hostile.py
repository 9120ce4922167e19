"""What an item holds is hostile: it can be read on every page, and does nothing on any."""

from playwright.async_api import Dialog, Page, Request, expect

from tests.browser.conftest import Site
from tests.browser.test_review import lab
from tests.web.test_content import HOSTILE

EVERYTHING = "\n".join(HOSTILE).replace("\0", "")  # NUL is refused on arrival
PIXEL = '<img src="https://evil.example/p.png" onerror="fetch(\'https://evil.example/\')">'


async def test_hostile_items_stay_inert(site: Site, page: Page) -> None:
    dialogs: list[Dialog] = []
    strayed: list[Request] = []

    async def seen(dialog: Dialog) -> None:
        dialogs.append(dialog)
        await dialog.dismiss()

    def sent(request: Request) -> None:
        if not request.url.startswith((site.url + "/", "data:")):
            strayed.append(request)

    page.on("dialog", seen)
    page.on("request", sent)
    text = EVERYTHING + PIXEL
    output = {"kind": "k1", "total": 1, "paid": False, "lines": [{"name": PIXEL, "count": 1}], "rest": {PIXEL: text}}
    chat = [{"role": "</li><script>alert(1)</script>", "content": text}]
    await lab(site, output, {"text": text, "chat": chat, PIXEL: [text], "html": {"srcdoc": text}})
    await site.sign_in(page, "/p/lab")
    await page.goto(f"{site.url}/p/lab/pools/desk")
    await expect(page.locator(".lines li")).to_have_count(1)
    await page.get_by_role("button", name="Take the next").click()
    await expect(page.locator(".evidence")).to_contain_text("<script>alert(1)</script>")
    await page.get_by_role("button", name="Add to lines").click()
    await expect(page.locator(".row")).to_have_count(2)
    await page.get_by_role("button", name="Remove lines 2").click()
    await expect(page.locator(".row")).to_have_count(1)
    await page.wait_for_load_state()
    await page.get_by_role("combobox", name="kind").fill("k2")
    await page.keyboard.press("Enter")
    await page.locator("#comment").fill(PIXEL)
    await page.get_by_role("button", name="Correct", exact=True).click()
    await expect(page.get_by_role("heading", name="Nothing waits in desk")).to_be_visible()
    item = await site.world.db.hot.fetchval("SELECT id FROM items WHERE type = 'receipt'")
    await page.goto(f"{site.url}/p/lab/items/{item}")
    await expect(page.get_by_role("heading", name="Decision")).to_be_visible()
    assert await page.locator("main script, main iframe, main img, main [onerror], main form").count() == 0
    assert dialogs == []
    assert [request.url for request in strayed] == []
