"""Guessing gets slower and slower, many guesses at once count as many, and the owner is let in on their own device."""

import asyncio
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.identity import throttling, throttling_rules
from review.identity.errors import TooManyAttempts
from review.identity.throttling_rules import (
    ACCOUNT_FROM_NETWORK,
    CODES,
    DEVICE,
    NETWORK,
    UNKNOWN_NETWORK,
    Bucket,
    Counter,
    Limit,
)
from review.kernel.db import Database

LIMITS = st.sampled_from([ACCOUNT_FROM_NETWORK, NETWORK, DEVICE, CODES])
AT = datetime(2026, 11, 27, 12, tzinfo=UTC)
OWN = Bucket(b"own", Limit(2, timedelta(minutes=15), timedelta(hours=1)))
SHARED = Bucket(b"shared", Limit(3, timedelta(minutes=15), timedelta(hours=1)), is_shared=True)


@given(LIMITS, st.integers(0, 10_000))
def test_each_failure_makes_the_wait_no_shorter_and_never_longer_than_the_longest(limit: Limit, failures: int) -> None:
    now, then = (throttling_rules.delay_after(count, limit) for count in (failures, failures + 1))
    assert timedelta() <= now <= then <= limit.longest
    assert (now == timedelta()) == (failures <= limit.free)


@given(LIMITS)
def test_a_guesser_gets_few_tries_a_day_and_is_never_shut_out_for_good(limit: Limit) -> None:
    spent, tries = timedelta(), 0
    while spent < timedelta(days=1):
        tries += 1
        spent += throttling_rules.delay_after(tries, limit)
    assert tries <= limit.free + timedelta(days=1) / limit.longest + 12
    assert limit.longest <= timedelta(hours=1)


@given(st.integers(0, 2**32 - 1))
def test_neighbours_in_a_network_share_it(number: int) -> None:
    address = ip_address(number)
    assert throttling_rules.network_of(str(address)) == str(ip_network(f"{address}/24", strict=False))
    assert throttling_rules.network_of(f"::ffff:{address}") == throttling_rules.network_of(str(address))


@given(st.integers(0, 2**128 - 1).filter(lambda number: number >> 32 != 0xFFFF))
def test_all_addresses_of_one_customer_share_a_network(number: int) -> None:
    address = str(IPv6Address(number))
    assert throttling_rules.network_of(address) == str(ip_network(f"{address}/56", strict=False))


@given(st.text())
def test_what_is_no_address_is_counted_together(text: str) -> None:
    try:
        ip_address(text.partition("%")[0])
    except ValueError:
        assert throttling_rules.network_of(text) == UNKNOWN_NETWORK


def test_old_failures_are_forgotten() -> None:
    counter = Counter(9, AT, None)
    assert throttling_rules.counted(counter, OWN.limit, AT + timedelta(minutes=59)) == 10
    assert throttling_rules.counted(counter, OWN.limit, AT + timedelta(minutes=61)) == 1
    assert throttling_rules.counted(None, OWN.limit, AT) == 1


def test_the_audit_hears_of_ever_fewer_failures() -> None:
    assert [n for n in range(1_000) if throttling_rules.is_worth_telling(n)] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]


async def test_many_attempts_at_once_count_as_many(db: Database) -> None:
    """Each is counted, and committed, before it is made: none slips through while others are being checked."""
    outcomes = await asyncio.gather(*(throttling.admit(db, [OWN]) for _ in range(12)), return_exceptions=True)
    assert sum(isinstance(each, throttling.Attempt) for each in outcomes) == OWN.limit.free + 1
    refused = [each for each in outcomes if isinstance(each, TooManyAttempts)]
    assert len(refused) == 12 - OWN.limit.free - 1
    assert {each.seconds for each in refused} == {1}
    assert await db.hot.fetchval("SELECT failures FROM attempt_counters WHERE key = $1", OWN.key) == 3


async def test_a_refused_attempt_counts_under_nothing(db: Database) -> None:
    for _ in range(3):
        await throttling.admit(db, [OWN, SHARED])
    await db.hot.execute("UPDATE attempt_counters SET blocked_until = now() + interval '90 seconds' WHERE key = 'own'")
    with pytest.raises(TooManyAttempts, match="has to wait: 90 seconds") as refused:
        await throttling.admit(db, [OWN, SHARED])
    assert refused.value.seconds == 90
    assert await db.hot.fetchval("SELECT failures FROM attempt_counters WHERE key = 'shared'") == 3


async def test_success_forgets_ones_own_failures_and_of_shared_ones_only_its_own(db: Database) -> None:
    """Else a guesser would sign in to an account of their own now and then, and guess on."""
    for _ in range(2):
        await throttling.admit(db, [OWN, SHARED])
    attempt = await throttling.admit(db, [Bucket(b"another", OWN.limit), SHARED])
    async with db.transaction() as tx:
        await throttling.forgive(tx, attempt)
    left = await db.hot.fetch("SELECT key, failures FROM attempt_counters ORDER BY key")
    assert [(row["key"], row["failures"]) for row in left] == [(b"own", 2), (b"shared", 2)]


async def test_counters_are_forgotten_and_never_more_than_so_many(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(5):
        await throttling.admit(db, [Bucket(b"%d" % at, OWN.limit)])
    await db.hot.execute("UPDATE attempt_counters SET last_at = now() - interval '25 hours' WHERE key = '0'")
    await db.hot.execute("UPDATE attempt_counters SET last_at = now() - interval '1 hour' WHERE key = '1'")
    monkeypatch.setattr(throttling, "MOST_COUNTERS", 3)
    async with db.transaction() as tx:
        assert await throttling.forget_old(tx) == 2
    left = await db.hot.fetch("SELECT key FROM attempt_counters ORDER BY key")
    assert [row["key"] for row in left] == [b"2", b"3", b"4"]
