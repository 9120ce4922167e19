"""What the tests of commands share."""

import asyncio

import pytest

from review.kernel.db import Database
from review.kernel.settings import Settings
from tests.make import World


@pytest.fixture
def support(settings: Settings) -> str:
    """A project's database."""

    async def prepare() -> None:
        db = await Database.connect(settings)
        await World.build(db, settings)
        await db.close()

    asyncio.run(prepare())
    return settings.database_url
