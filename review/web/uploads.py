"""Files that are uploaded: written to this machine's disk as they come, from a body of their own or out of a form."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Final, NamedTuple, cast

from litestar.exceptions import ClientException
from multipart import (
    MultipartSegment,
    ParserError,
    PushMultipartParser,
    parse_options_header,  # pyright: ignore[reportUnknownVariableType]  untyped there
)

from review.kernel.errors import MalformedRequest, Unavailable
from review.kernel.sentences import say
from review.web.protocol import LEAST_BYTES_A_SECOND
from review.web.services import AnyRequest
from review.web.timing import allow

MULTIPART: Final = "multipart/form-data"
MOST_FIELDS: Final = 200
MOST_FIELD_BYTES: Final = 100_000  # of all fields of a form but its file
GATHERED_BYTES: Final = 1 << 20  # before they go to the disk


class Received(NamedTuple):
    """What came: the file, what it was called where the form says so, its digest, and the form's other fields."""

    path: Path
    filename: str
    bytes: int
    sha256: str
    fields: list[tuple[str, str]]


class _File:
    """A file that is being written."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self.bytes = 0
        self.digest = hashlib.sha256()
        self._file = file
        self._most = most
        self._gathered = bytearray()

    async def add(self, piece: bytes | bytearray) -> None:
        self.bytes += len(piece)
        if self.bytes > self._most:
            detail = f"The file is larger than {self._most:,} bytes, which is the most here. Nothing was imported."
            raise ClientException(status_code=413, detail=detail)
        self._gathered += piece
        if len(self._gathered) >= GATHERED_BYTES:
            await self.flush()

    async def flush(self) -> None:
        piece, self._gathered = bytes(self._gathered), bytearray()
        await asyncio.to_thread(self._write, piece)

    def _write(self, piece: bytes) -> None:
        self.digest.update(piece)
        self._file.write(piece)
        self._file.flush()


class _Form:
    """A form that is being read: small fields, and one file."""

    def __init__(self, file: _File) -> None:
        self.fields: list[tuple[str, str]] = []
        self.filename: str | None = None
        self._file = file
        self._segment: MultipartSegment | None = None
        self._value = bytearray()
        self._left = MOST_FIELD_BYTES

    async def take(self, event: MultipartSegment | bytearray | bytes | None) -> None:
        """Take what the parser found: the head of a part, a piece of it, or its end."""
        if isinstance(event, MultipartSegment):
            self._segment, self._value = event, bytearray()
            if self._is_file and self.filename is not None:
                message = say("The form holds more than one file. Nothing was imported; send one at a time.")
                raise MalformedRequest(message)
            if self._is_file:
                self.filename = event.filename or ""
        elif event is None:
            if self._segment is not None and not self._is_file:
                value = self._value.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
                self.fields.append((self._segment.name or "", value))
        elif self._is_file:
            await self._file.add(event)
        else:
            self._left -= len(event)
            if self._left < 0:
                message = say("A field of the form is too long. Nothing was imported.")
                raise MalformedRequest(message)
            self._value += event

    @property
    def _is_file(self) -> bool:
        return self._segment is not None and self._segment.name == "file"


def is_multipart(request: AnyRequest) -> bool:
    """Tell whether the body is a form that can hold files."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == MULTIPART


@asynccontextmanager
async def received(request: AnyRequest, most: int) -> AsyncGenerator[Received]:
    """Give what a request brings, which is gone behind the block; `most` is how many bytes the file may have.

    Raises:
        ClientException: it is larger (413); MalformedRequest: the form cannot be read (400).
        Unavailable: there is no room for it on the disk (503).
    """
    allow(request.scope, most / LEAST_BYTES_A_SECOND)
    with TemporaryDirectory(prefix="countersign-upload-") as folder:
        path = Path(folder) / "file"
        try:
            with path.open("wb") as opened:
                file = _File(opened, most)
                fields, filename = await _read(request, file)
                await file.flush()
        except OSError as fault:
            message = say(
                "The file could not be written down here: %(fault)s. Nothing was imported; try again later.",
                fault=fault.strerror or str(fault),
            )
            raise Unavailable(message) from fault
        yield Received(path, filename, file.bytes, file.digest.hexdigest(), fields)


async def _read(request: AnyRequest, file: _File) -> tuple[list[tuple[str, str]], str]:
    kind, options = cast("tuple[str, dict[str, str]]", parse_options_header(request.headers.get("content-type", "")))
    if kind.lower() != MULTIPART:
        async for piece in request.stream():
            await file.add(piece)
        return [], ""
    form = _Form(file)
    try:
        with PushMultipartParser(options.get("boundary", ""), max_segment_count=MOST_FIELDS, strict=True) as parser:
            async for piece in request.stream():
                for event in parser.parse(piece) if piece and not parser.closed else ():
                    await form.take(event)
    except (ParserError, ValueError) as fault:
        message = say("The form cannot be read. Nothing was imported; send it again as multipart/form-data.")
        raise MalformedRequest(message) from fault
    if form.filename is None:
        message = say("The form holds no field called file. Nothing was imported.")
        raise MalformedRequest(message)
    return form.fields, form.filename
