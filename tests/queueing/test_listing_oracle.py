"""Every filter with every order against a list made in Python out of the same items."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from review.kernel.errors import Invalid
from review.queueing import listing
from review.queueing.listing_rules import SORTS, STATUSES, Wanted, read
from tests.make import World

ITEMS = 24
LABELS = ("card_arrival", "lost_card", "refund")


class Known(msgspec.Struct, frozen=True):
    """An item as the oracle knows it."""

    id: UUID
    number: int
    confidence: float | None
    pool: str
    due: bool
    state: str
    holder: str


@pytest.fixture
async def known(world: World) -> tuple[World, list[Known]]:
    """Items of every kind: in two pools, with and without a clock and a confidence, in hand, decided, withdrawn."""
    for n in range(ITEMS):
        more: dict[str, Any] = {"subject": f"s-{n % 3}", "impact": ("high", "low")[n % 2]}
        more |= {"model": {"name": "clf", "version": f"v{n % 4}"}, "tags": ["vip"] if n % 6 == 5 else [f"t{n % 2}"]}
        more["confidence"] = (0.1 * (n % 7)) if n % 6 != 5 or n % 4 else None
        await world.submit(f"word{n % 5} {n}", label=LABELS[n % 3], external_id=f"x-{n}", **more)
    await world.claim("ana", limit=3)
    for judged in (await world.claim("ben", limit=4))[:2]:
        await world.judge("ben", judged, "approve")
    rows = await world.db.hot.fetch(
        "SELECT i.id, i.external_id, i.state, c.pool, b.details->>'confidence' AS confidence,"
        " a.due_at < 'infinity' AS due, a.state AS seat, u.email"
        " FROM items i JOIN cases c ON c.item_id = i.id JOIN assignments a ON a.item_id = i.id"
        " JOIN item_bodies b ON b.item_id = i.id LEFT JOIN users u ON u.id = a.holder_id AND a.state = 'held'"
    )
    assert len(rows) == ITEMS
    return world, [
        Known(
            id=row["id"],
            number=int(row["external_id"][2:]),
            confidence=None if row["confidence"] is None else float(row["confidence"]),
            pool=row["pool"],
            due=row["due"] and row["state"] == "open",  # the clock of what is decided runs no more
            state=row["seat"] if row["state"] == "open" else row["state"],
            holder=row["email"] or "",
        )
        for row in rows
    ]


# What each filter lets pass, said once more.
PASSES: dict[str, Callable[[Known, str], bool]] = {
    "type": lambda _one, value: value == "ticket_intent",
    "impact": lambda one, value: ("high", "low")[one.number % 2] == value,
    "subject": lambda one, value: f"s-{one.number % 3}" == value,
    "model": lambda one, value: value in {"clf", f"v{one.number % 4}"},
    "tag": lambda one, value: ("vip" if one.number % 6 == 5 else f"t{one.number % 2}") == value,
    "text": lambda one, value: f"word{one.number % 5}" == value.lower(),
    "confidence_from": lambda one, value: one.confidence is not None and one.confidence >= float(value),
    "confidence_to": lambda one, value: one.confidence is not None and one.confidence <= float(value),
    "external_id": lambda one, value: f"x-{one.number}" == value,
    "holder": lambda one, value: one.holder == value,
    "pool": lambda one, value: one.pool == value,
    "due": lambda one, value: {"clocked": one.due, "none": not one.due, "overdue": False, "soon": False}[value],
    "escalated": lambda _one, value: value == "no",
}
VALUES = {
    "type": ["ticket_intent", "nothing"],
    "impact": ["high", "low"],
    "subject": ["s-0", "s-1", "nobody"],
    "model": ["clf", "v1", "v9"],
    "tag": ["vip", "t0", "t1"],
    "text": ["WORD1", "word2", "nothing"],
    "confidence_from": ["0", "0.25", "0.9"],
    "confidence_to": ["0.05", "0.35", "1"],
    "external_id": ["x-0", "x-3", "x-99"],
    "holder": ["ana@example.com", "ben@example.com", "sam@example.com"],
    "pool": ["triage", "seniors"],
    "due": ["clocked", "none", "overdue", "soon"],
    "escalated": ["yes", "no"],
}
ORDERS: dict[str, Callable[[Known], Any]] = {
    "newest": lambda one: -one.id.int,
    "oldest": lambda one: one.id.int,
    "confidence": lambda one: (-(one.confidence if one.confidence is not None else -1), one.id.int),
    "doubt": lambda one: (one.confidence if one.confidence is not None else 2, one.id.int),
}
STATES = {"open": {"open", "held"}, "waiting": {"open"}, "held": {"held"}, "decided": {"decided"}, "withdrawn": set()}

asked = st.fixed_dictionaries(
    {},
    optional={name: st.sampled_from(values) for name, values in VALUES.items()}
    | {"status": st.sampled_from(STATUSES), "sort": st.sampled_from(SORTS)},
)


async def walked(world: World, wanted: Wanted, who: str) -> tuple[list[UUID], int]:
    """Read a list to its end, seven lines at a time."""
    found, after, count = list[UUID](), None, None
    while True:
        page = await listing.look(
            world.db.hot, who=world.people[who], config=world.config, wanted=wanted, after=after, limit=7
        )
        found += [line.item_id for line in page.lines]
        count, after = page.count if count is None else count, page.next
        if after is None:
            return found, count


@given(pairs=asked, who=st.sampled_from(["lea", "cleo"]))
@example(pairs={"sort": "due"}, who="lea")
@example(pairs={"due": "clocked", "status": "decided"}, who="lea")
@example(pairs={"due": "none", "status": "decided"}, who="lea")
@example(pairs={"due": "clocked", "status": "any"}, who="lea")
@example(pairs={"due": "none", "status": "any"}, who="lea")
@example(pairs={"external_id": "x-3", "holder": "ana@example.com"}, who="lea")
@example(pairs={"external_id": "x-0", "holder": "ana@example.com"}, who="lea")
@example(pairs={"external_id": "x-0", "holder": "ben@example.com", "status": "held"}, who="lea")
@settings(
    max_examples=150,
    deadline=None,
    # The fixture is one database that examples only read.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_a_list_is_what_its_filters_say_in_its_order(
    known: tuple[World, list[Known]], pairs: dict[str, str], who: str
) -> None:
    """Issue 5, point 6: what is shown is what was asked for, no more and no less, and the count is right."""
    world, items = known
    try:
        wanted = read(pairs.items())
    except Invalid:
        return  # contradictions, which test_listing tells by name
    if who == "cleo" and (wanted.holder or wanted.pool == "seniors"):
        with pytest.raises(Invalid):
            await walked(world, wanted, who)
        return
    states = STATES.get(wanted.state, {"open", "held", "decided"})
    expected = [
        one
        for one in items
        if one.state in states
        and (who == "lea" or one.pool == "triage")
        and (wanted.order != "due" or one.due)  # what has no due time is not sorted by it
        and all(PASSES[name](one, value) for name, value in pairs.items() if name in PASSES)
    ]
    found, count = await walked(world, wanted, who)
    assert sorted(found) == sorted(one.id for one in expected)
    assert count == len(found)
    if wanted.order in ORDERS:
        assert found == [one.id for one in sorted(expected, key=ORDERS[wanted.order])]
