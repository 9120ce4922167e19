"""A real server and a real Chromium for each test; without Chromium one loud line says how to get it."""

import asyncio
import shutil
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
import uvicorn
from litestar import Litestar
from playwright.async_api import Browser, Page, async_playwright

from review.identity.rules import Role
from review.kernel.resources import static_dir
from review.kernel.settings import Settings
from review.web.app import create_app
from tests.make import PASSWORD, World

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the browser tests where there is no browser."""
    if CHROMIUM is None:
        reason = "NO CHROMIUM: the browser tests did not run. Get it with `apt-get install chromium`."
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=reason))


@dataclass
class Site:
    """A running server over the test's world, where Nora reviews in the browser."""

    url: str
    world: World
    email: str = "nora@example.com"
    app: Litestar | None = None

    def hint(self) -> None:
        """Tell the open lists that something happened, as a worker does once events have their numbers."""
        assert self.app is not None
        self.app.state.services.live.wake([self.world.service.project_id])

    async def sign_in(self, page: Page, path: str = "/") -> None:
        """Come in through the front door."""
        await page.goto(self.url + path)
        await page.get_by_label("E-mail").fill(self.email)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()

    async def take_next(self, page: Page) -> None:
        """Go home and take the next item of triage."""
        await page.goto(f"{self.url}/p/{self.world.project}")
        await page.get_by_role("button", name="Take the next of triage").click()
        await page.locator("#desk[data-assignment]").wait_for()
        await page.wait_for_load_state("networkidle")  # keys wait for the scripts, and what stands beside comes later

    async def verdicts(self) -> list[str]:
        """List the verdicts of all decisions, in order."""
        rows = await self.world.db.hot.fetch("SELECT verdict FROM decisions ORDER BY decided_at, item_id")
        return [row["verdict"] for row in rows]


@pytest.fixture
async def site(world: World, settings: Settings) -> AsyncIterator[Site]:
    """A server on a free port, with a reviewer who has a password and is in the pool triage."""
    async with open_site(world, settings) as opened:
        yield opened


@pytest.fixture
async def named(world: World, settings: Settings) -> AsyncIterator[Site]:
    """The same under a name, which is what browsers bind passkeys to."""
    async with open_site(world, settings, name="localhost") as opened:
        yield opened


@asynccontextmanager
async def open_site(world: World, settings: Settings, name: str = "127.0.0.1") -> AsyncGenerator[Site]:
    """Serve the test's world at a name of this machine."""
    if not (static_dir() / "vendor" / "htmx.js").exists():
        pytest.fail("htmx is not built; run `make install` (an editable install copies it)")
    await world.add_person("nora", Role.REVIEWER, password=PASSWORD)
    await world.db.hot.execute(
        "INSERT INTO pool_members VALUES ($1, 'triage', 'nora@example.com', 'direct')", world.service.project_id
    )
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://{name}:{listener.getsockname()[1]}"
    app = create_app(msgspec.structs.replace(settings, base_url=url))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none", timeout_graceful_shutdown=2))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    yield Site(url, world, app=app)
    server.should_exit = True
    await running


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """The installed Chromium."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        await chromium.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page on a desktop screen that fails the test on any script error or refused resource."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    opened = await context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda message: faults.append(message.text) if _is_fault(message.type, message.text) else None)
    yield opened
    await context.close()
    assert faults == []


def _is_fault(kind: str, text: str) -> bool:
    """Refusals by status are part of what is tested; everything else that is an error is one."""
    return kind == "error" and "the server responded with a status of" not in text
