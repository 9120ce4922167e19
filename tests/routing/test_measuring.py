"""Issue 6, 2: what rules ask beside an item is answered from what was measured, at any later time alike, or fails."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.configuration.document import parse
from review.configuration.errors import ConfigurationInvalid
from review.configuration.named import rules_of
from review.configuration.rules import ProjectConfig, compile_config
from review.kernel.ids import new_id
from review.routing import telling
from review.routing.measuring import MOST_COUNTED, WEEKDAYS, told_at
from review.routing.rules import route

HEAD = """\
project: p
item_types: {t: {input_schema: true, output_schema: true}}
pools: {people: {}}
calendars:
  berlin: {timezone: Europe/Berlin, hours: {mon-fri: '09:00-17:00'}, holidays: [DE]}
  other: {timezone: UTC, hours: always}
lists: {late: [22, 23]}
scores:
  odd: [{when: '!received.within("berlin")', add: 10}]
rules:
"""
REST = "  - {name: rest, when: true, then: {approve: true}}\n"
ITEM = {"type": "t", "input": 1, "output": 2, "confidence": 0.9, "subject": "ann"}
ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Asia/Kathmandu"]
MOMENTS = st.integers(946_684_800, 4_102_444_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
FRIDAY = datetime(2026, 11, 27, 21, 30, tzinfo=UTC)


def compiled(*conditions: str) -> ProjectConfig:
    lines = [f"  - {{name: r{at}, when: '{each}', then: {{reject: true}}}}\n" for at, each in enumerate(conditions)]
    return compile_config(parse(HEAD + "".join(lines) + REST))


def action(condition: str, **measured: object) -> str:
    known = {name.replace("_", " "): value for name, value in measured.items() if isinstance(value, int | str)}
    return route(compiled(condition).ruleset, ITEM, new_id(), "people", measured=known).action


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ('received.hour("Europe/Berlin") == 22', True),
        ('received.hour("UTC") in lists.late', False),
        ('received.hour("Europe/Berlin") in lists.late && received.hour("UTC") + 1 > 21.5', True),
        ('received.weekday("Asia/Tokyo") == "sat"', True),
        ('received.date("Asia/Tokyo") > "2026-11-27"', True),
        ('received.time("Europe/Berlin") >= "22:30"', True),
        ('received.within("berlin")', False),
        ('!received.within("berlin") && received.within("other")', True),
        ("scores.odd == 10", True),
        ('["x"].exists(each, each == "x" && received.hour("UTC") == 21)', True),
        ('item.input == 1 ? received.hour("UTC") == 21 : false', True),
    ],
)
def test_times_are_those_at_which_the_item_was_received(condition: str, *, holds: bool) -> None:
    assert action(condition, received=told_at(FRIDAY)) == ("reject" if holds else "approve")
    assert action(condition) == "review", "nothing was measured, so a person looks at it"


@given(moment=MOMENTS, zone=st.sampled_from(ZONES))
def test_the_parts_of_a_moment_are_those_of_its_wall_clock(moment: datetime, zone: str) -> None:
    local = moment.astimezone(ZoneInfo(zone))
    whole = " && ".join(
        [
            f'received.hour("{zone}") == {local.hour}',
            f'received.weekday("{zone}") == "{WEEKDAYS[local.weekday()]}"',
            f'received.date("{zone}") == "{local.date()}"',
            f'received.time("{zone}") == "{local:%H:%M}"',
        ]
    )
    assert action(whole, received=told_at(moment)) == "reject"


@given(count=st.integers(0, MOST_COUNTED), bound=st.integers(0, MOST_COUNTED), has_it=st.booleans())
def test_a_rate_is_what_was_counted_or_a_person_looks(count: int, bound: int, *, has_it: bool) -> None:
    ruleset = compiled(f'rate("item.subject", "1h") > {bound}').ruleset
    measured = {"received": told_at(FRIDAY)} | ({"rate(item.subject, 1h)": count} if has_it else {"rate(x, 1h)": 9})
    taken = route(ruleset, ITEM, new_id(), "people", measured=measured)
    assert taken.action == (("reject" if count > bound else "approve") if has_it else "review")
    kept = msgspec.json.decode(msgspec.json.encode(taken))["measured"]
    assert set(kept) == {"received"} | ({"rate(item.subject, 1h)"} if has_it else set())
    item_id = new_id()
    first, again = (route(ruleset, ITEM, item_id, "people", measured=each) for each in (measured, kept))
    assert first == again, "what is stored routes the item as it was routed"


def test_rules_that_ask_nothing_store_nothing() -> None:
    calm = compile_config(parse(HEAD.replace('!received.within("berlin")', "true") + REST))
    assert b'"measured"' not in msgspec.json.encode(route(calm.ruleset, ITEM, new_id(), "people"))


@pytest.mark.parametrize(
    ("condition", "fault"),
    [
        ('rate("item.input.account", "1h") > 5', "cannot be counted in bounded time; what can is item.subject"),
        ('rate("item.subject", "1s") > 5', "a rate counts over 10s to 31d"),
        ('rate("item.subject", "soon") > 5', "is no duration"),
        ('rate("item.subject") > 5', "both as plain texts"),
        ('rate(item.subject, "1h") > 5', "both as plain texts"),
        ('rate("item.subject", "1h") > 1001', "a rate counts up to 1,000 and no further"),
        ('5000 < rate("item.subject", "1h")', "a rate counts up to 1,000 and no further"),
        ('received.hour("Europe/Berlni") > 5', "`Europe/Berlni` is no time zone"),
        ('received.hour("localtime") > 5', "`localtime` is no time zone"),
        ('received.hour("../../etc/passwd") > 5', "is no time zone"),
        ('received.within("berln")', "is no calendar of this document; did you mean `berlin`?"),
        ('received.minute("UTC") > 5', "`received` is asked for hour, weekday, date, time or within"),
        ("received.hour(item.input.zone) > 5", "takes a time zone, as a plain text"),
        ("received > 5", "`received` is asked for"),
        ("measured.x == 5", "`measured` is unknown"),
    ],
)
def test_what_cannot_be_measured_is_refused_with_its_place(condition: str, fault: str) -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        compiled(condition.replace("'", "''"))
    (told,) = refused.value.faults
    assert fault in told.message
    assert told.line == HEAD.count("\n") + 1


def test_a_document_asks_five_rates_at_most() -> None:
    asked = [f'rate("item.subject", "{hours}h") > 5' for hours in range(1, 7)]
    assert len(compiled(*asked[:5]).ruleset.asks) == 6, "and the time that the score asks"
    with pytest.raises(ConfigurationInvalid) as refused:
        compiled(*asked)
    assert "rules[5].when: asks the 6th different rate" in str(refused.value.faults[0])


def test_a_macros_variable_may_be_called_as_it_likes() -> None:
    assert action('["a"].exists(received, received == "a")') == "reject"


def test_a_calendar_that_a_condition_names_is_part_of_the_version_of_the_rules() -> None:
    data = parse(HEAD + REST).data
    assert set(rules_of(data)["calendars"]) == {"berlin"}


def test_what_was_measured_is_told_in_its_place() -> None:
    condition = 'rate("item.subject", "1h") > 5 && received.hour("UTC") == 21 && !received.within("berlin")'
    ruleset = compiled(condition).ruleset
    known = telling.known_of(ruleset, ITEM, {"received": told_at(FRIDAY), "rate(item.subject, 1h)": 7})
    values = {each.name: each.value for each in telling.values_of(condition, ITEM, known)}
    assert values == {
        'rate("item.subject", "1h")': "7",
        'received.hour("UTC")': "21",
        'received.within("berlin")': "false",
    }
    told = "".join(part.text for part in telling.tell(condition, ITEM, known=known))
    assert told.startswith("rate(item.subject, 1h) 7 > 5 && received.hour(UTC) 21 == 21")
    unknown = telling.tell(condition, ITEM, known=telling.known_of(ruleset, ITEM))
    assert "not measured" in "".join(part.text for part in unknown)


def test_an_hour_ends_when_working_time_does() -> None:
    ends = datetime(2026, 11, 27, 16, tzinfo=UTC)
    for moment, is_open in ((ends - timedelta(microseconds=1), True), (ends, False), (ends - timedelta(hours=8), True)):
        assert action('received.within("berlin")', received=told_at(moment)) == ("reject" if is_open else "approve")
