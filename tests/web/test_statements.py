"""Goal G11: a reviewer's pages and a verdict cost five statements at most, and none may come unseen."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from asyncpg import Connection
from asyncpg.prepared_stmt import PreparedStatement

from review.kernel.db import Database
from review.kernel.settings import Settings
from tests.make import CONFIG, World
from tests.web.test_pages import HTML, HTMX, sign_in, take

STANDING = {"home": 4, "pool": 4, "desk": 4, "decide at once, and load the next": 23}
AHEAD = {"claim and load ahead": 5, "take a verdict, and the next is there": 5}
PINGS = ("", "SELECT")
# Where a transaction begins and ends, and what the driver asks to know the types of a new statement.
BESIDES = ("BEGIN", "COMMIT", "ROLLBACK", "SELECT current_setting('jit')", "WITH RECURSIVE typeinfo_tree(")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What any connection of this process sends for what it does."""
    sent: list[str] = []
    for driver, name in ((Connection, "_do_execute"), (PreparedStatement, "_PreparedStatement__do_execute")):
        monkeypatch.setattr(driver, name, _noted(getattr(driver, name), sent))
    return sent


def _noted(act: Callable[..., Any], sent: list[str]) -> Callable[..., Any]:
    async def noted(it: Any, *given: Any, **named: Any) -> Any:
        query = given[0] if isinstance(given[0], str) else it._query
        if query.strip(" ;\n") not in PINGS and not " ".join(query.split()).startswith(BESIDES):
            sent.append(query)
        return await act(it, *given, **named)

    return noted


async def test_pages_cost_no_more_statements_than_they_do(
    http: httpx.AsyncClient, world: World, asked: list[str]
) -> None:
    await sign_in(http, world)
    here, form = await take(http, world, text="first")
    for number in range(3):
        await world.submit(text=f"message {number}")
    costs: dict[str, int] = {}
    for name, path in {"home": "/p/support", "pool": "/p/support/pools/triage", "desk": here}.items():
        await http.get(path, headers=HTML)  # looks up what a process then keeps
        asked.clear()
        assert (await http.get(path, headers=HTML)).status_code == 200
        costs[name] = len(asked)
    asked.clear()
    answer = await http.post(f"{here}/review", data=form | {"verdict": "approve"}, headers=HTMX)
    assert answer.status_code == 200
    costs["decide at once, and load the next"] = len(asked)
    over = {name: cost for name, cost in costs.items() if cost > STANDING[name]}
    assert not over, f"{costs}: " + "\n".join(asked)


async def test_a_verdict_costs_no_more_statements_than_it_does_where_the_next_is_there_already(
    http: httpx.AsyncClient, db: Database, settings: Settings, asked: list[str]
) -> None:
    """The usual way: what the eye waits for was rendered before, and the decision comes when the grace window ends."""
    world = await World.build(db, settings, source=CONFIG.replace("undo: 0s", "undo: 8s").format(project="support"))
    await sign_in(http, world)
    here, form = await take(http, world, text="first")
    await world.submit(text="second")
    ahead = "/p/support/pools/triage/ahead"
    assert "second" in (await http.post(ahead, data=form, headers=HTMX)).text
    asked.clear()
    again = await http.post(ahead, data=form, headers=HTMX)
    costs = {"claim and load ahead": len(asked)}
    found = re.search(r'data-assignment="([^"]+)" data-fence="(\d+)"', again.text)
    assert found is not None
    asked.clear()
    given = form | {"verdict": "approve", "ahead": found[1], "ahead_fence": found[2]}
    answer = await http.post(f"{here}/review", data=given, headers=HTMX)
    assert answer.status_code == 200
    costs["take a verdict, and the next is there"] = len(asked)
    over = {name: cost for name, cost in costs.items() if cost > AHEAD[name]}
    assert not over, f"{costs}: " + "\n".join(asked)
