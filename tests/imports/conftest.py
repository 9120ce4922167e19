"""Two projects with the same item types: labels move from `support` to `moved`."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from review.cli.main import main
from review.kernel.db import Database
from review.kernel.settings import Settings
from tests.make import World

Ask = Callable[..., list[Any]]


@pytest.fixture
def target(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The project `moved`, in the stack that the environment names."""

    async def prepare() -> None:
        db = await Database.connect(settings)
        await World.build(db, settings, "moved")
        await db.close()

    asyncio.run(prepare())
    monkeypatch.setenv("REVIEW_DATABASE_URL", settings.database_url)


@pytest.fixture
def ask(settings: Settings) -> Ask:
    """Ask the database."""

    def fetch(statement: str, *given: object) -> list[Any]:
        async def run() -> list[Any]:
            db = await Database.connect(settings)
            try:
                return list(await db.hot.fetch(statement, *given))
            finally:
                await db.close()

        return asyncio.run(run())

    return fetch


def bring_in(path: Path, *arguments: str) -> Result:
    """Run `review import` as an operator types it."""
    return CliRunner().invoke(main, ["import", str(path), "--project", "moved", "--type", "ticket_intent", *arguments])
