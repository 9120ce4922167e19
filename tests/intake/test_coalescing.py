"""Those who arrive together are served together, and nobody is forgotten."""

import asyncio
from collections.abc import Sequence

import pytest

from review.intake.coalescing import LANES, Gatherings


async def double(group: Sequence[int]) -> list[int]:
    await asyncio.sleep(0)
    return [2 * each for each in group]


async def test_somebody_who_joins_as_the_last_lane_ends_is_served_too() -> None:
    gatherings: Gatherings[int, int] = Gatherings()
    for waits in range(12):
        joined = [asyncio.create_task(gatherings.join("k", at, double)) for at in range(LANES)]
        for _ in range(waits):
            await asyncio.sleep(0)
        late = asyncio.create_task(gatherings.join("k", 9, double))
        assert await asyncio.wait_for(asyncio.gather(*joined, late), 5) == [*(2 * at for at in range(LANES)), 18]


async def test_many_are_answered_each_with_their_own() -> None:
    gatherings: Gatherings[int, int] = Gatherings()
    answers = await asyncio.gather(*(gatherings.join(at % 3, at, double) for at in range(1_000)))
    assert answers == [2 * at for at in range(1_000)]


async def test_a_fault_reaches_everybody_it_concerns() -> None:
    gatherings: Gatherings[int, int] = Gatherings()

    async def fail(_group: Sequence[int]) -> list[int]:
        raise ConnectionError

    for answer in await asyncio.gather(*(gatherings.join("k", at, fail) for at in range(5)), return_exceptions=True):
        assert isinstance(answer, ConnectionError)


@pytest.mark.parametrize("cancelled", range(4))
async def test_a_caller_who_leaves_takes_nobody_along(cancelled: int) -> None:
    gatherings: Gatherings[int, int] = Gatherings()
    tasks = [asyncio.create_task(gatherings.join("k", at, double)) for at in range(5)]
    await asyncio.sleep(0)
    tasks[cancelled].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    for at, answer in enumerate(answers):
        assert answer == 2 * at or (at == cancelled and isinstance(answer, asyncio.CancelledError))
