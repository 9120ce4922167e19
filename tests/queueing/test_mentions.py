"""Who a comment names, and who is told of it."""

from typing import Any

import pytest

from review.escalation import service as escalation
from review.identity.rules import mentioned_in
from review.kernel.events import EventKind
from review.queueing import service as queueing
from tests.make import World

PEOPLE = ["ana@example.com", "ana@other.example", "ben@example.com", "c.d+x@example.com"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("@ben please look", ["ben@example.com"]),
        ("(@Ben), or @BEN@example.com.", ["ben@example.com"]),
        ("ask @ana", []),  # two people have that local part
        ("ask @ana@other.example.", ["ana@other.example"]),
        ("@c.d+x: see above", ["c.d+x@example.com"]),
        ("write to ben@example.com", []),
        ("mail@ben", []),
        ("@nobody @ @@ @. @ben@", ["ben@example.com"]),
        ("@ben@elsewhere.example", []),
        ("@ben\n@ana@example.com", ["ana@example.com", "ben@example.com"]),
        ("", []),
        ("@" * 20_000, []),
        ("@" + "." * 20_000, []),
    ],
)
def test_a_text_names_whom_it_says_and_nobody_by_chance(text: str, named: list[str]) -> None:
    assert mentioned_in(text, PEOPLE) == named


async def told(world: World) -> list[list[str]]:
    rows = await world.db.hot.fetch(
        "SELECT ARRAY(SELECT json_array_elements_text(payload->'mentioned')) AS who FROM events"
        " WHERE project_id = $1 AND kind = $2 ORDER BY id",
        world.service.project_id,
        EventKind.MENTIONED.value,
    )
    return [row["who"] for row in rows]


async def test_comments_of_reviews_skips_and_escalations_tell_whom_they_name(world: World) -> None:
    for _ in range(3):
        await world.submit()
    (reviewed,) = await world.claim("ana")
    await world.judge("ana", reviewed, "approve", comment="@ben, as agreed; @ana")
    (skipped, escalated) = await world.claim("ana", limit=2)
    who = world.people["ana"]
    async with world.db.transaction() as tx:
        await queueing.skip(tx, who=who, assignment_id=skipped.id, fence=skipped.fence, reason="for @cleo or @lea")
        key: dict[str, Any] = {"assignment_id": escalated.id, "fence": escalated.fence}
        await escalation.escalate(tx, world.configs, who=who, **key, reason="@dan@example.com knows")
    assert await told(world) == [["ben@example.com"], ["cleo@example.com", "lea@example.com"], ["dan@example.com"]]


async def test_nobody_is_named_who_may_not_see_the_item(world: World) -> None:
    other = await World.build(world.db, world.settings, "elsewhere")
    await other.add_person("outsider", world.people["lea"].role)
    await world.db.hot.execute("UPDATE users SET disabled_at = now() WHERE email = 'ben@example.com'")
    await world.submit()
    (held,) = await world.claim("ana")
    await world.judge("ana", held, "approve", comment="@sam @outsider @ben and mail@dan")
    assert await told(world) == []


async def test_what_a_panel_says_is_told_once_all_have_judged(world: World) -> None:
    await world.submit(tags=["panel"])
    (first,) = await world.claim("ana")
    await world.judge("ana", first, "reject", comment="@ben this is wrong")
    (second,) = await world.claim("ben")
    await world.judge("ben", second, "reject", comment="@ana so I think")
    comments = await world.db.hot.fetch(
        "SELECT payload->>'comment' AS said FROM events WHERE kind = $1 ORDER BY id", EventKind.MENTIONED.value
    )
    assert [row["said"] for row in comments] == ["", "@ana so I think"]
    assert await told(world) == [["ben@example.com"], ["ana@example.com"]]
