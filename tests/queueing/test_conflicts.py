"""Promise 22 and issue 4, point 4: nobody judges what concerns them, and nobody judges twice."""

import asyncio
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.escalation import service as escalation
from review.identity.rules import PERMISSIONS, Principal, Role
from review.intake import service as intake
from review.intake.service import Desk
from review.kernel.db import Database
from review.kernel.settings import Settings
from review.queueing.conflicts import barred_of, concerns, name_of, people_in
from review.reviewing.errors import ConflictOfInterest
from tests import limited
from tests.limited import build, confirm, match, override, pending, refund, skip, take
from tests.make import BASE_URL, World

ANA = Principal(
    project_id=UUID(int=1),
    project="p",
    kind="user",
    id=UUID(int=7),
    name="Ana",
    email="ana@example.com",
    role=Role.REVIEWER,
    permissions=PERMISSIONS[Role.REVIEWER],
    config_version=1,
)
NOTHING: dict[str, Any] = {"input": None, "output": None, "metadata": None, "subject": None, "submitted_by": None}
SPELLINGS = st.sampled_from(["ana@example.com", " Ana@Example.COM ", str(ANA.id), str(ANA.id).upper(), ANA.id.hex])
OTHERS = st.sampled_from(["ben@example.com", "customer-42", "", "ana", str(UUID(int=8)), "\ud800@x", "a\0@x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
)


@given(spelling=SPELLINGS, others=st.lists(OTHERS), where=st.integers(0, 3), depth=st.integers(0, 2))
def test_whoever_is_named_is_found_in_whatever_spelling(
    spelling: str, others: list[str], where: int, depth: int
) -> None:
    named: Any = [*others, spelling]
    for _ in range(depth):
        named = [named]
    ways: list[dict[str, Any]] = [
        {"input": {"team": [{"email": named}]}},
        {"metadata": {"author": named}},
        {"subject": spelling},
        {"submitted_by": {"kind": "user", "id": str(ANA.id)}},
    ]
    assert concerns(ANA, people_in(["input.team.email", "metadata.author"], **{**NOTHING, **ways[where]}))


@given(payload=JSON, others=st.lists(OTHERS))
def test_whoever_is_not_named_is_not_found_and_nothing_odd_breaks_it(payload: object, others: list[str]) -> None:
    found = people_in(["input.a.b", "output", "metadata.a"], **{**NOTHING, "input": payload, "metadata": {"a": others}})
    assert not concerns(ANA, found)
    barred = barred_of(found)
    assert barred is None or barred.isprintable() or "\n" in barred


def test_a_key_that_submits_is_nobody_who_could_review() -> None:
    assert people_in([], **{**NOTHING, "submitted_by": {"kind": "key", "id": str(ANA.id)}}) == []
    assert name_of("customer-42") is None


@pytest.fixture
async def world(db: Database, settings: Settings) -> World:
    return await build(db, settings)


CONCERNING: list[dict[str, Any]] = [
    {"subject": " Ana@Example.com"},
    {"metadata": {"author": "ana@example.com"}},
    {"input": {"team": [{"email": "zoe@example.com"}, {"email": "ANA@example.com"}]}},
]


@pytest.mark.parametrize("more", CONCERNING, ids=["subject", "metadata", "input"])
async def test_nobody_is_handed_what_concerns_them(world: World, more: dict[str, Any]) -> None:
    item = (await refund(world, **more)).item
    assert await world.claim("ana", "any") == []
    assert (await take(world, "ben")).item.id == item.id


async def test_nobody_is_handed_what_they_submitted(world: World) -> None:
    ana = world.people["ana"]
    desk = Desk(world.db.hot, ana, world.config, BASE_URL)
    raw = msgspec.json.encode({"type": "refund", "input": {}, "output": {"amount": 1}})
    await intake.submit(desk, raw, idempotency_key=None)
    assert await world.claim("ana", "any") == []
    assert await world.claim("ben", "any")


async def test_later_seats_are_closed_to_them_too(world: World) -> None:
    """Adjudicators, a lead's seat, and seats that a ladder adds."""
    await refund(world, tags=["panel"], subject="sam@example.com")
    await world.judge("ana", await take(world, "ana"), "approve")
    await world.judge("ben", await take(world, "ben"), "reject")
    assert await world.claim("sam", "seniors") == []
    assert (await take(world, "lea", "seniors")).kind == "adjudication"
    await refund(world, 900, subject="sam@example.com")
    await world.judge("cleo", await take(world, "cleo"), "approve")
    assert await world.claim("sam", "seniors") == []
    assert (await take(world, "lea", "seniors")).kind == "lead"


async def test_a_link_that_is_found_while_somebody_holds_it_stops_their_review(world: World) -> None:
    """A configuration that declares another relation counts at once, under the lock."""
    await refund(world, metadata={"approver": "ana@example.com"})
    held = await take(world, "ana")
    source = limited.CONFIG.format(project=world.project)
    await limited.apply(world, source.replace("[metadata.author,", "[metadata.author, metadata.approver,"))
    with pytest.raises(ConflictOfInterest) as refused:
        await world.judge("ana", held, "approve")
    assert "it names you in metadata.approver" in refused.value.message
    assert await world.count("reviews") == 0
    await skip(world, "ana", held, is_conflict=True)
    assert (await world.judge("ben", await take(world, "ben"), "approve")).item.status == "decided"


async def test_a_review_and_a_link_at_once_leave_no_review_of_ones_own(world: World) -> None:
    """Whichever is first: never a decision after the link was there."""
    item = (await refund(world, metadata={"approver": "ana@example.com"})).item
    held = await take(world, "ana")
    source = limited.CONFIG.format(project=world.project)
    changed = source.replace("[metadata.author,", "[metadata.author, metadata.approver,")
    outcomes = await asyncio.gather(
        limited.apply(world, changed), world.judge("ana", held, "approve"), return_exceptions=True
    )
    refused = isinstance(outcomes[1], ConflictOfInterest)
    assert outcomes[0] is None
    assert await world.count("decisions", item_id=item.id) == (0 if refused else 1)


async def test_nobody_overrides_or_confirms_what_concerns_them(world: World) -> None:
    item = (await refund(world, subject="lea@example.com")).item
    with pytest.raises(ConflictOfInterest):
        await override(world, "lea", item, "approve")
    assert (await override(world, "max", item, "approve")).status == "decided"
    both = (await match(world, subject="max@example.com")).item
    await override(world, "lea", both, "reject")
    proposal = await pending(world, "max", both)
    assert proposal is not None
    with pytest.raises(ConflictOfInterest):
        await confirm(world, "max", both, proposal)
    assert await world.count("decisions", item_id=both.id) == 0


async def test_a_conflict_that_is_declared_holds_for_good(world: World) -> None:
    item = (await refund(world)).item
    held = await take(world, "lea")
    await skip(world, "lea", held, "my sister", is_conflict=True)
    assert await world.claim("lea", "any") == []
    with pytest.raises(ConflictOfInterest):
        await override(world, "lea", item, "approve")
    assert await world.count("case_reviewers", part="conflict") == 1
    details = await world.db.hot.fetchval(
        "SELECT details ->> 'kind' FROM audit_entries WHERE item_id = $1 AND action = 'assignment.skipped'", item.id
    )
    assert details == "conflict"


async def test_nobody_judges_twice_after_whatever_happened_between(world: World) -> None:
    """Reviewed, escalated, added to and disputed: who had part in a case never comes back to it."""
    item = (await refund(world, tags=["panel"])).item
    await world.judge("ana", await take(world, "ana"), "approve")
    ben = await take(world, "ben")
    async with world.db.transaction() as tx:
        key: dict[str, Any] = {"who": world.people["ben"], "assignment_id": ben.id, "fence": ben.fence}
        await escalation.escalate(tx, world.configs, **key, reason="too hard")
    await world.judge("cleo", await take(world, "cleo"), "reject")
    for name in ("ana", "ben", "cleo"):
        await world.db.hot.execute(
            "INSERT INTO pool_members VALUES ($1, 'seniors', $2, 'direct')",
            world.service.project_id,
            f"{name}@example.com",
        )
        assert await world.claim(name, "seniors") == [], name
        assert await world.claim(name, "any") == [], name
    assert (await take(world, "sam", "seniors")).item.id == item.id
