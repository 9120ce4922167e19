"""Files that an item carries or names: pictures, sound, films and PDF, and the addresses they are shown from."""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from review.kernel.shapes import is_list, is_object
from review.web.content.frames import Absent, Frame, first_of, host_of
from review.web.content.sniffing import MOST_LOOKED_AT, NAMED, MediaKind, is_media, type_of
from review.web.words.catalogue import gettext

MOST_FILES = 12  # of one list
MOST_ADDRESS = 2_000
_CARRIED = re.compile(r"data:[a-z0-9.+/-]{0,60}(?:;[a-z0-9=-]{1,40}){0,3};base64,", re.ASCII | re.IGNORECASE)
_AWAY = re.compile("https?://", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Medium:
    """One file made ready to be shown; `source` is where the browser gets it."""

    kind: MediaKind
    source: str
    name: str = ""


class NotShown(ValueError):
    """The file cannot be shown from here; the message says why and what to do."""


def addresses(value: object) -> list[tuple[tuple[str, ...], str]]:
    """List the addresses that a value gives for files, with the steps to each; empty where it gives none."""
    if is_list(value):
        listed = value[:MOST_FILES]
        found: list[tuple[tuple[str, ...], str]] = [((str(n),), _address(each)) for n, each in enumerate(listed, 1)]
        return [] if any(not address for _, address in found) else found
    address = _address(value)
    return [((), address)] if address else []


def _address(value: object) -> str:
    if is_object(value):
        value = first_of(value, "url", "src", "data")
    return value if isinstance(value, str) else ""


def is_carried(address: str) -> bool:
    """Whether the file is in the item itself, as a data URI."""
    return _CARRIED.match(address) is not None


def carried(address: str) -> bytes:
    """Give the bytes of a data URI.

    Raises:
        NotShown: its base64 text is damaged.
    """
    match = _CARRIED.match(address)
    try:
        return base64.b64decode(address[match.end() if match else 0 :], validate=True)
    except (binascii.Error, ValueError) as fault:
        message = gettext("The file's base64 text is damaged.")
        raise NotShown(message) from fault


def source_of(frame: Frame, kind: MediaKind, address: str) -> str:
    """Give where the browser gets a file.

    Raises:
        NotShown: it is none that may be fetched, and why.
    """
    if is_carried(address):
        if type_of(_beginning(address), kind) is None:
            message = gettext(
                "The file is no %(kind)s, going by its first bytes, so it is not shown.", kind=NAMED[kind]
            )
            raise NotShown(message)
        return f"{frame.url}/media/{digest_of(kind, address)}"
    if not _AWAY.match(address) or len(address) > MOST_ADDRESS or not host_of(address):
        message = gettext("This is neither an https address nor a data URI of a %(kind)s file.", kind=NAMED[kind])
        raise NotShown(message)
    if not frame.is_allowed(address):
        message = gettext(
            "Nothing was fetched from %(host)s. An operator can let this be shown by adding the host to "
            "REVIEW_MEDIA_HOSTS.",
            host=host_of(address)[:100],
        )
        raise NotShown(message)
    return f"{frame.url}/media/{digest_of(kind, address)}"


def _beginning(address: str) -> bytes:
    """Give the first bytes of a data URI, by which its type is told."""
    match = _CARRIED.match(address)
    start = match.end() if match else 0
    text = address[start : start + MOST_LOOKED_AT]
    try:
        return base64.b64decode(text[: len(text) // 4 * 4], validate=True)
    except (binascii.Error, ValueError):
        return b""


def digest_of(kind: str, address: str) -> str:
    """Name a file after what it is shown as and where it is from."""
    return hashlib.sha256(f"{kind}\n{address}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def find_address(frame: Frame, digest: str) -> tuple[MediaKind, str] | None:
    """Find the file of that name among those that this very item carries or names."""
    return next(((kind, each) for kind, each in _all(frame) if digest_of(kind, each) == digest), None)


def _all(frame: Frame) -> Iterator[tuple[MediaKind, str]]:
    for path, kind in frame.view.items():
        value = frame.value(path)
        if is_media(kind) and path.partition(".")[0] in {"input", "output"} and not isinstance(value, Absent):
            for _, address in addresses(value):
                yield kind, address
