"""The application with two identity providers, each a process of its own, and a browser that goes to and fro."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from review.kernel.settings import Settings
from tests.identity.oidc.browsing import PLAIN, Idp, Surfer, providers_file, running_provider
from tests.make import World


@pytest.fixture(scope="session")
def processes() -> Iterator[tuple[str, str]]:
    """Two providers that are running: Acme, and another."""
    with running_provider() as acme, running_provider() as other:
        yield acme, other


@pytest.fixture
def issuers(processes: tuple[str, str]) -> tuple[str, str]:
    """The two, which behave, and have been asked nothing."""
    for each in processes:
        httpx.post(f"{each}/reset", trust_env=False, verify=PLAIN).raise_for_status()
    return processes


@pytest.fixture
def settings(settings: Settings, issuers: tuple[str, str], tmp_path: Path) -> Settings:
    """The settings of a process that knows both."""
    file = providers_file(tmp_path, *issuers)
    return msgspec.structs.replace(settings, oidc_file=file, base_url="http://testserver.local")


@pytest.fixture
async def acme(issuers: tuple[str, str]) -> AsyncIterator[Idp]:
    """The provider that most people come from."""
    async with Idp(issuers[0]) as idp:
        yield idp


@pytest.fixture
async def other(issuers: tuple[str, str]) -> AsyncIterator[Idp]:
    """Another provider, which knows other people by the same names."""
    async with Idp(issuers[1]) as idp:
        yield idp


@pytest.fixture
async def surfer(http: httpx.AsyncClient, world: World) -> Surfer:
    """A browser that nobody has signed in with."""
    return Surfer(http, world)
