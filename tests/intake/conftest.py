"""What tests of intake count."""

from typing import Any

import asyncpg
import pytest


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect every statement that goes through a hot pool."""
    asked: list[str] = []

    def counted(original: Any) -> Any:
        async def ask(pool: Any, query: str, *given: Any, **options: Any) -> Any:
            asked.append(query)
            return await original(pool, query, *given, **options)

        return ask

    for name in ("fetch", "fetchrow", "fetchval", "execute"):
        monkeypatch.setattr(asyncpg.Pool, name, counted(getattr(asyncpg.Pool, name)))
    return asked
