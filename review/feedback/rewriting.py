"""Feedback records with fields of them changed: hidden from who does not see them, or redacted as they leave; pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from review.items.personal import Change, changed_raw, dumped, hide, steps_of

# Where in a record what belongs to an item stands; an output stands there as the model's, and as what counts.
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "input": ("input",),
    "output": ("model_output", "label"),
    "comment": ("comment",),
    "external_id": ("external_id",),
    "tags": ("tags",),
}

Places: TypeAlias = Mapping[str, Sequence[tuple[Sequence[str], Change]]]

_columns: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NOWHERE: Final[Places] = {}


def places_of(changes: Iterable[tuple[str, Change]]) -> Places:
    """Give what is changed of a record, by column, for paths of an item; a path that no record has changes nothing."""
    found: dict[str, list[tuple[Sequence[str], Change]]] = {}
    for path, change in changes:
        root, *steps = steps_of(path)
        for column in COLUMNS.get(root, ()):
            found.setdefault(column, []).append((steps, change))
    return found


def _taken_apart(text: bytes) -> dict[str, msgspec.Raw]:
    """Take a record apart into its columns, each as it is written."""
    try:
        return _columns.decode(text)
    except msgspec.DecodeError:  # half of a surrogate pair, which this decoder does not read
        told: dict[str, Any] = json.loads(text)
        return {column: msgspec.Raw(dumped(value)) for column, value in told.items()}


class Rewriter:
    """Changes records by the type of their items; `otherwise` holds for types that are not named."""

    def __init__(self, by_type: Mapping[str, Places], otherwise: Places = _NOWHERE) -> None:
        self._by_type = by_type
        self._otherwise = otherwise

    @property
    def is_idle(self) -> bool:
        """Whether no record is changed at all."""
        return not self._otherwise and not any(self._by_type.values())

    def record(self, text: bytes) -> bytes:
        """Give a record with what is to be changed of it changed; columns that nothing is changed of stay exact."""
        if self.is_idle:
            return text
        told = _taken_apart(text)
        places = self._by_type.get(msgspec.json.decode(told["type"], type=str), self._otherwise)
        here = {column: each for column, each in places.items() if column in told}
        if not here:
            return text
        rewritten = {column: msgspec.Raw(changed_raw(bytes(told[column]), each)) for column, each in here.items()}
        return msgspec.json.encode({**told, **rewritten})

    def lines(self, lines: bytes) -> bytes:
        """Give whole lines of records, each changed."""
        if self.is_idle:
            return lines
        return b"".join(self.record(line) + b"\n" for line in lines.splitlines())


UNCHANGED: Final = Rewriter({})


def hiding(hides: Mapping[str, Sequence[str]]) -> Rewriter:
    """Give what shows records to whoever does not see these fields, by item type."""
    return Rewriter({name: places_of((path, hide) for path in paths) for name, paths in hides.items()})
