"""Which fields of a record are redacted, and how; no I/O.

A field that an item type calls personal is dropped unless a dataset says otherwise; what is redacted at a path is so
for everything below it.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from review.feedback.rewriting import COLUMNS, Rewriter, places_of
from review.items.personal import GONE, Change, hidden_part, is_within, steps_of
from review.kernel.sentences import Sentence, say
from review.kernel.shapes import is_list

How: TypeAlias = Literal["drop", "hash", "mask", "keep"]

SUBJECT: Final = "subject"
MASK: Final = "***"
HASHED: Final = "hmac:"
DIGITS: Final = 32  # of the hash, in hex: 128 bits, so that no two of a project's values meet
MOST_KEPT: Final = 20
MOST_FIELDS: Final = 100


class Field(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What happens to a field: `drop` leaves nothing, `hash` a keyed hash, `mask` three stars, `keep` all of it.

    `keep_last` has a mask leave so many characters at the end of a text that is more than twice as long. `keep` is for
    fields that the item type calls personal, and for those alone who see them.
    """

    path: Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
    how: How = "drop"
    keep_last: Annotated[int, Meta(ge=0, le=MOST_KEPT)] = 0


Fields: TypeAlias = Annotated[tuple[Field, ...], Meta(max_length=MOST_FIELDS)]


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What was done to a field of an item type's records, and why: the `definition` says so, or it is `personal`."""

    type: str
    path: str
    how: How
    keep_last: int = 0
    because: Literal["definition", "personal"] = "definition"


class Redaction(msgspec.Struct, frozen=True, kw_only=True):
    """What a manifest says of redaction: field by field, and by which key hashes were made.

    `key` is a mark by which two snapshots tell whether their hashes can be joined, and no way to the key itself.
    """

    fields: Sequence[Applied] = ()
    key: str | None = None


def applied_to(item_type: str, fields: Sequence[Field], personal: Sequence[str]) -> list[Applied]:
    """Tell what is done to the records of an item type, by a definition and by what the type calls personal."""
    found = [
        Applied(type=item_type, path=each.path, how=each.how, keep_last=each.keep_last)
        for each in fields
        if steps_of(each.path)[0] in COLUMNS
    ]
    for path in personal:
        is_said = any(is_within(path, each.path) for each in fields)
        if not is_said and steps_of(path)[0] in COLUMNS:
            found.append(Applied(type=item_type, path=path, how="drop", because="personal"))
    return found


def _places(applied: Sequence[Applied], key: bytes) -> Mapping[str, Sequence[tuple[Sequence[str], Change]]]:
    # What lies deeper is changed first: nothing can be found below what is not there any more.
    inwards = sorted(applied, key=lambda each: -len(steps_of(each.path)))
    return places_of((each.path, _change(each, key)) for each in inwards if each.how != "keep")


def _change(applied: Applied, key: bytes) -> Change:
    match applied.how:
        case "hash":
            return partial(hashed, key)
        case "mask":
            return partial(masked, applied.keep_last)
        case _:
            return drop


def drop(_value: object) -> object:
    """Leave nothing."""
    return GONE


def hashed(key: bytes, value: object) -> object:
    """Give a hash under a key: equal values have equal ones, and nobody without the key can try a guess.

    Null stays null, and a list a list of hashes.
    """
    if is_list(value):
        return [hashed(key, each) for each in value]
    if value is None:
        return None
    text = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    return HASHED + hmac.new(key, text, hashlib.sha256).hexdigest()[:DIGITS]


def masked(keep_last: int, value: object) -> object:
    """Give a mask, with the last characters of a text that is more than twice as long.

    Null stays null, and a list a list of masks.
    """
    if is_list(value):
        return [masked(keep_last, each) for each in value]
    if value is None:
        return None
    if keep_last and isinstance(value, str) and len(value) > 2 * keep_last:
        return MASK + value[-keep_last:]
    return MASK


class Redacting(Rewriter):
    """Redacts records: of the types that have personal fields each by its own, of others alike.

    What is personal is hidden in a label before its class is named, for classes are counted and told; and a personal
    subject is told apart by its hash, for whoever chooses the salt could try guesses at it by the parts they fall in.
    """

    def __init__(self, fields: Sequence[Field], personal: Mapping[str, Sequence[str]], key: bytes) -> None:
        by_type = {name: _places(applied_to(name, fields, paths), key) for name, paths in personal.items()}
        super().__init__(by_type, _places(applied_to("", fields, ()), key))
        self._personal = personal
        self._key = key

    def label_of(self, item_type: str, label: Any) -> Any:
        """Give a label as its class may be named."""
        return hidden_part(label, self._personal.get(item_type, ()), "output")

    def subject_of(self, item_type: str, subject: str | None) -> str | None:
        """Give a subject as records are kept together by it."""
        if subject is None or SUBJECT not in self._personal.get(item_type, ()):
            return subject
        return str(hashed(self._key, subject))


NOTHING: Final = Redacting((), {}, b"")


def mark_of(key: bytes) -> str:
    """Give a mark of a key, the same for the same key."""
    return hmac.new(key, b"countersign redaction key", hashlib.sha256).hexdigest()[:8]


def faults_of(fields: Sequence[Field]) -> list[tuple[int, Sentence]]:
    """List what is wrong with fields in themselves, each by its place."""
    found: list[tuple[int, Sentence]] = []
    for at, each in enumerate(fields):
        steps = steps_of(each.path)
        others = [other.path for other in fields[:at]]
        if not steps or steps[0] not in COLUMNS or not all(each.path.split(".")):
            roots = ", ".join(f"`{root}`" for root in COLUMNS)
            found.append((at, say("must be a path that begins with one of %(roots)s", roots=roots)))
        elif each.keep_last and each.how != "mask":
            found.append((at, say("has `keep_last`, which only a mask has a use for")))
        elif any(is_within(each.path, other) or is_within(other, each.path) for other in others):
            found.append((at, say("is named twice, or lies within another that is named")))
    return found


def why_not_by(path: str, applied: Sequence[Applied]) -> Sentence | None:
    """Say why records cannot be told apart by a value that is dropped or masked; a hash serves as well as the value."""
    if any(each.how in {"drop", "mask"} and is_within(path, each.path) for each in applied):
        return say("is dropped or masked, so nothing can be told by it; have it hashed, which keeps equal values equal")
    return None


def exposed_in(
    types: Iterable[str], applied: Sequence[Applied], hides: Mapping[str, Sequence[str]]
) -> list[tuple[str, str]]:
    """List the personal fields, by type and path, that stand in files as they were and are hidden from the reader."""
    return [
        (name, path)
        for name in sorted(set(types))
        for path in hides.get(name, ())
        if steps_of(path)[0] in COLUMNS
        and not any(each.type == name and each.how != "keep" and is_within(path, each.path) for each in applied)
    ]
