"""Takes the pictures of docs/screenshots anew: `.venv/bin/pytest tests/browser/screenshots.py`.

Its name keeps it out of an ordinary run. Pictures differ from machine to machine by their fonts, so nothing is compared
with them; what must stay as it is, `test_styleguide.py` holds to numbers.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image
from playwright.async_api import Browser, Page

from review.audit.rules import OPERATOR
from review.cli.demo import digits
from review.configuration import service as configuration
from review.identity.rules import Role
from review.intake import service as intake
from tests.browser.conftest import Site
from tests.make import World

TO = Path(__file__).parents[2] / "docs" / "screenshots"
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}

CONFIG = """
project: support
title: Customer support
item_types:
  ticket_intent:
    title: Ticket intent
    input_schema: {type: object, required: [conversation], properties: {conversation: {type: array}}}
    output_schema:
      type: object
      required: [intent, urgent, answer]
      properties:
        intent: {enum: [card_arrival, lost_card, card_not_working, refund, top_up], title: Intent}
        urgent: {type: boolean, title: Urgent}
        answer: {type: string, title: Answer, maxLength: 500}
    reasons: [wrong_intent, wrong_tone, not_true]
    guidelines: |
      Choose the intent that the **customer** would choose.

      - A card that *never came* is card_arrival.
      - A card that came and is gone is lost_card.
    view: {input.conversation: chat, output.intent: choice, output.answer: text}
  digit:
    title: Handwritten digit
    input_schema: true
    output_schema:
      type: object
      required: [digit]
      properties: {digit: {enum: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']}}
    reasons: [misread, ambiguous, illegible]
    guidelines: Which digit did the writer mean? Reject only what is no digit at all.
    view: {input.image: image, output.digit: choice}
  report:
    title: Reported post
    sensitive: all
    input_schema: true
    output_schema: {type: object, properties: {action: {enum: [keep, hide, remove]}, why: {type: string}}}
    guidelines: Judge the post by the house rules, not by whether you would say it.
    view: {input.post: text, input.picture: image, output.action: choice}
pools:
  triage: {title: Triage, lease: 10m, members: [ana@example.com, ben@example.com]}
  readers: {title: Readers, lease: 5m}
  moderators: {title: Moderators, lease: 5m}
calendars:
  berlin: {timezone: Europe/Berlin, hours: {mon-fri: '09:00-17:30'}, holidays: DE-BE}
sla_policies:
  standard: {calendar: berlin, decide: 4h, warn_at: [50%, 80%], escalation: ladder,
             by_priority: [{at_least: 80, decide: 1h}]}
  steady: {decide: 4h}
escalation_policies:
  ladder: [{after: 80%, notify: pool-leads}, {after: 100%, priority: +20}]
rules:
  - {name: scans, when: 'item.type == "digit"', then: {review: readers, sla: steady}}
  - {name: reports, when: 'item.type == "report"', then: {review: moderators, sla: steady}}
  - {name: low-confidence, when: 'item.confidence < 0.8', then: {review: triage, sla: steady}}
  - {name: rest, when: 'true', then: {approve: true}}
"""
TICKETS = (
    ("Hi, I ordered a new card two weeks ago. Where is it?", "I think somebody took it out of my letterbox."),
    ("My new card has still not arrived.", "I moved in October, perhaps it went to the old address."),
    ("There is a payment on my account that I did not make.", "I have the card here with me."),
    ("The card is refused in every shop.", "It worked yesterday."),
    ("I sent the shoes back. When do I get my money?", "It is nine days now."),
)


def ticket(place: int) -> dict[str, Any]:
    """A ticket of which the model is not sure."""
    first, last = TICKETS[place % len(TICKETS)]
    return {
        "type": "ticket_intent",
        "external_id": f"msg-{1041 + place}",
        "input": {
            "conversation": [
                {"role": "user", "content": first},
                {"role": "assistant", "content": "I am sorry to hear that. Can you tell me more?"},
                {"role": "user", "content": last},
            ]
        },
        "output": {"intent": "card_arrival", "urgent": False, "answer": "Your card is on its way."},
        "confidence": round(0.62 - place / 20, 2),
        "alternatives": [
            {"output": {"intent": "lost_card", "urgent": True, "answer": "We have blocked it."}, "confidence": 0.24}
        ],
        "model": {"name": "intent-clf", "version": "2026-10-01", "prompt_version": "p7"},
        "cost": {"amount": "0.0021", "currency": "USD"},
        "latency_ms": 812,
        "subject": "customer-42",
    }


def scans() -> list[dict[str, Any]]:
    """Scans that the demo's model reads with some doubt."""
    data = digits.load()
    model = digits.Model([(each.pixels, each.truth) for each in data.seed])
    read = [(each, made) for each, made in zip(data.stream, model.predict(data.stream), strict=True)]
    return [
        {
            "type": "digit",
            "external_id": each.name,
            "input": {"image": digits.picture(each)},
            "output": {"digit": made.digit},
            "confidence": made.confidence,
            "alternatives": [{"output": {"digit": name}, "confidence": share} for name, share in made.others],
        }
        for each, made in read
        if made.confidence < 0.7 and made.digit != each.truth
    ][:3]


def report() -> dict[str, Any]:
    """A post that somebody reported."""
    return {
        "type": "report",
        "external_id": "post-7",
        "input": {"post": "Words that one does not want to read before one is ready for them. " * 3},
        "output": {"action": "hide", "why": "Insults somebody by name."},
        "confidence": 0.71,
    }


async def fill(site: Site) -> None:
    """Put something into the project that is worth a picture."""
    world: World = site.world
    async with world.db.transaction() as tx:
        await configuration.apply(tx, CONFIG, actor=OPERATOR)
    world.config = await world.configs.get(world.service.project_id, 2)
    await world.add_person("lena", Role.LEAD)
    await world.db.hot.execute(
        "INSERT INTO pool_members SELECT $1, pool, 'nora@example.com', 'direct' FROM unnest($2::text[]) AS pool"
        " ON CONFLICT DO NOTHING",
        world.service.project_id,
        ["triage", "readers", "moderators"],
    )
    for body in (*(ticket(place) for place in range(8)), *scans(), report()):
        await intake.submit(world.desk(), msgspec.json.encode(body), idempotency_key=None)
    for verdict in ("approve", "reject", "correct"):
        held = (await world.claim("ana"))[0]
        output = {"intent": "lost_card", "urgent": True, "answer": "We have blocked it. A new one is on its way."}
        more = {"output": output} if verdict == "correct" else {}
        await world.judge("ana", held, verdict, **more)


async def keep(page: Page, name: str) -> None:
    """Write what is on the screen, in few colours, so that the repository stays small."""
    await page.wait_for_load_state("networkidle")
    picture = Image.open(BytesIO(await page.screenshot(animations="disabled", caret="hide")))
    picture.convert("RGB").quantize(128).save(TO / f"{name}.png", optimize=True)


@asynccontextmanager
async def looking(site: Site, browser: Browser, size: dict[str, int], **more: Any) -> AsyncGenerator[Page]:
    """Sign Nora in on a screen of this size."""
    context = await browser.new_context(
        viewport=size,  # type: ignore[arg-type]  # two numbers, as it wants
        locale="en-GB",
        timezone_id="Europe/Berlin",
        **more,
    )
    page = await context.new_page()
    await site.sign_in(page)
    await page.wait_for_url("**/p/support")
    yield page
    await context.close()


async def take(site: Site, page: Page, pool: str) -> None:
    """Take the next item of a pool, or go on with the one in hand."""
    await page.goto(f"{site.url}/p/support")
    await page.get_by_role("button", name=f"Take the next of {pool}").click()
    await page.locator("#desk[data-assignment]").wait_for()


@pytest.mark.timeout(180)
async def test_the_pictures_are_taken(site: Site, browser: Browser) -> None:
    await fill(site)
    item = await site.world.db.hot.fetchval("SELECT item_id FROM decisions WHERE verdict = 'correct'")
    home = f"{site.url}/p/support"
    preview = "clocks?policy=standard&at=2027-05-14T16:50&priority=80"
    async with looking(site, browser, DESKTOP) as page:
        for name, path in (("home", ""), ("queue", "pools/triage"), ("item", f"items/{item}"), ("clocks", preview)):
            await page.goto(f"{home}/{path}")
            await keep(page, name)
        for name, pool in (("review-text", "Triage"), ("review", "Readers"), ("review-sensitive", "Moderators")):
            await take(site, page, pool)
            await keep(page, name)
        await page.goto(f"{site.url}/preferences")
        await keep(page, "preferences")
    async with looking(site, browser, DESKTOP, color_scheme="dark") as page:
        await take(site, page, "Triage")
        await keep(page, "review-dark")
    async with looking(site, browser, PHONE, has_touch=True, is_mobile=True) as page:
        for name, path in (("home-phone", ""), ("queue-phone", "pools/triage"), ("item-phone", f"items/{item}")):
            await page.goto(f"{home}/{path}")
            await keep(page, name)
        await take(site, page, "Triage")
        await keep(page, "review-phone")
