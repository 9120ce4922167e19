"""Submissions that arrive while others are being stored are stored next, together, by one statement and one commit.

Nobody waits for company: a submission that finds a free lane goes at once. Each caller is answered only after the
commit that holds their item.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeAlias, TypeVar

import asyncpg

T = TypeVar("T")
R = TypeVar("R")

Act: TypeAlias = Callable[[Sequence[T]], Awaitable[Sequence[R]]]

LANES = 2  # statements of a kind under way; more of them find less company and spend more of the processor
MOST = 200  # what one statement takes: some 10 ms

# These say that the statement was refused and left nothing behind, so each item may be tried alone. Of a lost
# connection or a server that went away nobody knows whether it committed.
_REFUSED = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.DeadlockDetectedError,
)


class Gatherings(Generic[T, R]):
    """Everybody in this process who waits for something to be done, by its kind."""

    def __init__(self) -> None:
        self._kinds: dict[Hashable, _Gathering[T, R]] = {}

    async def join(self, kind: Hashable, one: T, act: Act[T, R]) -> R:
        """Have one done, alone or with others of its kind; raises what doing it raised.

        `act` does a group at once and gives the results in the same order. It must do the same for everybody who
        names this kind. If it is refused for a group, it is asked again for each one alone.
        """
        gathering = self._kinds.get(kind)
        if gathering is None:
            gathering = self._kinds[kind] = _Gathering(act, when_idle=lambda: self._kinds.pop(kind))
        return await gathering.join(one)


class _Gathering(Generic[T, R]):
    """Those who wait for one kind, and the lanes that work for them."""

    def __init__(self, act: Act[T, R], *, when_idle: Callable[[], object]) -> None:
        self._act = act
        self._when_idle = when_idle
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._lanes: set[asyncio.Task[None]] = set()

    async def join(self, one: T) -> R:
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((one, answer))
        if len(self._lanes) < LANES:
            self._open_lane()
        return await answer

    def _open_lane(self) -> None:
        lane = asyncio.create_task(self._work())
        self._lanes.add(lane)
        lane.add_done_callback(self._end)

    async def _work(self) -> None:
        while group := self._next_group():
            await self._do(group)

    def _end(self, lane: asyncio.Task[None]) -> None:
        self._lanes.discard(lane)
        if lane.cancelled():  # the loop is being torn down around us
            for _, answer in self._waiting:
                answer.cancel()
        elif self._waiting and not self._lanes:  # somebody joined between a lane's last look and its end
            self._open_lane()
        elif not self._lanes:
            self._when_idle()

    def _next_group(self) -> list[tuple[T, asyncio.Future[R]]]:
        group: list[tuple[T, asyncio.Future[R]]] = []
        while self._waiting and len(group) < MOST:
            one, answer = self._waiting.popleft()
            if not answer.done():  # its caller has gone, and nothing has been begun for them
                group.append((one, answer))
        return group

    async def _do(self, group: list[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await self._act([one for one, _ in group])
        except _REFUSED as fault:
            if len(group) == 1:
                _fail(group, fault)
                return
            for each in group:
                await self._do([each])
        except Exception as fault:  # noqa: BLE001  each caller raises it
            _fail(group, fault)
        except BaseException:
            for _, answer in group:
                answer.cancel()
            raise
        else:
            for (_, answer), result in zip(group, results, strict=True):
                if not answer.done():
                    answer.set_result(result)


def _fail(group: Sequence[tuple[T, asyncio.Future[R]]], fault: Exception) -> None:
    for _, answer in group:
        if not answer.done():
            answer.set_exception(fault)
