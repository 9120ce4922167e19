"""The relay: a place in commit order and one frozen body for each event, whoever relays and however late."""

import asyncio
import logging
from typing import Any
from uuid import UUID

import pytest

from review.decisions.rules import Verdict
from review.delivery.feed import queries
from review.delivery.feed import service as feed
from review.items import service as items
from review.kernel import outbox
from review.kernel.db import Database
from review.kernel.events import EventKind
from review.kernel.settings import Settings
from review.reviewing import service as reviewing
from review.reviewing.schemas import JudgementIn
from tests.delivery.feed.relaying import post_of, relay, stored
from tests.make import BASE_URL, CONFIG, World

WEBHOOK = "webhooks:\n  - {name: crm, url: 'https://example.com/hook', events: [item.decided]}\n"


async def emit(world: World, item_id: UUID, kind: EventKind = EventKind.ESCALATED, **payload: Any) -> None:
    async with world.db.transaction() as tx:
        outbox.emit(tx, world.service.project_id, kind, item_id=item_id, payload=payload)


async def override(world: World, item_id: UUID, verdict: str, who: str = "lea") -> None:
    async with world.db.transaction() as tx:
        bench = reviewing.Bench(world.item_types, lambda _ids: None, BASE_URL, world.configs)
        submitted = JudgementIn(verdict=Verdict(verdict), comment="policy")
        await reviewing.override(tx, bench, who=world.people[who], item_id=item_id, submitted=submitted)


async def test_a_body_shows_the_item_as_of_the_event_however_late_it_is_relayed(world: World) -> None:
    item = (await world.submit(external_id="m1")).item
    (held,) = await world.claim("ana")
    await world.judge("ana", held, "correct", {"label": "refund"})
    await override(world, item.id, "reject")
    assert await relay(world) == 4
    queued, claimed, decided, revised = await stored(world)
    assert [each["type"] for each in (queued, claimed, decided, revised)] == [
        "item.queued", "item.claimed", "item.decided", "decision.revised",
    ]  # fmt: skip  # one line each
    seen = [(each["data"]["item"]["status"], each["data"]["item"]["decision"]) for each in (queued, claimed)]
    assert seen == [("queued", None), ("in_review", None)]
    assert queued["data"]["item"]["sla"]["state"] == "on_track"
    first, second = decided["data"]["item"]["decision"], revised["data"]["item"]["decision"]
    assert (first["revision"], first["verdict"], first["output"]) == (1, "correct", {"label": "refund"})
    assert (second["revision"], second["verdict"], second["output"]) == (2, "reject", None)
    assert decided["data"]["revision"] == 1
    assert {each["project"] for each in (queued, revised)} == {"support"}
    assert queued["timestamp"].endswith("Z")
    shown = (await items.get_views(world.db.hot, who=world.service, item_ids=[item.id], base_url=BASE_URL))[item.id]
    assert revised["data"]["item"]["url"] == shown.url
    assert decided["data"]["item"]["external_id"] == "m1"


async def test_a_body_never_changes_once_it_is_given(world: World) -> None:
    item = (await world.submit(confidence=0.95)).item
    await relay(world)
    before = await stored(world)
    await override(world, item.id, "reject")
    await relay(world)
    assert (await stored(world))[:1] == before
    assert await relay(world) == 0


async def test_escalations_count_up_to_each_event(world: World) -> None:
    item = (await world.submit()).item
    await emit(world, item.id, level=1)
    (held,) = await world.claim("ana")
    await emit(world, item.id, level=2)
    await world.db.hot.execute("UPDATE cases SET escalation_level = 2")
    await relay(world)
    levels = [each["data"]["item"]["escalation_level"] for each in await stored(world)]
    assert (held.fence, levels) == (1, [0, 1, 1, 2])


async def test_late_commits_come_behind_what_was_relayed(world: World) -> None:
    """A transaction that began early and commits late is not skipped, and moves nobody else's place."""
    item = (await world.submit()).item
    await relay(world)
    async with world.db.transaction() as tx:
        outbox.emit(tx, world.service.project_id, EventKind.ESCALATED, item_id=item.id, payload={"level": 1})
        await tx.flush()
        await world.submit("meanwhile")
        assert await relay(world) == 1
    assert await relay(world) == 1
    told = await stored(world)
    assert [each["type"] for each in told] == ["item.queued", "item.queued", "item.escalated"]
    assert told[2]["timestamp"] < told[1]["timestamp"]


async def test_relays_side_by_side_tell_everything_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "BATCH", 7)
    second = await Database.connect(world.settings)
    other = feed.Post(second, world.configs, post_of(world).tell_events, BASE_URL)
    writing = asyncio.create_task(_submit_many(world, 60))
    total = 0
    while not writing.done() or await world.count("events") > total:
        total += sum(await asyncio.gather(relay(world), feed.relay(other)))
    await second.close()
    told = await stored(world)
    assert total == len(told) == 60
    assert len({each["id"] for each in told}) == 60


async def _submit_many(world: World, count: int) -> None:
    for each in range(count):
        await world.submit(f"text {each}")


async def test_projects_are_relayed_apart(world: World) -> None:
    other = await World.build(world.db, world.settings, "elsewhere", CONFIG.format(project="elsewhere"))
    await world.submit()
    await other.submit()
    told: list[UUID] = []
    assert await feed.relay(post_of(world, told.extend)) == 2
    assert set(told) == {world.service.project_id, other.service.project_id}
    for each in (world, other):
        (body,) = await stored(each)
        assert (body["project"], body["position"]) == (each.project, 1)
        assert f"/p/{each.project}/items/" in body["data"]["item"]["url"]


@pytest.mark.parametrize("poison", ["no such revision", "unreadable", "no item"])
async def test_an_event_that_cannot_be_rendered_blocks_nobody(
    world: World, caplog: pytest.LogCaptureFixture, poison: str
) -> None:
    item = (await world.submit()).item
    await emit(world, item.id, EventKind.DECIDED, revision=7)
    if poison == "unreadable":
        statement = "UPDATE events SET payload = $1::json WHERE kind = 'item.decided'"
        await world.db.hot.execute(statement, '["not an object"]')
    elif poison == "no item":
        await world.db.hot.execute("UPDATE events SET item_id = gen_random_uuid() WHERE kind = 'item.decided'")
    await world.submit("behind it")
    with caplog.at_level(logging.ERROR):
        assert await relay(world) == 3
    told = {each["type"]: each for each in await stored(world)}
    assert "item" not in told["item.decided"]["data"]
    assert "item" in told["item.queued"]["data"]
    assert "is told without its item" in caplog.text


async def test_a_project_that_fails_keeps_its_events_and_delays_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = await World.build(world.db, world.settings, "elsewhere", CONFIG.format(project="elsewhere"))
    await world.submit()
    await other.submit()
    hand_on = feed._hand_on

    async def failing(tx: Any, project_id: UUID, *rest: Any) -> None:
        if project_id == world.service.project_id:
            message = "the receivers of this project"
            raise RuntimeError(message)
        await hand_on(tx, project_id, *rest)

    monkeypatch.setattr(feed, "_hand_on", failing)
    assert await relay(world) == 1
    assert "the receivers of this project" in caplog.text
    monkeypatch.setattr(feed, "_hand_on", hand_on)
    assert await relay(world) == 1
    assert len(await stored(world)) == len(await stored(other)) == 1


async def test_finding_what_waits_touches_waiting_projects_only(world: World) -> None:
    """The scan goes by the partial index: what has its place costs it nothing."""
    fill = """
        INSERT INTO events (project_id, id, kind, payload, position, body)
        SELECT $1, gen_random_uuid(), 'item.queued', '{}', n, '{}' FROM generate_series(1, 20000) n
    """
    await world.db.hot.execute(fill, world.service.project_id)
    await world.submit()
    await world.db.hot.execute("VACUUM ANALYZE events")
    plan = [row[0] for row in await world.db.hot.fetch("EXPLAIN (ANALYZE, BUFFERS) " + queries.LIST_WAITING)]
    told = "\n".join(plan)
    assert told.count("Index Only Scan using events_unrelayed") == 2, told
    assert "Seq Scan on events" not in told


async def test_what_is_relayed_is_owed_to_the_endpoints_that_ask_for_it(db: Database, settings: Settings) -> None:
    """An endpoint of the configuration needs nobody to look at it before the first event."""
    world = await World.build(db, settings, source=CONFIG.format(project="support") + WEBHOOK)
    await relay(world)
    await world.submit(confidence=0.95)
    await world.submit()
    assert await relay(world) == 2
    owed = await db.hot.fetch("SELECT e.kind, e.body FROM deliveries d JOIN events e ON e.id = d.event_id")
    assert [row["kind"] for row in owed] == ["item.decided"]
    assert await relay(world) == 0
    assert await world.count("deliveries") == 1
