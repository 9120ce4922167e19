"""WCAG 2.2 AA on every page: by axe-core in light and dark, by keyboard alone, at 320 pixels and at twice the text."""

import re
from importlib.resources import files
from itertools import pairwise, takewhile
from typing import Any

import pytest
from playwright.async_api import Browser, Page, ViewportSize, expect

from tests.browser.conftest import Site
from tests.browser.hostile import spread
from tests.browser.test_hostile_pages import VISITS

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
# Only violations are read, so nothing is written down at length about what passes.
RUN = """([runOnly, without]) => axe.run({runOnly, resultTypes: ["violations"],
    rules: Object.fromEntries((without ?? []).map((it) => [it, {enabled: false}]))})
  .then(({violations}) => violations.flatMap((it) => it.nodes.map((node) =>
    `${it.id}: ${node.target.join(" ")} ${node.html.slice(0, 120)} ${node.failureSummary.slice(0, 160)}`)))"""
EVERYTHING = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OF_COLOURS = ["color-contrast", "link-in-text-block"]
# What colours go by: each element as a style sheet sees it, within all that it stands in.
SHAPES = """() => {
  const shapes = new Map([[null, ""]]), words = /^(id|for|href|src|name|value|title|datetime|aria-label|hx-.*|on.*)$/;
  for (const it of document.querySelectorAll("*")) {
    const seen = [...it.attributes].filter(({name}) => !words.test(name)).map(({name, value}) => `[${name}=${value}]`);
    shapes.set(it, `${shapes.get(it.parentElement)} ${it.localName}${seen.join("")}`);
  }
  return [...new Set(shapes.values())];
}"""
NARROW, WIDER = ViewportSize(width=320, height=700), ViewportSize(width=1280, height=900)
# What a visit shows is the same for all of them but for the text; one of each kind keeps this to minutes.
MOST = 3

# What Tab stops at, one after the other, until it comes back to the page's beginning; and what it never reached.
WALK = """() => {
  const it = document.activeElement;
  if (!it || it === document.body) return null;
  const style = getComputedStyle(it), box = it.getBoundingClientRect();
  const shown = it.matches(".option input, .chip input") ? getComputedStyle(it.nextElementSibling ?? it) : style;
  it.dataset.walked = "";
  return {
    what: `${it.localName}#${it.id} ${it.textContent.trim().slice(0, 40)}`,
    ring: [it, it.parentElement, it.nextElementSibling]
      .some((each) => each && getComputedStyle(each).outlineStyle !== "none"),
    seen: box.width > 0,
  };
}"""
LEFT = """() => [...document.querySelectorAll(
    "a[href], button, input:not([type=hidden]), select, textarea, summary")]
  .filter((it) => it.checkVisibility({visibilityProperty: true}) && !it.disabled && it.tabIndex >= 0
    && !("walked" in it.dataset)
    && !(it.type === "radio" && document.querySelector(`[name="${it.name}"][data-walked]`)))
  .map((it) => it.outerHTML.slice(0, 120))"""
SMALL = """() => [...document.querySelectorAll(
    "a[href], button, input:not([type=hidden]), select, textarea, summary")]
  .filter((it) => it.checkVisibility({visibilityProperty: true}) && !it.matches(
    ".unread, .skip-link, :is(p, li, dd, td, .lead) a, .option input, .chip input"))
  .map((it) => [it, (it.closest("label") ?? it).getBoundingClientRect()])
  .filter(([, box]) => box.width > 0 && (box.width < 24 || box.height < 24))
  .map(([it, box]) => `${box.width.toFixed()}x${box.height.toFixed()} ${it.outerHTML.slice(0, 120)}`)"""
WIDE = """() => document.documentElement.scrollWidth > innerWidth
  ? [`${document.documentElement.scrollWidth} px wide: ` + [...document.querySelectorAll("main *")]
      .filter((it) => it.getBoundingClientRect().right > innerWidth + 1 && !it.closest(".scroll, pre, .code, nav"))
      .slice(0, 3).map((it) => it.outerHTML.slice(0, 100)).join(" | ")] : []"""
# What a screen reader must be told the name of.
NAMED = (
    *("button", "link", "textbox", "searchbox", "spinbutton", "combobox", "listbox", "radio", "checkbox", "slider"),
    *("img", "dialog", "group", "region", "navigation", "form", "table"),
)
UNNAMED_AT_WILL = {"group", "table"}  # details and what is told by its headings, where nothing is entered
# Whatever opens over the item in hand, and the button that opens it; all but the last leave the item where it is.
DIALOGS = {
    "skipping": "#skip",
    "escalating": "#escalate",
    "acts": "#more",
    "snoozing": "#snooze",
    "commenting": "#say-it",
    "asking": "#ask",
    "help": "#keys",
    "palette": "#find",
}


def spoken_faults(snapshot: str) -> list[str]:
    """Say what a screen reader would be told badly: nameless controls, a page of no or two mains, skipped headings."""
    indented = snapshot.splitlines()
    lines = [line.strip().removeprefix("- ") for line in indented]
    found = [
        line
        for at, line in enumerate(lines)
        if line.rstrip(":") in NAMED and line.rstrip(":") not in UNNAMED_AT_WILL and not _says(indented, at)
    ]
    for role, most in (("main", 1), ("banner", 1)):
        count = sum(line.rstrip(":") == role or line.startswith(f"{role} ") for line in lines)
        found += [f"{count} times {role}"] if count != most else []
    levels = [int(each[1]) for line in lines if (each := re.match(r"heading .*\[level=(\d)\]", line))]
    if levels[:1] != [1]:
        found.append(f"the first heading is of level {levels[:1]}")
    found += [f"heading {down} below {up}" for up, down in pairwise(levels) if down > up + 1]
    return found


def _says(indented: list[str], at: int) -> bool:
    """Tell whether there are words within; the snapshot leaves out names of more than 900 characters."""
    depth = indented[at].index("-")
    within = takewhile(lambda line: line.index(line.strip()[0]) > depth, indented[at + 1 :])
    return any(re.match(r"\s*- (?!/url)[^:]*: \S", line) for line in within)


def test_what_is_told_badly_is_noticed() -> None:
    snapshot = """- main:
  - heading "One" [level=1]
  - heading "Three" [level=3]
  - button
  - button "Named"
  - link:
    - /url: /
  - link:
    - /url: /
    - strong: a very long name
- contentinfo"""
    assert spoken_faults(snapshot) == ["button", "link:", "0 times banner", "heading 3 below 1"]


@pytest.mark.timeout(600)
async def test_axe_finds_nothing_on_any_page_in_light_or_dark(site: Site, browser: Browser) -> None:
    """The page is the same in the dark but for its colours, so there only what depends on them is looked at again.

    Where a style sheet finds nothing that was not on a page before, colours are what they were there, in the light
    and in the dark. Without motion, for colours would be measured while they fade.
    """
    made = await spread(site)
    context = await browser.new_context(
        viewport={"width": 1280, "height": 900}, color_scheme="light", reduced_motion="reduce", bypass_csp=True
    )
    page = await context.new_page()
    await site.sign_in(page, "/")
    faults: dict[str, str] = {}
    visited: set[str] = set()
    shapes: set[str] = set()
    for addresses in VISITS.values():
        for path in addresses(made)[:MOST]:
            await page.goto(site.url + path)
            if page.url in visited:  # led to a page that was looked at
                continue
            visited.add(page.url)
            await page.evaluate(AXE)
            is_new = not shapes.issuperset(here := await page.evaluate(SHAPES))
            faults |= dict.fromkeys(await page.evaluate(RUN, [EVERYTHING, [] if is_new else OF_COLOURS]), path)
            faults |= dict.fromkeys(spoken_faults(await page.locator("body").aria_snapshot()), path)
            if not is_new:
                continue
            shapes.update(here)
            await page.emulate_media(color_scheme="dark")
            faults |= dict.fromkeys(await page.evaluate(RUN, [OF_COLOURS]), f"{path} in the dark")
            await page.emulate_media(color_scheme="light")
    await context.close()
    assert not faults, "\n".join(f"{where}: {fault}" for fault, where in faults.items())


@pytest.mark.timeout(400)
async def test_every_page_fits_320_pixels_and_twice_the_text_and_its_targets_can_be_hit(
    site: Site, browser: Browser
) -> None:
    """WCAG 2.2: 1.4.10 reflow, 2.5.8 target size; 1.4.4, text grows to 200 % and nothing runs out of the page."""
    made = await spread(site)
    context = await browser.new_context(viewport=NARROW, bypass_csp=True)
    page = await context.new_page()
    await site.sign_in(page, "/")
    faults: dict[str, str] = {}
    visited: set[str] = set()
    for addresses in VISITS.values():
        path = addresses(made)[0]
        await page.goto(site.url + path)
        if page.url in visited:  # led to a page that was looked at
            continue
        visited.add(page.url)
        faults |= dict.fromkeys(await page.evaluate(WIDE), path)
        faults |= dict.fromkeys(await page.evaluate(SMALL), path)
        await page.set_viewport_size(WIDER)
        await page.add_style_tag(content="html { font-size: 1.875rem !important; }")
        faults |= dict.fromkeys(await page.evaluate(WIDE), f"{path} at twice the text")
        await page.set_viewport_size(NARROW)
    assert not faults, "\n".join(f"{where}: {fault}" for fault, where in faults.items())


@pytest.mark.parametrize("path", ["/p/support", "/preferences", "/account", "/p/support/find?q=msg", "/p/support/due"])
async def test_tab_reaches_everything_and_shows_where_it_is(site: Site, page: Page, path: str) -> None:
    await site.world.submit(text="only one", external_id="msg-1")
    await site.sign_in(page)
    await page.wait_for_url("**/p/support")
    await page.goto(site.url + path)
    await walk(page)


async def test_tab_reaches_everything_on_the_review_page(site: Site, page: Page) -> None:
    await site.world.submit(text="only one", alternatives=[{"output": {"label": "refund"}}])
    await site.sign_in(page)
    await page.wait_for_url("**/p/support")
    await site.take_next(page)
    await walk(page)


async def walk(page: Page) -> None:
    """Go through a page by Tab alone: nothing holds it, everything is reached, and one sees where one is."""
    stops: list[Any] = []
    rounds = 0  # a field with the focus at first lies in the middle, so it takes two to see everything
    for _ in range(400):
        await page.keyboard.press("Tab")
        stop = await page.evaluate(WALK)
        if stop is None:
            rounds += 1
            if rounds == 2:
                break
        else:
            stops.append(stop)
    else:
        pytest.fail("Tab never came round")
    assert not [stop["what"] for stop in stops if not stop["ring"]], "no focus to be seen"
    assert not await page.evaluate(LEFT), "never reached"


async def test_the_skip_link_leads_past_the_navigation(site: Site, page: Page) -> None:
    await site.sign_in(page)
    await page.wait_for_url("**/p/support")
    await page.keyboard.press("Tab")
    link = page.get_by_role("link", name="Skip to the content")
    await expect(link).to_be_focused()
    await expect(link).to_be_in_viewport()
    await page.keyboard.press("Enter")
    assert page.url.endswith("#main")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_in_what_opens_over_the_item(site: Site, browser: Browser, scheme: Any) -> None:
    """Each dialog open, by its own button, in the browser's top layer; Esc closes each. In the dark, colours."""
    await site.world.submit(text="only one")
    context = await browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme, bypass_csp=True)
    page = await context.new_page()
    await site.sign_in(page)
    await page.wait_for_url("**/p/support")
    await site.take_next(page)
    await page.evaluate(AXE)
    faults: list[str] = []
    for name, button in DIALOGS.items():
        if name == "snoozing":
            await page.locator("#more").click()
        await page.locator(button).click()
        dialog = page.locator(f"#{name}")
        await expect(dialog).to_be_visible()
        rules = EVERYTHING if scheme == "light" else OF_COLOURS
        faults += [f"{name}: {fault}" for fault in await page.evaluate(RUN, [rules])]
        nameless = [each for each in spoken_faults(await dialog.aria_snapshot()) if each.rstrip(":") in NAMED]
        faults += [f"{name}: {fault}" for fault in nameless]
        await page.keyboard.press("Escape")
        await page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()
    await context.close()
    assert not faults, "\n".join(faults)


async def test_the_review_page_says_what_its_controls_are_for(site: Site, page: Page) -> None:
    """What a screen reader is told, on the page with the most controls."""
    await site.world.submit(text="only one")
    await site.sign_in(page)
    await page.wait_for_url("**/p/support")
    await site.take_next(page)
    snapshot = await page.locator("body").aria_snapshot()
    assert spoken_faults(snapshot) == []
    for said in ('button "Approve"', 'group "Your verdict"', 'textbox "Note optional"', 'navigation "Where you are"'):
        assert said in snapshot


async def test_reduced_motion_and_forced_colours_are_followed(site: Site, browser: Browser) -> None:
    await site.world.submit(text="only one")
    context = await browser.new_context(reduced_motion="reduce", forced_colors="active")
    page = await context.new_page()
    await site.sign_in(page)
    await page.wait_for_url("**/p/support")
    await site.take_next(page)
    moving = "(all) => all.filter((it) => parseFloat(getComputedStyle(it).transitionDuration) > 0).length"
    assert await page.locator("*").evaluate_all(moving) == 0
    chosen = page.locator(".option:has(:checked)").first
    other = page.locator(".option:not(:has(:checked))").first
    of = "(it) => getComputedStyle(it).outlineStyle + getComputedStyle(it).borderInlineStartWidth"
    assert await chosen.evaluate(of) != await other.evaluate(of), "what is chosen is told without colour"
    await context.close()


async def test_one_can_work_on_a_phone(site: Site, browser: Browser) -> None:
    """390 by 844: the verdicts at the thumb, dialogs that fit, and the field in sight while one types."""
    for number in range(2):
        await site.world.submit(text=f"message {number}")
    context = await browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = await context.new_page()
    await site.sign_in(page)
    await page.wait_for_url("**/p/support")
    await site.take_next(page)
    approve = page.get_by_role("button", name="Approve")
    box = await approve.bounding_box()
    assert box is not None
    assert box["y"] > 844 / 2, "at the thumb"
    assert box["height"] >= 44
    await page.get_by_role("button", name="Skip").tap()
    dialog = await page.locator("#skipping").bounding_box()
    assert dialog is not None
    assert dialog["x"] >= 0
    assert dialog["x"] + dialog["width"] <= 390
    await page.get_by_role("button", name="Keep it").tap()
    await page.set_viewport_size({"width": 390, "height": 420})  # what a virtual keyboard leaves
    note = page.get_by_label("Note")
    await note.tap()
    await expect(note).to_be_focused()
    field, bar = await note.bounding_box(), await page.locator(".verdicts").bounding_box()
    assert field is not None
    assert bar is not None
    assert field["y"] + field["height"] <= bar["y"], "the bar does not cover what one types in"
    await page.set_viewport_size({"width": 390, "height": 844})
    await approve.tap()
    await expect(page.locator(".evidence .text")).to_have_text("message 1")
    await context.close()
