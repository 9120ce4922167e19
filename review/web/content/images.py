"""Pictures that an item carries as data URIs: believed only after a look at their first bytes."""

import base64
import binascii
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from review.web.words.catalogue import gettext

MAX_BYTES = 5 * 1024 * 1024
MAX_PIXELS = 50_000_000

_DATA = re.compile(r"data:image/(png|jpeg|gif|webp|avif);base64,", re.ASCII | re.IGNORECASE)
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture made ready for an `img`; the sizes are 0 where the format hides them."""

    source: str
    width: int
    height: int
    kind: str
    size_bytes: int


class NotAPicture(ValueError):
    """The value claims to be a picture and cannot be shown as one; the message says why."""


def read(value: object) -> Picture:
    """Check a data URI and write it anew from the bytes it holds.

    Raises:
        NotAPicture: the value is no data URI of a picture, is too large, or is not of the format it claims.
    """
    match = _DATA.match(value) if isinstance(value, str) else None
    if match is None or not isinstance(value, str):
        message = gettext(
            "This is no picture: neither an address nor a data URI of a PNG, JPEG, GIF, WebP or AVIF file."
        )
        raise NotAPicture(message)
    if len(value) > MAX_BYTES * 4 // 3 + 100:
        message = gettext("The picture is larger than %(size)s MB.", size=MAX_BYTES // 1024 // 1024)
        raise NotAPicture(message)
    try:
        raw = base64.b64decode(value[match.end() :], validate=True)
    except (binascii.Error, ValueError) as fault:
        message = gettext("The picture's base64 text is damaged.")
        raise NotAPicture(message) from fault
    kind = match[1].lower()
    size = size_of(raw, kind)
    return Picture(f"data:image/{kind};base64,{base64.b64encode(raw).decode()}", *size, kind, len(raw))


def size_of(raw: bytes, kind: str) -> tuple[int, int]:
    """Give a picture's width and height, 0 where its format hides them.

    Raises:
        NotAPicture: its header is damaged, or it has too many pixels to show.
    """
    size = _size(kind, raw)
    if size is None:
        message = gettext("The picture says it is %(kind)s, and its bytes are not.", kind=kind.upper())
        raise NotAPicture(message)
    check_size(size)
    return size


def check_size(size: tuple[int, int]) -> None:
    """Refuse what would take the browser's memory.

    Raises:
        NotAPicture.
    """
    if size[0] * size[1] > MAX_PIXELS:
        message = gettext(
            "The picture has %(width)s by %(height)s pixels, too many to show.", width=size[0], height=size[1]
        )
        raise NotAPicture(message)


def _size(kind: str, raw: bytes) -> tuple[int, int] | None:
    """Read width and height from the header; None if the header is not of this kind."""
    try:
        if kind in _READERS:
            return _READERS[kind](raw)
        if kind == "png" and raw.startswith(b"\x89PNG\r\n\x1a\n"):
            return struct.unpack_from(">II", raw, 16)
        if kind == "gif" and raw[:6] in {b"GIF87a", b"GIF89a"}:
            return struct.unpack_from("<HH", raw, 6)
    except (struct.error, IndexError):
        return None
    return None


def _jpeg_size(raw: bytes) -> tuple[int, int] | None:
    if not raw.startswith(b"\xff\xd8\xff"):
        return None
    place = 2
    while raw[place] == 0xFF:
        if raw[place + 1] in _FRAMES:
            height, width = struct.unpack_from(">HH", raw, place + 5)
            return width, height
        place += 2 + struct.unpack_from(">H", raw, place + 2)[0]
    message = "a JPEG without a frame"
    raise IndexError(message)


def _webp_size(raw: bytes) -> tuple[int, int] | None:
    if raw[:4] != b"RIFF" or raw[8:12] != b"WEBP":
        return None
    if raw[12:16] == b"VP8X":
        return 1 + int.from_bytes(raw[24:27], "little"), 1 + int.from_bytes(raw[27:30], "little")
    if raw[12:16] == b"VP8 ":
        width, height = struct.unpack_from("<HH", raw, 26)
        return width & 0x3FFF, height & 0x3FFF
    bits = struct.unpack_from("<I", raw, 21)[0]
    return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)


def _avif_size(raw: bytes) -> tuple[int, int] | None:
    """Read the first image's extents, which stand in a box named `ispe` in the file's head."""
    if raw[4:8] != b"ftyp" or raw[8:12] not in {b"avif", b"avis"}:
        return None
    place = raw.find(b"ispe", 0, 4_096)
    return struct.unpack_from(">II", raw, place + 8) if place > 0 else (0, 0)


_READERS: Final[Mapping[str, Callable[[bytes], tuple[int, int] | None]]] = {
    "jpeg": _jpeg_size,
    "webp": _webp_size,
    "avif": _avif_size,
}
