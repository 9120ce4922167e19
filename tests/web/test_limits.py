"""Rates and places: nobody takes everything, everybody gets their share, and guessing keys is slow (promise 28)."""

import asyncio
from datetime import timedelta
from time import monotonic

import httpx
import hypothesis
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.audit.rules import OPERATOR
from review.identity import keys, queries
from review.identity.rules import Role, new_key
from review.kernel.ids import new_id
from review.kernel.settings import Settings
from review.web import limits
from review.web.buckets import Bucket, Share, Shares
from review.web.limits import Limits, Places, RateLimited
from tests.faults.serving import bearer, services_of, serving
from tests.make import World, submission
from tests.web.open_calls import streaming

WAITS = st.lists(st.floats(0, 3), min_size=1, max_size=60)
STEP = 0.01


@given(rate=st.floats(0.5, 500), burst=st.floats(1, 500), waits=WAITS)
def test_a_bucket_gives_no_more_than_its_rate_and_burst(rate: float, burst: float, waits: list[float]) -> None:
    bucket, now, passed = Bucket(rate, burst, 0.0), 0.0, 0
    for wait in waits:
        now += wait
        while not bucket.wait(now):
            bucket.charge(1.0)
            passed += 1
    assert passed <= burst + rate * now + 1e-6


@given(rate=st.floats(0.5, 500), waits=WAITS)
def test_whoever_comes_back_when_told_to_passes(rate: float, waits: list[float]) -> None:
    bucket, now = Bucket(rate, 2 * rate, 0.0), 0.0
    for wait in waits:
        now += wait
        left = bucket.wait(now)
        assert not bucket.wait(now + left + 1e-6)
        bucket.charge(1.0)


def contend(rate: float, asking: list[float], seconds: float = 20.0) -> list[int]:
    """Let keys ask so many times a second each, and count what passes once the burst is used up."""
    shares = Shares(rate, 2 * rate, 0.0)
    own, owed, passed = [shares.join(0.0) for _ in asking], [0.0] * len(asking), [0] * len(asking)
    for turn in range(int(seconds / STEP)):
        for at, share in enumerate(own):
            owed[at] += asking[at] * STEP
            while owed[at] >= 1:
                owed[at] -= 1
                if not shares.wait(share, turn * STEP):
                    shares.charge(share, 1.0)
                    passed[at] += turn * STEP >= seconds / 2
    return passed


@given(st.lists(st.floats(1, 1_000), min_size=1, max_size=6))
@hypothesis.settings(max_examples=25, deadline=None)
def test_every_key_gets_its_share_and_all_of_them_no_more_than_the_rate(asking: list[float]) -> None:
    rate, seconds = 100.0, 10.0
    passed = contend(rate, asking, 2 * seconds)
    share = rate / len(asking)
    assert sum(passed) <= rate * seconds + 2 * rate
    for wanted, got in zip(asking, passed, strict=True):
        assert got >= min(wanted, share) * seconds * 0.9 - 3


def test_what_idle_keys_leave_is_used() -> None:
    (alone,) = contend(100.0, [1_000.0])
    busy, quiet = contend(100.0, [1_000.0, 10.0])
    assert alone == pytest.approx(1_000, rel=0.05)
    assert quiet == pytest.approx(100, rel=0.05)
    assert busy == pytest.approx(900, rel=0.05)


def test_a_key_in_debt_for_a_batch_pays_out_of_its_own_share() -> None:
    shares = Shares(100.0, 200.0, 0.0)
    spender, saver = shares.join(0.0), shares.join(0.0)
    shares.charge(spender, 250.0)
    assert shares.wait(spender, 0.55) > 0
    assert not shares.wait(saver, 0.55)


def test_shares_of_keys_that_have_gone_are_forgotten() -> None:
    shares = Shares(1_000.0, 2_000.0, 0.0)
    for at in range(1_000):
        shares.join(at * 0.01)
    kept: Share = shares.join(10.0)
    shares.wait(kept, 60.0)
    assert len(shares) == 1


def test_tables_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_KNOWN", 50)
    counted = Limits(Settings())
    for at in range(500):
        counted.welcome({}, f"key {at}", new_id())
        counted.turn_away(f"guess {at}", f"10.0.{at // 250}.{at % 250}")
    assert max(len(counted._callers), len(counted._projects), len(counted._strangers)) == 50


def test_one_caller_takes_half_the_places_and_a_second_still_finds_some() -> None:
    places, first, second = Places(8), new_id(), new_id()
    held = []
    for who in (first, second):
        while places.has_room(who):
            held.append((who, places.hold(who)))
            held[-1][1].__enter__()
    assert [who for who, _ in held] == [first] * 4 + [second] * 2
    for _, place in held:
        place.__exit__(None, None, None)
    assert places.has_room(second)


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
    ],
)
def test_guesses_count_by_address_and_of_ipv6_by_network(
    one: str, other: str, together: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "GUESSES_AT_ONCE", 3)
    counted = Limits(Settings())
    for at in range(5):
        counted.turn_away(f"guess {at}", one)
    with pytest.raises(RateLimited):
        counted.check({}, "another", one)
    if together:
        with pytest.raises(RateLimited):
            counted.check({}, "another", other)
    else:
        assert counted.check({}, "another", other) is None


async def test_answers_tell_what_is_left_and_refusals_when_to_come_back(settings: Settings, world: World) -> None:
    chosen = msgspec.structs.replace(settings, rate_per_key=0.5, rate_burst=timedelta(seconds=6))
    async with serving(chosen) as http:
        answers = [await http.get("/api/v1/items", **bearer(world.service_key)) for _ in range(4)]
    first, refused = answers[0], answers[3]
    assert first.headers["ratelimit-policy"] == '"key";q=3;w=6, "project";q=60000;w=6'
    assert first.headers["ratelimit"].startswith('"key";r=2;t=2, "project";r=')
    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "rate_limited"
    assert refused.headers["ratelimit"].startswith('"key";r=0;')
    assert refused.headers["retry-after"] == "2"


async def test_a_refused_request_costs_no_statement(
    settings: Settings, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(msgspec.structs.replace(settings, rate_per_key=0.001)) as http:
        answers = [await http.get("/api/v1/items", **bearer(world.service_key))]
        monkeypatch.setattr(queries, "find_key", None)  # nothing may be looked up any more
        answers += [await http.get("/api/v1/items", **bearer(world.service_key)) for _ in range(3)]
    assert [each.status_code for each in answers[1:]] == [429] * 3


async def test_one_key_leaves_the_others_of_its_project_their_share(settings: Settings, world: World) -> None:
    async with world.db.transaction() as tx:
        other = await keys.create_key(tx, project=world.project, name="other", role=Role.SERVICE, actor=OPERATOR)
    async with serving(msgspec.structs.replace(settings, rate_per_project=20, rate_burst=timedelta(seconds=1))) as http:
        counts = {world.service_key: 0, other: 0}

        async def ask(secret: str, times: int, pause: float) -> None:
            for _ in range(times):
                answer = await http.get("/api/v1/items?limit=1", **bearer(secret))
                counts[secret] += answer.status_code == 200
                await asyncio.sleep(pause)

        began = monotonic()
        await ask(other, 1, 0)
        await asyncio.gather(*(ask(world.service_key, 100, 0.02) for _ in range(4)), ask(other, 16, 0.15))
        passed = monotonic() - began
    assert counts[other] >= 15, counts
    assert sum(counts.values()) <= 20 * (1 + passed) + 1, "both together have what the project may"


async def test_guessing_keys_is_slow_and_locks_nobody_out_who_was_let_in(
    settings: Settings, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "GUESSES_AT_ONCE", 5)
    async with serving(settings) as http:
        assert (await http.get("/api/v1/items", **bearer(world.service_key))).status_code == 200
        guesses = [await http.get("/api/v1/items", **bearer(new_key().secret)) for _ in range(8)]
        assert [each.status_code for each in guesses] == [401] * 5 + [429] * 3
        assert guesses[-1].headers["retry-after"] == "1"
        assert (await http.get("/api/v1/items", **bearer(world.service_key))).status_code == 200


async def test_a_key_that_is_revoked_is_refused_at_once_all_the_same(http: httpx.AsyncClient, world: World) -> None:
    assert (await http.get("/api/v1/items", **bearer(world.service_key))).status_code == 200
    await world.db.hot.execute("UPDATE api_keys SET revoked_at = now() WHERE user_id IS NULL")
    assert (await http.get("/api/v1/items", **bearer(world.service_key))).status_code == 401


async def test_items_of_a_batch_count(settings: Settings, world: World) -> None:
    chosen = msgspec.structs.replace(settings, rate_per_key=1, rate_burst=timedelta(seconds=20))
    body = {"items": [submission(f"text {at}") for at in range(400)]}  # as much as 50 requests
    async with serving(chosen) as http:
        batch = await http.post("/api/v1/items/batch", json=body, **bearer(world.service_key))
        after = await http.get("/api/v1/items", **bearer(world.service_key))
    assert batch.status_code == 200
    assert after.status_code == 429
    assert 15 < int(after.headers["retry-after"]) <= 31  # some came back meanwhile, one a second


async def test_a_session_has_a_limit_too(
    http: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.web.test_pages import HTML, HTMX, sign_in  # noqa: PLC0415  its fixtures are not ours

    monkeypatch.setattr(limits, "PAGES_AT_ONCE", 3)
    monkeypatch.setattr(limits, "PAGES_A_SECOND", 0.1)
    await sign_in(http, world)
    answers = [await http.get("/p/support", headers=HTML) for _ in range(6)]
    assert [each.status_code for each in answers][-1] == 429
    assert "That was too fast" in answers[-1].text
    assert int(answers[-1].headers["retry-after"]) > 1
    notice = await http.get("/p/support", headers=HTMX)
    assert (notice.status_code, notice.headers["hx-retarget"]) == (429, "#notices")


async def test_one_key_leaves_others_places_to_wait_and_to_stream(settings: Settings, world: World) -> None:
    chosen = msgspec.structs.replace(settings, max_waiters=2, max_streams=4)
    async with serving(chosen) as http:
        item_id = (await world.submit()).item.id
        url = f"/api/v1/items/{item_id}?wait=60"
        waiting = asyncio.create_task(http.get(url, timeout=60, **bearer(world.service_key)))
        while services_of(http).hints.waiters < 1:
            await asyncio.sleep(0.01)
        assert (await http.get(url, **bearer(world.service_key))).json()["status"] == "queued"  # at once
        waiting.cancel()
        async with (
            streaming(http, world.service_key),
            streaming(http, world.service_key),
        ):
            stream = {"Accept": "text/event-stream"}
            third = await http.get("/api/v1/events", **bearer(world.service_key, **stream))
            assert (third.status_code, third.json()["code"]) == (503, "too_many_streams")
            async with streaming(http, world.tokens["lea"]):
                pass


async def test_a_key_sent_as_a_session_does_not_get_its_requests_back(settings: Settings, world: World) -> None:
    """Promise 28: limits hit per key, not per header; nobody's session is no key that nobody knows."""
    chosen = msgspec.structs.replace(settings, rate_per_key=0.001, rate_burst=timedelta(seconds=3_000))
    async with serving(chosen) as http:
        statuses: list[int] = []
        for _ in range(4):
            statuses.append((await http.get("/api/v1/items", **bearer(world.service_key))).status_code)
            planted = await http.get("/p/support", headers={"cookie": f"countersign={world.service_key}"})
            assert planted.status_code == 401
    assert statuses == [200, 200, 200, 429]
