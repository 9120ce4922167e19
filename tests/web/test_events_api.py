"""The feed over HTTP: pages and streams tell every event once and in order, whoever reconnects and whatever races."""

import asyncio
from typing import Any

import httpx
import msgspec
import pytest

from review.delivery.feed import queries, tail
from review.identity import keys
from review.identity.rules import Principal, Role
from review.kernel import outbox
from review.kernel.db import Hot
from review.kernel.events import EventKind
from review.kernel.settings import Settings
from review.web import event_stream
from review.web.api import events
from tests.delivery.feed.relaying import relay, stored
from tests.faults.serving import bearer, services_of, serving
from tests.make import CONFIG, World
from tests.web.open_calls import Call, streaming

URL = "/api/v1/events"


async def tell(http: httpx.AsyncClient, world: World) -> int:
    """Relay, and hint as the worker does."""
    told = await relay(world)
    services_of(http).hints.tell_events([world.service.project_id])
    return told


async def page(http: httpx.AsyncClient, world: World, query: str = "") -> Any:
    answer = await http.get(f"{URL}{query}", **bearer(world.service_key))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def submit(world: World, count: int) -> None:
    for at in range(count):
        await world.submit(f"text {at}")


async def test_pages_tell_the_stored_bodies_in_order_and_continue(http: httpx.AsyncClient, world: World) -> None:
    assert await page(http, world) == {"data": [], "next": None}
    await submit(world, 3)
    await world.claim("ana")
    assert await page(http, world) == {"data": [], "next": None}
    await relay(world)
    everything = await stored(world)
    assert (await page(http, world))["data"] == everything
    assert (await page(http, world, "?after=0&limit=1000"))["data"] == everything
    first = await page(http, world, "?limit=3")
    assert (first["data"], first["next"]) == (everything[:3], everything[2]["id"])
    rest = await page(http, world, f"?after={first['next']}")
    assert (rest["data"], rest["next"]) == (everything[3:], everything[3]["id"])
    assert await page(http, world, f"?after={rest['next']}") == {"data": [], "next": rest["next"]}


async def test_a_filtered_page_leads_on_past_what_it_leaves_out(
    http: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await submit(world, 7)
    await world.claim("ana", limit=2)
    await relay(world)
    monkeypatch.setattr(queries, "MOST_POSITIONS", 3)
    found, after, calls = [], "0", 0
    while True:
        told = await page(http, world, f"?after={after}&type=item.claimed,item.decided")
        found += told["data"]
        calls += 1
        if told["next"] == after:
            break
        after = told["next"]
    assert [each["type"] for each in found] == ["item.claimed"] * 2
    assert calls == 4
    both = await page(http, world, "?type=item.claimed&type=item.queued&limit=3")
    assert len(both["data"]) == 3


@pytest.mark.parametrize("after", ["junk", "00000000-0000-0000-0000-000000000000", "1", "unrelayed", "elsewhere"])
async def test_a_cursor_of_no_event_here_is_refused(http: httpx.AsyncClient, world: World, after: str) -> None:
    other = await World.build(world.db, world.settings, "elsewhere", CONFIG.format(project="elsewhere"))
    await other.submit()
    await submit(world, 1)
    await relay(world)
    await submit(world, 1)
    if after == "unrelayed":
        after = str(await world.db.hot.fetchval("SELECT id FROM events WHERE position IS NULL"))
    elif after == "elsewhere":
        after = (await stored(other))[0]["id"]
    for headers in ({}, {"Accept": "text/event-stream"}, {"Accept": "text/event-stream", "Last-Event-ID": after}):
        answer = await http.get(f"{URL}?after={after}", **bearer(world.service_key, **headers))
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor_unknown")
        assert answer.json()["errors"][0]["path"] == "after"


async def test_a_type_that_is_none_is_refused(http: httpx.AsyncClient, world: World) -> None:
    for wanted in ("item.lost", "item.queued,nothing", "webhook.test"):
        answer = await http.get(f"{URL}?type={wanted}", **bearer(world.service_key))
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "type")
    for limit in ("0", "1001", "x"):
        assert (await http.get(f"{URL}?limit={limit}", **bearer(world.service_key))).status_code == 400


async def test_a_stream_tells_what_happens_from_now_on(http: httpx.AsyncClient, world: World) -> None:
    await submit(world, 1)
    await relay(world)
    async with streaming(http, world.service_key) as stream:
        assert stream.last_id == (await stored(world))[0]["id"]
        await submit(world, 1)
        await world.claim("ana")
        await tell(http, world)
        heard = [await stream.event() for _ in range(2)]
    bodies = await world.db.hot.fetch("SELECT id, kind, body FROM events WHERE position > 1 ORDER BY position")
    told = [(str(row["id"]), row["kind"], row["body"]) for row in bodies]
    assert [(each["id"], each["event"], each["data"]) for each in heard] == told
    assert services_of(http).tail.streams == 0


async def test_a_stream_resumes_exactly_behind_what_was_seen(http: httpx.AsyncClient, world: World) -> None:
    await submit(world, 5)
    await relay(world)
    everything = await stored(world)
    async with streaming(http, world.service_key, "?after=0") as stream:
        assert await stream.events(5) == everything
    async with streaming(http, world.service_key, f"?after={everything[1]['id']}") as stream:
        assert await stream.events(3) == everything[2:]
    behind = {"Last_Event_ID": everything[3]["id"]}
    async with streaming(http, world.service_key, "?after=0", **behind) as stream:
        assert await stream.events(1) == everything[4:]


async def test_a_filtered_stream_moves_its_reader_on_past_what_it_leaves_out(
    http: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.02)
    await submit(world, 2)
    await world.claim("ana")
    await relay(world)
    async with streaming(http, world.service_key, "?after=0&type=item.claimed") as stream:
        (claimed,) = await stream.events(1)
        assert claimed["type"] == "item.claimed"
        await submit(world, 1)
        await tell(http, world)
        last = (await stored(world))[-1]["id"]
        async for _ in stream.blocks():
            if stream.last_id == last:
                break
        assert "still here" in stream.comments


async def test_a_test_of_an_endpoint_is_nobody_elses(http: httpx.AsyncClient, world: World) -> None:
    item = (await world.submit()).item
    await relay(world)
    async with streaming(http, world.service_key, "?after=0") as stream:
        await stream.events(1)
        async with world.db.transaction() as tx:
            payload = {"endpoint": "crm", "by": "lea"}
            outbox.emit(tx, world.service.project_id, EventKind.WEBHOOK_TEST, item_id=item.id, payload=payload)
        await tell(http, world)
        await world.claim("ana")
        await tell(http, world)
        (next_one,) = await stream.events(1)
    assert next_one["type"] == "item.claimed"
    assert next_one["position"] == 3
    assert [each["type"] for each in (await page(http, world))["data"]] == ["item.queued", "item.claimed"]
    async with streaming(http, world.service_key, "?after=0") as stream:
        assert [each["position"] for each in await stream.events(2)] == [1, 3]


async def test_streams_are_of_one_project(http: httpx.AsyncClient, world: World) -> None:
    """Promise 22."""
    other = await World.build(world.db, world.settings, "elsewhere", CONFIG.format(project="elsewhere"))
    async with (
        streaming(http, world.service_key) as mine,
        streaming(http, other.service_key) as theirs,
    ):
        await submit(other, 1)
        await relay(world)
        services_of(http).hints.tell_events([world.service.project_id, other.service.project_id])
        assert (await theirs.events(1))[0]["project"] == "elsewhere"
        await submit(world, 1)
        await tell(http, world)
        assert (await mine.events(1))[0]["project"] == "support"


async def test_reconnecting_readers_miss_nothing_and_hear_nothing_twice(
    http: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While relays race, and transactions that began early commit late."""
    monkeypatch.setattr(queries, "BATCH", 5)
    monkeypatch.setattr(tail, "CATCH_UP", 4)
    monkeypatch.setattr(tail, "READ", 3)
    item = (await world.submit()).item
    done = asyncio.Event()

    async def write(writer: int) -> None:
        for at in range(8):
            async with world.db.transaction() as tx:
                payload = {"level": 0, "name": f"{writer}-{at}"}
                outbox.emit(tx, world.service.project_id, EventKind.ESCALATED, item_id=item.id, payload=payload)
                await tx.flush()
                await asyncio.sleep(0.03 * (writer + at) % 0.1)  # so that commits overtake one another

    async def keep_relaying() -> None:
        finished = False
        while not finished:
            finished = done.is_set()  # and then one turn more
            await asyncio.gather(tell(http, world), tell(http, world))

    async def read(lives: int) -> list[str]:
        heard: list[str] = []
        after = "0"
        while len(heard) < 33:
            async with streaming(http, world.service_key, f"?after={after}") as stream:
                heard += [(await stream.event())["id"] for _ in range(min(lives, 33 - len(heard)))]
                after = heard[-1]
        return heard

    relaying = asyncio.create_task(keep_relaying())
    reading = [asyncio.create_task(read(lives)) for lives in (1, 3, 33)]
    await asyncio.gather(*(write(writer) for writer in range(4)))
    done.set()
    await relaying
    heard = await asyncio.gather(*reading)
    told = [each["id"] for each in await stored(world)]
    assert len(told) == 33
    assert heard == [told] * 3


async def test_a_slow_reader_is_let_go_and_can_go_on(
    http: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "QUEUE_EVENTS", 5)
    monkeypatch.setattr(tail, "CHUNK_EVENTS", 2)
    async with streaming(http, world.service_key, "?after=0") as stream:
        stream.reading.clear()
        await submit(world, 20)
        await tell(http, world)
        while not any(each.ended for each in services_of(http).tail._streams):
            await asyncio.sleep(0.01)
        stream.reading.set()
        heard = [each["id"] for each in await stream.rest()]
        assert any(tail.TOO_SLOW in comment for comment in stream.comments)
        assert 0 < len(heard) < 20
        assert stream.last_id == heard[-1]
    async with streaming(http, world.service_key, Last_Event_ID=heard[-1]) as stream:
        heard += [each["id"] for each in await stream.events(20 - len(heard))]
    assert heard == [each["id"] for each in await stored(world)]


async def test_a_reader_that_takes_nothing_is_given_up(
    http: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "SEND_SECONDS", 0.05)
    async with streaming(http, world.service_key) as stream:
        stream.reading.clear()
        await submit(world, 1)
        await tell(http, world)
        await asyncio.wait_for(asyncio.shield(stream.task), 10)
        assert services_of(http).tail.streams == 0


@pytest.mark.parametrize("change", ["revoked", "disabled", "role"])
async def test_a_stream_does_not_outlive_its_key(
    http: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """Promise 26, for streams: within a minute."""
    assert events.RECHECK_SECONDS <= 60
    monkeypatch.setattr(events, "RECHECK_SECONDS", 0.05)
    lead, checks, authenticate = world.tokens["lea"], list[str](), keys.authenticate_key

    async def counted(hot: Hot, secret: str) -> Principal:
        checks.append(secret)
        return await authenticate(hot, secret)

    monkeypatch.setattr(keys, "authenticate_key", counted)
    async with streaming(http, lead) as stream:
        async with asyncio.timeout(10):
            while len(checks) < 4:  # the request's own, and several of the stream's that find nothing wrong
                await asyncio.sleep(0.01)
        assert not stream.task.done()
        statement = {
            "revoked": "UPDATE api_keys SET revoked_at = now() WHERE user_id IS NOT NULL",
            "disabled": "UPDATE users SET disabled_at = now() WHERE email = 'lea@example.com'",
            "role": f"UPDATE memberships SET role = '{Role.REVIEWER}' WHERE role = '{Role.LEAD}'",
        }[change]
        await world.db.hot.execute(statement)
        assert await stream.rest() == []
        assert any("the key" in comment for comment in stream.comments)


async def test_there_is_room_for_so_many_streams_and_leaving_makes_room(settings: Settings, world: World) -> None:
    async with serving(msgspec.structs.replace(settings, max_streams=2)) as http:
        async with streaming(http, world.service_key), streaming(http, world.tokens["lea"]):
            asked = bearer(world.service_key, Accept="text/event-stream")
            full = await http.get(URL, **asked)
            assert (full.status_code, full.json()["code"]) == (503, "too_many_streams")
            assert full.headers["retry-after"] == "1"
            assert "countersign_streams 2.0" in (await http.get("/metrics")).text
            assert (await http.get(URL, **bearer(world.service_key))).status_code == 200
        async with streaming(http, world.service_key):
            pass


async def test_idle_streams_hold_no_connection(http: httpx.AsyncClient, world: World) -> None:
    streams: list[Call] = []
    async with asyncio.TaskGroup() as group:
        ready = asyncio.Semaphore(0)
        leave = asyncio.Event()

        async def follow() -> None:
            async with streaming(http, world.service_key, "?after=0") as stream:
                streams.append(stream)
                ready.release()
                await leave.wait()

        for _ in range(200):
            group.create_task(follow())
        for _ in range(200):
            await asyncio.wait_for(ready.acquire(), 60)
        hot = services_of(http).db.hot
        while hot.get_idle_size() < hot.get_size():  # the last is still looking up what it missed
            await asyncio.sleep(0.01)
        assert services_of(http).tail.streams == 200
        busy = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'"
        assert await world.db.hot.fetchval(f"{busy} AND pid <> pg_backend_pid()") == 0
        await submit(world, 1)
        await tell(http, world)
        for stream in streams:
            assert (await stream.event())["event"] == "item.queued"
        leave.set()
    assert services_of(http).tail.streams == 0


async def test_stopping_ends_streams_and_begins_none(http: httpx.AsyncClient, world: World) -> None:
    """Promise 17."""
    async with streaming(http, world.service_key) as stream:
        await submit(world, 1)
        await tell(http, world)
        (first,) = await stream.events(1)
        services_of(http).release()
        assert await stream.rest() == []
        assert any(tail.STOPPING in comment for comment in stream.comments)
        assert stream.last_id == first["id"]
    refused = await http.get(URL, **bearer(world.service_key, Accept="text/event-stream"))
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")


async def test_streams_outlast_a_feed_that_cannot_be_read(
    http: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with streaming(http, world.service_key) as stream:
        list_new = queries.list_new

        async def away(*_given: object) -> list[Any]:
            raise ConnectionResetError

        monkeypatch.setattr(queries, "list_new", away)
        await submit(world, 1)
        await tell(http, world)
        while "could not be read" not in caplog.text:
            await asyncio.sleep(0.01)
        monkeypatch.setattr(queries, "list_new", list_new)
        assert len(await stream.events(1)) == 1


async def test_a_stream_that_cannot_catch_up_ends_with_words(
    http: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await submit(world, 1)
    await relay(world)

    async def away(*_given: object, **_named: object) -> list[Any]:
        raise ConnectionResetError

    monkeypatch.setattr(queries, "list_page", away)
    async with streaming(http, world.service_key, "?after=0") as stream:
        assert await stream.rest() == []
        assert any("the database is away" in comment for comment in stream.comments)
