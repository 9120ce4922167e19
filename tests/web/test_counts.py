"""A page asks the database as often for many rows as for a few."""

from collections.abc import Callable
from typing import Any

import asyncpg
import httpx
import pytest

from review.identity.rules import Role
from tests.make import World
from tests.web.test_pages import HTML, sign_in

FEW, MORE = 4, 8  # of which half are claimed


@pytest.mark.parametrize("path", ["", "/pools/triage", "/due?within=168"], ids=["home", "pool", "due"])
async def test_a_list_costs_as_many_statements_for_many_rows_as_for_a_few(
    http: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    asked: list[str] = []
    for name in ("execute", "fetch", "fetchrow", "fetchval"):
        monkeypatch.setattr(asyncpg.Pool, name, _counted(getattr(asyncpg.Pool, name), asked))
    await sign_in(http, world, role=Role.LEAD)
    costs, clocks = list[int](), list[int]()
    for rows in (FEW, MORE):
        for _ in range(rows):
            await world.submit()
        await world.claim("nora", limit=rows // 2)
        await _read(http, path)  # looks up what a process then keeps
        asked.clear()
        page = await _read(http, path)
        costs.append(len(asked))
        clocks.append(page.count('data-clock="due"'))
    assert costs[0] == costs[1] > 0, asked
    assert clocks[1] > clocks[0] > 0


async def _read(http: httpx.AsyncClient, path: str) -> str:
    answer = await http.get(f"/p/support{path}", headers=HTML)
    assert answer.status_code == 200, answer.text
    return answer.text


def _counted(act: Callable[..., Any], asked: list[str]) -> Callable[..., Any]:
    async def counted(pool: object, statement: str, *given: object, **more: object) -> Any:
        asked.append(statement)
        return await act(pool, statement, *given, **more)

    return counted
