"""Promise 7: the connection to the database dies at any message of a request, and the request is all or nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import msgspec
import pytest

from review.kernel.settings import Settings
from review.queueing.errors import LeaseLost
from review.queueing.schemas import ClaimedAssignment
from tests.faults.proxy import Proxy, in_front_of
from tests.faults.serving import bearer, serving
from tests.make import World, submission
from tests.queueing.ledger import Ledger

MOST_MESSAGES = 120


Attempt = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]


async def cut_everywhere(
    settings: Settings,
    world: World,
    *,
    after: bool,
    prepare: Callable[[], Awaitable[Attempt]],
    landed: Callable[[httpx.Response], Awaitable[bool]],
) -> list[tuple[int, bool]]:
    """Make the request again and again, cut one message later each time, until it gets through.

    Gives, for each cut, the status that was answered and whether the work was there all the same.
    """
    cuts: list[tuple[int, bool]] = []
    async with in_front_of(settings.database_url) as (proxy, url):
        through = msgspec.structs.replace(settings, database_url=url, pool_connections=2, hot_connections=2)
        async with serving(through) as client:
            for at in range(1, MOST_MESSAGES):
                attempt = await prepare()
                answer = await cut_once(proxy, client, attempt, at, after=after)
                is_there = await landed(answer)
                ledger = await Ledger.read(world.db.hot, world.service.project_id)
                ledger.check()
                if not proxy.cut:
                    assert answer.is_success, answer.text
                    assert is_there
                    return cuts
                assert answer.is_success or answer.status_code == 503, f"message {at}: {answer.text}"
                assert is_there or not answer.is_success, f"message {at}: a false success"
                if answer.status_code == 503:
                    assert answer.headers["retry-after"] == "1"
                    assert answer.headers["content-type"] == "application/problem+json"
                    assert after or not is_there, f"message {at}: the server was never told to commit"
                cuts.append((answer.status_code, is_there))
    message = "the request never got through"
    raise AssertionError(message)


async def cut_once(
    proxy: Proxy, client: httpx.AsyncClient, attempt: Attempt, at: int, *, after: bool
) -> httpx.Response:
    await asyncio.gather(*(client.get("/readyz") for _ in range(4)))  # connections are there again
    proxy.arm(at, after=after)
    answer = await asyncio.wait_for(attempt(client), 15)
    proxy.disarm()
    return answer


@pytest.mark.parametrize("after", [False, True], ids=["before the server has it", "after the server has acted"])
async def test_a_review_is_all_or_nothing(settings: Settings, world: World, after: bool) -> None:
    held: list[ClaimedAssignment] = []

    async def prepare() -> Attempt:
        await world.submit(str(len(held)))
        (mine,) = await world.claim("ana")
        held.append(mine)
        body = {"fence": mine.fence, "verdict": "correct", "output": {"label": "refund"}, "reasons": ["wrong_label"]}
        return lambda client: client.post(
            f"/api/v1/assignments/{mine.id}/review", json=body, **bearer(world.tokens["ana"])
        )

    async def landed(_answer: httpx.Response) -> bool:
        """The review, the decision, the feedback, the event and the audit are there, or none of them is."""
        key = {"item_id": held[-1].item.id}
        counts = [await world.count(table, **key) for table in ("reviews", "decisions", "feedback")]
        counts.append(await world.count("events", **key, kind="item.decided"))
        counts.append(await world.count("audit_entries", **key, action="item.decided"))
        counts.append(await world.count("audit_entries", **key, action="review.submitted"))
        assert len(set(counts)) == 1, counts
        return counts[0] == 1

    cuts = await cut_everywhere(settings, world, after=after, prepare=prepare, landed=landed)
    assert len(cuts) > 10
    assert ((503, True) in cuts) == after, "where only the answer to COMMIT was lost, the work stands"
    with pytest.raises(LeaseLost, match="you have reviewed it already"):
        await world.judge("ana", held[-2 if after else -1], "approve")


@pytest.mark.parametrize("after", [False, True], ids=["before the server has it", "after the server has acted"])
async def test_an_intake_is_all_or_nothing_and_may_be_repeated(settings: Settings, world: World, after: bool) -> None:
    sent: list[dict[str, Any]] = []

    async def prepare() -> Attempt:
        item = submission(external_id=f"cut-{len(sent)}")
        sent.append(item)
        items = [item, submission(external_id=f"too-{len(sent)}", tags=["panel"])]
        return lambda client: client.post("/api/v1/items/batch", json={"items": items}, **bearer(world.service_key))

    async def landed(answer: httpx.Response) -> bool:
        stored = await world.count("items", external_id=sent[-1]["external_id"])
        beside = await world.count("items", external_id=f"too-{len(sent)}")
        assert stored == beside, "half a batch"
        if answer.is_success:
            assert [each["status"] for each in answer.json()["results"]] == [201, 201]
        return stored == 1

    cuts = await cut_everywhere(settings, world, after=after, prepare=prepare, landed=landed)
    assert ((503, True) in cuts) == after
    for at, (_, is_there) in enumerate(cuts):
        again = await world.submit(external_id=f"cut-{at}")
        assert again.created is not is_there
    lost = sum(not is_there for _, is_there in cuts)
    assert await world.count("items") == 2 * len(sent) - lost, "of what was lost, the first half came again"


@pytest.mark.parametrize("act", ["skip", "escalate", "release", "extend", "claim", "withdraw", "override"])
async def test_every_other_act_is_all_or_nothing(settings: Settings, world: World, act: str) -> None:
    """What belongs together is what the ledger's invariants say after every cut."""

    async def prepare() -> Attempt:
        item = (await world.submit()).item
        if act == "claim":
            return lambda client: client.post("/api/v1/pools/triage/claims", **bearer(world.tokens["ben"]))
        if act == "withdraw":
            return lambda client: client.post(f"/api/v1/items/{item.id}/withdraw", **bearer(world.service_key))
        if act == "override":
            body = {"verdict": "reject", "reason": "policy"}
            path = f"/api/v1/items/{item.id}/override"
            return lambda client: client.post(path, json=body, **bearer(world.tokens["lea"]))
        held = (await world.claim("ana", limit=20))[-1]
        path = f"/api/v1/assignments/{held.id}/{act}"
        return lambda client: client.post(path, json={"fence": held.fence}, **bearer(world.tokens["ana"]))

    async def landed(answer: httpx.Response) -> bool:
        return answer.is_success

    assert len(await cut_everywhere(settings, world, after=True, prepare=prepare, landed=landed)) >= 2
