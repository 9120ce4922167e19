"""The asynchronous client."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, Unpack
from uuid import UUID

import httpx

from countersign_client.answers import (
    Assignment,
    BatchResult,
    Event,
    EventPage,
    Feedback,
    FeedbackPage,
    HistoryEntry,
    Item,
    ItemDetail,
    ItemPage,
    Question,
    Returned,
    Reviewed,
)
from countersign_client.calls import events, feedback, items, reviewing
from countersign_client.datasets import AsyncDatasets
from countersign_client.driving import answer_of, arguments_of, id_of, lost_by, pieces_on_loop, settings_of
from countersign_client.imports import AsyncImports
from countersign_client.protocol import Answer, Lost, Patience, Request, Steps
from countersign_client.submissions import Beside, Submission, Verdict

T = TypeVar("T")


class AsyncClient:
    """A project's way to Countersign, through a key of it; for one event loop.

    Every call raises `Refused` or a subclass where the service refuses, and `NotReached` where nobody answered.
    `transport` takes the place of the network, in tests above all.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        patience: Patience | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.patience = patience or Patience()
        self._http = httpx.AsyncClient(transport=transport, **settings_of(base_url, key))
        self._sleep = sleep
        self.datasets = AsyncDatasets(self.run, self.patience)
        self.imports = AsyncImports(self.run, self.patience)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def submit(
        self,
        *,
        type: str,
        input: Any,
        output: Any,
        external_id: str | None = None,
        idempotency_key: str | None = None,
        wait: float = 0.0,
        **details: Unpack[Beside],
    ) -> Item:
        """Submit an AI output; with `wait`, hold the answer for up to 60 seconds until it is decided.

        What was submitted before under the same `external_id` or `idempotency_key` is given as it stands. Without
        either, the call makes a key for its own retries.

        Raises:
            Invalid: the content does not fit its item type (422).
            ConflictingResubmission: the id came before with other content (409).
        """
        return await self.run(
            items.submit(
                self.patience,
                type=type,
                input=input,
                output=output,
                external_id=external_id,
                idempotency_key=idempotency_key,
                wait=wait,
                details=details,
            )
        )

    async def submit_many(
        self, submissions: Iterable[Submission], *, idempotency_key: str | None = None
    ) -> list[BatchResult]:
        """Submit any number of items, each on its own merits; the results are in the order given.

        Where the call raises, some of them may be stored: the same call with the same `idempotency_key` goes on.
        """
        return await self.run(items.submit_many(self.patience, submissions, idempotency_key=idempotency_key))

    async def wait(self, item: Item | UUID | str, *, timeout: float | None = None) -> ItemDetail:
        """Wait, for so many seconds or for ever, until an item is decided or withdrawn.

        Raises:
            NotDecided: the time is up.
        """
        return await self.run(items.wait(self.patience, id_of(item), timeout=timeout))

    async def get(self, item: Item | UUID | str) -> ItemDetail:
        """Read an item with its payload."""
        return await self.run(items.get(self.patience, id_of(item)))

    async def history(self, item: Item | UUID | str) -> list[HistoryEntry]:
        """Read everything that happened to an item, oldest first, with who and why."""
        return await self.run(items.history(self.patience, id_of(item)))

    async def list_items(
        self,
        *,
        status: str | None = None,
        type: str | None = None,
        pool: str | None = None,
        external_id: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> ItemPage:
        """Read a page of items, newest first; `next` is the cursor of the following one."""
        wanted = items.wanted(status, type, pool, external_id) | {"cursor": cursor, "limit": limit}
        return await self.run(items.list_items(self.patience, wanted))

    async def items(
        self,
        *,
        status: str | None = None,
        type: str | None = None,
        pool: str | None = None,
        external_id: str | None = None,
    ) -> AsyncIterator[Item]:
        """Iterate over items, newest first, page by page."""
        wanted: Mapping[str, object] | None = items.wanted(status, type, pool, external_id)
        while wanted is not None:
            page = await self.run(items.list_items(self.patience, wanted))
            for item in page.data:
                yield item
            wanted = items.further(wanted, page)

    async def withdraw(self, item: Item | UUID | str, *, reason: str = "") -> Item:
        """Take an open item back; twice is the same as once."""
        return await self.run(items.withdraw(self.patience, id_of(item), reason=reason))

    async def answer(self, item: Item | UUID | str, question: Question | UUID | str, text: str) -> Question:
        """Answer a reviewer's question about an item; `get` shows the questions, and an event tells of each."""
        question_id = question.id if isinstance(question, Question) else question
        return await self.run(items.answer(self.patience, id_of(item), question_id, text))

    async def override(
        self,
        item: Item | UUID | str,
        verdict: Verdict,
        *,
        reason: str,
        output: Any = None,
        reasons: Sequence[str] = (),
    ) -> Item:
        """Decide an item as a lead, or revise its decision; it may wait for a second person to confirm it."""
        steps = items.override(
            self.patience, id_of(item), verdict=verdict, reason=reason, output=output, reasons=reasons
        )
        return await self.run(steps)

    async def claim(self, pool: str, *, limit: int = 1) -> list[Assignment]:
        """Claim the most urgent seats of a pool, with a person's token; none where there is none."""
        return await self.run(reviewing.claim(self.patience, pool, limit=limit))

    async def review(
        self,
        seat: Assignment,
        verdict: Verdict,
        *,
        output: Any = None,
        reasons: Sequence[str] = (),
        comment: str = "",
    ) -> Reviewed:
        """Judge a seat in hand; `output` goes with `correct` alone.

        Raises:
            LeaseLost: the claim no longer stands; nothing was recorded (409).
        """
        steps = reviewing.review(self.patience, seat, verdict=verdict, output=output, reasons=reasons, comment=comment)
        return await self.run(steps)

    async def extend(self, seat: Assignment) -> Assignment:
        """Keep a seat for a full lease from now, and give it as it stands then."""
        return await self.run(reviewing.extend(self.patience, seat))

    async def release(self, seat: Assignment) -> Returned:
        """Give a seat back to its queue."""
        return await self.run(reviewing.give_back(reviewing.RELEASE, self.patience, seat, reason=None))

    async def skip(self, seat: Assignment, *, reason: str = "") -> Returned:
        """Give a seat back and never be offered this case again."""
        return await self.run(reviewing.give_back(reviewing.SKIP, self.patience, seat, reason=reason))

    async def escalate(self, seat: Assignment, *, reason: str = "") -> Returned:
        """Hand a case on by the next step of its escalation policy."""
        return await self.run(reviewing.give_back(reviewing.ESCALATE, self.patience, seat, reason=reason))

    async def feedback_pages(
        self,
        *,
        type: str | None = None,
        after: str | None = None,
        limit: int = feedback.PAGE,
        every: float | None = None,
    ) -> AsyncIterator[FeedbackPage]:
        """Iterate over pages of labelled records in commit order, from `after` on.

        Keep `page.next` once a page is dealt with: continuing from it misses nothing and repeats nothing. With
        `every`, the iteration never ends and looks for news every so many seconds.
        """
        walk = feedback.walk(type=type, after=after, limit=limit, every=every)
        while (page := await self.run(walk.turn(self.patience))) is not None:
            yield page

    async def feedback(
        self, *, type: str | None = None, after: str | None = None, every: float | None = None
    ) -> AsyncIterator[Feedback]:
        """Iterate over labelled records in commit order; to resume exactly, take `feedback_pages`.

        Whoever keeps records takes these too, for they tell which items were erased since.
        """
        async for page in self.feedback_pages(type=type, after=after, every=every):
            for record in page.data:
                yield record

    async def export(
        self,
        into: Path | str,
        *,
        format: Literal["parquet", "jsonl", "csv"] = "parquet",
        type: str | None = None,
        since: datetime | None = None,
    ) -> Path:
        """Write the last decision of each item to a file, in commit order; `since` needs an offset from UTC.

        For training, a snapshot of a dataset is better: it never changes, and says what is in it.
        """
        return await self.run(feedback.export(self.patience, into, format=format, type=type, since=since))

    async def event_pages(
        self,
        *,
        types: Sequence[str] = (),
        after: str | None = None,
        limit: int = events.PAGE,
        every: float | None = None,
    ) -> AsyncIterator[EventPage]:
        """Iterate over pages of events in the order of the feed, behind `after` or from the beginning on.

        `types` are such as `item.decided`; without any, all come. Keep `page.next` once a page is dealt with:
        continuing from it misses nothing and repeats nothing. With `every`, the iteration never ends and looks for news
        every so many seconds.
        """
        walk = events.walk(types=types, after=after, limit=limit, every=every)
        while (page := await self.run(walk.turn(self.patience))) is not None:
            yield page

    async def events(
        self, *, types: Sequence[str] = (), after: str | None = None, every: float | None = None
    ) -> AsyncIterator[Event]:
        """Iterate over events in the order of the feed; to resume, give the last one's id as `after`."""
        async for page in self.event_pages(types=types, after=after, every=every):
            for event in page.data:
                yield event

    async def run(self, steps: Steps[T]) -> T:
        """Drive a call, a generator of requests, to its result; every method here is one such."""
        try:
            request = next(steps)
            while True:
                if request.delay > 0:
                    await self._sleep(request.delay)
                request = steps.send(await self._send(request))
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            steps.close()

    async def _send(self, request: Request) -> Answer | Lost:
        arguments = arguments_of(request, self.patience.timeout)
        if isinstance(request.content, Path):
            arguments["content"] = pieces_on_loop(request.content)
        try:
            async with self._http.stream(**arguments) as response:
                if request.into is None or not response.is_success:
                    return answer_of(response, await response.aread())
                request.into.restart()
                async for piece in response.aiter_bytes():
                    request.into.write(piece)
                return answer_of(response, b"")
        except httpx.RequestError as fault:
            return lost_by(fault)
