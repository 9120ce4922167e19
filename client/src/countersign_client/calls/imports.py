"""Uploading files of labelled data, and what became of their rows."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeAlias
from uuid import uuid4

import msgspec

from countersign_client.answers import Import, ImportPage, LeftOut
from countersign_client.errors import ImportFailed, ImportLate, Unreadable
from countersign_client.files import Whole
from countersign_client.protocol import Patience, Route, Steps, delivered

How: TypeAlias = Literal["decided", "queue"]
Layout: TypeAlias = Literal["jsonl", "csv", "parquet", "label_studio"]

FIRST_LOOK = 0.5  # seconds
LONGEST_LOOK = 10.0
LONG_UPLOAD = 300.0  # seconds that the service may take to store what it has

ONE = "/imports/{import_number}"
BEGIN = Route(
    method="POST",
    path="/imports",
    gives=Import,
    query=("type", "as", "format", "name", "map"),
    is_repeatable=True,
)  # repeatable by its key
LIST = Route(method="GET", path="/imports", gives=ImportPage, query=("before", "limit"), is_repeatable=True)
GET = Route(method="GET", path=ONE, gives=Import, is_repeatable=True)
STOP = Route(method="POST", path=f"{ONE}/stop", gives=Import)
ERRORS = Route(method="GET", path=f"{ONE}/errors", gives=bytes, query=("format",), is_repeatable=True)


def upload(  # noqa: PLR0913  one for each option of the call
    patience: Patience,
    file: Path | str | bytes,
    *,
    type: str,
    map: Mapping[str, str] | None,
    how: How,
    format: Layout | None,
    name: str | None,
    gold: bool,
    idempotency_key: str | None,
) -> Steps[Import]:
    """Upload a file under a key of the call's own where it has none, so that sending it again is harmless."""
    content = file if isinstance(file, bytes) else Path(file)
    called = name or (content.name if isinstance(content, Path) else None)
    pairs = [f"{part}={field}" for part, field in (map or {}).items()]
    request = BEGIN.request(
        query={
            "type": type,
            "as": how,
            "format": format,
            "name": called,
            "gold": "true" if gold else None,
            "map": pairs or None,
        },
        headers={"Content-Type": "application/octet-stream", "Idempotency-Key": idempotency_key or str(uuid4())},
        held_for=LONG_UPLOAD,
    )
    return BEGIN.ask(patience, replace(request, content=content))


def wait(patience: Patience, number: int, *, timeout: float | None) -> Steps[Import]:
    """Look again and again, ever more seldom, until an import is done."""
    deadline = None if timeout is None else patience.clock() + timeout
    delay = 0.0
    while True:
        found = yield from GET.ask(patience, replace(GET.request(at={"import_number": number}), delay=delay))
        if found.state == "done":
            return found
        if found.state not in {"waiting", "running"}:
            raise ImportFailed(found)
        delay = min(LONGEST_LOOK, delay * 1.5 or FIRST_LOOK)
        if deadline is not None:
            left = deadline - patience.clock()
            if left <= 0:
                raise ImportLate(found)
            delay = min(delay, left)


def get(patience: Patience, number: int) -> Steps[Import]:
    """Read how far an import is."""
    return GET.ask(patience, GET.request(at={"import_number": number}))


def page(patience: Patience, before: int | None) -> Steps[ImportPage]:
    """Read some imports, the last first."""
    return LIST.ask(patience, LIST.request(query={"before": before}))


def stop(patience: Patience, number: int) -> Steps[Import]:
    """End an import where it is."""
    return STOP.ask(patience, STOP.request(at={"import_number": number}))


def left_out(patience: Patience, number: int) -> Steps[list[LeftOut]]:
    """Read the rows that were left out."""
    answer = yield from delivered(patience, ERRORS.request(at={"import_number": number}), is_repeatable=True)
    try:
        return msgspec.json.Decoder(LeftOut).decode_lines(answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        message = f"The rows that import {number} left out cannot be read: {fault}."
        raise Unreadable(message) from fault


def save_left_out(patience: Patience, number: int, into: Path | str, *, format: Literal["jsonl", "csv"]) -> Steps[Path]:
    """Bring the rows that were left out here, as a file."""
    request = ERRORS.request(at={"import_number": number}, query={"format": format})
    with closing(Whole(Path(into))) as whole:
        yield from delivered(patience, replace(request, into=whole), is_repeatable=True)
        return whole.finish()
