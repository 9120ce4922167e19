"""Requests and answers without a network: what is sent, when it is sent again, and how an answer is read.

A call is a generator that yields requests, is sent answers, and returns its result. What drives it sleeps, sends, and
knows nothing else, so that the synchronous and the asynchronous client cannot differ.
"""

import random
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, cast
from urllib.parse import quote

import msgspec

from countersign_client.errors import NotReached, Problem, Refused, Unreadable, refusal

T = TypeVar("T")

SHOWN = 200  # bytes of an answer that nobody can read, in the message about it


class Sink(Protocol):
    """Takes a body that is too large to hold; `restart` comes before the first piece of each try."""

    def restart(self) -> None:
        """Forget what came."""
        ...

    def write(self, piece: bytes, /) -> None:
        """Take the next piece."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One request, sent after `delay` seconds; a good answer's body goes piece by piece to `into` where that is set.

    What is sent may be a file, which is read anew for each try.
    """

    method: str
    path: str
    params: Mapping[str, str | Sequence[str]] = field(default_factory=dict[str, str | Sequence[str]])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    content: bytes | Path | None = None
    held_for: float = 0.0  # seconds for which the service may keep the answer back
    delay: float = 0.0
    into: Sink | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """No whole answer came; `sent` says that the request can have arrived."""

    reason: str
    sent: bool


Steps: TypeAlias = Generator[Request, Answer | Lost, T]


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long to wait and how often to try again; all times are in seconds.

    Pauses double from `first_pause`, never beyond `longest_pause`, each shortened by chance so that many clients do
    not come back at once. A `Retry-After` is kept to; one beyond `longest_pause` is raised instead of waited for.
    """

    attempts: int = 6
    first_pause: float = 0.5
    longest_pause: float = 30.0
    timeout: float = 30.0
    chance: Callable[[], float] = random.random
    clock: Callable[[], float] = time.monotonic

    def pause(self, failures: int, answer: Answer | Lost) -> float | None:
        """Give how long to wait after so many failures, or None to give up."""
        if failures >= self.attempts:
            return None
        asked = retry_after(answer) if isinstance(answer, Answer) else None
        if asked is not None and asked > self.longest_pause:
            return None
        own = min(self.longest_pause, self.first_pause * 2.0 ** min(failures - 1, 30))
        return max(own * (0.5 + self.chance() / 2), asked or 0.0)


@dataclass(frozen=True, kw_only=True)
class Route(Generic[T]):
    """A call of the API: where it is, what it takes, what it gives, and whether sending it twice is harmless."""

    method: str
    path: str
    gives: type[T]
    query: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    is_repeatable: bool = False

    def request(
        self,
        *,
        at: Mapping[str, object] | None = None,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, object] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        held_for: float = 0.0,
    ) -> Request:
        """Put a request together; what is None in `query` and `body` is left out."""
        params = {name: _texts(value) for name, value in (query or {}).items() if value is not None}
        content = encoded(without_none(body)) if isinstance(body, Mapping) else body
        kind = {} if content is None else {"Content-Type": "application/json"}
        path = self.path.format(**{name: quote(str(value), safe="") for name, value in (at or {}).items()})
        return Request(
            method=self.method,
            path=path,
            params=params,
            headers={**kind, **(headers or {})},
            content=content,
            held_for=held_for,
        )

    def ask(
        self,
        patience: Patience,
        request: Request,
        *,
        until: float | None = None,
        again: Callable[[Request], Request] | None = None,
    ) -> Steps[T]:
        """Send a request and read the answer, which may take several tries (see `delivered`).

        Raises:
            Refused: as the service says.
            NotReached: nobody answered.
            Unreadable: somebody else did.
        """
        answer = yield from delivered(patience, request, is_repeatable=self.is_repeatable, until=until, again=again)
        return self.read(answer)

    def read(self, answer: Answer) -> T:
        """Read a good answer.

        Raises:
            Unreadable: it is not what the service says here.
        """
        try:
            return msgspec.json.decode(answer.content, type=self.gives)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            message = f"The answer to {self.method} {self.path} cannot be read: {fault}."
            raise Unreadable(message) from fault


def delivered(
    patience: Patience,
    request: Request,
    *,
    is_repeatable: bool,
    until: float | None = None,
    again: Callable[[Request], Request] | None = None,
) -> Steps[Answer]:
    """Send a request, again where that is safe, until there is a good answer.

    `until` is a moment of the clock after which nothing is tried again; `again` gives what to send then instead.
    """
    failures = 0
    while True:
        answer = yield request
        if isinstance(answer, Answer) and HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            return answer
        failures += 1
        pause = patience.pause(failures, answer) if may_repeat(answer, is_repeatable=is_repeatable) else None
        if pause is None or (until is not None and patience.clock() + pause >= until):
            raise fault_of(answer, request)
        request = replace(request, delay=pause)
        request = again(request) if again else request


def may_repeat(answer: Answer | Lost, *, is_repeatable: bool) -> bool:
    """Say whether to send a request again: if it did nothing, or if doing it twice is the same as once."""
    if isinstance(answer, Lost):
        return is_repeatable or not answer.sent
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return True
    failed = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR and answer.status != HTTPStatus.NOT_IMPLEMENTED
    return is_repeatable and (failed or answer.status == HTTPStatus.REQUEST_TIMEOUT)


def fault_of(answer: Answer | Lost, request: Request) -> NotReached | Refused:
    """Give what to raise for an answer that is none, or a refusal."""
    if isinstance(answer, Lost):
        message = f"No answer to {request.method} {request.path}: {answer.reason.rstrip('.')}."
        return NotReached(message, may_have_arrived=answer.sent)
    try:
        problem = msgspec.json.decode(answer.content, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = answer.content[:SHOWN].decode(errors="replace").strip() or "nothing"
        detail = f"What came was no answer of the service itself, but perhaps a proxy's: {said}"
        problem = Problem(status=answer.status, code="not_countersign", detail=detail)
    return refusal(problem, retry_after=retry_after(answer))


def retry_after(answer: Answer) -> float | None:
    """Read when to come back, in seconds from now; the header has seconds or a date."""
    said = answer.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return float(said[:9])
    try:
        at = parsedate_to_datetime(said)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


def encoded(value: object) -> bytes:
    """Write a value as JSON: what msgspec knows, and what numpy and pydantic can put as plain values themselves."""
    return _ENCODER.encode(value)


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if hasattr(value, "tolist"):
        return value.tolist()
    message = f"{type(value).__name__} has no form in JSON; give dictionaries, lists, texts and numbers."
    raise TypeError(message)


_ENCODER = msgspec.json.Encoder(enc_hook=_plain)


def without_none(values: Mapping[str, object]) -> dict[str, object]:
    """Leave out what is None."""
    return {name: value for name, value in values.items() if value is not None}


def _texts(value: object) -> str | list[str]:
    if isinstance(value, list | tuple):
        return [_text(each) for each in cast("Sequence[object]", value)]
    return _text(value)


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
