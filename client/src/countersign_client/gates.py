"""A gate: a function whose output comes back only once it may go out."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, ParamSpec, Protocol, TypeVar, overload

import msgspec

from countersign_client.aio import AsyncClient
from countersign_client.answers import Item
from countersign_client.calls import items
from countersign_client.client import Client
from countersign_client.errors import Conflict, NotDecided, Rejected, Withdrawn
from countersign_client.protocol import Patience, Steps
from countersign_client.submissions import Details

P = ParamSpec("P")
R = TypeVar("R")

BOUND = {"self", "cls"}  # what a method is called on is no part of its input


class Gated(Protocol):
    """Puts a function behind a gate."""

    def __call__(self, function: Callable[P, R], /) -> Callable[P, R]:
        """Give the function behind the gate."""
        ...


class AsyncGated(Protocol):
    """Puts an asynchronous function behind a gate."""

    def __call__(self, function: Callable[P, Awaitable[R]], /) -> Callable[P, Awaitable[R]]:
        """Give the function behind the gate."""
        ...


@overload
def gated(
    client: Client,
    *,
    type: str,
    timeout: float | None = None,
    input: Callable[..., Any] | None = None,
    external_id: Callable[..., str] | None = None,
    details: Details | Callable[[Any], Details] | None = None,
    withdraw_late: bool = False,
) -> Gated: ...
@overload
def gated(
    client: AsyncClient,
    *,
    type: str,
    timeout: float | None = None,
    input: Callable[..., Any] | None = None,
    external_id: Callable[..., str] | None = None,
    details: Details | Callable[[Any], Details] | None = None,
    withdraw_late: bool = False,
) -> AsyncGated: ...
def gated(
    client: Client | AsyncClient,
    *,
    type: str,
    timeout: float | None = None,
    input: Callable[..., Any] | None = None,
    external_id: Callable[..., str] | None = None,
    details: Details | Callable[[Any], Details] | None = None,
    withdraw_late: bool = False,
) -> Any:
    """Make a decorator that submits what a function gives, and gives it on once it is approved.

    Where it is corrected, the correction is given, as the type that the function gave. The item's input is the
    function's arguments by name, or what `input` makes of them; `details` are its circumstances, or make them of the
    output. With an `external_id` made of the arguments, a call that is repeated, after a restart too, asks for the same
    item instead of a new one. With `withdraw_late`, nobody is asked any more once the seconds of `timeout` are up.

    The decorated function raises what the client does, and:
        Rejected: people, or a rule, said no.
        NotDecided: nobody decided within `timeout`.
        Withdrawn: the item was taken back meanwhile.
    """
    gate = _Gate(type, timeout, input, external_id, details, withdraw_late)
    return _behind(client, gate) if isinstance(client, Client) else _behind_async(client, gate)


@dataclass(frozen=True, slots=True)
class _Gate:
    type: str
    timeout: float | None
    input: Callable[..., Any] | None
    external_id: Callable[..., str] | None
    details: Details | Callable[[Any], Details] | None
    withdraw_late: bool

    def passing(
        self, patience: Patience, function: Callable[..., Any], args: Any, kwargs: Mapping[str, Any], output: R
    ) -> Steps[R]:
        """Submit an output, wait for what becomes of it, and give what may go out."""
        deadline = None if self.timeout is None else patience.clock() + self.timeout
        submitted = yield from items.submit(
            patience,
            type=self.type,
            input=self.input(*args, **kwargs) if self.input else _arguments(function, args, kwargs),
            output=output,
            external_id=self.external_id(*args, **kwargs) if self.external_id else None,
            idempotency_key=None,
            wait=items.LONGEST_WAIT if self.timeout is None else self.timeout,
            details=(self.details(output) if callable(self.details) else self.details) or {},
        )
        if not submitted.is_open:
            return _outcome(submitted, output)
        left = None if deadline is None else max(0.0, deadline - patience.clock())
        try:
            decided: Item = yield from items.wait(patience, submitted.id, timeout=left)
        except NotDecided as late:
            if not self.withdraw_late:
                raise
            decided = yield from _withdrawn(patience, late)
        return _outcome(decided, output)


def _withdrawn(patience: Patience, late: NotDecided) -> Steps[Item]:
    """Take a late item back; one that was decided at the last moment counts after all."""
    try:
        yield from items.withdraw(patience, late.item.id, reason="Nobody waits for it any more.")
    except Conflict:
        item: Item = yield from items.get(patience, late.item.id)
        if not item.is_open:
            return item
    raise late


def _outcome(item: Item, output: R) -> R:
    if item.status != "decided":
        raise Withdrawn(item)
    decision = item.outcome
    if decision.verdict == "approve":
        return output
    if decision.verdict == "correct":
        return _as_the_kind_of(output, decision.output)
    raise Rejected(item)


def _as_the_kind_of(output: R, corrected: Any) -> R:
    kind: Any = type(output)
    # Models of pydantic make themselves; msgspec makes everything else.
    make = getattr(kind, "model_validate", None) or partial(msgspec.convert, type=kind)
    made: R = make(corrected)
    return made


def _arguments(function: Callable[..., Any], args: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    return {name: value for name, value in bound.arguments.items() if name not in BOUND}


def _behind(client: Client, gate: _Gate) -> Gated:
    def decorate(function: Callable[P, R], /) -> Callable[P, R]:
        @wraps(function)
        def through(*args: P.args, **kwargs: P.kwargs) -> R:
            return client.run(gate.passing(client.patience, function, args, kwargs, function(*args, **kwargs)))

        return through

    return decorate


def _behind_async(client: AsyncClient, gate: _Gate) -> AsyncGated:
    def decorate(function: Callable[P, Awaitable[R]], /) -> Callable[P, Awaitable[R]]:
        @wraps(function)
        async def through(*args: P.args, **kwargs: P.kwargs) -> R:
            output = await function(*args, **kwargs)
            return await client.run(gate.passing(client.patience, function, args, kwargs, output))

        return through

    return decorate
