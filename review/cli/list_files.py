"""Lists that a document names by a file beside it, read and named by what they hold instead."""

from pathlib import Path

import msgspec

from review.configuration.checks import mapping_of
from review.configuration.document import Document, parse
from review.configuration.entries import Packed, Packing
from review.configuration.errors import ConfigError, ConfigurationInvalid, ListInvalid

_CHUNK = 64 * 1024
_JSON = {".ndjson", ".jsonl"}


class Read(msgspec.Struct, frozen=True):
    """A document's text, in which every list is named by its digest, and the lists that were read."""

    source: bytes
    lists: tuple[Packed, ...] = ()


def read_lists(source: bytes, beside: Path) -> Read:
    """Read the files that `lists: {NAME: {file: …}}` names, and put each one's digest in its place.

    Lines of `.ndjson` and `.jsonl` are JSON, those of any other file are texts.

    Raises:
        ConfigurationInvalid: a file cannot be read, or is no list, with the line that names it (422).
    """
    document = parse(source)
    text, packed, faults = document.source, list[Packed](), list[ConfigError]()
    edits: list[tuple[int, int, str]] = []
    for name, given in (mapping_of(document.data.get("lists")) or {}).items():
        path, apart = f"lists.{name}.file", mapping_of(given) or {}
        if set(apart) != {"file"} or not isinstance(apart["file"], str) or path not in document.spans:
            continue
        try:
            read = _pack(beside / apart["file"])
        except OSError as fault:
            faults.append(document.fault(path, f"cannot be read: {fault.strerror or fault}"))
        except ListInvalid as fault:
            faults.append(document.fault(path, "; ".join(each.message for each in fault.errors)))
        else:
            packed.append(read)
            edits.append((_start(document, path), document.spans[path][1], f'"sha256": "{read.sha256}"'))
    if faults:
        raise ConfigurationInvalid(faults)
    for start, end, digest in sorted(edits, reverse=True):
        text = text[:start] + digest + text[end:]
    return Read(text.encode() if edits else source, tuple(packed))


def _pack(path: Path) -> Packed:
    packing = Packing(is_json=path.suffix.lower() in _JSON)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            packing.feed(chunk)
    return packing.end()


def _start(document: Document, path: str) -> int:
    """Give the offset at which the key stands."""
    place = document.places[path]
    lines = document.source.split("\n")
    return sum(len(line) + 1 for line in lines[: place.line - 1]) + place.column - 1
