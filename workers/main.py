"""One worker process: loops that need PostgreSQL alone, and arq beside them while Redis is there."""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from datetime import timedelta

from arq.worker import Worker
from redis.asyncio import Redis
from redis.exceptions import RedisError

from review.audit import sequencing
from review.audit.sequencing import Keeper
from review.bulk import executing
from review.configuration.service import ConfigCache, ItemTypes
from review.datasets.registering import running as registering
from review.datasets.schedules import turning
from review.datasets.snapshots import running as snapshots
from review.delivery.feed import service as feed
from review.delivery.notifications.dispatch import Dispatcher
from review.delivery.webhooks import service as webhooks
from review.delivery.webhooks.dispatch import Dispatcher as WebhookDispatcher
from review.erasure import keeping, retention
from review.erasure import running as erasing
from review.escalation import holds, recomputing
from review.escalation import service as escalation
from review.imports import running as importing
from review.insight import learning
from review.kernel.db import UNREACHABLE, Database
from review.kernel.hints import Teller
from review.kernel.settings import Settings
from review.registry import noticing
from review.rehearsal import running
from review.reviewing import pending
from review.reviewing.service import Bench
from review.rollout import following, steering
from workers import schedule

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
STOP_WITHIN_SECONDS = 5.0
CALENDARS_EVERY = timedelta(hours=6)  # and at the start, which is when newer data comes with a newer release

RESTORES_EVERY = timedelta(minutes=10)  # and at the start, which is when a database was restored
RETENTION_EVERY = timedelta(hours=1)


async def run(settings: Settings, *, check: Callable[[Settings], Awaitable[None]] | None = None) -> None:
    """Work until SIGTERM or SIGINT; what is under way is finished first, within five seconds.

    `check` is asked once the database is there, and may refuse.
    """
    logging.basicConfig(level=settings.log_level.upper(), format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("arq").setLevel(logging.WARNING)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    db = await _connect(settings, stop)
    if db is None:
        return
    if check is not None:
        await _insist(check, settings, db)
    redis: Redis = Redis.from_url(settings.redis_url)  # pyright: ignore[reportUnknownMemberType]  untyped upstream
    teller = Teller(redis)
    teller.start()
    loops = start_loops(settings, db, teller, stop)
    scheduling = asyncio.create_task(run_schedules(settings, db, stop))
    await stop.wait()
    scheduling.cancel()
    _done, late = await asyncio.wait({*loops, scheduling}, timeout=STOP_WITHIN_SECONDS)
    for task in late:
        task.cancel()
    await asyncio.gather(*loops, scheduling, return_exceptions=True)
    await teller.stop()
    await redis.aclose()
    await db.close()


def start_loops(settings: Settings, db: Database, teller: Teller, stop: asyncio.Event) -> "list[asyncio.Task[None]]":
    """Start what a worker does again and again; each loop finds its own work in PostgreSQL."""
    configs = ConfigCache(db)
    bench = Bench(ItemTypes(db), teller.tell_closed, settings.public_url, configs)
    post = feed.Post(db, configs, teller.tell_events, settings.public_url)
    sender = WebhookDispatcher(db, settings)
    keeper = keeper_of(settings, db)
    turns: list[tuple[Callable[[], Awaitable[object]], timedelta]] = [
        (lambda: recomputing.follow_calendars(db, configs), CALENDARS_EVERY),
        (lambda: pending.sweep(db, bench), settings.sweep_interval),
        (lambda: escalation.sweep(db, configs, teller.tell_closed), settings.sweep_interval),
        (lambda: holds.release_ended(db, configs, stop.is_set), settings.sweep_interval),
        (lambda: executing.advance(db, bench, stop.is_set), settings.sweep_interval),
        (lambda: learning.follow(db), settings.sweep_interval),
        (lambda: running.advance(db, configs, settings.statement_timeout, stop.is_set), settings.sweep_interval),
        (lambda: turning.advance(db, settings, stop.is_set), settings.sweep_interval),
        (lambda: snapshots.advance(db, settings, stop.is_set), settings.sweep_interval),
        (lambda: registering.advance(db, settings, stop.is_set), settings.sweep_interval),
        (lambda: importing.advance(db, settings, stop.is_set), settings.sweep_interval),
        (lambda: keeping.recover(db, settings), RESTORES_EVERY),
        (lambda: retention.take_outlived(db, configs), RETENTION_EVERY),
        (lambda: keeping.keep(db, settings), settings.sweep_interval),
        (lambda: erasing.advance(db, settings, teller.tell_closed, stop.is_set), settings.sweep_interval),
        (lambda: following.follow(db, configs, stop.is_set), settings.sweep_interval),
        (lambda: steering.steer(db, stop.is_set), settings.sweep_interval),
        (lambda: relay(post, sender), settings.relay_interval),
        (lambda: webhooks.sync_changed(db, configs), settings.sweep_interval),
        (lambda: sequencing.advance(keeper), settings.sweep_interval),
        (lambda: noticing.follow(db), settings.sweep_interval),
    ]
    loops = [asyncio.create_task(repeat(act, stop, interval.total_seconds())) for act, interval in turns]
    loops.append(asyncio.create_task(sender.run(stop)))
    return [*loops, asyncio.create_task(notify(settings, db, configs, stop))]


async def relay(post: feed.Post, sender: WebhookDispatcher) -> None:
    """Relay what is new, and have it sent at once; other processes see it at their next look."""
    if await feed.relay(post):
        sender.wake()


def keeper_of(settings: Settings, db: Database) -> Keeper:
    """Give what keeping the audit needs, and say what is not kept."""
    if not settings.audit_key:
        log.warning("REVIEW_AUDIT_KEY is not set, so the audit is not signed, and a rebuilt one goes unseen")
    elif settings.audit_checkpoints is None:
        log.warning("REVIEW_AUDIT_CHECKPOINTS is not set, so signed checkpoints stay in the database alone")
    return Keeper.of(db, settings)


async def notify(settings: Settings, db: Database, configs: ConfigCache, stop: asyncio.Event) -> None:
    """Send notifications until told to stop; the URLs of channels may stand in this process's environment."""
    if settings.smtp_url and not settings.smtp_sender:
        log.warning("REVIEW_SMTP_SENDER is not set, so no mail is sent; set it to the address that mails come from")
    dispatcher = Dispatcher(db, configs, settings, os.environ)
    try:
        await repeat(dispatcher.turn, stop, settings.sweep_interval.total_seconds())
    finally:
        await dispatcher.close()


async def repeat(act: Callable[[], Awaitable[object]], stop: asyncio.Event, interval: float) -> None:
    """Do something at every interval until told to stop; a failure is logged and the next turn tries again."""
    while not stop.is_set():
        try:
            await act()
        except Exception:
            log.exception("a turn failed; the next one takes up what it left")
        await _pause(stop, interval)


async def run_schedules(settings: Settings, db: Database, stop: asyncio.Event) -> None:
    """Run arq, again and again where Redis goes away; the sweep does not wait for it."""
    while not stop.is_set():
        worker = schedule.build(settings, db)
        try:
            await worker.async_run()
        except (RedisError, OSError) as fault:
            log.warning("Redis is away (%s); schedules wait for it, timers do not", fault)
        finally:
            await _close(worker)
        await _pause(stop, RETRY_SECONDS)


async def _close(worker: Worker) -> None:
    try:
        await worker.close()
    except (RedisError, OSError):
        log.debug("Redis was away when the worker let go of it")


async def _insist(check: Callable[[Settings], Awaitable[None]], settings: Settings, db: Database) -> None:
    try:
        await check(settings)
    except UNREACHABLE:
        log.warning("the database went away before it was checked; `review doctor` checks it at any time")
    except BaseException:
        await db.close()
        raise


async def _connect(settings: Settings, stop: asyncio.Event) -> Database | None:
    """Connect to the database, waiting for it if need be; None if told to stop before."""
    while not stop.is_set():
        try:
            return await Database.connect(settings)
        except UNREACHABLE as fault:
            log.warning("the database cannot be reached (%s); trying again", fault)
            await _pause(stop, RETRY_SECONDS)
    return None


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
