"""A reviewer at work in a real browser: by key, by mouse, without script, and with every kind of field."""

import json
from typing import Any

from playwright.async_api import Browser, Page, expect

from review.identity.rules import Role
from tests.browser.conftest import Site
from tests.make import World

TEXT = ".evidence .text"


async def test_signing_in_and_deciding_by_key_and_by_mouse(site: Site, page: Page) -> None:
    for number in range(4):
        await site.world.submit(text=f"message {number}")
    await site.come_in(page)
    await expect(page.get_by_role("heading", name="What waits for you")).to_be_visible()
    await expect(page.locator(".pools .count")).to_contain_text("4")
    await site.take_next(page)
    await expect(page.locator(TEXT)).to_have_text("message 0")

    await page.keyboard.press("a")
    await expect(page.locator(TEXT)).to_have_text("message 1")
    await expect(page.locator("#outcome")).to_have_text("Approved.")
    assert await site.verdicts() == ["approve"]
    address = page.url

    await page.locator(".option", has_text="lost_card").click()
    await page.get_by_text("Wrong label").click()
    await page.get_by_role("button", name="Correct", exact=True).click()
    await expect(page.locator(TEXT)).to_have_text("message 2")
    await expect(page.locator("#outcome")).to_have_text("Corrected to lost_card.")
    assert page.url != address

    await page.keyboard.press("r")
    await expect(page.locator(TEXT)).to_have_text("message 3")
    await page.keyboard.press("3")
    await expect(page.locator(".field.changed")).to_have_count(1)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Nothing waits in triage")).to_be_visible()
    assert await site.verdicts() == ["approve", "correct", "reject", "correct"]
    assert await labels(site.world) == [{"label": "card_arrival"}, {"label": "lost_card"}, None, {"label": "refund"}]


async def test_everything_works_without_script(site: Site, browser: Browser) -> None:
    for number in range(5):
        await site.world.submit(text=f"message {number}", alternatives=[{"output": {"label": "refund"}}])
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await site.come_in(page, "/p/support")
    await page.get_by_role("button", name="Take the next of triage").click()
    await page.get_by_role("button", name="Approve").click()
    await expect(page.locator("#outcome")).to_have_text("Approved.")
    await expect(page.locator(TEXT)).to_have_text("message 1")

    await page.get_by_role("link", name="refund").click()
    await expect(page.locator("#correction .diff")).to_contain_text("card_arrival → refund")
    await page.get_by_role("button", name="Correct", exact=True).click()
    await expect(page.locator(TEXT)).to_have_text("message 2")

    await page.get_by_role("button", name="Correct", exact=True).click()
    await expect(page.locator("#fault")).to_contain_text("still hold the item")
    await expect(page.locator(".error")).to_contain_text("is the same as the AI output")
    await page.get_by_role("button", name="Reject").click()
    await expect(page.locator(TEXT)).to_have_text("message 3")

    await page.get_by_role("button", name="Skip").click()
    await page.locator("#skip-reason").fill("I know them")
    await page.get_by_role("button", name="Skip it").click()
    await expect(page.locator(TEXT)).to_have_text("message 4")
    await page.get_by_role("button", name="All keys").click()
    await page.get_by_role("button", name="Put this item back and stop").click()
    await expect(page.get_by_role("status")).to_contain_text("Put back.")
    await expect(page.locator(".pools .count")).to_contain_text("2")
    assert await site.verdicts() == ["approve", "correct", "reject"]
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await context.close()


async def test_no_key_does_anything_while_somebody_types(site: Site, page: Page) -> None:
    await site.world.submit(text="only one")
    await site.sign_in(page)
    await site.take_next(page)
    await page.keyboard.press("n")
    await page.keyboard.type("are these 3 cases?")
    assert await page.get_by_label("Note").input_value() == "are these 3 cases?"
    assert await page.locator(".field.changed").count() == 0
    await page.keyboard.press("Escape")
    await page.keyboard.press("?")
    await expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    await page.keyboard.press("a")
    assert await site.verdicts() == []
    await page.keyboard.press("Escape")
    await page.keyboard.press("c")
    await expect(page.locator("#correction .field input").first).to_be_focused()
    await page.keyboard.press("Control+a")
    assert await site.verdicts() == []
    await page.keyboard.press("a")
    await expect(page.get_by_role("heading", name="Nothing waits in triage")).to_be_visible()
    comment = await site.world.db.hot.fetchval("SELECT comment FROM reviews")
    assert comment == "are these 3 cases?"


async def test_skipping_and_escalating_by_key_asks_why(site: Site, page: Page) -> None:
    for number in range(3):
        await site.world.submit(text=f"message {number}")
    await site.sign_in(page)
    await site.take_next(page)
    await page.keyboard.press("s")
    await page.keyboard.type("not my field")
    await page.keyboard.press("Enter")
    await expect(page.locator(TEXT)).to_have_text("message 1")
    await expect(page.locator("#outcome")).to_contain_text("Skipped.")
    await page.keyboard.press("e")
    await page.keyboard.type("this is fraud")
    await page.get_by_role("button", name="Escalate it").click()
    await expect(page.locator(TEXT)).to_have_text("message 2")
    told = (
        "SELECT action, details ->> 'reason' AS reason FROM audit_entries WHERE details ->> 'reason' <> '' ORDER BY at"
    )
    rows = await site.world.db.hot.fetch(told)
    assert [(row["action"], row["reason"]) for row in rows] == [
        ("assignment.skipped", "not my field"),
        ("case.escalated", "this is fraud"),
    ]


async def test_approving_what_was_changed_is_stopped_and_keeps_the_change(site: Site, page: Page) -> None:
    await site.world.submit(text="only one")
    await site.sign_in(page)
    await site.take_next(page)
    await page.keyboard.press("2")
    await page.keyboard.press("a")
    await expect(page.locator("#fault")).to_contain_text("You changed the output")
    await expect(page.locator(".option", has_text="lost_card").locator("input")).to_be_checked()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Nothing waits in triage")).to_be_visible()
    assert await site.verdicts() == ["correct"]


async def test_an_alternative_fills_the_form_in_place_and_enter_sends_it(site: Site, page: Page) -> None:
    await site.world.submit(text="only one", alternatives=[{"output": {"label": "refund"}, "confidence": 0.2}])
    await site.sign_in(page)
    await site.take_next(page)
    address = page.url
    await page.get_by_role("link", name="refund").click()
    await expect(page.locator("#correction .diff")).to_contain_text("card_arrival → refund")
    assert page.url == address
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Nothing waits in triage")).to_be_visible()
    assert await labels(site.world) == [{"label": "refund"}]


async def test_a_draft_outlives_a_reload(site: Site, page: Page) -> None:
    await site.world.submit(text="only one")
    await site.sign_in(page)
    await site.take_next(page)
    await page.keyboard.press("2")
    await page.get_by_label("Note").fill("half a thought")
    await page.reload()
    await expect(page.get_by_label("Note")).to_have_value("half a thought")
    await expect(page.locator(".option", has_text="lost_card").locator("input")).to_be_checked()
    await expect(page.locator(".field.changed")).to_have_count(1)


LAB = """
project: lab
item_types:
  receipt:
    undo: 0s
    input_schema: {type: object}
    output_schema:
      type: object
      required: [kind, total, paid, lines]
      properties:
        kind: {enum: [k1, k2, k3, k4, k5, k6, k7, k8, k9, k10, k11, k12, k13]}
        total: {type: number, minimum: 0}
        paid: {type: boolean}
        day: {type: string, format: date}
        at: {type: string, format: date-time}
        note: {type: string, maxLength: 500}
        memo: {type: [string, 'null']}
        tags: {type: array, uniqueItems: true, items: {enum: [food, travel, other]}}
        lines:
          type: array
          items:
            type: object
            required: [name, count]
            properties: {name: {type: string}, count: {type: integer, minimum: 1}, unit: {type: [string, 'null']}}
        rest: {}
      additionalProperties: true
pools:
  desk: {lease: 10m, members: [nora@example.com]}
rules:
  - {name: all, when: 'true', then: {review: desk}}
"""
RECEIPT: dict[str, Any] = {
    "kind": "k3",
    "total": 12.0,
    "paid": True,
    "day": "2026-10-01",
    "at": "2026-10-01T09:30:00+02:00",
    "note": "\n  first line\r\nsecond <b>line</b>\n",
    "memo": None,
    "tags": ["food"],
    "lines": [{"name": "  bolt ", "count": 2, "unit": None}, {"name": 'nut "M4" & co', "count": 1}],
    "rest": {"a": [1.0, 1, "x"], "b": None},
    "extra": "kept",
}


async def lab(site: Site, output: dict[str, Any], given: Any = None) -> World:
    world = await World.build(site.world.db, site.world.settings, project="lab", source=LAB)
    await world.add_person("nora", Role.REVIEWER)
    await world.submit(type="receipt", input={"text": "a receipt"} if given is None else given, output=output)
    return world


async def labels(world: World) -> list[Any]:
    rows = await world.db.hot.fetch(
        "SELECT record ->> 'label' AS label FROM feedback WHERE project_id = $1 ORDER BY decided_at",
        world.service.project_id,
    )
    return [json.loads(row["label"]) if row["label"] else None for row in rows]


async def test_every_kind_of_field_comes_back_as_it_was_but_for_what_was_changed(site: Site, page: Page) -> None:
    world = await lab(site, RECEIPT)
    await site.sign_in(page, "/p/lab")
    await page.get_by_role("button", name="Take the next of desk").click()
    await page.wait_for_load_state()
    await page.get_by_role("combobox", name="kind").fill("k12")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Correct", exact=True).click()
    await expect(page.get_by_role("heading", name="Nothing waits in desk")).to_be_visible()
    (label,) = await labels(world)
    assert json.dumps(label, sort_keys=True) == json.dumps(RECEIPT | {"kind": "k12"}, sort_keys=True)


async def test_rows_come_and_go_and_faults_stand_beside_their_fields(site: Site, page: Page) -> None:
    world = await lab(site, RECEIPT)
    await site.sign_in(page, "/p/lab")
    await page.get_by_role("button", name="Take the next of desk").click()
    await page.get_by_role("button", name="Remove lines 1").click()
    await expect(page.locator(".row")).to_have_count(1)
    await page.get_by_role("button", name="Add to lines").click()
    await expect(page.locator(".row")).to_have_count(2)
    await page.get_by_label("name").last.fill("screw")
    await page.get_by_label("count").last.fill("none")
    await page.get_by_label("total").fill("-1")
    await page.get_by_role("button", name="Correct", exact=True).click()
    await expect(page.locator(".error")).to_have_text(
        ["This is not a number. Write it with digits and a point, such as 12.5."]
    )
    await expect(page.get_by_label("count").last).to_be_focused()
    await page.keyboard.type("7")
    await page.get_by_label("count").last.fill("7")
    await page.get_by_role("button", name="Correct", exact=True).click()
    await expect(page.locator(".field", has=page.get_by_label("total")).locator(".error")).to_be_visible()
    await page.get_by_label("total").fill("3.5")
    await page.get_by_role("button", name="Correct", exact=True).click()
    await expect(page.get_by_role("heading", name="Nothing waits in desk")).to_be_visible()
    (label,) = await labels(world)
    lines = [RECEIPT["lines"][1], {"name": "screw", "count": 7}]
    expected = RECEIPT | {"total": 3.5, "lines": lines}
    assert json.dumps(label, sort_keys=True) == json.dumps(expected, sort_keys=True)
