"""G11: a reviewer's pages take as long over a million open items as over ten thousand."""

import asyncio
import re
from contextlib import AsyncExitStack
from time import perf_counter

import httpx

from benchmarks.material import connections, make_project
from benchmarks.rounds import Effort, Measure, percentile, take_turns
from benchmarks.rows import standing
from benchmarks.stage import Stage
from benchmarks.table import Line
from review.audit.rules import OPERATOR
from review.identity import people
from review.identity.rules import Role
from review.kernel.db import Database

PACE_SECONDS = 0.06  # a session may ask for 20 pages a second
READER, PASSWORD = "reader@example.com", "correct horse battery"
OF_A_PAGE = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html", "Accept-Encoding": "gzip"}
FRESH = httpx.Limits(keepalive_expiry=1.0)  # a web process hangs up after 5 s, during the other's turn
HTMX = {"HX-Request": "true", "HX-Target": "desk"}
HOME, POOL = "/p/bench", "/p/bench/pools/triage"
PAGES = {"home": HOME, "pool": POOL}
WHAT = {"home": "home page", "pool": "page of a pool", "next": "decide, and the next item"}
BUDGET_MILLISECONDS = 50


class Reviewer:
    """One person at one web process, who reads pages and decides at the pace of somebody quick."""

    def __init__(self, depth: int, http: httpx.AsyncClient, seconds: float) -> None:
        self.depth = depth
        self.samples = 0
        self._http = http
        self._seconds = seconds
        self._csrf = ""
        self._address = ""
        self._fence = ""

    @property
    def url(self) -> str:
        """Give where the web process listens."""
        return str(self._http.base_url).rstrip("/")

    async def begin(self) -> None:
        """Sign in and take the first item."""
        answer = await self._http.post("/sign-in", data={"email": READER, "password": PASSWORD})
        _expect(answer, 303)
        self._csrf = _found(r'name="csrf-token" content="([^"]+)"', (await self._http.get(HOME)).text)
        answer = await self._http.post(f"{POOL}/next", data={"_csrf": self._csrf})
        _expect(answer, 303)
        self._read((await self._http.get(answer.headers["location"])).text)

    def measuring(self, what: str) -> Measure:
        """Give the measurement of the 95th percentile of a page or of deciding, in milliseconds."""
        act = self._decide if what == "next" else lambda: self._show(PAGES[what])

        async def measure() -> float:
            took: list[float] = []
            until = perf_counter() + self._seconds
            while (began := perf_counter()) < until:
                await act()
                took.append(perf_counter() - began)
                await asyncio.sleep(max(0.0, PACE_SECONDS - took[-1]))
            self.samples += len(took)
            return 1000 * percentile(took, 0.95)

        return measure

    async def _show(self, path: str) -> None:
        _expect(await self._http.get(path), 200)

    async def _decide(self) -> None:
        form = {"_csrf": self._csrf, "fence": self._fence, "base": "", "verdict": "approve"}
        answer = await self._http.post(f"{self._address}/review", data=form, headers=HTMX)
        _expect(answer, 200)
        self._read(answer.text)

    def _read(self, page: str) -> None:
        """Note which item is in hand now."""
        assignment = _found(r'data-assignment="([^"]+)"', page)
        self._address = f"{HOME}/assignments/{assignment}"
        self._fence = _found(r'data-fence="([^"]+)"', page)


async def measure(stage: Stage, effort: Effort) -> list[Line]:
    """Read pages and decide in turns, over few and over many open items, each at a web process of its own."""
    async with AsyncExitStack() as opened:
        few, *deeper = [await reviewer(stage, opened, depth, effort.seconds) for depth in effort.listed]
        lines: list[Line] = []
        for what, told in WHAT.items():
            for each in (few, *deeper):
                each.samples = 0
                await each.measuring(what)()  # what a process then keeps
            subjects = {str(each.depth): each.measuring(what) for each in deeper}
            rounds = await take_turns(few.measuring(what), subjects, effort.pairs)
            for each in deeper:
                values = rounds.subjects[str(each.depth)]
                lines += [
                    Line(
                        goal="G11",
                        what=f"{told} over {each.depth:,} open, p95",
                        against="wall time at the caller",
                        values=values,
                        unit=" ms",
                        bound=BUDGET_MILLISECONDS,
                        at_most=True,
                        control=rounds.control,
                        seen=f"{each.samples:,} samples, one every {1000 * PACE_SECONDS:.0f} ms",
                    ),
                    Line(
                        goal="G11",
                        what=f"{told} over {each.depth:,} open, p95",
                        against=f"over {few.depth:,} open",
                        values=rounds.ratios(str(each.depth)),
                        bound=1.5,
                        at_most=True,
                        control=rounds.control,
                        seen=f"{min(values):.1f} of {min(rounds.baseline):.1f} ms at best",
                    ),
                ]
    return lines


async def reviewer(stage: Stage, opened: AsyncExitStack, depth: int, seconds: float) -> Reviewer:
    """Give a reviewer with an item in hand, at a web process over so many open items."""
    settings = await opened.enter_async_context(stage.database())
    project = await make_project(settings)
    db = await Database.connect(settings)
    try:
        async with db.transaction() as tx:
            await people.create_user(
                tx, project="bench", email=READER, role=Role.REVIEWER, password=PASSWORD, actor=OPERATOR
            )
        async with connections(settings, 1) as (connection,):
            await standing.fill(connection, db.hot, project, depth)
            await connection.execute(
                "INSERT INTO pool_members VALUES ($1, 'triage', $2, 'direct')", project.service.project_id, READER
            )
    finally:
        await db.close()
    host, port = await opened.enter_async_context(stage.web(settings))
    http = httpx.AsyncClient(base_url=f"http://{host}:{port}", headers=OF_A_PAGE, timeout=60, limits=FRESH)
    made = Reviewer(depth, await opened.enter_async_context(http), seconds)
    await made.begin()
    return made


def _expect(answer: httpx.Response, status: int) -> None:
    if answer.status_code != status:
        message = f"{answer.request.url} answered {answer.status_code}, not {status}: {answer.text[:500]}"
        raise RuntimeError(message)


def _found(pattern: str, page: str) -> str:
    found = re.search(pattern, page)
    if found is None:
        message = f"the page shows no {pattern}: {page[:500]}"
        raise RuntimeError(message)
    return found[1]
