"""Who is told of an event, where, and why not."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from review.configuration.document import parse
from review.configuration.outlets import Notices, Quiet
from review.configuration.rules import ProjectConfig, compile_config
from review.delivery.feed.rules import Relayed
from review.delivery.notifications.rules import (
    People,
    Planned,
    Standing,
    Surroundings,
    find_faults,
    is_told,
    plan,
    resolve,
    retry_at,
)
from review.delivery.notifications.schemas import Kind, Preferences
from review.kernel.events import EventKind
from tests.delivery.notifications.receivers import with_channels
from tests.make import CONFIG

NOW = datetime(2026, 11, 20, 23, 10, tzinfo=UTC)
ITEM = uuid4()
NOTICES = Notices("room", ("escalated", "sla_breached"), timedelta(hours=1), Quiet(22 * 60, 7 * 60, "UTC"))
PEOPLE = People(
    leads=("lea@example.com", "lou@example.com"),
    admins=("adi@example.com",),
    pools={"triage": ("ana@example.com", "lou@example.com"), "seniors": ("sam@example.com",), "empty": ()},
    disabled=frozenset({"off@example.com"}),
    preferences={
        "ana@example.com": Preferences(where="nothing"),
        "sam@example.com": Preferences(kinds=(Kind.MENTIONED,)),
    },
)


@cache
def configured() -> ProjectConfig:
    config = compile_config(parse(CONFIG.format(project="support")))
    return with_channels(config, {"room": "json://chat.example", "dead": "json://dead.example"}, triage=NOTICES)


def around(**more: Any) -> Surroundings:
    known: dict[str, Any] = {
        "config": configured(),
        "now": NOW,
        "standings": {ITEM: Standing("triage", ("ana@example.com",))},
        "people": PEOPLE,
        "dead": {"dead": "the channel is disabled: the receiver answered 500"},
    }
    return Surroundings(**(known | more))


def event(kind: EventKind, item_id: UUID | None = ITEM, **payload: Any) -> Relayed:
    return Relayed(
        project_id=uuid4(),
        id=uuid4(),
        kind=kind.value,
        item_id=item_id,
        payload=payload,
        position=1,
        body="{}",
        created_at=NOW,
        item=None,
    )


def told(planned: list[Planned]) -> dict[str, str | None]:
    return {f"{each.kind} {each.recipient}": each.dropped for each in planned}


UNWANTED = "they do not want to be told of this"


def test_an_escalation_tells_whom_its_step_names() -> None:
    names = ["pool-leads", "holder", "pool:seniors", "pool:empty", "channel:dead", "channel:gone", "off@example.com"]
    found = told(plan(event(EventKind.ESCALATED, notify=names, page=["ana@example.com", "x@y.example"]), around()))
    assert found == {
        "page ana@example.com": None,  # a page reaches whoever wants nothing else
        "page x@y.example": None,
        "escalated lou@example.com": None,
        "escalated sam@example.com": UNWANTED,
        "escalated pool:empty": "there is nobody to tell",
        "escalated channel:dead": "the channel is disabled: the receiver answered 500",
        "escalated channel:gone": "the configuration has no such channel",
        "escalated off@example.com": "the account is disabled",
        "escalated channel:room": None,
    }


def test_the_holder_and_the_pools_channel_are_told_of_a_breach() -> None:
    people = msgspec.structs.replace(PEOPLE, preferences={})
    found = plan(event(EventKind.SLA_BREACHED, target="decide"), around(people=people))
    assert told(found) == {"sla_breached ana@example.com": None, "sla_breached channel:room": None}
    assert found[0].send_after == NOW
    assert found[1].send_after == datetime(2026, 11, 21, 7, tzinfo=UTC)  # after its digest, the pool's night


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        (EventKind.SLA_WARNING, {}, {"sla_warning ana@example.com": UNWANTED}),
        (EventKind.RETURNED, {"holder": "ben@example.com", "by": "timer"}, {"returned ben@example.com": None}),
        (EventKind.RETURNED, {"holder": "ben@example.com", "by": "ben@example.com"}, {}),
        (EventKind.RETURNED, {"holder": None}, {}),
        (
            EventKind.MENTIONED,
            {"mentioned": ["ben@example.com"] * 2},
            {"mentioned ben@example.com": None},
        ),
        (EventKind.MENTIONED, {"mentioned": "ben@example.com"}, {}),
        (
            EventKind.MODEL_SEEN,
            {"item_id": None, "name": "m", "waiting": True},
            {"model_seen lea@example.com": None, "model_seen lou@example.com": None},
        ),
        (EventKind.ESCALATED, {"notify": {"a": 1}, "page": None}, {"escalated channel:room": None}),
        (EventKind.QUEUED, {}, {}),
    ],
)
def test_each_kind_of_event_tells_its_own(kind: EventKind, payload: dict[str, Any], expected: dict[str, str]) -> None:
    assert told(plan(event(kind, **payload), around())) == expected


def test_leads_of_the_pool_come_before_other_leads_and_those_before_admins() -> None:
    assert resolve("pool-leads", Standing("triage"), PEOPLE) == ("lou@example.com",)
    assert resolve("pool-leads", Standing("seniors"), PEOPLE) == ("lea@example.com", "lou@example.com")
    assert resolve("pool-leads", Standing("seniors"), msgspec.structs.replace(PEOPLE, leads=())) == PEOPLE.admins
    bound = msgspec.structs.replace(PEOPLE, leads_of_pools=frozenset({"ana@example.com"}))
    assert resolve("pool-leads", Standing("triage"), bound) == ("ana@example.com", "lou@example.com")
    assert resolve("pool-leads", Standing("seniors"), bound) == PEOPLE.leads, "they lead their pools alone"
    assert resolve("nonsense", Standing("triage"), PEOPLE) == ()


def test_arrivals_concern_nobody_unless_a_pool_asks_for_them() -> None:
    config = configured()
    assert not is_told(event(EventKind.QUEUED), config)
    assert not is_told(event(EventKind.CLAIMED), config)
    asking = with_channels(config, {"room": "json://x"}, seniors=Notices("room", ("assigned",)))
    assert is_told(event(EventKind.QUEUED), asking)


texts = st.text(st.characters(exclude_categories=()), max_size=400)


keys = st.sampled_from(["notify", "page", "by", "reason", "mentioned"])


@settings(deadline=None)
@given(payload=st.dictionaries(keys, texts | st.lists(texts, max_size=5)))
def test_whatever_upstream_sends_is_storable_and_bounded(payload: dict[str, Any]) -> None:
    surroundings = around()
    for kind in (EventKind.ESCALATED, EventKind.MENTIONED, EventKind.RETURNED):
        for planned in plan(event(kind, **payload), surroundings):
            for text in (planned.recipient, planned.facts.by, planned.facts.reason):
                assert "\0" not in text
                assert len(text.encode()) < 2_000


def test_attempts_grow_rarer_and_end() -> None:
    waits = [retry_at(NOW, attempts) for attempts in range(1, 7)]
    assert [at and (at - NOW).total_seconds() / 60 for at in waits] == [1, 5, 30, 120, None, None]


def test_wishes_that_cannot_be_kept_are_named() -> None:
    assert find_faults(Preferences(timezone="Europe/Berlin")) == []
    wrong = Preferences(timezone="Mars/Olympus", kinds=(Kind.PAGE,))
    assert [fault.path for fault in find_faults(wrong)] == ["timezone", "kinds"]
