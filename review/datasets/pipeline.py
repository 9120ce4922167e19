"""Keeping the database, the reader and the writer busy at once, each at most a step ahead of the next."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import aclosing
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

in_thread = asyncio.to_thread


async def ahead(source: AsyncGenerator[T]) -> AsyncGenerator[T]:
    """Give what the source gives while already fetching the next."""
    async with aclosing(source):
        coming = asyncio.ensure_future(anext(source, None))
        try:
            while (item := await coming) is not None:
                coming = asyncio.ensure_future(anext(source, None))
                yield item
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)


async def worked(source: AsyncIterable[T], work: Callable[[T], R], *, width: int) -> AsyncGenerator[R]:
    """Work on up to `width` items at once, each in a thread, and give the results in the order the items came."""
    running: deque[asyncio.Task[R]] = deque()
    try:
        async for item in source:
            running.append(asyncio.create_task(in_thread(work, item)))
            if len(running) >= width:
                yield await running.popleft()
        while running:
            yield await running.popleft()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
