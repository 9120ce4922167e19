"""Every statement on the counters of failed attempts."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from review.identity.throttling_rules import Counter


async def lock_counters(tx: AsyncSession, keys: Sequence[bytes]) -> tuple[datetime, dict[bytes, Counter]]:
    """Lock the counters under these keys, made where there are none; gives the time, and those with failures."""
    await tx.execute(
        text(
            "INSERT INTO attempt_counters (key, failures) SELECT key, 0 FROM unnest(:keys ::bytea[]) AS g(key)"
            " ORDER BY key ON CONFLICT (key) DO NOTHING"
        ),
        {"keys": list(keys)},
    )
    rows = await tx.execute(
        text(
            "SELECT key, failures, last_at, blocked_until FROM attempt_counters"
            " WHERE key = ANY(:keys ::bytea[]) ORDER BY key FOR UPDATE"
        ),
        {"keys": list(keys)},
    )
    known = {row.key: Counter(row.failures, row.last_at, row.blocked_until) for row in rows}
    now: datetime = (await tx.execute(text("SELECT clock_timestamp()"))).scalar_one()
    return now, known


async def store_counters(
    tx: AsyncSession, keys: Sequence[bytes], failures: Sequence[int], delays: Sequence[timedelta]
) -> None:
    """Write counted failures, each with how long the next attempt has to wait from now."""
    await tx.execute(
        text(
            "UPDATE attempt_counters c SET failures = g.failures, last_at = clock_timestamp(),"
            " blocked_until = CASE WHEN g.delay > interval '0' THEN clock_timestamp() + g.delay END"
            " FROM unnest(:keys ::bytea[], :failures ::int[], :delays ::interval[]) AS g(key, failures, delay)"
            " WHERE c.key = g.key"
        ),
        {"keys": list(keys), "failures": list(failures), "delays": list(delays)},
    )


async def forget_counters(tx: AsyncSession, keys: Sequence[bytes]) -> None:
    """Forget what was counted under these keys."""
    await tx.execute(
        text("DELETE FROM attempt_counters WHERE key = ANY(:keys ::bytea[])"),
        {"keys": list(keys)},
    )


async def take_back(tx: AsyncSession, counted: Sequence[tuple[bytes, int]]) -> None:
    """Count one less under each key, and end its wait where nothing was counted since, which is where it stands so."""
    for key, failures in counted:
        await tx.execute(
            text(
                "UPDATE attempt_counters SET failures = greatest(failures - 1, 0),"
                " blocked_until = CASE WHEN failures = :failures THEN NULL ELSE blocked_until END WHERE key = :key"
            ),
            {"key": key, "failures": failures},
        )


async def delete_counters(tx: AsyncSession, memory: timedelta, most: int) -> int:
    """Delete counters older than that, and the oldest beyond so many; gives how many there were."""
    rows = await tx.execute(
        text(
            "DELETE FROM attempt_counters WHERE last_at < now() - :memory ::interval OR key IN"
            " (SELECT key FROM attempt_counters ORDER BY last_at DESC OFFSET :most) RETURNING 1"
        ),
        {"memory": memory, "most": most},
    )
    return len(rows.all())
