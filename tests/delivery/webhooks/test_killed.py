"""Promise 8, with the sender a real process: it is killed in the middle of a request, and another takes over."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta

from review.delivery.webhooks.dispatch import Dispatcher
from review.delivery.webhooks.turns import LOST
from tests.delivery.webhooks.post import Post
from tests.delivery.webhooks.receiver import receiving
from tests.faults.processes import UNSAFE


async def test_a_worker_killed_in_the_middle_of_a_request_loses_nothing(
    post: Post, dispatchers: Callable[[], Dispatcher]
) -> None:
    environment = (
        os.environ
        | UNSAFE
        | {
            "REVIEW_DATABASE_URL": post.settings.database_url,
            "REVIEW_REDIS_URL": post.settings.redis_url,
            "REVIEW_WEBHOOK_ALLOW_NETWORKS": "127.0.0.0/8",
            "REVIEW_WEBHOOK_ALLOW_HTTP": "true",
        }
    )
    async with receiving() as receiver:
        await post.connect(receiver)
        receiver.open.clear()
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "review.cli.main", "worker", env=environment, start_new_session=True
        )
        events = await post.happen(3)
        async with asyncio.timeout(60):
            while len(receiver.requests) < 3:
                await asyncio.sleep(0.02)
        worker.send_signal(signal.SIGKILL)
        await worker.wait()
        assert {each.state for each in await post.deliveries()} == {"sending"}
        receiver.open.set()
        other = dispatchers()
        await post.pass_time(timedelta(seconds=61))
        await other.drain()
        await post.pass_time(timedelta(seconds=6))
        await other.drain()
    deliveries = await post.deliveries()
    assert {each.state for each in deliveries} == {"delivered"}
    assert all([attempt.error for attempt in each.log] == [LOST, None] for each in deliveries)
    bodies = {(each.headers["webhook-id"], each.body) for each in receiver.requests}
    assert {event_id for event_id, _ in bodies} == {str(each) for each in events}
    assert len(bodies) == 3
    assert receiver.refused == 0
