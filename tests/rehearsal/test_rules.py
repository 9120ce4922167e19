"""Tallies, intervals, staffing and the picture: what they say, and that routing is a function of item and version."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from review.configuration.document import parse
from review.configuration.rules import ProjectConfig, Versions, compile_config
from review.identity.rules import Principal
from review.intake.rules import NewItem, prepare, routed
from review.rehearsal import report as reporting
from review.rehearsal import staffing
from review.rehearsal.drawing import draw
from review.rehearsal.evaluating import past_of
from review.rehearsal.intervals import estimate, estimate_weighted
from review.rehearsal.report import Known, Span
from review.rehearsal.rules import Past, Tally, add, replayed
from review.rehearsal.schemas import Assumed, Report
from review.routing.rules import Restraint
from review.sla.calendars import Calendar
from review.sla.calendars import Span as Hours

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
WEEK = timedelta(days=7)
TYPES = """
project: p
item_types:
  note: {input_schema: true, output_schema: true}
  payment: {input_schema: true, output_schema: true, two_person: true}
pools: {crowd: {members: [a@example.com, b@example.com, c@example.com]}, pair: {members: [a@example.com]}}
sla_policies: {quick: {decide: 2h}}
"""
RULES = """
rules:
  - {name: pinned, when: 'item.model.version == "2"', then: {review: pair}}
  - {name: rival, when: 'item.alternatives.exists(each, each.confidence > 0.4)', then: {review: crowd, sla: quick}}
  - {name: sampled, when: 'item.input.n > 2', sample: 0.3, then: {review: crowd, reviews: 2}}
  - {name: bad, when: 'item.output.bad', sample: 0.5, then: {reject: true}}
  - {name: rest, when: 'item.confidence >= 0.5', then: {approve: true}}
"""
LOOSE = """
rules:
  - {name: bad, when: 'has(item.output.bad) && item.output.bad', then: {reject: true}}
  - {name: all, when: 'true', then: {approve: true}}
  - {name: dead, when: 'item.confidence < 0.1', then: {review: pair}}
"""
_TEXT = st.text(max_size=4)
_SHARE = st.one_of(st.none(), st.floats(0, 1), st.integers(0, 1))
_PAYLOAD = st.dictionaries(st.sampled_from(["n", "bad", "x"]), st.one_of(st.none(), st.booleans(), st.integers(-5, 5)))
BODIES = st.fixed_dictionaries(
    {"type": st.sampled_from(["note", "payment"]), "input": _PAYLOAD, "output": _PAYLOAD},
    optional={
        "confidence": _SHARE,
        "model": st.one_of(
            st.none(),
            st.fixed_dictionaries(
                {"name": st.just("m")}, optional={"version": st.one_of(st.none(), st.sampled_from(["1", "2"]))}
            ),
        ),
        "alternatives": st.lists(
            st.fixed_dictionaries({"output": st.none()}, optional={"confidence": _SHARE}), max_size=2
        ),
        "tags": st.lists(st.just("t"), max_size=1),
        "signals": _PAYLOAD,
    },
)


@cache
def compiled(rules: str, version: int = 1) -> ProjectConfig:
    return compile_config(parse(TYPES + rules), Versions(version, version, {}))


def sender(*stops: str) -> Principal:
    more: dict[str, Any] = {"permissions": frozenset(), "config_version": 1, "stops": stops}
    return Principal(
        project_id=UUID(int=1), project="p", kind="key", id=UUID(int=2), name="k", email="", role="service", **more
    )


def stored(item: NewItem) -> Past:
    """Read an item back from what its row would hold."""
    row = {"id": item.id, "type": item.submission.type, "input": item.input, "output": item.output}
    return past_of(row | {"details": item.details, "created_at": MONDAY, "verdict": None, "chance": None})


@given(body=BODIES, is_stopped=st.booleans())
@example(body={"type": "note", "input": {}, "output": {}, "model": {"name": "m", "version": None}}, is_stopped=False)
@example(body={"type": "note", "input": {}, "output": {}, "model": None}, is_stopped=False)
@example(
    body={"type": "note", "input": {}, "output": {}, "alternatives": [{"output": 1, "confidence": None}]},
    is_stopped=False,
)
@settings(max_examples=150)
def test_replaying_a_stored_item_gives_its_route_again(body: dict[str, Any], is_stopped: bool) -> None:
    """Promise 19: routing is a function of the item and the version, here from the row alone."""
    who = sender("item_type:note" if is_stopped else "")
    item = routed(prepare(body, compiled(RULES), idempotency_key=None, who=who))
    restraint = Restraint(stopped=is_stopped and body["type"] == "note", two_person=item.route.two_person)
    assert replayed(compiled(RULES), stored(item), restraint) == item.route


@given(bodies=st.lists(BODIES, max_size=8), cut=st.integers(0, 8))
@settings(max_examples=40)
def test_a_tally_is_the_same_however_the_items_are_cut(bodies: list[dict[str, Any]], cut: int) -> None:
    """Promise 19: the same answer twice."""
    pasts = [stored(routed(prepare(body, compiled(RULES), idempotency_key=None))) for body in bodies]
    versions = compiled(RULES), compiled(LOOSE, 2)
    whole = add(Tally(), pasts, *versions)
    text = msgspec.json.encode(add(Tally(), pasts[:cut], *versions))
    assert add(msgspec.json.decode(text, type=Tally), pasts[cut:], *versions) == whole
    assert sum(group.count for group in whole.flows.values()) == len(bodies)


def past(number: int, **facts: Any) -> Past:
    known = {"verdict": facts.pop("verdict", None), "weight": facts.pop("weight", 1.0)}
    body = {"type": "note", "input": {"n": 1}, "output": {}, "confidence": 0.4, "model": {"name": "m", "version": "1"}}
    at = MONDAY + timedelta(minutes=number)
    return Past(id=UUID(int=number + 1), at=at, type="note", facts=body | facts, **known)


def reported(pasts: list[Past], rules: str, **more: Any) -> Report:
    old, new = compiled(RULES), compiled(rules, 2)
    tally = add(Tally(), pasts, old, new)
    known = Known(**more, old_members={"crowd": 3, "pair": 1}, new_members={"crowd": 3, "pair": 1})
    span = Span(MONDAY, MONDAY + WEEK)
    return reporting.report(tally, reporting.Versions(old, new), span, known, Assumed(cost_per_hour=30))


def test_rules_that_do_nothing_or_send_all_to_one_person_are_warned_of_with_the_numbers() -> None:
    pasts = [past(at) for at in range(40)]
    found = reported(pasts, LOOSE)
    assert {(each.code, each.rule, each.items, each.of) for each in found.warnings} == {
        ("rule_matches_nothing", "bad", 40, 40),
        ("rule_never_reached", "dead", 0, 40),
        ("rule_contradicted", "dead", 0, 40),
    }
    to_one = "rules:\n  - {name: all, when: 'true', then: {review: pair}}\n"
    one = {"pair": (7200.0, 5)}
    small, busy = reported(pasts, to_one, handling={"pair": (36_000.0, 5)}).warnings
    assert (small.code, small.pool, small.items, small.of, small.members) == (
        "nearly_all_to_small_pool",
        "pair",
        40,
        40,
        1,
    )
    assert (busy.code, round(busy.people, 2)) == ("too_few_people", round(40 * 36_000 / WEEK.total_seconds(), 2))
    assert (round(small.per_hour, 4), small.able_per_hour) == (round(40 / (7 * 24), 4), 0.1)
    pool = next(each for each in reported(pasts, to_one, handling=one).pools if each.pool == "pair")
    assert pool.new is not None
    assert (pool.new.reviews, pool.new.cost, pool.handling_from) == (40, 40 * 2 * 30, 5)
    fails = "rules:\n  - {name: odd, when: 'item.input.gone > 1', then: {approve: true}}\n"
    assert [(each.code, each.items) for each in reported(pasts, fails).warnings] == [("rule_fails", 40)]


def test_a_rule_that_an_earlier_one_gainsays_is_told_with_the_items_for_which_both_hold() -> None:
    pasts = [past(at, confidence=at / 40) for at in range(40)]
    rules = """
rules:
  - {name: wins, when: 'item.confidence >= 0.5', sample: 0.5, then: {approve: true}}
  - {name: loses, when: 'item.confidence >= 0.75', then: {reject: true}}
  - {name: seen, when: 'item.confidence >= 0.9', sample: 0.1, then: {review: crowd}}
  - {name: rest, when: 'true', then: {review: crowd}}
"""
    found = [each for each in reported(pasts, rules).warnings if each.code == "rule_contradicted"]
    assert [(each.rule, each.by, each.items, each.of) for each in found] == [
        ("loses", "wins", 10, 40),
        ("seen", "wins", 4, 40),
    ]


def test_how_much_comes_in_a_week_is_counted_from_the_first_item_on() -> None:
    to_one = "rules:\n  - {name: all, when: 'true', then: {review: pair}}\n"
    found = reported([past(6 * 24 * 60 + at) for at in range(40)], to_one)
    load = next(each.new for each in found.pools if each.pool == "pair")
    assert load is not None
    assert load.per_week == pytest.approx(40 * 7)


def test_what_people_judged_is_weighed_by_the_chance_that_they_saw_it() -> None:
    pasts = [
        past(1, verdict="approve", weight=10.0),
        past(2, verdict="correct"),
        past(3, verdict="reject"),
        past(4, verdict="approve", output={"bad": True}),
    ]
    judged = reported(pasts, LOOSE).judged
    assert (judged.saved.count, judged.saved.stands_for, judged.saved.examples) == (1, 10.0, [UUID(int=2)])
    assert (judged.slipped_correct.count, judged.slipped_reject.count, judged.turned_down.count) == (1, 1, 1)
    assert judged.error_rate.share == pytest.approx(2 / 12)
    assert judged.error_rate.of == pytest.approx(12 * 12 / 102)


@given(of=st.integers(1, 5_000), share=st.floats(0, 1))
@settings(max_examples=60)
def test_intervals_are_those_of_clopper_and_pearson(of: int, share: float) -> None:
    hits = round(of * share)
    found = estimate(hits, of)
    assert found.low == pytest.approx(beta.ppf(0.025, hits, of - hits + 1) if hits else 0.0, abs=1e-9)
    assert found.high == pytest.approx(beta.ppf(0.975, hits + 1, of - hits) if hits < of else 1.0, abs=1e-9)
    same = estimate_weighted(2.0 * hits, 2.0 * of, 4.0 * of)
    assert (same.low, same.high) == pytest.approx((found.low, found.high), abs=1e-6)


def test_where_nothing_was_seen_everything_is_possible() -> None:
    assert (estimate(0, 0).share, estimate(0, 0).low, estimate(0, 0).high) == (None, 0.0, 1.0)


OFFICE = Calendar(name="office", timezone="Europe/Berlin", week=((Hours(540, 1020),),) * 5 + ((),) * 2)


def queue(arrivals: dict[int, int], calendar: Calendar | None = OFFICE) -> staffing.Queue:
    first = int(MONDAY.timestamp()) // 3600
    return staffing.Queue(
        arrivals={first + hour: count for hour, count in arrivals.items()},
        since=MONDAY,
        until=MONDAY + WEEK,
        calendar=calendar,
    )


def test_staffing_follows_the_calendar() -> None:
    week = queue({8: 80, 56: 80})
    open_for = staffing.open_seconds(week)
    assert sum(open_for.values()) == 40 * 3600
    assert staffing.people_needed(week, open_for, 900) == pytest.approx(1.0)
    assert staffing.people_needed(queue({}, OFFICE), {}, 900) is None
    hours = staffing.profile(week, ZoneInfo("Europe/Berlin"))
    assert hours[9] == 80
    assert sum(hours) == 160
    assert staffing.people_at_peak(hours, 900) == pytest.approx(20)


def test_what_is_late_is_what_has_too_much_work_ahead_of_it() -> None:
    """80 reviews at once, 15 minutes each, two people: eight an hour, so 16 are done within two hours of work."""
    week = queue({8: 80})
    open_for = staffing.open_seconds(week)
    assert staffing.late(week, open_for, 20, 900, timedelta(hours=2)) == 0
    assert 0 < staffing.late(week, open_for, 2, 900, timedelta(hours=2)) < 80
    assert staffing.late(week, open_for, 0, 900, timedelta(hours=2)) == 80
    assert staffing.late(week, open_for, 2, 900, timedelta(minutes=5)) == 80
    at_night = queue({2: 8})
    assert staffing.late(at_night, staffing.open_seconds(at_night), 2, 900, timedelta(hours=2)) == 0


@given(st.dictionaries(st.integers(0, 167), st.integers(0, 50)), st.integers(1, 9))
@settings(max_examples=50)
def test_more_people_never_make_more_late(arrivals: dict[int, int], people: int) -> None:
    week = queue(arrivals)
    open_for = staffing.open_seconds(week)
    late = [staffing.late(week, open_for, many, 600, timedelta(hours=1)) for many in (people, people + 1)]
    assert week.seats >= late[0] >= late[1] - 1e-9 >= -1e-6


@given(st.dictionaries(st.tuples(st.sampled_from("abc"), st.sampled_from("abcd")), st.integers(1, 10_000), min_size=1))
def test_the_picture_has_every_flow_and_stays_in_its_frame(flows: dict[tuple[str, str], int]) -> None:
    picture = draw(flows)
    assert picture is not None
    assert {(band.old, band.new): band.count for band in picture.bands} == flows
    assert all(node.y >= 0 and node.y + node.height <= picture.height for node in picture.nodes)
    assert picture.height <= 2 * 320


def test_of_no_items_there_is_no_picture() -> None:
    assert draw({}) is None
