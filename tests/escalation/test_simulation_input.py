"""What people write to have something played: understood, or refused in words and at its place."""

from contextlib import suppress
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from review.configuration.document import parse
from review.configuration.errors import ConfigurationInvalid
from review.configuration.rules import compile_config
from review.escalation.simulation import wishes
from review.escalation.simulation.arrivals import draw
from review.escalation.simulation.composing import NotEnoughSaid, compose
from review.escalation.simulation.history import read_history
from review.escalation.simulation.planfile import read_plan
from review.escalation.simulation.scenario import FLAT, Rate, Stream
from review.escalation.simulation.wishes import WantedCrew, Wishes
from review.sla.calendars import Span
from tests.house.source import REPOSITORY

CONFIG = compile_config(parse((REPOSITORY / "docs" / "monday.yaml").read_bytes()))
BERLIN = ZoneInfo("Europe/Berlin")
A_SATURDAY = date(2026, 11, 21)
STAFF = (WantedCrew("triage", 3), WantedCrew("seniors", 1))


def test_rates() -> None:
    assert wishes.read_rate("400/day") == Rate(per_day=400)
    assert wishes.read_rate("2.5/hour") == Rate(per_day=60, profile=FLAT)
    assert wishes.read_rate("history.csv") is None
    with pytest.raises(ValueError, match="arrivals a day"):
        wishes.read_rate("999999999/day")


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("triage=4", None),
        ("triage=4@berlin", "berlin"),
        ("triage=4@09:00-17:30", (Span(540, 1050),)),
        ("triage=4@9:00-12:00+13:00-17:30", (Span(540, 720), Span(780, 1050))),
        ("triage=4@22:00-06:00", (Span(0, 360), Span(1320, 1440))),
        ("triage=4@13:00-17:00+09:00-14:00", (Span(540, 1020),)),
        ("triage=4@00:00-24:00", (Span(0, 1440),)),
    ],
)
def test_staff(text: str, hours: object) -> None:
    assert wishes.read_crew(text, CONFIG) == WantedCrew("triage", 4, hours)  # type: ignore[arg-type]  # the table's type


@pytest.mark.parametrize(
    "text",
    [
        *("", "triage", "triage=", "=4", "triage=-1", "triage=four", "triage=1001", "triage=99999999999", "triag=4"),
        *("triage=4@", "triage=4@belin", "triage=4@09:00", "triage=4@09:60-10:00", "triage=4@25:00-26:00"),
        *("triage=4@09:00-09:00", "triage=4@09:00-24:01", "triage=4@09:00-10:00+", "triage=4\n", "triage=\uff14"),
    ],
)
def test_staff_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r".{10}"):
        wishes.read_crew(text, CONFIG)


def test_mixes() -> None:
    read = wishes.read_streams("triage:standard=80 seniors:standard@70=20%, triage@10=0.5", CONFIG)
    assert [(each.pool, each.policy, each.priority, each.share) for each in read] == [
        ("triage", "standard", 50, 80.0),
        ("seniors", "standard", 70, 20.0),
        ("triage", None, 10, 0.5),
    ]
    # What is not said is as the first rule for the pool has it.
    assert wishes.read_streams("seniors=1", CONFIG) == (
        Stream(pool="seniors", policy="standard", priority=80, share=1.0),
    )


@pytest.mark.parametrize(
    "text",
    [
        *("", " , ", "triage", "triage=", "triage=x", "triage=1.2.3", "triage=nan", "triage=-1", "nobody=1"),
        *("triage:none=1", "triage@101=1", "triage@x=1", "triage:=1", "triage=1e9999", "triage=80=20", "\U0001f98a=1"),
    ],
)
def test_mixes_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r".{10}"):
        wishes.read_streams(text, CONFIG)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (
        lambda: wishes.read_crew(text, CONFIG),
        lambda: wishes.read_streams(text, CONFIG),
        lambda: wishes.read_rate(text),
        lambda: wishes.read_handling(text),
        lambda: wishes.read_day(text),
        lambda: wishes.read_zone(text),
    ):
        with suppress(ValueError):
            read()


PLAN = """\
arrivals: {per_day: 300, profile: flat, weekdays: [1, 1, 1, 1, 1, 0.2, 0]}
mix:
  - {pool: triage, policy: standard, share: 8, handling: {median: 3m, spread: 1.5}}
  - {pool: seniors, share: 2, priority: 90, reviews: 2, handling: 5m}
handling: 2m
staff:
  triage: [{people: 2, hours: '07:00-15:00'}, {people: 2, hours: berlin}]
  seniors: 1
on: 2026-11-23
days: 2
zone: Europe/Berlin
seed: 7
"""


def test_a_plan_file_says_everything_and_options_go_before_it() -> None:
    plan = read_plan(PLAN.encode(), CONFIG)
    assert isinstance(plan.arrivals, Rate)
    assert (plan.arrivals.per_day, plan.arrivals.weekdays[5:]) == (300, (0.2, 0))
    assert [(each.pool, each.priority, each.reviews) for each in plan.mix] == [("triage", 50, 1), ("seniors", 90, 2)]
    assert plan.crews[0] == WantedCrew("triage", 2, (Span(420, 900),))
    assert plan.crews[2] == WantedCrew("seniors", 1)
    assert (plan.on, plan.days, plan.seed) == (date(2026, 11, 23), 2, 7)
    both = Wishes(seed=8, crews=STAFF).over(plan)
    assert (both.seed, both.crews, both.days) == (8, STAFF, 2)
    scenario = compose(CONFIG, both, A_SATURDAY)
    assert scenario.slots == 48
    assert scenario.assumed == (
        "People of triage work by calendar berlin.",
        "People of seniors work by calendar berlin.",
    )


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("staff: {triag: 4}", "1:9: staff.triag: `triag` is no pool"),
        ("staff: {triage: many}", "1:9: staff.triage: must be a whole number"),
        ("staff:\n  triage: {people: 4, hours: '9-17'}", "2:23: staff.triage.hours: '9-17' is no calendar"),
        ("staf: {}", "1:1: staf: is unknown; did you mean `staff`?"),
        ("days: 0", "days: must be a whole number from 1"),
        ("on: monday", "on: 'monday' is no day"),
        ("on: 2026", "on: must be a text"),
        ("zone: Mars/Olympus", "zone: 'Mars/Olympus' is no time zone"),
        ("zone: ../../etc/passwd", "zone: '../../etc/passwd' is no time zone"),
        ("arrivals: many", "arrivals: 'many' is no rate"),
        ("arrivals: {per_day: 1e12}", "arrivals.per_day: must be a number from 0"),
        ("arrivals: {per_day: 5, profile: [1, 2]}", "arrivals.profile: must be a list of 24 numbers"),
        ("arrivals: {per_day: 5, weekdays: [0, 0, 0, 0, 0, 0, 0]}", "arrivals.weekdays: must have a number above 0"),
        ("mix: 5", "mix: must be a list"),
        ("mix: [5]", "mix[0]: must be a mapping"),
        ("mix: [{pool: triage}]", "mix[0]: `share` is missing"),
        ("mix: [{pool: triage, share: 1, policy: gold}]", "mix[0].policy: `gold` is no SLA policy"),
        ("handling: soon", "handling: 'soon' is no duration"),
        ("handling: {median: 2m, spread: 0.5}", "handling.spread: must be a number from 1"),
        ("handling: 90000d", "handling: 90000 is not from 0 to 30"),
        ("[]", "1:1: must be a mapping"),
        ("a: &x 1\nb: *x", "uses an anchor"),
    ],
)
def test_a_fault_in_a_plan_is_named_with_its_place(source: str, place: str) -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        read_plan(source.encode(), CONFIG)
    assert any(place in str(fault) for fault in refused.value.faults), [str(fault) for fault in refused.value.faults]


def test_a_history_is_played_as_it_was() -> None:
    source = (
        "priority,timestamp,pool\n70,2026-11-23T09:30:00,triage\n,2026-11-23T08:00:00Z,\n\n5,2026-11-24 10:00,seniors\n"
    )
    seen = read_history(source.encode(), CONFIG, BERLIN)
    assert [(each.pool, each.priority) for each in seen] == [("triage", 70), (None, None), ("seniors", 5)]
    scenario = compose(CONFIG, Wishes(arrivals=seen, crews=STAFF), A_SATURDAY)
    assert scenario.slots == 48  # from its first day to its last
    arrivals = draw(scenario)
    assert [scenario.instant(each.at).strftime("%d %H:%M") for each in arrivals] == ["23 09:00", "23 09:30", "24 10:00"]
    assert [each.priority for each in arrivals][1:] == [70, 5]
    one_day = compose(CONFIG, Wishes(arrivals=seen, crews=STAFF, days=1), A_SATURDAY)
    assert len(draw(one_day)) == 2
    assert "1 arrivals of the history lie on other days and are left out." in one_day.assumed


@pytest.mark.parametrize(
    ("source", "place"),
    [
        (b"", "1:1: has no arrivals"),
        (b"timestamp\n", "1:1: has no arrivals"),
        (b"when,pool\n", "1:1: the first line must name the columns"),
        (b"pool,priority\n", "1:1: the first line must name the columns"),
        (b"timestamp,timestamp\n", "1:1: the first line must name the columns"),
        (b"timestamp\n2026-11-23\n2026-13-23\n", "3:1: '2026-13-23' is no moment"),
        (b"2026-11-23T10:00,triag\n", "1:18: 'triag' is no pool; did you mean 'triage'?"),
        (b"2026-11-23T10:00,triage,high\n", "1:25: 'high' is no priority"),
        (b"2026-11-23T10:00,triage,101\n", "1:25: '101' is no priority"),
        (b"2026-11-23T10:00,triage,5,6\n", "has 4 columns"),
        (b"0001-01-01\n", "is too far away"),
        (b"9999-12-31T23:59:59-23:59\n", "is too far away"),
        (b"timestamp\n\xff\n", "2:1: byte 10 is not UTF-8"),
        (b'timestamp\n"2026', "is no CSV"),
        (b"timestamp\n" + b"x" * 200_000, "field larger than field limit"),
        (b"timestamp\n2026-11-23\x00\n", "2:1: "),
    ],
)
def test_a_fault_in_a_history_is_named_with_its_place(source: bytes, place: str) -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        read_history(source, CONFIG, BERLIN)
    assert any(place in str(fault) for fault in refused.value.faults), [str(fault) for fault in refused.value.faults]


@settings(max_examples=50)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_history_or_are_refused(source: bytes) -> None:
    with suppress(ConfigurationInvalid):
        assert read_history(source, CONFIG, BERLIN)


def test_what_is_assumed_is_said() -> None:
    scenario = compose(CONFIG, Wishes(crews=(WantedCrew("triage", 3),)), A_SATURDAY)
    assert scenario.assumed == (
        "It is Monday, 2026-11-23, the Monday after today.",
        "Nobody works in seniors, for no staffing of it was given.",
        "People of triage work by calendar berlin.",
        "400 items arrive a day, most between 8:00 and 17:00.",
        "The mix follows the rules and the number of people: seniors:standard@80 0.0%, triage:standard@50 100.0%.",
        "A review takes 2 minutes: half take less, two thirds from 1 to 4.",
    )


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (Wishes(), "say who works: --staff triage=4"),
        (Wishes(crews=STAFF, on=date(1, 1, 1)), "too far away"),
        (Wishes(crews=STAFF, on=date(9999, 12, 31)), "too far away"),
        (Wishes(crews=STAFF, on=date(2011, 12, 30), zone=ZoneInfo("Pacific/Apia")), "There was no 2011-12-30"),
        (Wishes(crews=STAFF, mix=(Stream(pool="triage", policy=None, priority=50, share=0.0),)), "Every share"),
        (
            Wishes(crews=STAFF, arrivals=read_history(b"2026-11-23\n", CONFIG, BERLIN), on=date(2027, 1, 1)),
            "Nothing of the history",
        ),
    ],
)
def test_what_cannot_be_played_is_refused_with_what_to_say(asked: Wishes, why: str) -> None:
    with pytest.raises(NotEnoughSaid, match=why):
        compose(CONFIG, asked, A_SATURDAY)


def test_a_history_longer_than_can_be_played_is_cut_and_said_to_be() -> None:
    seen = read_history(b"2026-01-01T10:00\n2026-01-31T10:00\n2026-03-01T10:00\n", CONFIG, BERLIN)
    scenario = compose(CONFIG, Wishes(arrivals=seen, crews=STAFF), A_SATURDAY)
    assert (scenario.slots, len(draw(scenario))) == (31 * 24, 2)
    assert "1 arrivals of the history lie on other days and are left out." in scenario.assumed


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-23", 24)])
def test_days_on_which_clocks_change_have_their_hours(day: str, hours: int) -> None:
    asked = Wishes(crews=STAFF, on=date.fromisoformat(day), arrivals=Rate(per_day=2_000, profile=FLAT))
    scenario = compose(CONFIG, asked, A_SATURDAY)
    assert scenario.end - scenario.start == timedelta(hours=hours)
    assert scenario.slots == hours
    local = {scenario.instant(each.at).strftime("%Y-%m-%d") for each in draw(scenario)}
    assert local == {day}
