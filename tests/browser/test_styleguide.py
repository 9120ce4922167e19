"""The style guide as a browser styles it: what each component looks like, told so that no font changes it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.browser.conftest import Site
from tests.browser.test_a11y import AXE, EVERYTHING, RUN

# A picture differs with the fonts, the rounding and the graphics of a machine, so pictures are taken to be looked at
# (screenshots.py) and never compared. What our stylesheets decide does not differ: each element of the style guide is
# named by its element, classes and state, and told by its computed styles, in dark by its colours alone. `WRITE_DOCS=1`
# writes the file anew; the difference then says in words what looks otherwise.
KEPT = Path(__file__).parent / "looks.json"
LOOKS = (Path(__file__).parent / "looks.js").read_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_components_look_as_they_did_and_axe_finds_nothing(site: Site, browser: Browser, scheme: Any) -> None:
    context = await browser.new_context(
        viewport={"width": 1280, "height": 900}, color_scheme=scheme, reduced_motion="reduce", bypass_csp=True
    )
    page = await context.new_page()
    faults: list[str] = []
    for path in ("/styleguide/desk", "/styleguide"):
        await page.goto(site.url + path)
        await page.evaluate(AXE)
        faults += [f"{path}: {fault}" for fault in await page.evaluate(RUN, [EVERYTHING])]
    looks: dict[str, str] = await page.evaluate(LOOKS, scheme == "dark")
    await context.close()
    kept: dict[str, dict[str, str]] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    if os.environ.get("WRITE_DOCS"):
        kept[scheme] = looks
        KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    assert not faults, "\n".join(faults)
    before = kept[scheme]
    changed = [f"{name}\n  was {before.get(name)}\n  is  {looks.get(name)}" for name in before | looks
               if before.get(name) != looks.get(name)]  # fmt: skip  # one thought
    assert not changed, "\n".join(changed)
