"""Why an item is here, told on its pages by the rules that routed it, whatever the rules say by now."""

import html
import re
from typing import Any

import httpx
import msgspec

from review.audit.rules import OPERATOR
from review.configuration import service as configuration
from review.identity.rules import Role
from tests.intake.test_stops import SURE, post
from tests.make import CONFIG, World
from tests.web.test_pages import HTML, sign_in, take


async def test_an_item_that_older_rules_routed_shows_their_condition_with_its_values(
    http: httpx.AsyncClient, world: World
) -> None:
    """Goal: a reviewer sees why an item is here, by the rules as they stood when it came."""
    await sign_in(http, world)
    here, _ = await take(http, world)
    before = await _why(http, here)
    assert "<code><strong>0.5</strong> &lt; 0.8</code>" in before
    changed = CONFIG.format(project="support").replace("item.confidence < 0.8", "item.confidence < 0.3")
    async with world.db.transaction() as tx:
        plan = await configuration.apply(tx, changed, actor=OPERATOR)
    assert (plan.version, plan.ruleset_version) == (2, 2)
    assert await _why(http, here) == before


async def _why(http: httpx.AsyncClient, here: str) -> str:
    page = (await http.get(here, headers=HTML)).text
    found = re.search(r'<h2 id="why">.*?</section>', page, re.DOTALL)
    assert found is not None, page
    return found[0]


async def test_lists_and_scores_are_told_with_what_they_are_for_the_item(http: httpx.AsyncClient, world: World) -> None:
    """Issue 6: "risk 55" and "is in unwanted" say more than the names alone, also by the rules of then."""
    changed = CONFIG.format(project="support").replace(
        "rules:\n",
        "lists: {unwanted: [spam]}\n"
        "scores: {risk: [{when: 'item.output.label == \"card_arrival\"', add: 55}]}\n"
        "rules:\n"
        "  - {name: far, when: 'item.input.text in lists.unwanted && scores.risk > 50', then: {review: triage}}\n",
    )
    async with world.db.transaction() as tx:
        await configuration.apply(tx, changed, actor=OPERATOR)
    world.service = msgspec.structs.replace(world.service, config_version=2)
    world.config = await world.configs.get(world.service.project_id, 2)
    await sign_in(http, world)
    here, _ = await take(http, world, text="spam")
    said = await _why(http, here)
    assert "<strong>text &#34;spam&#34;</strong> <strong>is in unwanted</strong>" in said
    assert "<strong>risk 55</strong> &gt; 50" in said


async def test_what_a_stop_or_clearing_did_is_told_as_it_was(http: httpx.AsyncClient, world: World) -> None:
    """Issue 6: nothing says that a rule or a person decided what a stop did, nor the other way round."""
    source = CONFIG.format(project="support").replace("    undo: 0s", "    undo: 0s\n    fallback: reject")
    async with world.db.transaction() as tx:
        await configuration.apply(tx, source + "models: {clear_new: true}\n", actor=OPERATOR)
    await sign_in(http, world, role=Role.LEAD)
    broken = {name: value for name, value in SURE.items() if name != "confidence"}
    uncleared = await _told(http, world, SURE)
    assert "Rule rest was kept from deciding it, so it went to triage." in uncleared
    assert "Nobody has cleared this version of the model" in uncleared
    assert "A rule could not be evaluated, which sent it to triage." in await _told(http, world, broken)
    await _stop(http, world, "fallback")
    fallen = [await _told(http, world, each) for each in (SURE, broken)]
    wrong = "by a rule|a person looks at it|people judge what it makes|Rule rest (reje|was kept)"
    for page in fallen:
        assert "during a stop, and the fallback of its item type decided it." in page
        assert "That decided it: rejected, by the fallback of its item type." in page
        assert not re.search(wrong, page)
    assert "A rule could not be evaluated: " in fallen[1]
    await _stop(http, world, "hold")
    held = await _told(http, world, SURE)
    assert "A stop held it back from triage." in held
    assert "so nobody was handed it while the stop stood" in held


async def _stop(http: httpx.AsyncClient, world: World, way: str) -> None:
    wish = {"kind": "project", "subject": "support", "reason": "wild", "way": way}
    assert (await post(http, "stops", world.tokens["lea"], wish)).status_code == 200


async def _told(http: httpx.AsyncClient, world: World, body: dict[str, Any]) -> str:
    item = (await post(http, "items", world.service_key, body)).json()
    page = html.unescape((await http.get(f"/p/support/items/{item['id']}", headers=HTML)).text)
    return re.sub(r"<[^>]+>", "", page)
