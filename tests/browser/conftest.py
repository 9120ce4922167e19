"""A real server over each test's own database, and one real Chromium a worker, on one event loop for all of them.

Without Chromium one loud line says how to get it. A fixture here that awaits, or in a module of these tests, is a
`pytest_asyncio.fixture(loop_scope="session")`: another loop could not speak to the browser.
"""

import asyncio
import inspect
import shutil
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
import pytest_asyncio
import uvicorn
from litestar import Litestar
from playwright.async_api import Browser, Page, async_playwright

from review.identity.rules import Role
from review.kernel.db import Database
from review.kernel.resources import static_dir
from review.kernel.settings import Settings
from tests.conftest import built_app
from tests.make import OF_A_PAGE, PASSWORD, World

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
    """Run the browser tests on one event loop, and skip them where there is no browser."""
    reason = "NO CHROMIUM: the browser tests did not run. Get it with `apt-get install chromium`."
    for item in items:
        if HERE in item.path.parents:
            if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.function):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            if CHROMIUM is None:
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

    async def come_in(self, page: Page, path: str = "/") -> None:
        """Come in through the front door: the form, its button, and the page that one wanted."""
        await page.goto(self.url + path)
        await page.get_by_label("E-mail").fill(self.email)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url(lambda url: urlsplit(url).path != "/sign-in")

    async def sign_in(self, page: Page, path: str = "/") -> None:
        """Open the page that one wants with a session that the form's address gave, without drawing the form."""
        async with httpx.AsyncClient(base_url=self.url, headers=OF_A_PAGE) as door:
            answer = await door.post("/sign-in", data={"email": self.email, "password": PASSWORD})
            assert answer.status_code == 303, answer.text
            given = [(cookie.name, cookie.value or "") for cookie in door.cookies.jar]
        await page.context.add_cookies(
            [
                {"name": name, "value": value, "url": self.url, "httpOnly": True, "sameSite": "Lax"}
                for name, value in given
            ]
        )
        await page.goto(self.url + path)

    async def take_next(self, page: Page) -> None:
        """Go home and take the next item of triage."""
        await page.goto(f"{self.url}/p/{self.world.project}")
        await page.get_by_role("button", name="Take the next of triage").click()
        await page.locator("#desk[data-assignment]").wait_for()
        await page.wait_for_load_state()  # its scripts have run by then, so that keys work
        await page.locator("#beside[hx-get]").wait_for(state="detached")  # and what stands beside has come

    async def verdicts(self) -> list[str]:
        """List the verdicts of all decisions, in order."""
        rows = await self.world.db.hot.fetch("SELECT verdict FROM decisions ORDER BY decided_at, item_id")
        return [row["verdict"] for row in rows]


@pytest.fixture(scope="session")
def ports() -> Iterator[dict[str, socket.socket]]:
    """One port of this worker's own for each name, so that the application, which knows its address, is built once."""
    held: dict[str, socket.socket] = {}
    yield held
    for listener in held.values():
        listener.close()


@pytest_asyncio.fixture(loop_scope="session")
async def db(settings: Settings) -> AsyncIterator[Database]:
    """The connections of a process over the test's database, on the browser's event loop."""
    database = await Database.connect(settings)
    yield database
    await database.close()


@pytest_asyncio.fixture(loop_scope="session")
async def site(world: World, settings: Settings, ports: dict[str, socket.socket]) -> AsyncIterator[Site]:
    """A server with a reviewer who has a password and is in the pool triage."""
    async with open_site(world, settings, ports) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def named(world: World, settings: Settings, ports: dict[str, socket.socket]) -> AsyncIterator[Site]:
    """The same under a name, which is what browsers bind passkeys to."""
    async with open_site(world, settings, ports, name="localhost") as opened:
        yield opened


@asynccontextmanager
async def open_site(
    world: World, settings: Settings, ports: dict[str, socket.socket], name: str = "127.0.0.1"
) -> AsyncGenerator[Site]:
    """Serve the test's world at a name of this machine."""
    if not (static_dir() / "vendor" / "htmx.js").exists():
        pytest.fail("htmx is not built; run `make install` (an editable install copies it)")
    await world.add_person("nora", Role.REVIEWER, password=PASSWORD)
    await world.db.hot.execute(
        "INSERT INTO pool_members VALUES ($1, 'triage', 'nora@example.com', 'direct')", world.service.project_id
    )
    if name not in ports:
        ports[name] = socket.create_server(("127.0.0.1", 0))
    listener = ports[name].dup()  # the server closes what it is given
    url = f"http://{name}:{listener.getsockname()[1]}"
    app = built_app(msgspec.structs.replace(settings, base_url=url))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none", timeout_graceful_shutdown=2))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    yield Site(url, world, app=app)
    server.should_exit = True
    await running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The installed Chromium, started once: that takes longer than most of these tests."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="session")
async def browser(chromium: Browser) -> AsyncIterator[Browser]:
    """The browser with nothing open and nothing kept, before a test as after it."""
    yield chromium
    for context in chromium.contexts:
        await context.close()


@pytest_asyncio.fixture(loop_scope="session")
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
