"""Signing in and out with an identity provider, in Chromium: every hop passes the pages' own policy."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import Page, expect

from review.kernel.settings import Settings
from tests.conftest import built_app
from tests.identity.oidc.browsing import Idp, providers_file, running_provider
from tests.make import World

pytestmark = pytest.mark.browser


@pytest_asyncio.fixture(loop_scope="session")
async def acme() -> AsyncIterator[Idp]:
    """A provider with a page of its own."""
    with running_provider() as issuer:
        async with Idp(issuer) as idp:
            await idp.tell(page=True)
            yield idp


@pytest_asyncio.fixture(loop_scope="session")
async def address(
    world: World, settings: Settings, acme: Idp, tmp_path: Path, ports: dict[str, socket.socket]
) -> AsyncIterator[str]:
    """A server that knows the provider, and says to it where it really is."""
    if "acme" not in ports:
        ports["acme"] = socket.create_server(("127.0.0.1", 0))
    listener = ports["acme"].dup()  # the server closes what it is given
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    file = providers_file(tmp_path, acme.issuer, "http://127.0.0.1:9")
    known = msgspec.structs.replace(settings, oidc_file=file, base_url=url)
    config = uvicorn.Config(built_app(known), log_level="warning", ws="none", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    assert world.project == "support"
    yield url
    server.should_exit = True
    await running


async def test_nora_comes_in_with_her_provider_and_goes_again(page: Page, address: str, acme: Idp) -> None:
    await page.goto(f"{address}/p/support")
    await page.get_by_role("button", name="Sign in with Acme").click()
    await page.get_by_role("link", name="Come in as Nora").click()
    await expect(page).to_have_url(f"{address}/p/support")
    await expect(page.get_by_text("Nora", exact=True)).to_be_visible()
    await page.goto(f"{address}/sign-in/linked")
    await expect(page.get_by_text("nora-1")).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page).to_have_url(re.compile(f"^{acme.issuer}/end"))
    await page.goto(f"{address}/p/support")
    await expect(page).to_have_url(re.compile("/sign-in"))


async def test_a_refusal_is_a_page_with_a_way_on(page: Page, address: str, acme: Idp) -> None:
    await acme.tell(claims={"aud": "somebody-else"})
    await page.goto(f"{address}/sign-in")
    await page.get_by_role("button", name="Sign in with Acme").click()
    await expect(page.get_by_role("heading", name="What the provider sent does not hold")).to_be_visible()
    await page.get_by_role("link", name="Go to the sign-in page").click()
    await page.get_by_role("button", name="Sign in with The other one").click()
    await expect(page.get_by_role("heading", name="The provider cannot be used just now")).to_be_visible()
