"""How alike two texts are: their trigrams, a short sketch of those, and keys by which near texts find each other; pure.

Each trigram is hashed once. The sketch keeps the least hash of each of 32 buckets, so two sketches agree in about as
many places as their trigrams do in share (Jaccard). A key stands for two or four places at once: texts that share a
four-fold key are near duplicates as good as always, and those that share a two-fold one may be near.
"""

import re
import zlib
from collections.abc import Iterable, Sequence
from itertools import combinations
from uuid import UUID

import msgspec

PLACES = 32
MAX_RAW = 20_000  # characters of an input, as JSON, that are looked at
MAX_TEXT = 2_000
MAX_BRIEF = 600  # what is kept of a text to be shown, and compared to the letter
_BUCKET_SHIFT, _REST, _STEP = 27, (1 << 27) - 1, 0x9E3779B1
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"(\s*:)?')
_WORD = re.compile(r"[^\W_]{3,40}")
_BLANKS = re.compile(r"\s+")
MAX_WORDS = 5


class Keys(msgspec.Struct, frozen=True):
    """The keys of a text: `near` for all but duplicates of it, `loose` for what may be like it."""

    near: list[int]
    loose: list[int]


def text_of(raw: str) -> str:
    """Give the words of an input: its texts one after the other, without the names of fields and without media.

    Takes JSON, whole or cut off anywhere.
    """
    found = _STRING.finditer(raw[:MAX_RAW])
    parts = [_unescaped(each[1]) for each in found if each[2] is None and not each[1].startswith("data:")]
    if not parts:  # numbers alone, or nothing
        parts = [raw[:MAX_TEXT]]
    text = "".join(each if each.isprintable() else " " for each in " ".join(parts)[: 2 * MAX_TEXT])
    return _BLANKS.sub(" ", text).strip()[:MAX_TEXT]


def _unescaped(inner: str) -> str:
    if "\\" not in inner:
        return inner
    try:
        return msgspec.json.decode(f'"{inner}"', type=str)
    except msgspec.DecodeError:  # cut off within an escape, or half a surrogate pair
        return inner


def trigrams(text: str) -> frozenset[str]:
    """Give the trigrams of a text's words in small letters, padded at both ends."""
    padded = f"  {text.casefold()} "
    return frozenset(padded[at : at + 3] for at in range(len(padded) - 2))


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Give how much of both stands in both, from 0 to 1."""
    return len(one & other) / len(one | other) if one or other else 1.0


def sketch_of(grams: Iterable[str]) -> list[int]:
    """Give the sketch; a bucket that no trigram falls into borrows from the next that has one."""
    least: list[int | None] = [None] * PLACES
    for gram in grams:
        mixed = zlib.crc32(gram.encode("utf-8", "replace")) * _STEP & 0xFFFFFFFF
        bucket, rest = mixed >> _BUCKET_SHIFT, mixed & _REST
        held = least[bucket]
        if held is None or rest < held:
            least[bucket] = rest
    return [_borrowed(least, place) for place in range(PLACES)]


def _borrowed(least: Sequence[int | None], place: int) -> int:
    for away in range(PLACES):
        held = least[(place + away) % PLACES]
        if held is not None:
            return held ^ away  # so that a borrowed place is not taken for a place of its own
    return 0


def keys_of(project_id: UUID, type_name: str, sketch: Sequence[int]) -> Keys:
    """Give the keys of a sketch; those of one project and type are never those of another, but by chance."""
    scope = zlib.crc32(f"{project_id}/{type_name}".encode())
    return Keys(_joined(scope, sketch, 4), _joined(scope, sketch, 2))


def _joined(scope: int, sketch: Sequence[int], width: int) -> list[int]:
    joined = (zlib.crc32(f"{width}:{at}:{sketch[at : at + width]}".encode(), scope) for at in range(0, PLACES, width))
    return [each - (1 << 32) if each >= 1 << 31 else each for each in joined]  # as PostgreSQL's integer has it


def scope_word(project_id: UUID, type_name: str) -> str:
    """Give a word that stands among those of every text of a project and type, and of no other."""
    return f"scope{zlib.crc32(f'{project_id}/{type_name}'.encode()):08x}"


def query_of(text: str, scope: str) -> str:
    """Ask for texts that share two of this one's longest words, in PostgreSQL's words; '' where it has not two."""
    words = sorted({word.casefold() for word in _WORD.findall(text)}, key=lambda word: (-len(word), word))[:MAX_WORDS]
    pairs = " | ".join(f"('{one}' & '{other}')" for one, other in combinations(words, 2))
    return f"'{scope}' & ({pairs})" if pairs else ""
