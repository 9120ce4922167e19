"""Clocks on the pages: what is left of working time, what is due, ladders, previews, and the acts on a clock."""

import re
from datetime import UTC, date, datetime, timedelta

import httpx
import msgspec
import pytest

from review.audit.rules import Action
from review.escalation import service as escalation
from review.identity.rules import Role
from review.items.schemas import HistoryEntry
from review.kernel.db import Database
from review.kernel.settings import Settings
from review.queueing import due_queries
from review.queueing.due import BEGINNING
from review.web.pages import story
from tests.make import CONFIG, PASSWORD, World
from tests.web.test_pages import HTML, HTMX, token

HOSTILE = '<script>alert(1)</script>"\u202e'
TODAY = datetime.now(UTC).date()
SHUT = [(TODAY + timedelta(days=n)).isoformat() for n in range(-1, 3)]  # today in every zone, and the days around it
CLOCKS = """
calendars:
  berlin:
    timezone: Europe/Berlin
    hours: {mon-thu: ['09:00-12:00', '13:00-17:30'], fri: '09:00-15:00'}
    holidays: [DE-BE]
    open: {'2026-12-05': '10:00-14:00'}
  never: {timezone: UTC, hours: always, closed: SHUT}
  always: {timezone: UTC, hours: always}
escalation_policies:
  steps:
    - {after: 50%, notify: [pool-leads], priority: +20}
    - {after: 100%, move_to: seniors}
    - {after: 200%, decide: model_output}
sla_policies:
  standard: {calendar: always, first_claim: 30m, decide: 4h, warn_at: [80%], escalation: steps}
  office: {calendar: berlin, decide: 4h, by_priority: [{at_least: 80, decide: 1h}]}
  resting: {calendar: never, decide: 4h}
rules:
  - {name: pair, when: '"pair" in item.tags', then: {review: triage, sla: standard, reviews: 2}}
  - {name: resting, when: '"resting" in item.tags', then: {review: triage, sla: resting}}
  - {name: urgent, when: '"urgent" in item.tags', then: {review: seniors, priority: 80, sla: standard}}
"""
USUAL = CONFIG.format(project="support").replace("sla_policies:\n  standard: {decide: 4h}\n", "")
SOURCE = USUAL.replace("rules:\n", CLOCKS.replace("SHUT", str(SHUT)).lstrip())


@pytest.fixture
async def clocked(db: Database, settings: Settings) -> World:
    """A project whose items have clocks: one that always runs, one that stands, and office hours."""
    return await World.build(db, settings, source=SOURCE)


async def sign_in(http: httpx.AsyncClient, world: World, name: str, role: Role) -> None:
    await world.add_person(name, role, password=PASSWORD)
    await world.db.hot.execute(
        "INSERT INTO pool_members VALUES ($1, 'triage', $2, 'direct')", world.service.project_id, f"{name}@example.com"
    )
    answer = await http.post("/sign-in", data={"email": f"{name}@example.com", "password": PASSWORD})
    assert answer.status_code == 303


async def read(http: httpx.AsyncClient, path: str, status: int = 200) -> str:
    answer = await http.get(path, headers=HTML)
    assert answer.status_code == status, answer.text
    return re.sub(r"\s+", " ", answer.text)


async def move_due(world: World, item_id: object, ago: timedelta) -> None:
    """Let an item have been due for some time, on its case and its seats."""
    for table in ("cases", "assignments"):
        await world.db.hot.execute(f"UPDATE {table} SET due_at = now() - $2::interval WHERE item_id = $1", item_id, ago)


# Rows.


async def test_every_row_tells_what_is_left_and_whether_it_runs(http: httpx.AsyncClient, clocked: World) -> None:
    await sign_in(http, clocked, "nora", Role.REVIEWER)
    await clocked.submit("runs")
    await clocked.submit("stands", tags=["resting"])
    page = await read(http, "/p/support/pools/triage")
    assert page.count('data-clock="due"') == 2
    assert page.count('data-open="[[') == 1, "a place that never closes needs no hours"
    assert "due in 3 h 59 min" in page
    assert re.search(r"due in 4 h</time> <small[^>]*>stopped until \w{3} 00:00 UTC", page)
    csrf = await token(http)
    desk = await http.post("/p/support/pools/triage/next", data={"_csrf": csrf}, follow_redirects=True)
    assert 'data-clock="due"' in desk.text
    assert 'data-clock="due"' in await read(http, "/p/support")


# Due soon.


async def test_what_is_due_is_listed_the_most_overdue_first(http: httpx.AsyncClient, clocked: World) -> None:
    await sign_in(http, clocked, "lou", Role.LEAD)
    ids = {text: (await clocked.submit(text)).item.id for text in ("later", "late", "latest")}
    senior = (await clocked.submit("elsewhere", tags=["urgent"])).item.id
    await move_due(clocked, ids["late"], timedelta(hours=1))
    await move_due(clocked, ids["latest"], timedelta(hours=3))
    await move_due(clocked, senior, timedelta(hours=2))
    await clocked.claim("ana")
    page = await read(http, "/p/support/due")
    assert re.findall(r">(later|late|latest|elsewhere)<", page) == ["latest", "elsewhere", "late", "later"]
    assert "3 overdue" in page
    assert "1 to come" in page
    assert "with ana" in page
    far = (await clocked.submit("far")).item.id
    await move_due(clocked, far, timedelta(hours=-30))
    assert ">far<" not in await read(http, "/p/support/due")
    assert ">far<" in await read(http, "/p/support/due?within=72")


async def test_reviewers_see_what_is_due_in_their_pools_and_no_names(http: httpx.AsyncClient, clocked: World) -> None:
    await sign_in(http, clocked, "nora", Role.REVIEWER)
    await clocked.submit("mine")
    await clocked.submit("elsewhere", tags=["urgent"])
    await clocked.claim("ana")
    page = await read(http, "/p/support/due")
    assert "mine" in page
    assert "in review" in page
    assert "elsewhere" not in page
    assert "with ana" not in page


async def test_an_item_that_wants_several_reviews_is_one_line(http: httpx.AsyncClient, clocked: World) -> None:
    await sign_in(http, clocked, "lou", Role.LEAD)
    await clocked.submit("twice", tags=["pair"])
    page = await read(http, "/p/support/due")
    assert page.count(">twice<") == 1
    assert "triage</bdi>, 2 reviews wanted" in page
    assert "1 to come" in page
    await clocked.claim("ana")
    page = await read(http, "/p/support/due")
    assert page.count(">twice<") == 1
    assert "with ana<" in page
    assert "2 reviews wanted" in page
    await clocked.claim("ben")
    assert "with ana and ben<" in await read(http, "/p/support/due")


async def test_a_long_list_of_what_is_due_is_read_page_by_page(http: httpx.AsyncClient, clocked: World) -> None:
    await sign_in(http, clocked, "lou", Role.LEAD)
    for number in range(53):
        await clocked.submit(f"message {number:02}")
    await clocked.db.hot.execute("UPDATE assignments SET due_at = now() + interval '1 hour' WHERE state = 'open'")
    page = await read(http, "/p/support/due")
    more = re.search(r'href="(/p/support/due\?[^"]+after=[^"]+)"', page)
    assert more is not None
    rest = (await http.get(more[1].replace("&amp;", "&"), headers=HTMX)).text
    seen = re.findall(r"message (\d\d)", page) + re.findall(r"message (\d\d)", rest)
    assert sorted(seen) == [f"{number:02}" for number in range(53)]
    assert "<html" not in rest


async def test_the_list_of_what_is_due_reads_its_index(clocked: World) -> None:
    for number in range(300):
        await clocked.submit(f"{number}")
    await clocked.db.hot.execute("ANALYZE")
    place = (BEGINNING.due_at, BEGINNING.item_id)
    given = (clocked.service.project_id, ["triage", "seniors"], timedelta(days=1), *place, 51)
    async with clocked.db.hot.acquire() as connection:
        await connection.execute("SET enable_seqscan = off")  # with so few rows a scan would be right
        plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {due_queries.LIST_DUE}", *given)
        await connection.execute("RESET enable_seqscan")
    assert "assignments_due" in plan
    assert "assignments_holder_id" in plan


# The item.


async def test_an_item_tells_its_way_up_the_ladder(http: httpx.AsyncClient, clocked: World) -> None:
    await sign_in(http, clocked, "lou", Role.LEAD)
    item = (await clocked.submit()).item
    before = await read(http, f"/p/support/items/{item.id}")
    assert before.count("to come") == 6
    assert "Notifies the leads and raises its priority by 20." in before
    assert "Why is this due then?" in before
    assert "Policy standard gives 4 h of working time of calendar always." in before
    await clocked.db.hot.execute("UPDATE cases SET clock_started_at = now() - interval '150 minutes'")
    await clocked.db.hot.execute("UPDATE timers SET fire_at = now() WHERE kind = 'due'")
    await escalation.sweep(clocked.db)
    page = await read(http, f"/p/support/items/{item.id}")
    assert "Nobody had taken it in time." in page
    assert "Notified pool-leads and changed its priority from 50 to 70." in page
    assert "Step 1 of steps: notified pool-leads" in page
    assert page.count("to come") == 4
    assert "I see to it" in page
    csrf = {"_csrf": await token(http)}
    done = await http.post(f"/p/support/items/{item.id}/acknowledge", data=csrf)
    assert done.headers["location"] == f"/p/support/items/{item.id}?done=acknowledge"
    known = await read(http, done.headers["location"])
    assert "lou@example.com knows of it and sees to it." in known
    assert "I see to it" not in known


async def test_a_clock_is_paused_and_resumed_with_the_reason(http: httpx.AsyncClient, clocked: World) -> None:
    await sign_in(http, clocked, "nora", Role.REVIEWER)
    item = (await clocked.submit()).item
    here, csrf = f"/p/support/items/{item.id}", {"_csrf": await token(http)}
    for reason in ("", "  ", "x" * 2_001):
        refused = await http.post(f"{here}/pause", data=csrf | {"reason": reason}, headers=HTML)
        assert refused.status_code == 422
        assert "Say why the clock stops" in refused.text
    assert await clocked.count("clock_pauses") == 0
    paused = await http.post(f"{here}/pause", data=csrf | {"reason": f"waits {HOSTILE}", "for": "4h"})
    assert paused.status_code == 303
    page = await read(http, paused.headers["location"])
    assert "The clock stands still." in page
    assert "paused, 3 h 59 min left" in page
    assert "nora@example.com stopped the clock until" in page
    assert "once the clock runs on" in page
    assert "<script>alert" not in page
    assert "Pause the clock" not in page
    assert "paused, 3 h 59 min left" in await read(http, "/p/support/pools/triage")
    resumed = await http.post(f"{here}/resume", data=csrf)
    page = await read(http, resumed.headers["location"])
    assert "nora@example.com let the clock run on, due" in page
    assert "What moved it" in page
    assert "paused," not in page


async def test_only_who_may_is_offered_to_stop_a_clock(http: httpx.AsyncClient, clocked: World) -> None:
    await sign_in(http, clocked, "vera", Role.AUDITOR)
    item = (await clocked.submit()).item
    page = await read(http, f"/p/support/items/{item.id}")
    assert "Its clock" in page
    assert "Pause the clock" not in page
    csrf = {"_csrf": await token(http)}
    for act in ("pause", "resume", "acknowledge"):
        answer = await http.post(f"/p/support/items/{item.id}/{act}", data=csrf | {"reason": "x"}, headers=HTML)
        assert answer.status_code == 403
    assert await clocked.count("clock_pauses") == 0


async def test_an_item_without_a_clock_says_why(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world, "lou", Role.LEAD)
    item = (await world.submit(tags=["vip"])).item
    page = await read(http, f"/p/support/items/{item.id}")
    assert "No clock runs: the rule names no SLA policy" in page
    assert "Pause the clock" not in page


def test_every_act_on_an_item_has_its_sentence() -> None:
    elsewhere = {
        "webhook",
        "channel",
        "config",
        "backtest",
        "key",
        "user",
        "source",
        "feedback",
        "audit",
        "identity",
        "membership",
    }
    elsewhere |= {"session", "password", "second_factor", "passkey", "view", "dataset", "snapshot", "erasure", "import"}
    for action in Action:
        if action.value.partition(".")[0] in elsewhere:
            continue
        entry = HistoryEntry(datetime.now(UTC), f"ana{HOSTILE}", "user", action.value, msgspec.Raw(b"{}"))
        (line,) = story.tell([entry])
        assert ", by ana" not in line.sentence, f"{action} has no sentence of its own"
        assert "<script>" not in line.sentence


def test_what_a_step_did_is_told_and_escaped() -> None:
    details = {"step": 2, "policy": "steps", "done": ["moved it from a to b", f"notified {HOSTILE}"], "why": [HOSTILE]}
    for kind, begins in (
        ("timer", "Step 2 of steps: moved it"),
        ("user", "ana brought step 2 of steps forward: moved"),
    ):
        raw = msgspec.Raw(msgspec.json.encode(details))
        for action in ("escalation.step_taken", "escalation.step_skipped"):
            (line,) = story.tell([HistoryEntry(datetime.now(UTC), "ana", kind, action, raw)])
            assert "<script>" not in line.sentence
            assert line.sentence.startswith(begins if action.endswith("taken") else "Step 2 of steps was passed over")


# The clocks page.


async def test_the_clocks_page_shows_what_the_configuration_says(http: httpx.AsyncClient, clocked: World) -> None:
    await sign_in(http, clocked, "nora", Role.REVIEWER)
    page = await read(http, "/p/support/clocks")
    for said in (
        "Decide within 4 h of working time.",
        "Somebody takes it within 30 min of working time.",
        "With priority 80 or more: decide within 1 h of working time.",
        "Warns after 80 % of the time.",
        "Lets the model’s own output through, marked as unreviewed, if nobody has decided.",
        "After 50 % of the time",
        "09:00-12:00, 13:00-17:30",
        "Used by rule",
    ):
        assert said in page, said
    assert page.count("<rect") == 4 * 2 + 1 + 7 + 7, "the hours of the three calendars"
    assert "closed: " in page


async def test_a_preview_is_a_link_that_says_when_and_why(http: httpx.AsyncClient, clocked: World) -> None:
    await sign_in(http, clocked, "nora", Role.REVIEWER)
    page = await read(http, "/p/support/clocks?policy=office&at=2026-11-19T16:50&priority=50")
    assert (
        "An item arriving Thursday 19 November 2026, 16:50 is due Friday 20 November 2026, 13:20, because:" not in page
    )
    assert "An item arriving Thursday 19 November 2026, 16:50 is due Friday 20 November 2026, 12:20, because:" in page
    assert "Policy office gives 4 h of working time of calendar berlin" in page
    urgent = await read(http, "/p/support/clocks?policy=office&at=2026-11-19T16:50&priority=80")
    assert "is due Friday 20 November 2026, 09:20" in urgent
    steps = await read(http, "/p/support/clocks?policy=standard&at=2026-11-19T16:50")
    marks = re.findall(r'<th scope="row">([^<]+)</th>', steps.split("If it is still open then")[1].split("</table>")[0])
    assert marks == ["First claim", "Step 1", "Warning", "Due", "Step 2", "Step 3"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("policy=none&at=2026-11-20T16:50", "There is no such policy."),
        ("policy=standard&at=soon", "Write a date and time of 2000 to 2100"),
        ("policy=standard&at=9999-12-31T23:59", "Write a date and time of 2000 to 2100"),
        ("policy=standard&at=0001-01-01T00:00", "Write a date and time of 2000 to 2100"),
        ("policy=standard&at=2026-11-20T16:50%2B99:99", "Write a date and time of 2000 to 2100"),
        ("policy=standard&at=2026-11-20T16:50&priority=-1", "Write a whole number from 0 to 100."),
        ("policy=standard&at=2026-11-20T16:50&priority=%D9%A3", "Write a whole number from 0 to 100."),
        ("policy=%3Cscript%3Ealert(1)%3C/script%3E&at=%22%3E%3Cscript%3E&priority=%22%3E", "There is no such policy."),
    ],
)
async def test_what_is_wrong_with_a_preview_is_said_beside_its_field(
    http: httpx.AsyncClient, clocked: World, query: str, said: str
) -> None:
    await sign_in(http, clocked, "nora", Role.REVIEWER)
    page = await read(http, f"/p/support/clocks?{query}")
    assert said in page
    assert 'aria-invalid="true"' in page
    assert "An item arriving" not in page
    assert "<script>alert" not in page


async def test_a_time_that_a_clock_change_leaves_out_moves_forward(http: httpx.AsyncClient, clocked: World) -> None:
    await sign_in(http, clocked, "nora", Role.REVIEWER)
    page = await read(http, "/p/support/clocks?policy=office&at=2027-03-28T02:30")
    assert "An item arriving Sunday 28 March 2027, 03:30 is due" in page
    assert date(2027, 3, 28).weekday() == 6


async def test_without_clocks_the_page_says_what_to_add(http: httpx.AsyncClient, world: World) -> None:
    none = CONFIG.replace("sla_policies:\n  standard: {{decide: 4h}}\n", "").replace(", sla: standard", "")
    other = await World.build(world.db, world.settings, "bare", none.format(project="bare"))
    await other.add_person("nora", Role.REVIEWER, password=PASSWORD)
    await http.post("/sign-in", data={"email": "nora@example.com", "password": PASSWORD})
    page = await read(http, "/p/bare/clocks")
    assert "No clock runs here yet" in page
    assert "sla_policies:" in page


async def test_places_are_shown_to_those_who_may_go_there(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world, "nora", Role.REVIEWER)
    page = await read(http, "/p/support")
    assert 'href="/p/support/due"' in page
    assert 'href="/p/support/clocks"' in page
    assert 'href="/p/support/webhooks"' not in page
    await sign_in(http, world, "lou", Role.LEAD)
    assert 'href="/p/support/webhooks"' in await read(http, "/p/support")
