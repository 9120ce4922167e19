"""Open clocks follow what newer data of time zones and holidays makes of their calendars (promise 14)."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from review.escalation import recomputing
from review.escalation import service as escalation
from review.escalation.clock_rules import fingerprint
from review.sla import calendars, regions
from tests.make import CONFIG, World

SOURCE = CONFIG.format(project="data").replace("standard: {decide: 4h}", "standard: {calendar: daily, decide: 24h}") + (
    "calendars:\n  daily: {timezone: UTC, hours: always, holidays: DE}\n"
)


@pytest.fixture
async def daily(world: World) -> World:
    """A project that works night and day, but on the holidays of Germany."""
    return await World.build(world.db, world.settings, "data", SOURCE)


@pytest.fixture
def proclaimed(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[date]]:
    """Holidays of a newer release of the library, to be filled by the test."""
    more: set[date] = set()

    def holidays_of(region: str, year: int) -> dict[date, str]:
        new = {day: "Proclaimed Day" for day in more if day.year == year}
        return regions.holidays_of(region, year) | new

    monkeypatch.setattr(calendars, "holidays_of", holidays_of)
    _forget()
    yield more
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    for each in vars(calendars).values():
        if hasattr(each, "cache_clear"):
            each.cache_clear()


async def due_times(world: World) -> list[timedelta]:
    rows = await world.db.hot.fetch("SELECT due_at - clock_started_at AS left, id FROM cases ORDER BY id")
    return [row["left"] for row in rows]


async def test_a_holiday_that_newer_data_knows_moves_what_is_open(daily: World, proclaimed: set[date]) -> None:
    item = (await daily.submit()).item
    before = await due_times(daily)
    assert await recomputing.follow_calendars(daily.db, daily.configs) == 0
    tomorrow = await daily.db.hot.fetchval("SELECT now()::date + 1")
    proclaimed.add(tomorrow)
    _forget()
    assert await recomputing.follow_calendars(daily.db, daily.configs) == 1
    assert await recomputing.follow_calendars(daily.db, daily.configs) == 0
    await escalation.sweep(daily.db, daily.configs)
    (left,) = await due_times(daily)
    assert before[0] < left <= before[0] + timedelta(days=1)
    details = await daily.db.hot.fetchval(
        "SELECT details::text FROM audit_entries WHERE item_id = $1 AND action = 'clock.moved'", item.id
    )
    assert "The data of time zones or holidays changed." in details
    assert "Proclaimed Day" in details


async def test_the_same_data_moves_nothing(daily: World) -> None:
    await daily.submit()
    before = await due_times(daily)
    for _ in range(2):
        assert await recomputing.follow_calendars(daily.db, daily.configs) == 0
        await escalation.sweep(daily.db, daily.configs)
    assert await due_times(daily) == before
    assert await daily.count("audit_entries", action="clock.moved") == 0


def test_a_fingerprint_is_of_hours_and_not_of_words(daily: World) -> None:
    calendar = daily.config.calendars["daily"]
    assert fingerprint([calendar], 2026) == fingerprint([calendar], 2026)
    assert fingerprint([calendar], 2026) != fingerprint([calendar], 2027)
