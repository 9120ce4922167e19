"""A project with endpoints, and what it takes to send to them."""

from collections.abc import AsyncIterator, Callable
from random import Random

import msgspec
import pytest

from review.delivery.webhooks.dispatch import Dispatcher
from review.kernel.settings import Settings
from tests.delivery.webhooks.post import Post
from tests.make import World


@pytest.fixture
def local(settings: Settings) -> Settings:
    """Settings that let webhooks go to this machine, over plain http."""
    return msgspec.structs.replace(settings, webhook_allow_networks=("127.0.0.0/8",), webhook_allow_http=True)


@pytest.fixture
async def post(world: World, local: Settings) -> Post:
    """The project's webhooks."""
    return Post(world, local)


@pytest.fixture
async def dispatcher(post: Post) -> AsyncIterator[Dispatcher]:
    """One process's dispatcher."""
    made = Dispatcher(post.world.db, post.settings, rng=Random(1))
    yield made
    await made.close()


@pytest.fixture
async def dispatchers(post: Post) -> AsyncIterator[Callable[[], Dispatcher]]:
    """As many more as a test wants."""
    made: list[Dispatcher] = []

    def make() -> Dispatcher:
        made.append(Dispatcher(post.world.db, post.settings, rng=Random(len(made))))
        return made[-1]

    yield make
    for each in made:
        await each.close()
