"""CSV for spreadsheets: RFC 4180, UTF-8, and no cell that a spreadsheet would run as a formula.

A value that came from outside is guarded after OWASP's "CSV Injection": an apostrophe goes in front of text that
begins, after any blanks and quotation marks, with one of = + - @ (or their full-width forms), or with a tab or a
line break. The signs are guarded inside a cell too, behind every semicolon, tab and line break, because a
spreadsheet that splits at those would begin a new cell there. Numbers in number columns stay numbers: -0.5 is not
touched. Nested values are compact JSON. Null is the empty cell. NUL, which no spreadsheet can show, becomes U+FFFD.
For training, take Parquet or JSON Lines: they change nothing.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence

import msgspec

from review.datasets.formats import columns

HEADER: tuple[str, ...] = tuple(
    name
    for column in columns.ORDER
    for name in ([f"route.{part}" for part in columns.ROUTE] if column == "route" else [column])
)

_FORMULA = r"[=+\-@\uff1d\uff0b\uff0d\uff20]"
_BLANKS = r"[\s\"'\ufffd\ufeff\u200b]*"
_AT_START = re.compile(rf"{_BLANKS}(?:[\t\r\n]|{_FORMULA})")
_INSIDE = re.compile(rf"([;\t\r\n])(?={_BLANKS}{_FORMULA})")
_GUARDED_INSIDE = re.compile(rf"([;\t\r\n])'(?={_BLANKS}{_FORMULA})")


class _Route(msgspec.Struct, frozen=True):
    rule: str | None = None
    ruleset_version: msgspec.Raw = msgspec.Raw(b"null")
    inclusion_probability: msgspec.Raw = msgspec.Raw(b"null")


_Record = msgspec.defstruct(
    "_Record",
    [
        *((name, str | None, None) for name in columns.TEXT),
        *((name, msgspec.Raw, msgspec.Raw(b"null")) for name in (*columns.NESTED, *columns.NUMBERS)),
        ("route", _Route, _Route()),
    ],
    kw_only=True,
)


class CsvEncoder:
    """Turns records into rows; the header never depends on the data."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(_Record).decode_lines

    def begin(self) -> bytes:
        """Give the header row."""
        return write([HEADER])

    def add(self, lines: bytes) -> bytes:
        """Give one row for each record."""
        return write(_row(record) for record in self._decode(lines))

    def end(self) -> bytes:
        """Give what follows the rows: nothing."""
        return b""


def guard(text: str) -> str:
    """Make text inert in a spreadsheet; text that cannot be taken for a formula stays as it is."""
    text = text.replace("\0", "\ufffd")
    if _AT_START.match(text):
        text = "'" + text
    return _INSIDE.sub(r"\1'", text)


def unguard(text: str) -> str:
    """Give the text that was guarded; of NUL alone it is not known any more what it was."""
    text = unguard_inside(text)
    return text[1:] if text.startswith("'") and _AT_START.match(text, 1) else text


def unguard_inside(text: str) -> str:
    """Give the text of a nested value that was guarded inside alone."""
    return _GUARDED_INSIDE.sub(r"\1", text)


def _row(record: msgspec.Struct) -> Iterator[str]:
    for column in columns.ORDER:
        value = getattr(record, column)
        if column == "route":
            yield guard(value.rule or "")
            yield _bare(value.ruleset_version)
            yield _bare(value.inclusion_probability)
        elif column in columns.NUMBERS:
            yield _bare(value)
        elif column in columns.NESTED:
            yield _nested(value)
        else:
            yield guard(value or "")


def _bare(number: msgspec.Raw) -> str:
    text = bytes(number).decode()
    return "" if text == "null" else text


def guard_nested(text: str) -> str:
    """Make JSON inert; it begins with a bracket, a quotation mark, a digit or a word, or is a number."""
    return _INSIDE.sub(r"\1'", text)


def _nested(value: msgspec.Raw) -> str:
    text = bytes(value).decode()
    return "" if text == "null" else guard_nested(text)


def write(rows: Iterator[Iterator[str]] | Sequence[Sequence[str]]) -> bytes:
    """Write rows of cells that are guarded already."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()
