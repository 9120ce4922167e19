"""Issue 5, forms: what only a browser shows of the form of a correction, and what is stored of it in the end."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from review.kernel.db import Database
from review.kernel.settings import Settings
from tests.browser.conftest import Site, open_site
from tests.make import CONFIG, World

FILING: dict[str, Any] = {
    "type": "object",
    "required": ["at", "how", "place", "lines", "shape"],
    "properties": {
        "at": {"type": "string", "format": "date-time"},
        "how": {"enum": ["card", "bank"]},
        "place": {"enum": [f"place {number}" for number in range(500)]},
        "lines": {"type": "array", "items": {"type": "string", "title": "Line"}},
        "shape": {
            "oneOf": [
                {
                    "title": "A circle",
                    "required": ["kind", "r"],
                    "properties": {"kind": {"const": "c"}, "r": {"type": "number"}},
                },
                {
                    "title": "A box",
                    "required": ["kind", "w"],
                    "properties": {"kind": {"const": "b"}, "w": {"type": "number"}},
                },
            ]
        },
    },
    "if": {"properties": {"how": {"const": "bank"}}},
    "then": {"properties": {"iban": {"type": "string"}}, "required": ["iban"]},
}
GIVEN: dict[str, Any] = {
    "at": "2026-10-01T09:30:00Z",
    "how": "card",
    "place": "place 3",
    "lines": ["a", "b"],
    "shape": {"kind": "c", "r": 1},
}


@pytest_asyncio.fixture(loop_scope="session")
async def filing(db: Database, settings: Settings, ports: dict[str, socket.socket]) -> AsyncIterator[Site]:
    """A server over a project that has an item type whose form does everything."""
    kind = json.dumps({"input_schema": True, "output_schema": FILING, "reasons": ["wrong"], "undo": "0s"})
    source = CONFIG.format(project="support").replace("\npools:\n", f"\n  filing: {kind}\npools:\n")
    async with open_site(await World.build(db, settings, source=source), settings, ports) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def desk(filing: Site, browser: Browser) -> AsyncIterator[Page]:
    """The form in hand of somebody whose clock is five and a half hours ahead."""
    context = await browser.new_context(timezone_id="Asia/Kolkata", viewport={"width": 1440, "height": 900})
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    await filing.world.submit(type="filing", output=GIVEN)
    await filing.sign_in(page)
    await filing.take_next(page)
    yield page
    await context.close()
    assert faults == []


async def stored(site: Site, page: Page) -> Any:
    """Save the correction, and give the output that was decided."""
    await page.locator("#correct").click()
    await expect(page.get_by_role("heading", name="Nothing waits in triage")).to_be_visible()
    return msgspec.json.decode(await site.world.db.hot.fetchval("SELECT output::text FROM decisions"))


async def test_times_fields_shapes_and_a_long_list_change_as_one_answers(filing: Site, desk: Page) -> None:
    place = desk.get_by_role("combobox", name="place")
    await place.focus()
    await desk.keyboard.press("ArrowDown")
    await desk.keyboard.type("place 49")
    await expect(desk.get_by_role("listbox").get_by_role("option")).to_have_count(15)
    await desk.keyboard.press("ArrowDown")
    await desk.keyboard.press("Enter")
    await expect(place).to_have_value("place 490")
    at = desk.locator("#form-fields input[type=datetime-local]")
    await expect(at).to_have_value("2026-10-01T15:00")
    await expect(desk.locator("#form-fields .zone")).to_have_text("in your time, Asia/Calcutta")
    await expect(desk.get_by_label("iban")).to_have_count(0)
    await desk.get_by_role("radio", name="bank", exact=True).press("Space")
    await desk.get_by_label("iban").fill("DE1")
    await desk.get_by_role("radio", name="card", exact=True).press("Space")
    await expect(desk.get_by_label("iban")).to_have_count(0)
    is_let_go = asyncio.Event()

    async def answer_late(route: Route) -> None:
        await is_let_go.wait()
        await route.continue_()

    await desk.route("**/form", answer_late, times=1)
    await desk.get_by_label("Which form it has").select_option("A box")
    await at.fill("2026-10-02T08:15")
    await desk.locator("#judge [name=comment]").fill("filled in while the form's new shape was on its way")
    is_let_go.set()
    await desk.get_by_label("w required").fill("2.5")
    await expect(at).to_have_value("2026-10-02T08:15")
    async with desk.expect_response("**/form"):
        await desk.get_by_label("w required").press("Tab")
    assert await stored(filing, desk) == GIVEN | {
        "at": "2026-10-02T08:15:00+05:30",
        "place": "place 490",
        "shape": {"kind": "b", "w": 2.5},
    }


async def test_rows_are_moved_removed_and_added_by_key_and_numbered_as_they_stand(filing: Site, desk: Page) -> None:
    rows = desk.locator("#form-fields .row")
    labels, boxes = rows.locator("label"), rows.get_by_role("textbox")
    await boxes.nth(1).press("Alt+ArrowUp")
    await expect(boxes.first).to_have_value("b")
    await expect(labels).to_have_text(["Line 1 required", "Line 2 required"])
    await boxes.first.press("Alt+Delete")
    await expect(boxes).to_have_count(1)
    await expect(boxes.first).to_have_value("a")
    await boxes.first.press("Alt+Enter")
    await expect(labels).to_have_text(["Line 1 required", "Line 2 required"])
    await expect(boxes.nth(1)).to_be_focused()
    await desk.keyboard.type("c")
    assert await stored(filing, desk) == GIVEN | {"lines": ["a", "c"]}
