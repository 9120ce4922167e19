"""Applying configurations: versions by content, one after another, and old ones for ever."""

import asyncio
import threading
from typing import Any
from uuid import UUID

import pytest

from review.audit.rules import OPERATOR
from review.configuration import service as configuration
from review.configuration import storing
from review.configuration.errors import ConfigurationInvalid, ConfigVersionNotFound, PoolHasOpenWork
from review.configuration.plans import Plan
from review.configuration.rules import ProjectConfig, compile_config
from review.configuration.service import ConfigCache, ItemTypes
from review.identity.errors import ProjectNotFound
from review.kernel.db import Database
from review.kernel.ids import new_id
from review.routing.conditions import facts_of, needs_of
from review.sla.ladders import PriorityChange
from tests.make import CONFIG, World

SOURCE = """\
project: desk
item_types:
  ticket: {input_schema: {properties: {text: {}}}, output_schema: {enum: [a, b]}, reasons: [unclear]}
  letter: {input_schema: true, output_schema: true}
pools:
  triage: {members: [Ana@example.com]}
  seniors: {}
rules:
  - {name: doubtful, when: item.confidence < 0.8, then: {review: triage}}
"""


async def apply(db: Database, source: str, **more: Any) -> Plan:
    given: dict[str, Any] = {"may_create": True} | more
    async with db.transaction() as tx:
        return await configuration.apply(tx, source, actor=OPERATOR, **given)


async def project_id(db: Database) -> UUID:
    found: UUID = await db.hot.fetchval("SELECT id FROM projects WHERE slug = 'desk'")
    return found


async def test_the_first_version_makes_the_project(db: Database) -> None:
    made = await apply(db, SOURCE)
    assert (made.version, made.previous_version, made.ruleset_version, made.applied) == (1, 0, 1, True)
    assert made.item_types == {"ticket": 1, "letter": 1}
    config = await ConfigCache(db).get(await project_id(db), 1)
    assert (config.project, config.version, config.default_pool) == ("desk", 1, "triage")
    assert config.ruleset.version == 1
    assert await db.hot.fetchval("SELECT config_version FROM projects WHERE slug = 'desk'") == 1
    (entry,) = await db.hot.fetch("SELECT action, actor_kind, details FROM audit_entries")
    assert (entry["action"], entry["actor_kind"]) == ("config.applied", "operator")
    assert '"+ rule doubtful"' in entry["details"]


async def test_a_new_project_is_made_only_where_that_was_asked_for(db: Database) -> None:
    with pytest.raises(ProjectNotFound):
        await apply(db, SOURCE, may_create=False)
    assert await db.hot.fetchval("SELECT count(*) FROM projects") == 0


async def test_what_changes_nothing_makes_no_version(db: Database) -> None:
    await apply(db, SOURCE)
    again = await apply(
        db, "# a comment\n" + SOURCE.replace("{members: [Ana@example.com]}", "\n    members: [Ana@example.com]")
    )
    assert (again.version, again.applied, again.differences) == (1, False, ())
    assert await db.hot.fetchval("SELECT count(*) FROM config_versions") == 1
    assert await db.hot.fetchval("SELECT count(*) FROM audit_entries") == 1


async def test_a_dry_run_says_the_same_and_stores_nothing(db: Database) -> None:
    planned = await apply(db, SOURCE, dry_run=True)
    assert (planned.version, planned.applied) == (1, False)
    assert await db.hot.fetchval("SELECT count(*) FROM projects") == 0
    done = await apply(db, SOURCE)
    assert done.differences == planned.differences
    changed = SOURCE.replace("0.8", "0.7")
    planned = await apply(db, changed, dry_run=True)
    assert [str(each) for each in planned.differences] == ["~ rule doubtful (when)"]
    assert (planned.version, planned.ruleset_version) == (2, 2)
    assert await db.hot.fetchval("SELECT config_version FROM projects") == 1


async def test_parts_are_numbered_by_content(db: Database) -> None:
    await apply(db, SOURCE)
    second = await apply(db, SOURCE.replace("enum: [a, b]", "enum: [a, b, c]"))
    assert (second.version, second.ruleset_version, second.item_types) == (2, 1, {"ticket": 2, "letter": 1})
    third = await apply(db, SOURCE.replace("0.8", "0.7"))
    assert (third.version, third.ruleset_version, third.item_types) == (3, 2, {"ticket": 1, "letter": 1})
    stored = await db.hot.fetch("SELECT name, version FROM item_types ORDER BY name, version")
    assert [tuple(row) for row in stored] == [("letter", 1), ("ticket", 1), ("ticket", 2)]


async def test_old_versions_stay_loadable_as_they_were(db: Database) -> None:
    await apply(db, SOURCE)
    await apply(db, SOURCE.replace("enum: [a, b]", "enum: [a, b, c]").replace("0.8", "0.7"))
    project, configs, types = await project_id(db), ConfigCache(db), ItemTypes(db)
    assert (await configs.get(project, 1)).ruleset.rules[0].condition.source == "item.confidence < 0.8"
    assert (await configs.get(project, 2)).ruleset.rules[0].condition.source == "item.confidence < 0.7"
    first, second = await types.get(project, "ticket", 1), await types.get(project, "ticket", 2)
    assert (bool(first.check_output("c")), bool(second.check_output("c"))) == (True, False)
    assert first.reasons == ("unclear",)
    assert await types.get(project, "ticket", 1) is first
    assert await configs.get(project, 1) is await configs.get(project, 1)


async def test_the_loop_keeps_turning_while_a_configuration_is_compiled_once_for_all_who_wait(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, turned, compiled = threading.Event(), threading.Event(), list[int]()
    real = compile_config

    def slow(*given: Any, **more: Any) -> ProjectConfig:
        compiled.append(1)
        begun.set()
        assert turned.wait(10), "the loop stood still meanwhile"
        return real(*given, **more)

    async def turn() -> None:
        while not begun.is_set():
            await asyncio.sleep(0)
        for _ in range(1_000):
            await asyncio.sleep(0)
        turned.set()

    for module in (configuration, storing):
        monkeypatch.setattr(module, "compile_config", slow)
    await asyncio.gather(apply(db, SOURCE), turn())
    project, configs = await project_id(db), ConfigCache(db)
    begun.clear()
    turned.clear()
    compiled.clear()
    first, second, _ = await asyncio.gather(configs.get(project, 1), configs.get(project, 1), turn())
    assert first is second
    assert compiled == [1]
    condition = first.ruleset.rules[0].condition  # works in another thread than the one that compiled it
    assert condition.holds(facts_of({"confidence": 0.5}, needs_of([condition])))


async def test_what_was_never_applied_is_not_found(db: Database) -> None:
    await apply(db, SOURCE)
    project, configs, types = await project_id(db), ConfigCache(db), ItemTypes(db)
    with pytest.raises(ConfigVersionNotFound):
        await configs.get(project, 2)
    with pytest.raises(ConfigVersionNotFound):
        await configs.get(new_id(), 1)
    with pytest.raises(ConfigVersionNotFound):
        await types.get(project, "ticket", 9)
    for version in (2, 0, -1, 2**31, 2**70):
        async with db.transaction() as tx:
            with pytest.raises(ConfigVersionNotFound, match=f"no configuration version {version}; the active one is 1"):
                await configuration.read(tx, project="desk", version=version)


async def test_going_back_is_a_new_version_with_the_old_numbers(db: Database) -> None:
    await apply(db, SOURCE)
    await apply(db, SOURCE.replace("enum: [a, b]", "enum: [a, b, c]").replace("0.8", "0.7"))
    async with db.transaction() as tx:
        back = await configuration.apply_version(tx, project="desk", version=1, actor=OPERATOR)
    assert (back.version, back.ruleset_version, back.item_types["ticket"]) == (3, 1, 1)
    async with db.transaction() as tx:
        assert await configuration.read(tx, project="desk") == SOURCE
        again = await configuration.apply_version(tx, project="desk", version=1, actor=OPERATOR)
        assert not again.applied
        with pytest.raises(ProjectNotFound):
            await configuration.apply_version(tx, project="gone", version=1, actor=OPERATOR)


async def test_members_of_the_file_replace_each_other_and_leave_the_others(db: Database) -> None:
    await apply(db, SOURCE)
    await db.hot.execute("INSERT INTO pool_members SELECT id, 'triage', 'sam@example.com', 'direct' FROM projects")
    await db.hot.execute("INSERT INTO pool_members SELECT id, 'triage', 'ana@example.com', 'direct' FROM projects")
    await apply(db, SOURCE.replace("[Ana@example.com]", "[ben@example.com]"))
    rows = await db.hot.fetch("SELECT email, source FROM pool_members ORDER BY email")
    assert [tuple(row) for row in rows] == [
        ("ana@example.com", "direct"),
        ("ben@example.com", "config"),
        ("sam@example.com", "direct"),
    ]


async def test_a_fault_changes_nothing(db: Database) -> None:
    await apply(db, SOURCE)
    with pytest.raises(ConfigurationInvalid) as caught:
        await apply(db, SOURCE.replace("review: triage", "review: triag"))
    (fault,) = caught.value.errors
    assert fault.path == "rules[0].then.review"
    assert fault.message.startswith("line 9 column ")
    assert await db.hot.fetchval("SELECT config_version FROM projects") == 1


async def test_a_key_cannot_configure_another_project(db: Database) -> None:
    await apply(db, SOURCE)
    with pytest.raises(ConfigurationInvalid, match="1 fault"):
        await apply(db, SOURCE, only_project="other")


async def test_racing_applications_each_make_their_version(db: Database) -> None:
    sources = [SOURCE.replace("0.8", f"0.{number}") for number in range(1, 7)]
    plans = await asyncio.gather(*(apply(db, source) for source in sources))
    assert sorted(made.version for made in plans) == [1, 2, 3, 4, 5, 6]
    assert sorted(made.ruleset_version for made in plans) == [1, 2, 3, 4, 5, 6]
    assert await db.hot.fetchval("SELECT count(*) FROM projects") == 1
    active = max(plans, key=lambda made: made.version)
    assert await db.hot.fetchval("SELECT config_version FROM projects") == active.version


async def test_a_pool_with_open_work_stays(world: World) -> None:
    source = CONFIG.format(project=world.project)
    without = "\n".join(line for line in source.splitlines() if "seniors: {" not in line).replace("seniors", "triage")
    await world.submit(tags=["vip"])
    await world.submit(tags=["vip"])
    await world.submit(tags=["panel"])  # a tie would go to the seniors
    with pytest.raises(PoolHasOpenWork, match=r"seniors \(3\)"):
        await apply(world.db, without)
    with pytest.raises(PoolHasOpenWork):
        await apply(world.db, without, dry_run=True)
    await world.db.hot.execute("UPDATE assignments SET state = 'cancelled'")
    await world.db.hot.execute("UPDATE cases SET state = 'closed'")
    assert (await apply(world.db, without)).applied


CLOCKWORK = """\
calendars:
  office: {timezone: Europe/Berlin, hours: {mon-fri: 09:00-17:00}, open: {2026-12-31: 09:00-12:00}}
sla_policies:
  standard: {calendar: office, decide: 4h, escalation: ladder}
escalation_policies:
  ladder:
    - {after: 100%, move_to: seniors, priority: +20}
    - {after: 150%, decide: reject}
channels: {ops: {url: 'slack://secret'}}
webhooks: [{name: crm, url: 'https://example.com/', events: [item.decided]}]
"""


async def test_clocks_and_outlets_come_back_from_the_database_as_they_were_applied(db: Database) -> None:
    made = await apply(db, SOURCE + CLOCKWORK)
    told = [str(each) for each in made.differences]
    assert told[4:] == [
        "+ calendar office",
        "+ SLA policy standard",
        "+ escalation policy ladder",
        "+ channel ops",
        "+ webhook crm",
        "+ rule doubtful",
    ]
    config = await ConfigCache(db).get(await project_id(db), 1)
    policy = config.sla_policies["standard"]
    assert policy.calendar is config.calendars["office"]
    assert policy.ladder is not None
    assert policy.ladder is config.ladders["ladder"]
    assert policy.ladder.steps[0].priority == PriorityChange(20, is_relative=True)
    assert (config.channels["ops"].url, config.webhooks["crm"].events) == ("slack://secret", ("item.decided",))
    again = await apply(db, SOURCE + CLOCKWORK)
    assert (again.applied, again.differences) == (False, ())
    moved = await apply(db, SOURCE + CLOCKWORK.replace("150%", "200%"))
    assert [str(each) for each in moved.differences] == ["~ escalation policy ladder"]


async def test_a_calendar_that_has_closed_for_good_is_refused_and_its_stored_version_still_loads(db: Database) -> None:
    closed = SOURCE + "calendars: {old: {timezone: UTC, hours: {}, open: {2001-01-01: 09:00-12:00}}}\n"
    with pytest.raises(ConfigurationInvalid) as caught:
        await apply(db, closed)
    assert [fault.path for fault in caught.value.faults] == ["calendars.old"]
    await apply(db, SOURCE + CLOCKWORK)
    stored = (
        "UPDATE config_versions SET document = replace(document::text, '2026-12-31', '2001-01-01')::json"
        " WHERE project_id = $1"
    )
    await db.hot.execute(stored, await project_id(db))
    assert (await ConfigCache(db).get(await project_id(db), 1)).calendars["office"].opened
