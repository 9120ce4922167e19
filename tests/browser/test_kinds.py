"""Kinds of content in a real browser: marks by selecting, boxes and their fields, two answers, files."""

import json
from typing import Any

from playwright.async_api import Browser, Page, expect

from tests import kinds
from tests.browser.conftest import Site
from tests.browser.test_a11y import AXE, EVERYTHING, OF_COLOURS, RUN, WIDE

# A film of ten pictures, as its base64 text; a player that knows its file; and the classes of what moved by itself.
RECORD = """async () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 160, height: 120 });
  const brush = canvas.getContext("2d");
  const film = new MediaRecorder(canvas.captureStream(), { mimeType: "video/webm" });
  const taken = new Promise((done) => { film.ondataavailable = ({ data }) => done(data); });
  film.start();
  for (let n = 0; n < 10; n += 1) {
    brush.fillStyle = `hsl(${n * 36} 80% 50%)`;
    brush.fillRect(0, 0, 160, 120);
    await new Promise((done) => requestAnimationFrame(done));
  }
  film.stop();
  const raw = new Uint8Array(await (await taken).arrayBuffer());
  return btoa(Array.from(raw, (it) => String.fromCharCode(it)).join(""));
}"""
KNOWN = "(it) => it.readyState >= 1 || new Promise((done) => it.addEventListener('loadedmetadata', done))"
MOVED = """globalThis.moved = [];
globalThis.framed = new Promise((done) => {
  document.addEventListener("load", ({ target }) => { if (target.matches?.("iframe")) done(); }, true);
});
new PerformanceObserver((list) => {
  for (const each of list.getEntries()) moved.push(each.sources.map((it) => it.node?.className ?? ""));
}).observe({ type: "layout-shift", buffered: true });"""


async def hand_out(site: Site, page: Page, *names: str) -> None:
    """Submit an item of each type, and take the first in hand."""
    await kinds.configure(site.world)
    for name in names:
        await site.world.submit(type=name, **kinds.ITEMS[name])
    await site.sign_in(page)
    await page.wait_for_url("**/p/support")
    await site.take_next(page)


async def keys_told(page: Page) -> list[str]:
    """Open the list of keys, read the headings of what has keys of its own here, and close it."""
    await page.keyboard.press("?")
    await expect(page.locator("#help")).to_be_visible()
    told = [await each.inner_text() for each in await page.locator("#help h3:visible").all()]
    await page.keyboard.press("Escape")
    return told


async def outputs(site: Site) -> list[Any]:
    rows = await site.world.db.hot.fetch("SELECT output FROM decisions ORDER BY decided_at")
    return [row["output"] if not isinstance(row["output"], str) else json.loads(row["output"]) for row in rows]


async def test_spans_are_corrected_in_the_text_by_keys_alone(site: Site, page: Page) -> None:
    await hand_out(site, page, "entities")
    assert await keys_told(page) == ["In the list of what is marked", "In a text with marks that has the focus"]
    place = page.locator(".spans[data-field]")
    await expect(place.locator("mark")).to_have_text(["Ana Müller", "Zürich"])
    await place.focus()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await expect(place.locator(".chosen")).to_have_text("Zürich")
    await page.keyboard.press("2")
    await expect(place.locator("mark").nth(1)).to_have_attribute("title", "place")
    for _ in range(10):
        await page.keyboard.press("ArrowRight")
    assert await page.evaluate("getSelection().toString()") == "Acme"
    await page.keyboard.press("3")
    await expect(place.locator("mark")).to_have_text(["Ana Müller", "Zürich", "Acme"])
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("ArrowUp")
    await expect(place.locator(".chosen")).to_have_text("Ana Müller")
    await page.keyboard.press("Delete")
    await expect(place.locator("mark")).to_have_text(["Zürich", "Acme"])
    await page.get_by_role("button", name="Correct", exact=True).click()
    await expect(page.get_by_role("heading", name="Nothing waits in triage")).to_be_visible()
    start = kinds.TEXT.index("Acme")
    assert await outputs(site) == [
        {"spans": [{"start": 24, "end": 30, "label": "place"}, {"start": start, "end": start + 4, "label": "company"}]}
    ]


async def test_a_field_lights_up_where_it_was_read_and_the_picture_grows(site: Site, page: Page) -> None:
    await hand_out(site, page, "receipt")
    assert await keys_told(page) == ["In a picture that has the focus", "In the list of what is marked"]
    await expect(page.locator("#judge .field .sure")).to_have_count(2)
    total = page.locator("#judge [name='o/total']")
    await total.focus()
    await expect(page.locator(".drawn .lit")).to_have_attribute("data-for", "/total")
    stage = page.locator(".stage")
    await stage.focus()
    await page.keyboard.press("+")
    await expect(stage).to_have_class("stage large")
    await page.keyboard.press("0")
    await expect(stage).to_have_class("stage")


async def test_the_better_of_two_answers_is_taken_beside_it(site: Site, page: Page) -> None:
    await hand_out(site, page, "answers", "recording")
    await page.get_by_role("button", name="Prefer it").first.click()
    await page.keyboard.press("Enter")
    await expect(page.locator("audio")).to_be_visible()
    await expect(page.locator("#outcome")).to_have_text("Corrected to A.")
    assert await outputs(site) == [{"better": "A"}]
    await page.locator("audio").evaluate(KNOWN)
    assert await keys_told(page) == ["In a player that has the focus", "In a PDF that has the focus"]
    await expect(page.locator(".code .tk").first).to_have_text("def")
    await expect(page.get_by_text("Nothing was fetched from films.example.")).to_be_visible()


async def test_a_film_a_sound_and_a_pdf_are_shown_and_nothing_moves_as_they_come(site: Site, page: Page) -> None:
    """The film is recorded by the browser itself; while its PDF has the focus, the page says that its keys rest."""
    await page.goto(f"{site.url}/sign-in")
    film = "data:video/webm;base64," + await page.evaluate(RECORD)
    await kinds.configure(site.world)
    given = kinds.ITEMS["recording"]["input"] | {"film": film}
    await site.world.submit(type="recording", input=given, output={"intent": "order"})
    await page.add_init_script(MOVED)
    await site.sign_in(page)
    await site.take_next(page)
    await page.evaluate("framed")
    for player in ("video", "audio"):
        await page.locator(player).evaluate(KNOWN)
    assert await page.locator("video").evaluate("(it) => [it.videoWidth, it.videoHeight]") == [160, 120]
    assert await page.evaluate("moved.filter((names) => names.includes('block'))") == []
    assert await keys_told(page) == ["In a player that has the focus", "In a PDF that has the focus"]
    rests = page.get_by_text("The keys of this page rest")
    await expect(rests).to_be_hidden()
    await page.locator("iframe.pages").click()
    await expect(rests).to_be_in_viewport()
    await page.get_by_role("heading", name="What the model said").click()
    await expect(rests).to_be_hidden()
    async with page.expect_download() as coming:
        await page.get_by_role("link", name="Download the PDF").click()
    assert (await (await coming.value).path()).read_bytes() == kinds.pdf()


async def test_axe_finds_nothing_on_any_kind_and_none_is_wider_than_a_phone(site: Site, browser: Browser) -> None:
    await kinds.configure(site.world)
    items = [str((await site.world.submit(type=name, **given)).item.id) for name, given in kinds.ITEMS.items()]
    faults: dict[str, str] = {}
    for scheme in ("light", "dark"):
        context = await browser.new_context(
            viewport={"width": 1280, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            bypass_csp=True,
        )
        page = await context.new_page()
        await site.sign_in(page)
        await page.wait_for_url("**/p/support")
        addresses = [f"/p/support/items/{item}" for item in items]
        if scheme == "light":
            await site.take_next(page)
            addresses.append(page.url.removeprefix(site.url))
        for path in addresses:
            await page.goto(site.url + path)
            await page.evaluate(AXE)
            rules = EVERYTHING if scheme == "light" else OF_COLOURS  # all that differs in the dark
            faults |= dict.fromkeys(await page.evaluate(RUN, [rules]), f"{path} {scheme}")
            await page.set_viewport_size({"width": 320, "height": 700})
            faults |= dict.fromkeys(await page.evaluate(WIDE), path)
            await page.set_viewport_size({"width": 1280, "height": 900})
        await context.close()
    assert not faults, "\n".join(f"{where}: {fault}" for fault, where in faults.items())
