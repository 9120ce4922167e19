"""Calendars, SLA policies and escalation policies of a document, and what is refused about them."""

import re
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from review.configuration.document import Document, parse
from review.configuration.errors import ConfigError, ConfigurationInvalid
from review.configuration.plans import clocks_differ
from review.configuration.rules import MAX_CALENDARS, ProjectConfig, Versions, compile_config
from review.sla.calendars import Span, describe_day
from review.sla.ladders import Fallback, PriorityChange, Step
from review.sla.rules import Facts, PriorityTargets, Target, run
from tests.configuration.test_rules import JSON_VALUES, places

TODAY = date(2026, 11, 21)
DOCS = Path(__file__).parents[2] / "docs"
GOOD = """\
project: support
item_types: {}
pools: {triage: {}, seniors: {}}
rules: []
calendars:
  berlin:
    timezone: Europe/Berlin
    hours: {mon-thu: 09:00-17:30, fri: [13:00-16:00, '09:00-12:00'], sat: []}
    holidays: [DE-BE, NO]
    closed: [2026-12-24]
    open: {2026-12-31: 09:00-12:00, 2027-01-02: [10:00-24:00]}
  desk: {timezone: UTC, hours: always}
sla_policies:
  standard:
    calendar: berlin
    first_claim: 30m
    decide: 4h
    warn_at: [30m, 50%, 80%]
    escalation: ladder
    by_priority:
      - {at_least: 70, first_claim: 15m}
      - {at_least: 90, decide: 1h, first_claim: {elapsed: 10m}}
  plain: {decide: 2d, escalation: quick}
  mixed: {calendar: berlin, decide: {elapsed: 1d}, first_claim: {working: 2h}}
escalation_policies:
  ladder:
    - {after: 80%, notify: [pool-leads, Holder@Example.com]}
    - {after: 100%, move_to: seniors, priority: +20, reviewers: +1, page: ops}
    - {after: 150%, notify: [pool:triage, channel:ops, holder], priority: 90, reassign: true}
    - {after: 200%, decide: reject, notify: pool-leads}
  quick:
    - {after: 1h, priority: -10, notify: holder}
    - {after: 100%, reviewers: 2}
    - {after: 3d, decide: model_output}
channels: {ops: {url: env:REVIEW_CHANNEL_OPS}}
"""


def compiled(source: str, *, today: date | None = TODAY) -> ProjectConfig:
    return compile_config(parse(source), today=today)


def faults(source: str, *, today: date | None = TODAY) -> list[ConfigError]:
    with pytest.raises(ConfigurationInvalid) as caught:
        compiled(source, today=today)
    return caught.value.faults


def edited(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def test_a_calendar_in_full() -> None:
    berlin, desk = compiled(GOOD).calendars["berlin"], compiled(GOOD).calendars["desk"]
    weekday, friday = (Span(540, 1050),), (Span(540, 720), Span(780, 960))
    assert (berlin.timezone, berlin.week) == ("Europe/Berlin", (weekday,) * 4 + (friday, (), ()))
    assert (berlin.holidays, berlin.closed) == (("DE-BE", "NO"), frozenset({date(2026, 12, 24)}))
    assert berlin.opened == {date(2026, 12, 31): (Span(540, 720),), date(2027, 1, 2): (Span(600, 1440),)}
    assert desk.week == ((Span(0, 1440),),) * 7


def test_policies_in_full() -> None:
    config = compiled(GOOD)
    standard, plain, mixed = (config.sla_policies[name] for name in ("standard", "plain", "mixed"))
    minute = timedelta(minutes=1)
    assert standard.calendar is config.calendars["berlin"]
    assert standard.ladder is config.ladders["ladder"]
    assert (standard.decide, standard.first_claim) == (Target(240 * minute), Target(30 * minute))
    assert standard.warn_at == (30 * minute, 0.5, 0.8)
    assert standard.by_priority == (
        PriorityTargets(90, Target(60 * minute), Target(10 * minute, is_elapsed=True)),
        PriorityTargets(70, None, Target(15 * minute)),
    )
    assert (plain.calendar, plain.decide, plain.first_claim) == (None, Target(timedelta(days=2)), None)
    assert (mixed.decide, mixed.first_claim) == (Target(timedelta(days=1), is_elapsed=True), Target(120 * minute))


def test_escalation_policies_in_full() -> None:
    ladders = compiled(GOOD).ladders
    assert ladders["ladder"].steps == (
        Step(after=0.8, notify=("pool-leads", "holder@example.com")),
        Step(
            after=1.0,
            move_to="seniors",
            priority=PriorityChange(20, is_relative=True),
            reviewers=1,
            page=("channel:ops",),
        ),
        Step(
            after=1.5,
            notify=("pool:triage", "channel:ops", "holder"),
            priority=PriorityChange(90, is_relative=False),
            reassign=True,
        ),
        Step(after=2.0, decide=Fallback.REJECT, notify=("pool-leads",)),
    )
    assert ladders["quick"].steps == (
        Step(after=timedelta(hours=1), priority=PriorityChange(-10, is_relative=True), notify=("holder",)),
        Step(after=1.0, reviewers=2),
        Step(after=timedelta(days=3), decide=Fallback.MODEL_OUTPUT),
    )


def test_a_stored_document_compiles_to_the_same() -> None:
    """What is stored is JSON, in which `+20` must still be a change."""
    stored = msgspec.json.decode(msgspec.json.encode(parse(GOOD).data))
    again = compile_config(Document("", stored), Versions(7, 1, {}))
    assert clocks_differ(again, compiled(GOOD)) == frozenset()
    assert again.ladders == compiled(GOOD).ladders


def test_an_old_target_beyond_every_limit_still_loads() -> None:
    """Such documents were taken once, and items go by them."""
    data = parse("project: p\nitem_types: {}\npools: {a: }\nrules: []\nsla_policies: {s: {decide: 9999d}}\n").data
    stored = compile_config(Document("", data), Versions(1, 1, {}))
    found = run(stored.sla_policies["s"], Facts(started_at=datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC")), priority=0))
    assert found is not None
    assert found.due_at.year == 2053
    assert [fault.path for fault in faults(msgspec.json.encode(data).decode())] == ["sla_policies.s.decide"]


CALENDAR, STANDARD, LADDER, QUICK = (
    *("calendars.berlin", "sla_policies.standard"),
    *("escalation_policies.ladder", "escalation_policies.quick"),
)


@pytest.mark.parametrize(
    ("old", "new", "path", "told"),
    [
        ("Europe/Berlin", "Europe/Berlim", f"{CALENDAR}.timezone", "did you mean `Europe/Berlin`"),
        ("Europe/Berlin", "../etc/passwd", f"{CALENDAR}.timezone", "is no time zone"),
        ("Europe/Berlin", "5", f"{CALENDAR}.timezone", "is no time zone"),
        ("    timezone: Europe/Berlin\n", "", CALENDAR, "`timezone` is missing"),
        ("mon-thu", "mon-thurs", f"{CALENDAR}.hours.mon-thurs", "must be a day or a range of days"),
        ("mon-thu", "thu-mon", f"{CALENDAR}.hours.thu-mon", "must run forward"),
        ("mon-thu", "mon-fri", f"{CALENDAR}.hours.fri", "says the hours of fri a second time"),
        ("mon-thu: 09:00-17:30", "mon-thu: 17:30-09:00", f"{CALENDAR}.hours.mon-thu", "closes before it opens"),
        ("mon-thu: 09:00-17:30", "mon-thu: 09:00-24:30", f"{CALENDAR}.hours.mon-thu", "must be hours of the day"),
        ("mon-thu: 09:00-17:30", "mon-thu: 9 to 5", f"{CALENDAR}.hours.mon-thu", "must be hours of the day"),
        ("'09:00-12:00'", "'09:00-13:30'", f"{CALENDAR}.hours.fri", "overlap: 09:00-13:30 and 13:00-16:00"),
        ("always", "never", "calendars.desk.hours", "must map days to hours"),
        ("always", "{}", "calendars.desk.hours", "has no working time at all"),
        ("always", "{sun: [], mon: }", "calendars.desk.hours", "has no working time at all"),
        ("DE-BE", "DE-BX", f"{CALENDAR}.holidays[0]", "`BX` is no region of `DE`"),
        ("DE-BE", "XX", f"{CALENDAR}.holidays[0]", "`XX` is no country"),
        ("DE-BE", "NO", f"{CALENDAR}.holidays[1]", "`NO` stands there twice"),
        ("[2026-12-24]", "[2026-12-24, 24.12.2026]", f"{CALENDAR}.closed[1]", "must be a day such as 2026-12-24"),
        ("[2026-12-24]", "2026-02-30", f"{CALENDAR}.closed", "must be a day such as 2026-12-24"),
        ("[2026-12-24]", "9999-12-31", f"{CALENDAR}.closed", "from 2000-01-01 to 2199-12-31"),
        ("[2026-12-24]", "[2026-12-24, 2026-12-24]", f"{CALENDAR}.closed[1]", "stands there twice"),
        ("[2026-12-24]", "[2026-12-31]", f"{CALENDAR}.open.2026-12-31", "is named under `closed` too"),
        ("[10:00-24:00]", "[]", f"{CALENDAR}.open.2027-01-02", "has no hours"),
        ("    closed:", "    close:", f"{CALENDAR}.close", "did you mean `closed`"),
        ("    calendar: berlin", "    calendar: berlim", f"{STANDARD}.calendar", "did you mean `berlin`"),
        ("escalation: ladder", "escalation: leader", f"{STANDARD}.escalation", "did you mean `ladder`"),
        ("    decide: 4h", "    decide: 0h", f"{STANDARD}.decide", "must be longer than nothing"),
        ("    decide: 4h", "    decide: 2d", f"{STANDARD}.decide", "a working day of berlin has 6h to 8h30m"),
        ("    decide: 4h", "    decide: 9999h", f"{STANDARD}.decide", "than calendar berlin has in a year (2137h)"),
        ("decide: 2d", "decide: 4000d", "sla_policies.plain.decide", "must be at most 3650d"),
        ("decide: 2d", "decide: {working: 4h}", "sla_policies.plain.decide.working", "names no calendar"),
        ("decide: 2d", "decide: {work: 4h}", "sla_policies.plain.decide", "{elapsed: 4h} or {working: 4h}"),
        ("decide: 2d", "decide: {}", "sla_policies.plain.decide", "{elapsed: 4h} or {working: 4h}"),
        ("first_claim: 30m", "first_claim: 5h", f"{STANDARD}.first_claim", "longer than `decide`"),
        (
            "{at_least: 70, first_claim: 15m}",
            "{at_least: 70, decide: 20m}",
            f"{STANDARD}.by_priority[0].decide",
            "longer",
        ),
        ("{at_least: 70, first_claim: 15m}", "{at_least: 70}", f"{STANDARD}.by_priority[0]", "changes nothing"),
        ("at_least: 70", "at_least: 90", f"{STANDARD}.by_priority[1].at_least", "an earlier entry says"),
        ("at_least: 70", "at_least: 101", f"{STANDARD}.by_priority[0].at_least", "from 1 to 100"),
        ("{at_least: 70, ", "{", f"{STANDARD}.by_priority[0]", "`at_least` is missing"),
        ("[30m, 50%, 80%]", "[50%, 30m]", f"{STANDARD}.warn_at[1]", "does not come after the warning before it"),
        ("[30m, 50%, 80%]", "[100%]", f"{STANDARD}.warn_at[0]", "must be before the target itself"),
        ("[30m, 50%, 80%]", "0%", f"{STANDARD}.warn_at", "must be before the target itself"),
        ("[30m, 50%, 80%]", "4h", f"{STANDARD}.warn_at", "must be before the target itself"),
        ("[30m, 50%, 80%]", "0.5", f"{STANDARD}.warn_at", "must be a share of the target, such as 80%"),
        ("[30m, 50%, 80%]", "[1d]", f"{STANDARD}.warn_at[0]", "counts in days, which working time has not"),
        ("  quick:", "  Quick One:", "escalation_policies.Quick One", "must be a name"),
        ("after: 80%", "after: 0.8", f"{LADDER}[0].after", "must be a share of the target"),
        ("after: 80%", "after: 0%", f"{LADDER}[0].after", "above 0% and up to 1000%"),
        ("after: 200%", "after: 1001%", f"{LADDER}[3].after", "above 0% and up to 1000%"),
        ("after: 80%", "after: 1d", f"{LADDER}[0].after", "under policy standard counts in days"),
        ("after: 80%, ", "", f"{LADDER}[0]", "`after` is missing"),
        ("after: 80%", "after: 120%", f"{LADDER}[1].after", "must come after the step before it"),
        ("after: 80%", "after: 100%", f"{LADDER}[1].after", "what happens at one time belongs in one step"),
        ("after: 80%", "after: 5h", f"{LADDER}[1].after", "under policy standard, whose target is 4h,"),
        ("after: 1h,", "after: 3d,", f"{QUICK}[2].after", "must come after the step before it"),
        ("after: 1h,", "after: 50h,", f"{QUICK}[1].after", "under policy plain, whose target is 48h,"),
        ("after: 200%, decide", "after: 90%, decide", f"{LADDER}[3].after", "100% is the earliest"),
        ("after: 150%, notify: [", "after: 150%, decide: approve, notify: [", f"{LADDER}[2].decide", "the last step"),
        (", decide: reject, notify: pool-leads", "", f"{LADDER}[3]", "does nothing; say at least one of"),
        ("decide: reject", "decide: rejected", f"{LADDER}[3].decide", "did you mean `reject`"),
        ("decide: reject", "decide: true", f"{LADDER}[3].decide", "this is no way to decide"),
        ("decide: reject", "decide: reject, move_to: seniors", f"{LADDER}[3].move_to", "has no effect on an item"),
        ("move_to: seniors", "move_to: senior", f"{LADDER}[1].move_to", "did you mean `seniors`"),
        ("priority: +20", "priority: +200", f"{LADDER}[1].priority", "from 0 to 100, or a change such as +20"),
        ("priority: +20", "priority: 20%", f"{LADDER}[1].priority", "or a change such as +20"),
        ("priority: +20", "priority: 120", f"{LADDER}[1].priority", "or a change such as +20"),
        ("reviewers: 2", "reviewers: 0", f"{QUICK}[1].reviewers", "from +1 to +8"),
        ("reviewers: +1", "reviewers: -1", f"{LADDER}[1].reviewers", "from +1 to +8"),
        ("reviewers: +1", "reviewers: +8, reassign: yes", f"{LADDER}[1].reassign", "must be true"),
        ("priority: 90, reass", "reviewers: 8, reass", LADDER, "asks for 9 reviewers more in all"),
        ("page: ops", "page: opps", f"{LADDER}[1].page", "must be pool-leads, holder, pool:NAME"),
        ("page: ops", "page: channel:opps", f"{LADDER}[1].page", "did you mean `ops`"),
        ("page: ops", "page: pool:senior", f"{LADDER}[1].page", "did you mean `seniors`"),
        ("page: ops", "page: seniors", f"{LADDER}[1].page", "`seniors` is a pool; write `pool:seniors`"),
        ("page: ops", "page: [ops, channel:ops]", f"{LADDER}[1].page[1]", "stands there twice"),
        (
            "    - {after: 80%, notify: [pool-leads, Holder@Example.com]}",
            "    - notify",
            f"{LADDER}[0]",
            "must be a step",
        ),
    ],
)
def test_a_fault_names_its_path_and_what_to_do(old: str, new: str, path: str, told: str) -> None:
    source = edited(old, new)
    found = faults(source)
    matching = [fault for fault in found if fault.path == path and told in fault.message]
    assert matching, [str(fault) for fault in found]
    key = re.sub(r"\[\d+\]$", "", path).rpartition(".")[2]
    assert re.search(rf"{re.escape(key)}|- |\{{", source.splitlines()[matching[0].line - 1])


def test_a_target_that_cannot_be_read_is_not_compared_with_the_other() -> None:
    found = {fault.path: fault.message for fault in faults(edited("    decide: 4h", "    decide: 4 hours"))}
    assert found[f"{STANDARD}.decide"].startswith("'4 hours' is no duration")
    assert f"{STANDARD}.first_claim" not in found


def test_a_calendar_that_is_closed_all_next_year_is_refused_and_stored_ones_load() -> None:
    source = edited("hours: always", "hours: {}, open: {2026-11-20: 09:00-12:00}")
    (fault,) = faults(source)
    assert (fault.path, fault.line) == ("calendars.desk", 12)
    assert fault.message.startswith("has no working time in the year from 2026-11-21")
    assert compiled(source, today=None).calendars["desk"].opened
    assert compiled(source, today=date(2026, 11, 19)).calendars["desk"].opened


def test_what_differs_from_machine_to_machine_is_no_time_zone() -> None:
    for zone in ("localtime", "Factory"):
        (found,) = faults(edited("timezone: Europe/Berlin", f"timezone: {zone}"))
        assert found.path == "calendars.berlin.timezone"
        assert zone in found.message


def test_there_may_be_only_so_many_calendars() -> None:
    more = "".join(f"  c{number}: {{timezone: UTC, hours: always}}\n" for number in range(MAX_CALENDARS))
    found = faults(edited("calendars:\n", f"calendars:\n{more}"))
    assert [each.path for each in found if "entries" in each.message] == ["calendars"]


def test_a_decision_by_duration_waits_for_the_longest_target_under_every_policy() -> None:
    """Promise 33: nothing is let through while people still have time."""
    source = edited("plain: {decide: 2d,", "plain: {by_priority: [{at_least: 9, decide: 4d}], decide: 2d,")
    (fault,) = faults(source)
    assert fault.path == "escalation_policies.quick[2].after"
    assert "under policy plain, whose target is 96h, does not come after" in fault.message
    early = edited("after: 3d, decide", "after: 47h, decide").replace("    - {after: 100%, reviewers: 2}\n", "")
    (fault,) = faults(early)
    assert fault.path == "escalation_policies.quick[1].after"
    assert "decides while people still have time" in fault.message


def test_the_faults_of_a_broken_policy_are_not_told_a_second_time_of_its_ladder() -> None:
    assert [fault.path for fault in faults(edited("decide: 2d", "decide: soon"))] == ["sla_policies.plain.decide"]


def test_which_policies_have_other_clocks() -> None:
    changes: list[tuple[str, str, set[str]]] = [
        ("closed: [2026-12-24]", "closed: [2026-12-23]", {"standard", "mixed"}),
        ("hours: always", "hours: {sun: '09:00-10:00'}", set()),
        ("after: 200%", "after: 250%", {"standard"}),
        ("after: 3d", "after: 4d", {"plain"}),
        ("decide: 2d,", "decide: 2d, first_claim: 1h,", {"plain"}),
        ("  mixed: {", "  mixes: {", {"mixed", "mixes"}),
        ("project: support", "project: support\ntitle: T", set()),
    ]
    for old, new, names in changes:
        before, after = parse(GOOD).data, parse(edited(old, new)).data
        assert clocks_differ(before, after) == names
        assert clocks_differ(compiled(GOOD), compiled(edited(old, new))) == names
    assert clocks_differ({}, parse(GOOD).data) == {"standard", "plain", "mixed"}


def test_the_examples_of_the_documentation_compile_and_its_item_is_due_as_it_says() -> None:
    text = (DOCS / "configuration.md").read_text()
    blocks: list[str] = re.findall(r"^```yaml\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    shown = [block for block in blocks if not block.startswith(("when:", "needs_lead:")) and "\npools:" not in block]
    assert len(shown) == 9
    whole = "project: p\nrules: []\npools: {seniors: {}}\nchannels: {ops: {url: slack://x}}\n"
    whole += "item_types: {letter: {input_schema: true, output_schema: true, sensitive: text}}\n"
    config = compiled(whole + "".join(shown))
    assert config.webhooks["crm"].max_in_flight == 5
    assert set(config.roles) == {"triage-lead", "bookkeeper"}
    zone = ZoneInfo("Europe/Berlin")
    found = run(
        config.sla_policies["standard"], Facts(started_at=datetime(2027, 5, 14, 16, 50, tzinfo=zone), priority=80)
    )
    assert found is not None
    assert found.due_at == datetime(2027, 5, 18, 9, 20, tzinfo=zone)
    assert "16:50 is due on Tuesday 18 May at 09:20" in text.replace("\n", " ")
    assert describe_day(config.calendars["berlin"], date(2027, 5, 17)).startswith("closed: ")
    with_channels = next(block for block in blocks if "\npools:" in block)
    assert compiled("project: p\nitem_types: {}\nrules: []\n" + with_channels).pools["triage"].notices


WHOLE: dict[str, Any] = parse(GOOD).data
INNER = [place for place in places(WHOLE) if place and place[0] not in {"item_types", "rules"}]


@settings(deadline=None)
@given(st.sampled_from(INNER), JSON_VALUES)
def test_any_value_anywhere_is_taken_or_refused(place: tuple[Any, ...], value: Any) -> None:
    data = msgspec.json.decode(msgspec.json.encode(WHOLE))
    holder: Any = data
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = value
    try:
        config = compiled(msgspec.json.encode(data).decode())
    except ConfigurationInvalid as refusal:
        assert all(fault.line == 1 and fault.message for fault in refusal.faults)  # noqa: PT017  both are right
    else:
        started = datetime(2026, 11, 20, 16, 50, tzinfo=ZoneInfo("UTC"))
        assert all(run(policy, Facts(started_at=started, priority=90)) for policy in config.sla_policies.values())
