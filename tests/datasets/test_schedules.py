"""Snapshots that datasets take by themselves: once a time, when enough is new, and never for nothing."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.datasets.errors import DatasetNotFound, ScheduleInvalid, ScheduleNotFound
from review.datasets.schedules import service, turning
from review.datasets.schedules.rules import Facts, Outcome, Schedule, faults_of, judge, next_after
from review.datasets.schedules.schemas import ScheduleView
from review.datasets.selections.rules import Criteria, Definition
from review.datasets.snapshots import running, withdrawing
from review.identity.preferences import zones
from review.identity.rules import Principal, Role
from review.kernel.db import Database
from review.kernel.ids import new_id
from review.kernel.settings import Settings
from tests.datasets.test_export import leave
from tests.datasets.test_snapshots import Place

NOW = datetime(2026, 3, 28, 12, tzinfo=UTC)
DAILY = Schedule(cron="0 6 * * *", timezone="Europe/Berlin")


def test_times_are_those_of_the_zone_through_both_changes_of_its_clocks() -> None:
    """Promise 14: what a gap leaves out comes right after it, of what comes twice the first counts."""
    at_night = msgspec.structs.replace(DAILY, cron="30 2 * * *")
    cases = {
        (DAILY, NOW): "2026-03-29T04:00:00+00:00",
        (at_night, NOW): "2026-03-29T01:00:00+00:00",
        (at_night, NOW + timedelta(days=1)): "2026-03-30T00:30:00+00:00",
        (at_night, datetime(2026, 10, 24, 12, tzinfo=UTC)): "2026-10-25T00:30:00+00:00",
        (at_night, datetime(2026, 10, 25, 0, 30, tzinfo=UTC)): "2026-10-26T01:30:00+00:00",
        (Schedule(cron="0 0 29 2 *"), NOW): "2028-02-29T00:00:00+00:00",
        (Schedule(cron="15 9 * * MON-fri", timezone="Pacific/Apia"), NOW): "2026-03-29T20:15:00+00:00",
    }
    for (schedule, at), expected in cases.items():
        found = next_after(schedule, at)
        assert found is not None
        assert found.isoformat() == expected
    assert next_after(Schedule(new_records=1), NOW) is next_after(Schedule(cron="0 6 * * *", paused=True), NOW) is None


def test_what_is_no_schedule_is_named() -> None:
    wrong = {
        "cron: is missing": Schedule(),
        "cron: has 4 fields": Schedule(cron="0 6 * *"),
        "cron: has 6 fields": Schedule(cron="* * * * * *"),
        "cron: has '60' as its first field": Schedule(cron="60 6 * * *"),
        "cron: has '24' as its second field": Schedule(cron="0 24 * * *"),
        "cron: has '*/0' as its third field": Schedule(cron="0 6 */0 * *"),
        "cron: has 'smarch' as its fourth field": Schedule(cron="0 6 * smarch *"),
        "cron: has '8' as its fifth field": Schedule(cron="0 6 * * 8"),
        "cron: names a day": Schedule(cron="0 6 31 2,4 *"),
        "cron: is longer": Schedule(cron="0," * 60 + "0 6 * * *"),
        "timezone: is no time zone": Schedule(cron="0 6 * * *", timezone="Europe/Atlantis"),
    }
    for said, schedule in wrong.items():
        assert next(f"{each.path}: {each.message}" for each in faults_of(schedule, zones(), NOW)).startswith(said)
    for body in ({"new_records": 0}, {"new_records": 10**9}, {"new_records": 1.5}, {"cron": 5}, {"every": "day"}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(body, Schedule)


@given(st.text(alphabet="0123456789*/-,#LW? monfri²\0", max_size=40), st.datetimes(timezones=st.just(UTC)))
def test_any_text_is_a_schedule_with_a_next_time_or_refused(cron: str, at: datetime) -> None:
    at = at.replace(year=min(max(at.year, 2000), 2100), day=min(at.day, 28))
    schedule = Schedule(cron=cron.strip(), timezone="Australia/Lord_Howe")
    if schedule.cron and not faults_of(schedule, zones(), at):
        found = next_after(schedule, at)
        assert found is not None
        assert found > at - timedelta(seconds=1)


@given(st.builds(Facts, fresh=st.integers(0, 3), new_records=st.none() | st.integers(1, 3)))
def test_a_snapshot_is_begun_only_for_something_and_never_beside_another(facts: Facts) -> None:
    outcome = judge(facts)
    if outcome is Outcome.MADE:
        assert not facts.is_making
        assert facts.fresh or (facts.is_due and facts.has_made and facts.is_other)
    if facts.is_due and facts.is_read:
        assert outcome is not None


class Watched(Place):
    """A project whose dataset has a schedule."""

    def __init__(self, db: Database, project_id: UUID, folder: Path) -> None:
        super().__init__(db, project_id, folder)
        self.who = Principal(
            project_id=project_id,
            project=str(project_id),
            kind="user",
            id=uuid4(),
            name="nia",
            email="",
            role=Role.ANALYST,
            permissions=frozenset(),
            config_version=0,
        )

    async def schedule(self, schedule: Schedule) -> ScheduleView:
        async with self.db.transaction() as tx:
            return await service.put(tx, who=self.who, dataset="d", schedule=schedule)

    async def come(self, back: str = "1 minute") -> None:
        """Have the next time of the schedule be a while ago, and what is new be looked for again."""
        await self.db.hot.execute(
            "UPDATE dataset_schedules SET looked_at = NULL,"
            " next_at = CASE WHEN next_at IS NULL THEN NULL ELSE now() - $1::text::interval END",
            back,
        )

    async def turn(self) -> tuple[int, ScheduleView]:
        """Let a worker look once; gives how many it began, and what is shown."""
        begun = await turning.advance(self.db, self.settings)
        return begun, await service.get(self.db.hot, project_id=self.project_id, dataset="d")

    async def finish(self) -> None:
        await running.advance(self.db, self.settings)


@pytest.fixture
async def place(db: Database, tmp_path: Path) -> Watched:
    project_id = new_id()
    await db.hot.execute("INSERT INTO projects (id, slug, title) VALUES ($1, $2, 'P')", project_id, str(project_id))
    found = Watched(db, project_id, tmp_path / "store")
    await found.define(Definition(criteria=Criteria(types=("ticket_intent", "chat"))))
    return found


async def test_each_time_makes_one_snapshot_and_none_for_nothing(db: Database, place: Watched) -> None:
    """Times that passed while nothing ran are one, and two workers are as good as one."""
    view = await place.schedule(DAILY)
    assert view.next_at is not None
    assert view.next_at.astimezone(ZoneInfo("Europe/Berlin")).hour == 6
    assert (await place.turn())[0] == 0
    await place.come()
    begun, told = await place.turn()
    assert (begun, told.last_outcome, told.last_number) == (0, "empty", None)

    await leave(db, place.project_id)
    await place.come("40 days")
    at_once = await asyncio.gather(*(turning.advance(db, place.settings) for _ in range(4)))
    assert sum(at_once) == 1
    begun, told = await place.turn()
    assert (begun, told.last_outcome, told.last_number) == (0, "made", 1)
    assert told.next_at is not None
    assert told.next_at > datetime.now(UTC) - timedelta(minutes=1)
    await place.come()
    assert (await place.turn())[1].last_outcome == "busy"
    await place.finish()
    assert (await place.get(1)).requested_by == "timer"
    await place.come()
    assert (await place.turn())[1].last_outcome == "unchanged"
    await leave(db, place.project_id, type="other")
    await place.come()
    assert (await place.turn())[1].last_outcome == "unchanged"
    await place.define(Definition())
    await place.come()
    assert (await place.turn())[0] == 1
    assert await db.hot.fetchval("SELECT count(*) FROM snapshots") == 2


async def test_what_is_new_is_counted_by_what_the_dataset_takes(
    db: Database, place: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turning, "MOST_READ", 2)
    for _ in range(2):
        await leave(db, place.project_id)
    await place.make()
    await place.schedule(Schedule(new_records=3))
    for at in range(5):
        await leave(db, place.project_id, type="other" if at % 2 else "ticket_intent")
    counts = list[Any]()
    for _ in range(4):
        await place.come()
        begun, told = await place.turn()
        counts.append((begun, told.fresh))
    assert counts == [(0, 1), (0, 2), (1, 3), (0, 3)]
    await place.finish()
    await place.come()
    assert (await place.turn())[1].fresh == 0


async def test_a_failure_is_made_up_for_at_the_next_time_and_a_count_waits_an_hour(
    db: Database, place: Watched
) -> None:
    await place.schedule(msgspec.structs.replace(DAILY, new_records=1))
    await leave(db, place.project_id)
    assert (await place.turn())[0] == 1
    await db.hot.execute("UPDATE snapshots SET state = 'failed', ended_at = now()")
    for _ in range(2):
        await db.hot.execute("UPDATE dataset_schedules SET looked_at = NULL")
        assert (await place.turn())[0] == 0
    await place.come()
    assert (await place.turn())[0] == 1
    await place.finish()
    made = await place.get(2)
    items = await db.hot.fetch("SELECT item_id FROM feedback")
    assert made.cut_off == 1
    await leave(db, place.project_id)
    await withdrawing.withdraw_holding(
        db.hot, place.settings, project_id=place.project_id, position=1, items=[items[0]["item_id"]]
    )
    await place.come()
    assert (await place.turn())[1].last_number == 3


async def test_a_place_that_is_not_set_is_said_and_a_pause_holds(db: Database, place: Watched) -> None:
    await leave(db, place.project_id)
    await place.schedule(DAILY)
    await place.come()
    good, place.settings = place.settings, Settings()
    begun, told = await place.turn()
    assert (begun, told.last_outcome) == (0, "refused")
    assert "REVIEW_SNAPSHOT_STORE" in told.last_note
    assert told.next_at is not None
    place.settings = good
    paused = await place.schedule(msgspec.structs.replace(DAILY, paused=True))
    assert paused.next_at is None
    await db.hot.execute("UPDATE dataset_schedules SET next_at = now() - interval '1 day'")
    assert (await place.turn())[0] == 0


async def test_setting_is_audited_once_and_what_is_not_there_is_said(db: Database, place: Watched) -> None:
    for _ in range(2):
        await place.schedule(DAILY)
    with pytest.raises(ScheduleInvalid):
        await place.schedule(Schedule(cron="whenever"))
    async with db.transaction() as tx:
        await service.remove(tx, who=place.who, dataset="d")
    for name in ("d", "none", "\0"):
        with pytest.raises(ScheduleNotFound):
            async with db.transaction() as tx:
                await service.remove(tx, who=place.who, dataset=name)
    for name in ("none", "\0"):
        with pytest.raises(DatasetNotFound):
            async with db.transaction() as tx:
                await service.put(tx, who=place.who, dataset=name, schedule=DAILY)
    acts = await db.hot.fetch("SELECT action FROM audit_entries ORDER BY id")
    assert [each["action"] for each in acts] == ["dataset.schedule_set", "dataset.schedule_removed"]
