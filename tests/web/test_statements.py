"""Goal G11: how many statements a reviewer's pages cost, as it stands; five are the goal, and none may come unseen."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from asyncpg import Connection
from asyncpg.prepared_stmt import PreparedStatement

from tests.make import World
from tests.web.test_pages import HTML, HTMX, sign_in, take

STANDING = {"home": 8, "pool": 5, "desk": 14, "decide, and the next item": 48}
BOUNDS = ("BEGIN", "COMMIT", "ROLLBACK")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What any connection of this process sends, but for where a transaction begins and ends."""
    sent: list[str] = []
    for driver, name in ((Connection, "_do_execute"), (PreparedStatement, "_PreparedStatement__do_execute")):
        monkeypatch.setattr(driver, name, _noted(getattr(driver, name), sent))
    return sent


def _noted(act: Callable[..., Any], sent: list[str]) -> Callable[..., Any]:
    async def noted(it: Any, *given: Any, **named: Any) -> Any:
        query = given[0] if isinstance(given[0], str) else it._query
        if not query.lstrip().upper().startswith(BOUNDS):
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
    costs["decide, and the next item"] = len(asked)
    over = {name: cost for name, cost in costs.items() if cost > STANDING[name]}
    assert not over, "\n".join(asked)
