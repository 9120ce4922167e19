"""What the scripts write is in the page's language."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from review.kernel import catalogue
from tests.browser.conftest import Site
from tests.web.made_up import install, marked


async def test_scripts_speak_the_language_of_the_page(
    page: Page, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Issue 5, point 7: a clock that a script keeps going, the list of keys, and finding."""
    monkeypatch.setattr(catalogue, "_installed", install(tmp_path))
    await page.set_extra_http_headers({"Accept-Language": "qps"})
    await site.sign_in(page, f"/p/{site.world.project}")
    await page.wait_for_load_state()
    past = await page.evaluate(
        """() => {
            const clock = document.body.appendChild(document.createElement("time"));
            Object.assign(clock, { id: "ago", dateTime: "2020-01-01" }).dataset.clock = "past";
            document.dispatchEvent(new Event("visibilitychange"));
            return document.querySelector("#ago").textContent;
        }"""
    )
    assert past.startswith("[[")
    assert past.endswith("] ágó]")
    say = "n => countersign.say('%(n)s character left|%(n)s characters left', { n })"
    forms = {n: marked(f"%(n)s character{'' if n == 1 else 's'} left") % {"n": n} for n in (0, 1, 2, 101, 201, 1001)}
    assert {n: await page.evaluate(say, n) for n in forms} == forms
    await page.keyboard.press("?")
    await expect(page.locator("#help dd", has_text=f"[Gó tó {marked('Queue')}]")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+k")
    await expect(page.locator("#palette-field")).to_have_attribute(
        "placeholder", marked("An item, a page, or something to do")
    )
