"""Promise 8: what is owed to an endpoint reaches it, whatever befalls receiver or sender; same id, same body."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from review.audit.rules import OPERATOR
from review.configuration.outlets import Webhook
from review.delivery.webhooks import log, rules, service
from review.delivery.webhooks.dispatch import Dispatcher
from review.delivery.webhooks.turns import LOST
from tests.delivery.webhooks.post import KINDS, Event, Post
from tests.delivery.webhooks.receiver import receiving

DAY = timedelta(days=1)


async def test_a_receiver_gets_what_it_asked_for_signed_and_word_for_word(post: Post, dispatcher: Dispatcher) -> None:
    async with receiving() as receiver:
        await post.connect(receiver)
        wanted = await post.happen(3, revision=1)
        await post.happen(1, "item.claimed")
        await dispatcher.drain()
    assert sorted(receiver.ids) == sorted(str(each) for each in wanted)
    assert receiver.refused == 0
    deliveries = await post.deliveries()
    assert {each.state for each in deliveries} == {"delivered"}
    assert sorted(each.body or "" for each in deliveries) == sorted(each.body.decode() for each in receiver.requests)
    assert receiver.requests[0].headers["content-type"] == "application/json"
    (attempt,) = deliveries[0].log
    assert (attempt.status, attempt.error, deliveries[0].tries) == (204, None, 1)
    assert attempt.request_headers["webhook-id"] == str(deliveries[0].event_id)
    assert (await post.endpoint()).pending == 0


async def test_a_receiver_that_is_down_for_a_day_gets_it_in_the_end(post: Post, dispatcher: Dispatcher) -> None:
    async with receiving() as receiver:
        await post.connect(receiver)
        (event_id,) = await post.happen()
        receiver.status = "500 Down"
        passed = timedelta(0)
        while passed < DAY:
            await dispatcher.drain()
            await post.pass_time(timedelta(minutes=30))
            passed += timedelta(minutes=30)
        receiver.status = "200 OK"
        while (await post.delivery()).state == "pending":
            await post.pass_time(timedelta(hours=1))
            await dispatcher.drain()
    delivery = await post.delivery()
    assert delivery.state == "delivered"
    assert 5 <= len(delivery.log) <= 9
    assert set(receiver.ids) == {str(event_id)}
    assert len({request.body for request in receiver.requests}) == 1
    assert receiver.refused == 0, "each attempt was signed anew"
    assert [each.status for each in delivery.log] == [500] * (len(delivery.log) - 1) + [200]


@pytest.mark.parametrize("fault", ["500 Oops", "404 Not Found", "302 Found", "reset"])
async def test_after_ten_attempts_it_is_dead_and_a_replay_brings_it_back(
    post: Post, dispatcher: Dispatcher, fault: str
) -> None:
    async with receiving() as receiver:
        await post.connect(receiver)
        await post.happen()
        receiver.status = fault
        while (await post.delivery()).state != "dead":
            await dispatcher.drain()
            await post.pass_time(timedelta(hours=27))
        dead = await post.delivery()
        assert len(dead.log) == dead.tries == 10
        assert dead.reason is not None
        assert dead.reason.startswith("tried 10 times, the last with: ")
        assert (await post.endpoint()).dead == 1
        receiver.status = "200 OK"
        async with post.world.db.transaction() as tx:
            replayed = await log.replay_dead(tx, post.project_id, "crm", actor=OPERATOR)
        assert (replayed.replayed, replayed.more) == (1, False)
        await post.pass_time(timedelta(hours=1))
        await dispatcher.drain()
        assert len({(each.headers["webhook-id"], each.body) for each in receiver.requests}) == 1
    again = await post.delivery()
    assert (again.state, again.tries, again.attempts, again.reason) == ("delivered", 1, 11, None)
    assert receiver.refused == 0


async def test_the_attempts_keep_to_the_schedule(post: Post, dispatcher: Dispatcher) -> None:
    async with receiving() as receiver:
        await post.connect(receiver)
        await post.happen()
        receiver.status = "500 Down"
        for delay in rules.DELAYS[1:]:
            await dispatcher.drain()
            waits = await post.world.db.hot.fetchval("SELECT next_attempt_at - now() FROM deliveries")
            assert delay * 0.89 - timedelta(seconds=5) < waits <= delay * 1.11
            await post.pass_time(delay * 1.2)


async def test_a_receiver_that_hangs_is_timed_out_and_tried_again(
    post: Post, dispatchers: Callable[[], Dispatcher]
) -> None:
    post.settings = msgspec.structs.replace(post.settings, webhook_timeout=timedelta(seconds=0.2))
    dispatcher = dispatchers()
    async with receiving() as receiver:
        await post.connect(receiver)
        await post.happen()
        receiver.open.clear()
        await dispatcher.drain()
        delivery = await post.delivery()
        assert (delivery.state, delivery.last_error) == ("pending", "timed out after 0.2 s, waiting for the answer")
        receiver.open.set()
        await post.pass_time(timedelta(seconds=6))
        await dispatcher.drain()
    assert (await post.delivery()).state == "delivered"


async def test_what_a_killed_worker_was_sending_is_sent_again(
    post: Post, dispatchers: Callable[[], Dispatcher]
) -> None:
    """The killed one leaves a lease behind; whoever looks after it has lapsed takes up what it left."""
    killed, other = dispatchers(), dispatchers()
    async with receiving() as receiver:
        await post.connect(receiver)
        (event_id,) = await post.happen()
        receiver.open.clear()
        await killed.turn()
        while not receiver.requests:
            await asyncio.sleep(0.01)
        await other.drain()
        assert len(receiver.requests) == 1, "the lease stands"
        receiver.open.set()
        await post.pass_time(timedelta(seconds=61))
        await other.drain()
        assert (await post.delivery()).last_error == LOST
        await post.pass_time(timedelta(seconds=6))
        await other.drain()
        delivered = await post.delivery()
        assert (delivered.state, delivered.tries) == ("delivered", 2)
        await killed.drain()  # it wakes up late and writes what it saw
        assert (await post.delivery()).state == "delivered"
    assert receiver.ids == [str(event_id)] * 2
    assert [each.error for each in (await post.delivery()).log] == [None, None]
    assert (await post.endpoint()).failures == 0


async def test_a_stale_workers_failure_does_not_undo_a_delivery(
    post: Post, dispatchers: Callable[[], Dispatcher]
) -> None:
    stale, other = dispatchers(), dispatchers()
    async with receiving() as receiver:
        await post.connect(receiver)
        await post.happen()
        receiver.status = "500 Oops"
        await stale.turn()
        while not stale._outcomes:
            await asyncio.sleep(0.01)
        receiver.status = "200 OK"
        await post.pass_time(timedelta(seconds=61))
        await other.drain()
        await post.pass_time(timedelta(seconds=6))
        await other.drain()
        assert (await post.delivery()).state == "delivered"
        await stale.drain()
    assert (await post.delivery()).state == "delivered"
    assert [each.status for each in (await post.delivery()).log] == [500, 200]


async def test_a_worker_told_to_stop_writes_down_what_was_under_way(
    post: Post, dispatchers: Callable[[], Dispatcher], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("review.delivery.webhooks.dispatch.FINISH_WITHIN_SECONDS", 0.05)
    dispatcher, stop = dispatchers(), asyncio.Event()
    async with receiving() as receiver:
        await post.connect(receiver)
        await post.happen(2)
        receiver.open.clear()
        running = asyncio.create_task(dispatcher.run(stop))
        while len(receiver.requests) < 2:
            await asyncio.sleep(0.01)
        stop.set()
        await asyncio.wait_for(running, 10)
        for delivery in await post.deliveries():
            assert (delivery.state, delivery.last_error) == (
                "pending",
                "the worker was stopped before the answer came",
            )
        assert (await post.endpoint()).failures == 0
        receiver.open.set()
        await post.pass_time(timedelta(seconds=6))
        await dispatchers().drain()
    assert {each.state for each in await post.deliveries()} == {"delivered"}


async def test_two_dispatchers_share_the_work_and_keep_to_the_limit(
    post: Post, dispatchers: Callable[[], Dispatcher]
) -> None:
    async with receiving() as receiver:
        await post.connect(receiver, limit=3)
        wanted = await post.happen(60)
        await asyncio.gather(*(each.drain() for each in (dispatchers(), dispatchers())))
        assert sorted(receiver.ids) == sorted(str(each) for each in wanted)
    assert receiver.most_at_once <= 3
    assert {each.attempts for each in await post.deliveries()} == {1}


async def test_the_limit_of_one_endpoint_is_its_own(post: Post, dispatcher: Dispatcher) -> None:
    """A black hole holds up nobody else."""
    async with receiving() as hole, receiving() as receiver:
        await post.declare(Webhook("crm", receiver.url, KINDS), Webhook("hole", hole.url, KINDS, 4))
        receiver.secrets.append(await post.secret("crm"))
        hole.open.clear()
        await post.happen(40)
        while len(receiver.taken) < 40:
            await dispatcher.turn()
            await asyncio.sleep(0.01)
        assert len(hole.requests) == 4
        hole.open.set()


async def test_a_database_that_fails_loses_no_outcome(
    post: Post, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiving() as receiver:
        await post.connect(receiver)
        await post.happen()
        await dispatcher.turn()
        while not dispatcher._outcomes:
            await asyncio.sleep(0.01)
        with monkeypatch.context() as away:

            async def broken(*_given: object) -> None:
                raise ConnectionError

            away.setattr("review.delivery.webhooks.queries.settle", broken)
            with pytest.raises(ConnectionError):
                await dispatcher.turn()
        assert (await post.delivery()).state == "sending"
        await dispatcher.drain()
    assert (await post.delivery()).state == "delivered"
    assert len(receiver.requests) == 1


async def test_an_event_is_owed_once_however_often_it_is_handed_on(post: Post, dispatcher: Dispatcher) -> None:
    async with receiving() as receiver:
        await post.connect(receiver)
        (event_id,) = await post.happen()
        async with post.world.db.transaction() as tx:
            at = await post.world.db.hot.fetchval("SELECT now()")
            again = Event(id=event_id, kind="item.decided", payload={}, created_at=at)
            assert await service.queue(tx, post.project_id, [again]) == 0
        await dispatcher.drain()
    assert receiver.ids == [str(event_id)]
