"""A hundred of the demo's digits judged by keyboard in Chromium: from the keystroke to the next item painted."""

import shutil
import statistics
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import httpx
from playwright.async_api import Page, Request, async_playwright

from benchmarks.rounds import Effort
from benchmarks.stage import Stage
from benchmarks.table import Line
from review.audit.rules import OPERATOR
from review.cli import demo
from review.cli.demo import digits as data
from review.cli.demo import upstream
from review.cli.demo.digits import Digit, Model
from review.configuration import service as configuration
from review.identity import keys, people
from review.identity.rules import Role
from review.kernel.db import Database
from review.kernel.settings import Settings

PROJECT = "digits"
EMAIL, PASSWORD = "you@example.com", "correct horse battery"
WARM_UP = 5
DOUBT = 0.8  # below this the demo's rules send a digit to people
PACES = (1.0, 0.4)  # seconds from one item painted to the next key: somebody quick, and nobody
NAMED = ("review", "ahead", "beside", "presence", "extend", "draft")

# Painted is what the frame shows after the one in which the other item was there with its pictures decoded: a message
# sent from within a frame arrives once it is done. Shifts count also where the browser would forgive them for a key;
# those after a choice in the form, which tells what it changes below itself, are counted apart.
WATCH = """() => {
  const run = globalThis.run = { times: [], shifts: 0, chosen: 0 }, choices = [];
  let pressed = 0, shown = document.querySelector("#desk").dataset.assignment;
  addEventListener("keydown", (event) => {
    pressed = event.timeStamp;
    if (/^\\d$/.test(event.key)) choices.push([pressed, Infinity]);
    else if (choices.length) choices.at(-1)[1] = Math.min(pressed, choices.at(-1)[1]);
  }, true);
  const chose = (at) => choices.some(([from, to]) => from <= at && at < to);
  const note = ({ startTime, value }) => { run[chose(startTime) ? "chosen" : "shifts"] += value; };
  new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type: "layout-shift" });
  new MutationObserver(async () => {
    const now = document.querySelector("#desk");
    if (!now || now.dataset.assignment === shown) return;
    shown = now.dataset.assignment;
    const from = pressed;
    await Promise.all([...now.querySelectorAll(".evidence img")].map((it) => it.decode()));
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => run.times.push(performance.now() - from);
      port2.postMessage(null);
    });
  }).observe(document.body, { childList: true, subtree: true });
}"""


@dataclass
class Run:
    """What one run has seen; times in milliseconds."""

    pace: float
    times: list[float]
    shifts: float
    chosen: float
    requests: Counter[str]

    def line(self) -> Line:
        """Tell it."""
        count = len(self.times)
        each = ", ".join(f"{name} {number / count:.2f}" for name, number in sorted(self.requests.items()))
        late = statistics.quantiles(self.times, n=20, method="inclusive")[-1]
        return Line(
            goal="keys",
            what=f"keystroke to next item painted, {count} digits, the next key {self.pace:g} s after it",
            against="the page itself",
            values=tuple(self.times),
            bound=None,
            unit=" ms",
            seen=f"p95 {late:.1f} ms; requests per decision {sum(self.requests.values()) / count:.2f} ({each}); "
            f"layout shift {self.shifts:g}, and {self.chosen:.3f} in all after choices",
        )


async def measure(stage: Stage, effort: Effort) -> list[Line]:
    """Judge digits by keyboard at each pace, each on a database of its own."""
    return [(await _judge(stage, effort.digits, pace)).line() for pace in PACES]


async def _judge(stage: Stage, count: int, pace: float) -> Run:
    async with stage.database() as settings, stage.web(settings) as (host, port), stage.worker(settings):
        home = f"http://{host}:{port}"
        key = await _set_up(settings)
        truths = await _submit(home, key, count + WARM_UP + 2)
        db = await Database.connect(settings)
        try:
            async with _chromium() as page:
                await _sign_in(page, home)
                for _ in range(WARM_UP):
                    await _decide(page, db, truths)
                    await page.wait_for_timeout(pace * 1000)
                await page.evaluate(WATCH)
                requests: Counter[str] = Counter()
                page.on("request", lambda request: _note(requests, request))
                for nth in range(count):
                    await _decide(page, db, truths)
                    await page.wait_for_function("(count) => run.times.length === count", arg=nth + 1)
                    await page.wait_for_timeout(pace * 1000)
                run: dict[str, Any] = await page.evaluate("run")
                return Run(pace, run["times"], run["shifts"], run["chosen"], requests)
        finally:
            await db.close()


async def _set_up(settings: Settings) -> str:
    """Make the demo's project, without its webhook; gives the upstream service's key."""
    head, _, rest = (files(demo) / "digits.yaml").read_text().partition("webhooks:\n")
    source = head + "rules:\n" + rest.partition("rules:\n")[2]
    db = await Database.connect(settings)
    try:
        async with db.transaction() as tx:
            await configuration.apply(tx, source, actor=OPERATOR, may_create=True)
            given: dict[str, Any] = {"project": PROJECT, "actor": OPERATOR}
            pools = ("readers",)
            await people.create_user(tx, **given, email=EMAIL, role=Role.REVIEWER, pools=pools, password=PASSWORD)
            return await keys.create_key(tx, **given, name="reader", role=Role.SERVICE)
    finally:
        await db.close()


async def _submit(home: str, key: str, count: int) -> dict[str, tuple[str, str]]:
    """Submit digits that the demo's first model doubts; gives what it read and what was meant, by name."""
    scans = data.load()
    model = Model([(each.pixels, each.truth) for each in scans.seed])
    others = [*scans.stream, *scans.reserved, *scans.held_out]
    read = list(zip(others, model.predict(others), strict=True))
    doubted: list[tuple[Digit, str]] = [(each, it.digit) for each, it in read if it.confidence < DOUBT][:count]
    async with httpx.AsyncClient(base_url=home, timeout=30) as client:
        sent = await upstream.send(client, key, model, "seed", [each for each, _ in doubted], lambda _done: None)
    if sent.queued != count:
        message = f"{sent.queued} digits of {count} were queued"
        raise RuntimeError(message)
    return {each.name: (guess, each.truth) for each, guess in doubted}


@asynccontextmanager
async def _chromium() -> AsyncGenerator[Page]:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield await browser.new_page(viewport={"width": 1440, "height": 900})
        finally:
            await browser.close()


async def _sign_in(page: Page, home: str) -> None:
    await page.goto(home)
    await page.get_by_label("E-mail").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("button", name="Take the next of Readers").click()
    await page.locator("#desk[data-assignment]").wait_for()
    await page.wait_for_load_state("networkidle")


async def _decide(page: Page, db: Database, truths: dict[str, tuple[str, str]]) -> None:
    """Judge the digit on the screen as somebody would who reads it well: by single keys."""
    assignment = await page.locator("#desk").get_attribute("data-assignment")
    name = await db.hot.fetchval(
        "SELECT i.external_id FROM assignments a JOIN items i ON i.id = a.item_id WHERE a.id = $1::text::uuid",
        assignment,
    )
    guess, truth = truths[name]
    if guess == truth:
        await page.keyboard.press("a")
        return
    choice = page.locator("#correction label", has=page.locator(f"bdi:text-is('{truth}')")).locator("[data-key]")
    digit = await choice.get_attribute("data-key") if await choice.count() else None
    if digit is None:  # a tenth choice has no key
        await page.keyboard.press("r")
        return
    await page.keyboard.press(digit)
    await page.locator(".field.changed").wait_for()
    await page.keyboard.press("Enter")


def _note(requests: Counter[str], request: Request) -> None:
    """Count what goes to the server; the icon, which a new address asks for again, comes out of the cache."""
    last = request.url.rpartition("/")[2]
    if "/p/" in request.url:
        requests[last if last in NAMED else "other"] += 1
