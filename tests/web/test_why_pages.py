"""Why an item is here, told on its pages by the rules that routed it, whatever the rules say by now."""

import re

import httpx

from review.audit.rules import OPERATOR
from review.configuration import service as configuration
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
