"""Promise 25: hostile text in every field on every page: it can be read, moves nothing, and does nothing."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Request, Route

from tests.browser.conftest import Site
from tests.browser.hostile import SHORT, Spread, spread
from tests.web.test_cross_site import READING

P = "/p/hostile"
# Where each page stands that the application has. A page without a row is not looked at, so it fails the test below.
VISITS: dict[str, Callable[[Spread], list[str]]] = {
    "/": lambda _made: ["/"],
    "/sign-in": lambda _made: ["/sign-in?next=/%22%3E%3Cscript%3E", "/sign-in"],
    "/sign-in/code": lambda _made: ["/sign-in/code?next=%22%3E%3Cscript%3E"],
    "/sign-in/linked": lambda _made: ["/sign-in/linked"],
    "/sign-in/with/{provider}/callback": lambda _made: ["/sign-in/with/%3Cscript%3E/callback?error=%3Cscript%3E"],
    "/forgot-password": lambda _made: ["/forgot-password"],
    "/choose-password/{link}": lambda _made: ["/choose-password/%3Cscript%3Ealert(1)%3C%2Fscript%3E"],
    "/account": lambda _made: ["/account?done=%3Cscript%3E"],
    "/preferences": lambda _made: ["/preferences?done=%3Cscript%3E"],
    "/p/{project}/find": lambda _made: [f"{P}/find", f"{P}/find?q=%22%3E%3Cscript%3E", f"{P}/find?q=d"],
    "/p/{project}": lambda _made: [P, "/p/%3Cscript%3Ealert(1)%3C%2Fscript%3E"],
    "/p/{project}/assignments/{assignment_id}": lambda made: [
        f"{P}/assignments/{made.held}",
        f"{P}/assignments/{made.held}?base=alternative-1",
    ],
    "/p/{project}/audit": lambda _made: [f"{P}/audit", f"{P}/audit?actor=%22%3E%3Cscript%3E&text=%E2%80%AE"],
    "/p/{project}/keys": lambda _made: [f"{P}/keys"],
    "/p/{project}/people": lambda _made: [f"{P}/people"],
    "/p/{project}/assurance": lambda _made: [f"{P}/assurance"],
    "/p/{project}/reviewers": lambda _made: [f"{P}/reviewers"],
    "/p/{project}/bulk": lambda _made: [f"{P}/bulk"],
    "/p/{project}/bulk/{act_id}": lambda made: [f"{P}/bulk/{made.act}", f"{P}/bulk/%3Cscript%3E"],
    "/p/{project}/models": lambda _made: [f"{P}/models", f"{P}/models?name=%22%3E%3Cscript%3E&version=%E2%80%AE"],
    "/p/{project}/models/compare": lambda made: [
        f"{P}/models/compare?a={made.models[0]}&b={made.models[1]}&type=%3Cscript%3E&days=%22%3E%3Cimg%3E"
    ],
    "/p/{project}/models/{version_id}": lambda made: [f"{P}/models/{each}" for each in made.models],
    "/p/{project}/rules": lambda _made: [f"{P}/rules"],
    "/p/{project}/rules/edit": lambda _made: [f"{P}/rules/edit?from={each}" for each in (1, 2)],
    "/p/{project}/rules/{version}": lambda _made: [f"{P}/rules/{each}" for each in (1, 2)],
    "/p/{project}/rules/backtests": lambda _made: [f"{P}/rules/backtests", f"{P}/rules/backtests?cursor=%3Cscript%3E"],
    "/p/{project}/rules/backtests/{backtest_id}": lambda made: [f"{P}/rules/backtests/{made.backtest}"],
    "/p/{project}/rules/rollouts": lambda _made: [f"{P}/rules/rollouts?cursor=%3Cscript%3E"],
    "/p/{project}/rules/rollouts/{rollout_id}": lambda made: [
        f"{P}/rules/rollouts/{made.rollout}?done=%22%3E%3Cscript%3E",
        f"{P}/rules/rollouts",
    ],
    "/p/{project}/rules/plan/{version}": lambda _made: [
        f"{P}/rules/plan/1?minutes=3&cost=40",
        f"{P}/rules/plan/1?days=%22%3E%3Cscript%3E&currency=%E2%80%AE",
    ],
    "/p/{project}/erasures": lambda _made: [f"{P}/erasures?item=%3Cscript%3E"],
    "/p/{project}/erasures/{erasure_id}": lambda made: [f"{P}/erasures/{made.items[0]}"],
    "/p/{project}/datasets": lambda _made: [f"{P}/datasets?cursor=%3Cscript%3E", f"{P}/datasets"],
    "/p/{project}/datasets/{name}": lambda _made: [f"{P}/datasets/all", f"{P}/datasets/none"],
    "/p/{project}/datasets/{name}/{number}": lambda _made: [f"{P}/datasets/all/2", f"{P}/datasets/none/1"],
    "/p/{project}/datasets/{name}/{number}/formats": lambda _made: [
        f"{P}/datasets/all/2/formats",
        f"{P}/datasets/all/2/formats?format=jsonl",
        f"{P}/datasets/all/2/formats?format=template&template=%7B%7B+input.%3Cscript%3E",
    ],
    "/p/{project}/datasets/{name}/{number}/difference": lambda _made: [f"{P}/datasets/all/2/difference"],
    "/p/{project}/imports": lambda _made: [f"{P}/imports", f"{P}/imports?before=1"],
    "/p/{project}/imports/{import_number}": lambda _made: [f"{P}/imports/1"],
    "/p/{project}/stops": lambda made: [
        f"{P}/stops?item={made.items[0]}",
        f"{P}/stops?what=model:%22%3E%3Cscript%3E%E2%80%AE&within=%3Cimg%3E&item=%3Cscript%3E",
    ],
    "/p/{project}/clocks": lambda _made: [
        f"{P}/clocks",
        f"{P}/clocks?policy=%3Cscript%3E&at=%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E&priority=%E2%80%AE1",
    ],
    "/p/{project}/due": lambda _made: [f"{P}/due?within=7d", f"{P}/due?within=%22%3E%3Cscript%3E"],
    "/p/{project}/items/{item_id}": lambda made: [f"{P}/items/{item}" for item in made.items],
    "/p/{project}/items/{item_id}/part": lambda made: [
        f"{P}/items/{made.items[0]}/part?at=/input&as=json",
        f"{P}/items/{made.items[0]}/part?at=%22%3E%3Cscript%3E&from=1",
    ],
    "/p/{project}/items/{item_id}/beside": lambda made: [f"{P}/items/{made.items[0]}/beside"],
    "/p/{project}/items/{item_id}/acknowledge": lambda made: [f"{P}/items/{made.items[0]}/acknowledge"],
    "/p/{project}/notifications": lambda _made: [f"{P}/notifications"],
    "/p/{project}/pools/{pool}": lambda _made: [f"{P}/pools/desk", f"{P}/pools/%3Cscript%3E%E2%80%AE"],
    "/p/{project}/queue": lambda _made: [
        f"{P}/queue",
        f"{P}/queue?text=%22%3E%3Cscript%3E&holder=%E2%80%AEme&confidence_from=%3Cimg%3E",
        f"{P}/queue?status=any&type=%22%3E%3Cscript%3E&subject=%3Cimg%20src=x%20onerror=alert(1)%3E&tag=%E2%80%AE1",
        f"{P}/queue?colour=red&after=%3Cscript%3E",
    ],
    "/p/{project}/webhooks": lambda _made: [f"{P}/webhooks"],
    "/p/{project}/webhooks/deliveries/{delivery_id}": lambda made: [f"{P}/webhooks/deliveries/{made.delivery}"],
    "/p/{project}/webhooks/{name}": lambda _made: [f"{P}/webhooks/crm", f"{P}/webhooks/%3Cscript%3E"],
}
# Files and a stream, which no browser shows.
DOWNLOADS = {
    "/p/{project}/audit/export",
    "/p/{project}/queue/live",
    "/p/{project}/items/{item_id}/media/{digest}",
    "/p/{project}/datasets/{name}/{number}/files/{file}",
    "/p/{project}/datasets/{name}/{number}/export",
    "/p/{project}/imports/{import_number}/errors",
}
OF_DEVELOPMENT = {"/styleguide", "/styleguide/desk"}  # made up by us, and looked at in test_styleguide

WATCH = (
    "window.violations = []; document.addEventListener('securitypolicyviolation',"
    " (it) => violations.push(`${it.violatedDirective} ${it.blockedURI}`));"
)
# Everything that can be unfolded, also within what was; tells whether there was anything.
OPEN = """() => {
  let opened = false;
  const closed = () => [...document.querySelectorAll("main details:not([open])")]
    .find((it) => it.querySelector(":scope > summary")?.checkVisibility());
  for (let it = closed(); it; it = closed()) opened = it.open = true;
  return opened;
}"""
LOOK = (Path(__file__).parent / "look.js").read_text()


@dataclass
class Watched:
    """What a page did beside showing itself."""

    page: Page
    strayed: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    visited: set[str] = field(default_factory=set)

    async def begin(self, home: str) -> None:
        """Note each request that leaves the site or that no navigation asks for, and each dialog."""

        def sent(request: Request) -> None:
            if not request.url.startswith((f"{home}/", "data:image/")):
                self.strayed.append(request.url)
            if request.url.endswith(("/beside", "/presence", "/queue/live", "/ahead")):
                return  # what a page that shows items asks for by itself
            if request.resource_type in {"xhr", "fetch", "websocket", "eventsource", "ping"}:
                self.asked.append(request.url)

        async def opened(dialog: Any) -> None:
            self.dialogs.append(dialog.message)
            await dialog.dismiss()

        self.page.on("request", sent)
        self.page.on("dialog", opened)
        await self.page.add_init_script(WATCH)

    async def look(self, address: str, widths: tuple[int, ...]) -> list[str]:
        """Open a page and say what is wrong with it at each width, as it comes and with everything unfolded."""
        await self.page.goto(address)
        if self.page.url in self.visited:  # led to a page that was looked at
            return []
        self.visited.add(self.page.url)
        if await self.page.locator("#beside[hx-get]").count():
            await self.page.locator("section#beside").wait_for()  # comes after the desk, in the place kept for it
        found: list[str] = []
        for unfolded in (False, True):
            if unfolded and not await self.page.evaluate(OPEN):
                break  # the page is the one that was looked at
            for width in widths:
                await self.page.set_viewport_size({"width": width, "height": 900})
                found += [f"{width} px: {each}" for each in await self.page.evaluate(LOOK)]
        return list(dict.fromkeys(found))


def test_every_page_is_visited() -> None:
    assert set(VISITS) == set(READING) - DOWNLOADS - OF_DEVELOPMENT


@pytest.mark.timeout(400)
async def test_no_page_acts_on_what_it_shows(site: Site, page: Page) -> None:
    """On a desktop everything; on a phone too the first of each kind, in the same visit."""
    made = await spread(site)
    watched = Watched(page)
    await watched.begin(site.url)
    await site.sign_in(page, "/")
    await page.wait_for_url("**/")
    faults: dict[str, str] = {}
    for route, addresses in VISITS.items():
        for at, path in enumerate(addresses(made)):
            widths = (1440, 390) if at < 3 else (1440,)
            faults |= dict.fromkeys(await watched.look(site.url + path, widths), f"{route}: {path}")
    assert not faults, "\n".join(f"{fault[:200]!r} on {where}" for fault, where in faults.items())
    assert (watched.strayed, watched.asked, watched.dialogs) == ([], [], [])


async def test_what_cannot_be_seen_is_named_where_it_stands(site: Site, page: Page) -> None:
    made = await spread(site)
    await site.sign_in(page, "/p/hostile")
    override = SHORT.index(next(each for each in SHORT if each.startswith("\u202e")))
    await page.goto(f"{site.url}/p/hostile/items/{made.items[override]}")
    badge = page.locator("h1 .unseen").first
    assert await badge.text_content() == "⟨U+202E⟩"
    assert await badge.get_attribute("title") == "right-to-left override"
    assert "⟨U+202E⟩" in await page.title()
    copied = await page.evaluate(
        "() => { getSelection().selectAllChildren(document.querySelector('h1')); return getSelection().toString(); }"
    )
    assert "gnp.exe" in copied
    assert "U+202E" not in copied


async def test_markup_that_got_through_would_do_nothing_either(site: Site, browser: Browser) -> None:
    """The second wall: the policy and htmx's own bounds, tried by putting the corpus into the page as markup."""
    made = await spread(site)
    context = await browser.new_context()
    page = await context.new_page()  # one whose faults are wanted
    reached: list[str] = []

    async def leave(route: Route) -> None:
        reached.append(route.request.url)
        await route.abort()

    await page.route("https://evil.example/**", leave)
    watched = Watched(page)
    await watched.begin(site.url)
    await site.sign_in(page, "/p/hostile")
    await page.goto(f"{site.url}/p/hostile/items/{made.items[0]}")
    await page.evaluate(
        "(all) => { const it = document.querySelector('[hx-ignore]'); for (const each of all) {"
        " const box = document.createElement('div'); box.innerHTML = each; it.append(box); } htmx.process(it); }",
        [each for each in SHORT if "refresh" not in each],
    )
    await page.wait_for_timeout(300)
    assert await page.evaluate("() => window.ran || 0") == 0
    assert reached == []
    assert (watched.asked, watched.dialogs) == ([], [])
    assert any("script-src" in each for each in await page.evaluate("() => window.violations"))
    await context.close()
