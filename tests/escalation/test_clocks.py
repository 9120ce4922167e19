"""Stopping a clock, letting it run on, and asking it why, over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from review.audit.rules import OPERATOR
from review.configuration import service as configuration
from review.configuration.service import ConfigCache
from review.escalation import clocks
from review.escalation import service as escalation
from review.escalation.clocks import Watch
from review.sla.rules import SlaPolicy, Target
from tests.escalation.conftest import Hands
from tests.make import BASE_URL, CONFIG, World
from tests.sla.make import calendar

HOUR = timedelta(hours=1)
WAITING = {"reason": "waiting for the customer"}


class Caller:
    """A person or program at the other end."""

    def __init__(self, http: httpx.AsyncClient, secret: str) -> None:
        self._http, self._headers = http, {"Authorization": f"Bearer {secret}"}

    async def ask(self, item_id: object, act: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """Pause or resume an item."""
        return await self._http.post(f"/api/v1/items/{item_id}/{act}", json=body or {}, headers=self._headers)

    async def done(self, item_id: object, act: str, body: dict[str, Any] | None = None) -> Any:
        """Do so, and give the clock of the item that is answered with."""
        answer = await self.ask(item_id, act, body)
        assert answer.status_code == 200, answer.text
        return answer.json()["sla"]

    async def read(self, item_id: object, what: str = "") -> Any:
        """Read an item, or something of it."""
        answer = await self._http.get(f"/api/v1/items/{item_id}{what}".replace("/?", "?"), headers=self._headers)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def ana(http: httpx.AsyncClient, world: World) -> Caller:
    return Caller(http, world.tokens["ana"])


@pytest.fixture
def upstream(http: httpx.AsyncClient, world: World) -> Caller:
    return Caller(http, world.service_key)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def timers(world: World) -> list[tuple[str, int]]:
    rows = await world.db.hot.fetch("SELECT kind, generation FROM timers WHERE kind <> 'lease' ORDER BY 1, 2")
    return [(row["kind"], row["generation"]) for row in rows]


async def seat_due(world: World, item_id: object) -> Any:
    return await world.db.hot.fetchval("SELECT due_at FROM assignments WHERE item_id = $1", item_id)


async def test_a_pause_moves_the_due_time_by_as_long_as_it_lasted(
    hands: Hands, world: World, ana: Caller, upstream: Caller
) -> None:
    item = (await world.submit()).item
    assert item.sla is not None
    await hands.to(HOUR)
    paused = await ana.done(item.id, "pause", WAITING)
    assert (paused["state"], at(paused["due_at"])) == ("paused", item.sla.due_at)
    assert paused["paused"] | {"at": ""} == {"at": "", "by": "ana@example.com", "until": None, **WAITING}
    assert await timers(world) == []
    await hands.to(9 * HOUR)
    assert (await escalation.sweep(world.db)).due == 0, "a clock that stands still has no marks"
    assert (await upstream.read(item.id))["sla"]["state"] == "paused"
    running = await upstream.done(item.id, "resume")
    row: Any = await world.db.hot.fetchrow("SELECT resumed_at - paused_at AS lasted, resumed_at FROM clock_pauses")
    assert abs(row["lasted"] - 8 * HOUR) < timedelta(minutes=1)
    assert at(running["due_at"]) == item.sla.due_at + row["lasted"] == await seat_due(world, item.id)
    assert (running["state"], running["paused"]) == ("on_track", None)
    assert await timers(world) == [("due", 2)]
    await hands.to(13 * HOUR)
    assert (await escalation.sweep(world.db)).due == 1
    assert (await upstream.read(item.id))["sla"]["state"] == "breached"


async def test_history_and_events_say_who_stopped_it_and_why(world: World, ana: Caller, upstream: Caller) -> None:
    item = (await world.submit()).item
    await ana.done(item.id, "pause", {**WAITING, "until": "2099-01-01T00:00:00+01:00"})
    await upstream.done(item.id, "resume")
    told = (await upstream.read(item.id, "/history"))["data"]
    entries = {entry["action"]: entry for entry in told}
    paused, resumed = entries["clock.paused"], entries["clock.resumed"]
    assert (paused["actor"], paused["details"]["reason"]) == ("ana@example.com", WAITING["reason"])
    assert at(paused["details"]["until"]) == datetime(2098, 12, 31, 23, tzinfo=UTC)
    assert resumed["actor"] == "crm"
    assert at(resumed["details"]["was"]) == at(entries["item.submitted"]["details"]["due_at"])
    assert at(resumed["details"]["due_at"]) > at(resumed["details"]["was"])
    events = await world.db.hot.fetch(
        "SELECT kind, payload FROM events WHERE kind IN ('item.paused', 'item.resumed') ORDER BY kind"
    )
    first, second = (msgspec.json.decode(row["payload"]) for row in events)
    assert first == {"reason": WAITING["reason"], "by": "ana@example.com", "resume_at": paused["details"]["until"]}
    assert second == {"due_at": resumed["details"]["due_at"], "by": "crm"}


async def test_paused_work_waits_behind_the_rest_of_its_priority(world: World, ana: Caller) -> None:
    first, second = (await world.submit("first")).item, (await world.submit("second")).item
    await ana.done(first.id, "pause", WAITING)
    assert [each.item.id for each in await world.claim("ben", limit=2)] == [second.id, first.id]


async def test_who_holds_it_may_judge_it_while_it_is_paused(hands: Hands, world: World, upstream: Caller) -> None:
    """And what was in time when the clock stopped is in time."""
    item = (await world.submit()).item
    (held,) = await world.claim("ana")
    await upstream.done(item.id, "pause", WAITING)
    await hands.to(9 * HOUR)
    await world.db.hot.execute("UPDATE assignments SET lease_until = now() + interval '1 h'")
    done = await world.judge("ana", held, "approve")
    assert done.item.sla is not None
    assert done.item.sla.state == "met"
    assert (await upstream.ask(item.id, "resume")).json()["code"] == "item_closed"


async def test_a_pause_ends_by_itself_as_of_its_time_however_late_that_is_seen(
    hands: Hands, world: World, ana: Caller
) -> None:
    """Promise 10: nobody swept for hours, and the clock is where it would be had somebody."""
    item = (await world.submit()).item
    assert item.sla is not None
    until = datetime.now(UTC) + 2 * HOUR
    await ana.done(item.id, "pause", {**WAITING, "until": until.isoformat()})
    assert (await ana.read(item.id))["sla"]["paused"]["until"] is not None
    await hands.to(HOUR)
    await escalation.sweep(world.db)
    assert (await ana.read(item.id))["sla"]["state"] == "paused"
    await hands.to(5 * HOUR)
    await escalation.sweep(world.db)
    await escalation.sweep(world.db)
    pause: Any = await world.db.hot.fetchrow("SELECT * FROM clock_pauses")
    assert pause["resumed_at"] == until
    shown = (await ana.read(item.id))["sla"]
    assert (shown["state"], at(shown["due_at"])) == ("on_track", item.sla.due_at + (until - pause["paused_at"]))
    assert await world.count("audit_entries", action="clock.resumed", actor_kind="timer") == 1
    assert await timers(world) == [("due", 2)]


async def test_a_pause_that_was_ended_by_hand_is_not_ended_again(hands: Hands, world: World, ana: Caller) -> None:
    """Promise 11: the timer of an earlier generation does nothing."""
    item = (await world.submit()).item
    until = (datetime.now(UTC) + HOUR).isoformat()
    await ana.done(item.id, "pause", {**WAITING, "until": until})
    project = world.service.project_id
    case_id = await world.db.hot.fetchval("SELECT id FROM cases")
    await ana.done(item.id, "resume")
    await ana.done(item.id, "pause", {"reason": "again"})
    await world.db.hot.execute("INSERT INTO timers VALUES ($1, 'resume', $2, 1, now())", project, case_id)
    await hands.to(2 * HOUR)
    await escalation.sweep(world.db)
    assert (await ana.read(item.id))["sla"]["paused"]["reason"] == "again"
    assert await timers(world) == []


async def test_pausing_and_resuming_twice_is_the_same_as_once(world: World, ana: Caller, upstream: Caller) -> None:
    item = (await world.submit()).item
    first = await ana.done(item.id, "pause", WAITING)
    assert await upstream.done(item.id, "pause", {"reason": "me too", "until": "2099-01-01T00:00:00Z"}) == first
    running = await ana.done(item.id, "resume")
    assert await ana.done(item.id, "resume") == running
    assert await world.count("clock_pauses") == 1
    for action in ("clock.paused", "clock.resumed"):
        assert await world.count("audit_entries", action=action) == 1


async def test_what_cannot_be_paused_is_refused_and_stays_as_it_is(world: World, ana: Caller, upstream: Caller) -> None:
    item = (await world.submit()).item
    for body, path in (
        ({}, ""),
        ({"reason": ""}, "reason"),
        ({"reason": " \t"}, "reason"),
        ({**WAITING, "until": "2020-01-01T00:00:00Z"}, "until"),
        ({**WAITING, "until": "2099-01-01T00:00:00"}, "until"),
    ):
        refused = await ana.ask(item.id, "pause", body)
        assert refused.status_code == 422, body
        assert refused.json()["errors"][0]["path"] == path
    without = (await world.submit(tags=["panel"])).item
    by_rule = (await world.submit(confidence=0.9)).item
    hidden = (await world.submit(tags=["vip"])).item
    for act in ("pause", "resume"):
        given = WAITING if act == "pause" else {}
        assert (await ana.ask(without.id, act, given)).json()["code"] == "clock_not_running"
        assert (await upstream.ask(by_rule.id, act, given)).json()["code"] == "item_closed"
        assert (await ana.ask(hidden.id, act, given)).json()["code"] == "item_not_found"
    assert await timers(world) == [("due", 0)]
    assert await world.count("clock_pauses") == 0


async def test_adjudicators_of_a_paused_case_wait_as_well(world: World, upstream: Caller) -> None:
    item = (await world.submit(tags=["panel"], respond_by="2099-01-01T00:00:00Z")).item
    (first,), (second,) = await world.claim("ana"), await world.claim("ben")
    await upstream.done(item.id, "pause", WAITING)
    await world.judge("ana", first, "approve")
    await world.judge("ben", second, "reject")
    seat = "SELECT due_at FROM assignments WHERE kind = 'adjudication'"
    assert (await world.db.hot.fetchval(seat)).year == 9999
    await upstream.done(item.id, "resume")
    assert await world.db.hot.fetchval(seat) == datetime(2099, 1, 1, tzinfo=UTC)


async def test_a_clock_says_why_it_is_due_when_it_is(world: World, ana: Caller) -> None:
    item = (await world.submit()).item
    await ana.done(item.id, "pause", WAITING)
    running = await ana.done(item.id, "resume")
    told = await ana.read(item.id, "/clock")
    assert (told["policy"], told["calendar"], told["state"]) == ("standard", None, "on_track")
    assert told["due_at"] == running["due_at"]
    assert told["marks"] == [{"key": "due", "at": told["due_at"], "passed": False}]
    assert 0 < told["remaining_seconds"] <= 4 * 3600
    assert [each["action"] for each in told["movements"]] == ["clock.started", "clock.paused", "clock.resumed"]
    started, paused, resumed = told["movements"]
    assert at(started["due_at"]) == at(resumed["was"])
    assert at(resumed["due_at"]) == at(told["due_at"])
    assert any(WAITING["reason"] in sentence for sentence in paused["because"])
    assert any(WAITING["reason"] in sentence for sentence in told["because"])
    (period,) = told["open_periods"]
    assert period["ends"] == told["due_at"]


async def test_a_clock_has_a_state_for_every_part_of_its_life(hands: Hands, world: World, upstream: Caller) -> None:
    policy = SlaPolicy(name="standard", decide=Target(4 * HOUR), first_claim=Target(HOUR), warn_at=(0.5, 0.75))
    world.config = msgspec.structs.replace(world.config, sla_policies={"standard": policy})
    item = (await world.submit()).item
    for minutes, state in ((1, "on_track"), (119, "on_track"), (121, "warning"), (239, "warning"), (241, "breached")):
        await hands.to(timedelta(minutes=minutes))
        shown = (await upstream.read(item.id))["sla"]
        assert (shown["state"], shown["policy"], shown["paused"]) == (state, "standard", None)
        assert at(shown["due_at"]) - at(shown["first_claim_due_at"]) == 3 * HOUR
        listed = (await upstream.read("", "?status=queued"))["data"]
        assert [each["sla"] for each in listed] == [shown]


async def test_an_item_without_a_clock_says_why(world: World, ana: Caller, upstream: Caller) -> None:
    for item, caller, why in (
        ((await world.submit(confidence=0.9)).item, upstream, "decided the item as it arrived"),
        ((await world.submit(tags=["panel"])).item, ana, "names no SLA policy"),
    ):
        told = await caller.read(item.id, "/clock")
        assert (told["due_at"], told["marks"], told["open_periods"]) == (None, [], [])
        assert why in told["because"][0]


async def test_a_clock_by_calendar_names_the_hours_until_it_is_due(world: World) -> None:
    policy = SlaPolicy(name="standard", decide=Target(40 * HOUR), calendar=calendar())
    config = msgspec.structs.replace(world.config, sla_policies={"standard": policy})

    class Configs(ConfigCache):
        async def get(self, project_id: Any, version: int) -> Any:
            del project_id, version
            return config

    world.config = config
    item = (await world.submit()).item
    assert item.sla is not None
    watch = Watch(Configs(world.db), BASE_URL)
    told = await clocks.explain(world.db.hot, watch, who=world.people["lea"], item_id=item.id)
    assert (told.calendar, told.timezone) == ("office", "Europe/Berlin")
    assert told.due_at == item.sla.due_at == told.open_periods[-1].ends
    open_for = sum((each.ends - each.begins).total_seconds() for each in told.open_periods)
    assert open_for == pytest.approx(told.remaining_seconds)
    assert abs(open_for - 40 * 3600) < 60
    assert len(told.open_periods) >= 5


async def test_a_clock_from_before_there_were_clocks_is_told_stopped_and_set_again(world: World, ana: Caller) -> None:
    """What the first release stored has a due time and no more."""
    item = (await world.submit()).item
    assert item.sla is not None
    await world.db.hot.execute(
        "UPDATE cases SET clock_started_at = NULL, clock_version = NULL, opened_at = due_at - interval '4 h'"
    )
    told = await ana.read(item.id, "/clock")
    assert at(told["due_at"]) == item.sla.due_at == at(told["marks"][0]["at"])
    await ana.done(item.id, "pause", WAITING)
    assert at((await ana.done(item.id, "resume"))["due_at"]) > item.sla.due_at


async def test_a_policy_that_is_gone_still_runs_the_clocks_it_started(world: World, ana: Caller) -> None:
    item = (await world.submit()).item
    await ana.done(item.id, "pause", WAITING)
    gone = CONFIG.replace("standard: {{decide: 4h}}", "other: {{decide: 1h}}").replace("sla: standard", "sla: other")
    async with world.db.transaction() as tx:
        await configuration.apply(tx, gone.format(project="support"), actor=OPERATOR)
    running = await ana.done(item.id, "resume")
    assert (running["policy"], running["state"]) == ("standard", "on_track")
    assert await world.db.hot.fetchval("SELECT clock_version FROM cases") == 1
