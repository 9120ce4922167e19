"""Long lists, which stand apart from the document that names them by what they hold; no I/O.

A list comes as lines of text or of JSON, and goes by the SHA-256 of its entries as JSON, each once and one to a line.
It is packed in pieces, so that neither reading nor compiling one keeps the process's other work waiting.
"""

import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from itertools import chain
from typing import Any, Final, NoReturn

import msgspec

from review.configuration.checks import mapping_of
from review.configuration.errors import ListInvalid
from review.kernel.errors import FieldError
from review.kernel.sentences import Sentence, number, say
from review.routing.named import Entries

MOST_BYTES: Final = 64 * 1024 * 1024
MOST_ENTRIES: Final = 2_000_000  # of all lists of a version that stand apart: some 200 MB of memory in each process
MOST_CHARACTERS: Final = 1_000
PIECE: Final = 128 * 1024  # bytes unpacked at a time: some milliseconds
SHA256 = re.compile(r"^[0-9a-f]{64}\Z")

_PARTS = 256
_encode = msgspec.json.Encoder().encode
_decode_entry = msgspec.json.Decoder(str | float).decode
_decode_entries = msgspec.json.Decoder(list[str | float]).decode


class Packed(msgspec.Struct, frozen=True):
    """A list ready to be stored: its digest in hex, how many entries it has, and these, in compressed pieces."""

    sha256: str
    entries: int
    pieces: tuple[bytes, ...]


class Packing:
    """A list as it comes in, piece by piece; `is_json` says that each line is a JSON text or number."""

    def __init__(self, *, is_json: bool) -> None:
        self._is_json = is_json
        self._seen: set[str | float] = set()
        self._sha256 = hashlib.sha256()
        self._rest = b""
        self._size = self._line = 0
        self._piece: list[bytes] = []
        self._piece_size = 0
        self._pieces: list[bytes] = []

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            ListInvalid: they are too many, or a line is no entry; with its number (422).
        """
        self._size += len(chunk)
        if self._size > MOST_BYTES:
            _refuse(say("The list is larger than %(most)s bytes.", most=number(MOST_BYTES)), say("is too large"))
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._take(line)

    def end(self) -> Packed:
        """Give the list.

        Raises:
            ListInvalid: its last line is no entry, or it has none at all (422).
        """
        self._take(self._rest)
        if not self._seen:
            _refuse(say("The list is empty."), say("has no entry"))
        self._end_piece()
        return Packed(self._sha256.hexdigest(), len(self._seen), tuple(self._pieces))

    def _take(self, line: bytes) -> None:
        self._line += 1
        entry = self._read(line.strip())
        if entry is None or entry in self._seen:
            return
        self._seen.add(entry)
        if len(self._seen) > MOST_ENTRIES:
            _refuse(say("The list has over %(most)s entries.", most=number(MOST_ENTRIES)), say("has too many entries"))
        text = _encode(entry) + b"\n"
        self._sha256.update(text)
        self._piece.append(text)
        self._piece_size += len(text)
        if self._piece_size > PIECE:
            self._end_piece()

    def _read(self, line: bytes) -> str | float | None:
        """Read a line: an entry, or nothing where it is blank."""
        if not line:
            return None
        try:
            entry = _decode_entry(line) if self._is_json else line.decode()
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self._refuse_line()
        if isinstance(entry, str) and len(entry) > MOST_CHARACTERS:
            at, most = number(self._line), number(MOST_CHARACTERS)
            _refuse(
                say("Line %(line)s is longer than %(most)s characters.", line=at, most=most),
                say("line %(line)s is longer than %(most)s characters", line=at, most=most),
            )
        return entry

    def _refuse_line(self) -> NoReturn:
        line = number(self._line)
        if self._is_json:
            _refuse(
                say("Line %(line)s is no JSON text or number.", line=line),
                say("line %(line)s is no JSON text or number", line=line),
            )
        _refuse(say("Line %(line)s is not UTF-8.", line=line), say("line %(line)s is not UTF-8", line=line))

    def _end_piece(self) -> None:
        if self._piece:
            self._pieces.append(zlib.compress(b"".join(self._piece), 1))
        self._piece, self._piece_size = [], 0


class Parted(AbstractSet[str | float]):
    """A long list in parts by hash: one large set would hold up the whole process each time that it grows."""

    def __init__(self) -> None:
        self._parts: tuple[set[str | float], ...] = tuple(set() for _ in range(_PARTS))

    def add_all(self, entries: Iterable[str | float]) -> None:
        """Add some; nobody looks in it yet."""
        parts = self._parts
        for entry in entries:
            parts[hash(entry) % _PARTS].add(entry)

    def __contains__(self, value: object) -> bool:
        """Tell whether it has a value."""
        return value in self._parts[hash(value) % _PARTS]

    def __iter__(self) -> Iterator[str | float]:
        """Give the entries, in no order."""
        return chain.from_iterable(self._parts)

    def __len__(self) -> int:
        """Count them."""
        return sum(map(len, self._parts))


def unpack(pieces: Iterable[bytes], sha256: str) -> Entries | None:
    """Give the entries of a stored list, or None if it is not what its digest says; takes a second for a million."""
    found = Parted()
    digest = hashlib.sha256()
    for piece in pieces:
        text = zlib.decompress(piece)
        digest.update(text)
        found.add_all(_decode_entries(b"[" + text.rstrip(b"\n").replace(b"\n", b",") + b"]"))
    return found if digest.hexdigest() == sha256 else None


def digests_in(data: Mapping[str, Any]) -> dict[str, str]:
    """Give the digests of the lists that a document names, by their names in it; what is no digest is left out."""
    found: dict[str, str] = {}
    for name, given in (mapping_of(data.get("lists")) or {}).items():
        digest = (mapping_of(given) or {}).get("sha256")
        if isinstance(digest, str) and SHA256.match(digest):
            found[name] = digest
    return found


def _refuse(what: Sentence, fault: Sentence) -> NoReturn:
    message = say("%(what)s Nothing was stored; mend it and send it again.", what=what)
    raise ListInvalid(message, errors=(FieldError("list", fault),))
