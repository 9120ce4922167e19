"""Counting failed attempts in PostgreSQL, before each is made, so that any number at once count as many."""

import math
from collections.abc import Sequence

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.identity import throttling_queries as queries
from review.identity import throttling_rules as rules
from review.identity.errors import TooManyAttempts
from review.identity.throttling_rules import Bucket
from review.kernel.db import Database
from review.kernel.sentences import Sentence, say, say_n

MOST_COUNTERS = 200_000  # some 20 MB; a hashing process checks about 20 passwords a second, so this lasts hours


class Attempt(msgspec.Struct, frozen=True):
    """An attempt that may be made and counts as failed until it is forgiven; `failures` in a row, bucket by bucket."""

    buckets: tuple[Bucket, ...]
    failures: tuple[int, ...]


async def admit(db: Database, buckets: Sequence[Bucket]) -> Attempt:
    """Let an attempt be made and count it, committed, as failed; refused attempts do not count.

    Raises:
        TooManyAttempts: it has to wait (429).
    """
    keys = [bucket.key for bucket in buckets]
    async with db.transaction() as tx:
        now, known = await queries.lock_counters(tx, keys)
        wait = rules.wait_left(list(known.values()), now)
        if wait:
            raise TooManyAttempts(_told(wait.total_seconds()), seconds=math.ceil(wait.total_seconds()))
        failures = [rules.counted(known.get(bucket.key), bucket.limit, now) for bucket in buckets]
        delays = [rules.delay_after(count, each.limit) for count, each in zip(failures, buckets, strict=True)]
        await queries.store_counters(tx, keys, failures, delays)
    return Attempt(tuple(buckets), tuple(failures))


async def forgive(tx: AsyncSession, attempt: Attempt) -> None:
    """Take back that an attempt was counted, for it succeeded; of what it shared with others, only its own part."""
    own = [bucket.key for bucket in attempt.buckets if not bucket.is_shared]
    shared = [
        (bucket.key, count) for bucket, count in zip(attempt.buckets, attempt.failures, strict=True) if bucket.is_shared
    ]
    await queries.lock_counters(tx, [bucket.key for bucket in attempt.buckets])  # in the order in which all lock them
    await queries.forget_counters(tx, own)
    await queries.take_back(tx, shared)


async def forget_old(tx: AsyncSession) -> int:
    """Delete counters that nothing was added to for long, and beyond 200,000 the oldest; gives how many."""
    return await queries.delete_counters(tx, rules.LONGEST_MEMORY, MOST_COUNTERS)


def _told(seconds: float) -> Sentence:
    whole = math.ceil(seconds)
    if whole <= 1:
        wait = say("a second")
    elif whole < 120:
        wait = say_n("%(num)s second", "%(num)s seconds", whole)
    else:
        wait = say_n("%(num)s minute", "%(num)s minutes", math.ceil(whole / 60))
    return say(
        "There were several attempts that failed, so the next one has to wait: %(wait)s."
        " Nothing is locked, and nothing was changed.",
        wait=wait,
    )
