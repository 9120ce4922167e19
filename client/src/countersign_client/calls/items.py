"""Submitting items, reading them, and waiting for what becomes of them."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import msgspec

from countersign_client.answers import (
    BatchResult,
    BatchResults,
    History,
    HistoryEntry,
    Item,
    ItemDetail,
    ItemPage,
    Question,
)
from countersign_client.errors import NotDecided
from countersign_client.protocol import Patience, Request, Route, Steps, encoded, without_none
from countersign_client.submissions import Details, Submission, Verdict

MOST_IN_A_BATCH = 1_000
MOST_BYTES_IN_A_BATCH = 4 * 1024 * 1024  # the service takes 10 MiB unless its operator says otherwise
LONGEST_WAIT = 60.0  # seconds for which the service holds an answer
SHORTEST_TURN = 2.0  # seconds between two looks where the service does not hold the answer, being short of places

SUBMITTED = tuple(sorted(Submission.__annotations__))
SUBMIT = Route(
    method="POST", path="/items", gives=Item, query=("wait",), takes=SUBMITTED, is_repeatable=True
)  # repeatable by its key
BATCH = Route(method="POST", path="/items/batch", gives=BatchResults, takes=("items",), is_repeatable=True)
GET = Route(method="GET", path="/items/{item_id}", gives=ItemDetail, query=("wait",), is_repeatable=True)
HISTORY = Route(method="GET", path="/items/{item_id}/history", gives=History, is_repeatable=True)
LIST = Route(
    method="GET",
    path="/items",
    gives=ItemPage,
    query=("status", "type", "pool", "external_id", "cursor", "limit"),
    is_repeatable=True,
)
WITHDRAW = Route(method="POST", path="/items/{item_id}/withdraw", gives=Item, takes=("reason",), is_repeatable=True)
OVERRIDE = Route(
    method="POST", path="/items/{item_id}/override", gives=Item, takes=("verdict", "reason", "output", "reasons")
)

ANSWER = Route(method="POST", path="/items/{item_id}/questions/{question_id}/answer", gives=Question, takes=("answer",))


def submit(
    patience: Patience,
    *,
    type: str,
    input: Any,
    output: Any,
    external_id: str | None,
    idempotency_key: str | None,
    wait: float,
    details: Details,
) -> Steps[Item]:
    """Submit one item under a key of the call's own where it has none, so that sending it again is harmless."""
    key = idempotency_key if idempotency_key or external_id else str(uuid4())
    held = max(0.0, min(wait, LONGEST_WAIT))
    request = SUBMIT.request(
        query={"wait": held or None},
        body=encoded(
            {**without_none({**details, "external_id": external_id}), "type": type, "input": input, "output": output}
        ),
        headers={} if key is None else {"Idempotency-Key": key},
        held_for=held,
    )
    return SUBMIT.ask(patience, request)


def submit_many(
    patience: Patience, items: Iterable[Submission], *, idempotency_key: str | None
) -> Steps[list[BatchResult]]:
    """Submit items in batches as large as the service takes, each with a key of its own."""
    key = idempotency_key or str(uuid4())
    results: list[BatchResult] = []
    for number, texts in enumerate(batches(items)):
        body = b'{"items":[' + b",".join(texts) + b"]}"
        request = BATCH.request(body=body, headers={"Idempotency-Key": f"{key}:{number}"})
        answer = yield from BATCH.ask(patience, request)
        first = len(results)
        results += [msgspec.structs.replace(each, index=first + each.index) for each in answer.results]
    return results


def batches(
    items: Iterable[Submission], most: int = MOST_IN_A_BATCH, most_bytes: int = MOST_BYTES_IN_A_BATCH
) -> Iterator[list[bytes]]:
    """Part items, in order, into batches of bounded number and size; one that is larger goes by itself."""
    held: list[bytes] = []
    size = 0
    for item in items:
        text = encoded(item)
        if held and (len(held) >= most or size + len(text) > most_bytes):
            yield held
            held, size = [], 0
        held.append(text)
        size += len(text) + 1
    if held:
        yield held


def get(patience: Patience, item_id: UUID | str) -> Steps[ItemDetail]:
    """Read an item with its payload."""
    return GET.ask(patience, GET.request(at={"item_id": item_id}))


def wait(patience: Patience, item_id: UUID | str, *, timeout: float | None) -> Steps[ItemDetail]:
    """Ask again and again, each time held by the service, until the item is decided or withdrawn.

    With a `timeout`, failures to reach the service count for nothing until it is up: people take longer than restarts.
    """
    deadline = None if timeout is None else patience.clock() + timeout
    if deadline is not None:
        patience = replace(patience, attempts=sys.maxsize)

    def held(request: Request) -> Request:
        left = LONGEST_WAIT if deadline is None else max(0.0, deadline - patience.clock() - request.delay)
        seconds = min(left, LONGEST_WAIT)
        return replace(request, params={"wait": f"{seconds:.3f}"}, held_for=seconds)

    request = held(GET.request(at={"item_id": item_id}))
    while True:
        asked_at = patience.clock() + request.delay
        item = yield from GET.ask(patience, request, until=deadline, again=held)
        if not item.is_open:
            return item
        now = patience.clock()
        if deadline is not None and now >= deadline:
            raise NotDecided(item)
        early = max(0.0, min(SHORTEST_TURN, request.held_for) - (now - asked_at))
        request = held(replace(request, delay=early if deadline is None else min(early, deadline - now)))


def history(patience: Patience, item_id: UUID | str) -> Steps[list[HistoryEntry]]:
    """Read everything that happened to an item."""
    found = yield from HISTORY.ask(patience, HISTORY.request(at={"item_id": item_id}))
    return found.data


def list_items(patience: Patience, wanted: Mapping[str, object]) -> Steps[ItemPage]:
    """Read one page of items, newest first."""
    return LIST.ask(patience, LIST.request(query=wanted))


def wanted(status: str | None, type: str | None, pool: str | None, external_id: str | None) -> dict[str, object]:
    """Name the filters of a list."""
    return {"status": status, "type": type, "pool": pool, "external_id": external_id}


def further(wanted: Mapping[str, object], page: ItemPage) -> Mapping[str, object] | None:
    """Give what asks for the page behind this one, or None at the end."""
    return None if page.next is None else {**wanted, "cursor": page.next}


def withdraw(patience: Patience, item_id: UUID | str, *, reason: str) -> Steps[Item]:
    """Take an open item back."""
    return WITHDRAW.ask(patience, WITHDRAW.request(at={"item_id": item_id}, body={"reason": reason}))


def override(
    patience: Patience, item_id: UUID | str, *, verdict: Verdict, reason: str, output: Any, reasons: Sequence[str]
) -> Steps[Item]:
    """Decide as a lead."""
    body = judgement(verdict, output, reasons) | {"reason": reason}
    return OVERRIDE.ask(patience, OVERRIDE.request(at={"item_id": item_id}, body=body))


def answer(patience: Patience, item_id: UUID | str, question_id: UUID | str, text: str) -> Steps[Question]:
    """Answer a reviewer's question."""
    at = {"item_id": item_id, "question_id": question_id}
    return ANSWER.ask(patience, ANSWER.request(at=at, body={"answer": text}))


def judgement(verdict: Verdict, output: Any, reasons: Sequence[str]) -> dict[str, object]:
    """Give what a verdict is sent as; an output goes with `correct` alone, where it may be null."""
    given: dict[str, object] = {"verdict": verdict, "reasons": tuple(reasons)}
    return given | ({"output": msgspec.Raw(encoded(output))} if verdict == "correct" else {})
