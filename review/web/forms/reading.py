"""From what a browser submitted back to a JSON value, with what is wrong said beside the field it is wrong in."""

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from review.kernel import strict_json
from review.kernel.errors import MalformedRequest
from review.web.forms.building import MAX_ROWS, Builder, local_time
from review.web.forms.fields import MISSING, Field, Missing, Path, Row, is_blank, pointer
from review.web.shapes import is_list, is_object

MAX_TEXT = 2_000_000
MAX_DIGITS = 320  # a double's largest value has 309 digits
ADD, REMOVE = "_add", "_remove"

_MARKER = re.compile(r"r(?P<parent>(?:/.*)?)/(?P<place>[0-9]{1,6})", re.ASCII | re.DOTALL)
_LOCAL = re.compile(
    r"(?P<minutes>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2})(?P<seconds>:[0-5][0-9](?:\.[0-9]{1,9})?)?(?P<zone>Z|[+-]\d\d:\d\d)?",
    re.ASCII,
)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Submitted:
    """The fields of one submitted form by name, and which rows it says there are."""

    values: dict[str, list[str]]
    rows: dict[str, dict[int, int | None]] = field(default_factory=dict[str, dict[int, int | None]])

    def first(self, name: str) -> str | None:
        """Give the first value sent under a name, with the line ends a browser makes taken back."""
        values = self.values.get(name)
        return values[0].replace("\r\n", "\n").replace("\r", "\n") if values else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What was filled in: the form to show again, and the value, MISSING where nothing was given."""

    form: Field
    value: Any


def collect(pairs: Iterable[tuple[str, str]]) -> Submitted:
    """Sort a form's name and value pairs; what is not ours is left lying."""
    values: dict[str, list[str]] = {}
    rows: dict[str, dict[int, int | None]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
        match = _MARKER.fullmatch(name)
        if match is not None:
            origin = int(value) if re.fullmatch("[0-9]{1,6}", value, re.ASCII) else None
            rows.setdefault(match["parent"], {}).setdefault(int(match["place"]), origin)
    _press(values, rows)
    return Submitted(values, rows)


def _press(values: dict[str, list[str]], rows: dict[str, dict[int, int | None]]) -> None:
    """Carry out the add and remove buttons, so that the rest of the reader sees only rows."""
    for place in values.get(ADD, ())[:1]:
        there = rows.setdefault(place, {})
        there[max(there, default=-1) + 1] = None
    for place in values.get(REMOVE, ())[:1]:
        parent, _, last = place.rpartition("/")
        if re.fullmatch("[0-9]{1,6}", last, re.ASCII):
            rows.get(parent, {}).pop(int(last), None)


@dataclass(slots=True)
class Reader:
    """Reads one submitted form against the tree it was made from."""

    builder: Builder
    submitted: Submitted

    def read(self, made: Field, sent: str) -> Answer:
        """Read one field whose controls were named after the pointer `sent`. Never raises, whatever was sent."""
        if made.kind == "group":
            return self._group(made, sent)
        if made.kind == "rows":
            return self._rows(made, sent)
        if made.kind == "choices":
            return self._choices(made, sent)
        given = self.submitted.first(("e" if made.extras else "o") + sent)
        if made.kind in {"choice", "select"}:
            return _choice(made, given)
        return _scalar(made, given)

    def _group(self, made: Field, sent: str) -> Answer:
        answers = [self.read(child, sent + pointer(child.path[len(made.path) :])) for child in made.children]
        form = replace(made, children=tuple(answer.form for answer in answers))
        emptied = is_blank(form) and not (is_object(made.base) and is_blank(made))
        if emptied and made.path:
            if made.base is None:
                return Answer(_quiet(form), None)
            if not made.required:
                return Answer(_quiet(form), MISSING)
            if made.nullable:
                return Answer(_quiet(form), None)
        value: dict[str, Any] = {}
        for answer in answers:
            if isinstance(answer.value, Missing):
                continue
            if answer.form.extras:
                value.update(answer.value)
            else:
                value[str(answer.form.path[-1])] = answer.value
        return Answer(form, value)

    def _rows(self, made: Field, sent: str) -> Answer:
        wanted = sorted(self.submitted.rows.get(sent, {}).items())
        answers: list[Answer] = []
        rows: list[Row] = []
        for place, origin in wanted[:MAX_ROWS]:
            known = origin is not None and origin < len(made.rows)
            path = (*made.path, len(rows))
            if known and origin is not None:
                row = _moved(made.rows[origin].field, path)
            else:
                row = self.builder.build_row(made, path)
            answers.append(self.read(row, f"{sent}/{place}"))
            rows.append(Row(answers[-1].form, origin if known else None))
        form = replace(made, rows=tuple(rows))
        if len(wanted) > MAX_ROWS:
            return Answer(_faulty(form, f"At most {MAX_ROWS} rows fit in this form; the rest was left out."), MISSING)
        if not rows and not made.rows and not is_list(made.base):
            if made.base is None or not made.required:
                return Answer(form, made.base)
            if made.nullable:
                return Answer(form, None)
        return Answer(form, [answer.value for answer in answers if not isinstance(answer.value, Missing)])

    def _choices(self, made: Field, sent: str) -> Answer:
        given = self.submitted.values.get("o" + sent, [])
        known = {option.text: option.value for option in made.options}
        chosen = tuple(text for text in known if text in given)
        form = replace(made, chosen=chosen)
        if any(text not in known for text in given):
            return Answer(_faulty(form, "Choose only from the list."), MISSING)
        if chosen == made.chosen and not (isinstance(made.base, Missing) and made.required):
            return Answer(form, made.base)
        return Answer(form, [known[text] for text in chosen])


def _choice(made: Field, given: str | None) -> Answer:
    text = made.chosen[0] if given is None and made.chosen else given or ""
    form = replace(made, chosen=(text,))
    for option in made.options:
        if option.text == text:
            return Answer(form, option.value)
    if text:
        return Answer(_faulty(form, "Choose one of those listed."), MISSING)
    return Answer(_faulty(form, "Choose one.") if made.required else form, MISSING)


def _scalar(made: Field, given: str | None) -> Answer:
    text = made.text if given is None else given
    form = replace(made, text=text)
    untouched = _same(made, text)
    if untouched and not (isinstance(made.base, Missing) and made.required):
        return Answer(made, made.base)
    wordy = made.kind in {"text", "longtext"}
    if not (text if wordy else text.strip()):
        return _blank(form)
    if len(text) > MAX_TEXT:
        return Answer(_faulty(form, "This is too long to send."), MISSING)
    try:
        return Answer(form, _VALUES[made.kind](form))
    except _Unreadable as fault:
        return Answer(_faulty(form, str(fault)), MISSING)


def _same(made: Field, text: str) -> bool:
    if made.kind == "datetime" and text:
        return local_time(text + made.suffix)[0] == made.text
    return text == made.text.replace("\r\n", "\n").replace("\r", "\n")


def _blank(form: Field) -> Answer:
    """Say what an emptied control means: nothing, null, empty text, or that something is missing."""
    if not form.required:
        return Answer(form, MISSING)
    if form.kind == "json":
        return Answer(_faulty(form, "Write a JSON value."), MISSING)
    if form.nullable:
        return Answer(form, None)
    if form.kind in {"text", "longtext"}:
        return Answer(form, "")
    return Answer(_faulty(form, "Fill this in."), MISSING)


class _Unreadable(ValueError):
    """What was typed is not what the field asks for; the message is for the person who typed it."""


def _text(form: Field) -> str:
    if re.search("[\0\ud800-\udfff]", form.text):
        message = "This holds a character that cannot be stored."
        raise _Unreadable(message)
    return form.text


def _number(form: Field) -> int | float:
    text = form.text.strip()
    if len(text) > MAX_DIGITS or not _NUMBER.fullmatch(text):
        message = "This is not a number. Write it with digits and a point, such as 12.5."
        raise _Unreadable(message)
    value = float(text)
    if not math.isfinite(value) or (value.is_integer() and abs(value) > strict_json.MAX_INTEGER):
        message = "This number is too large to be kept exactly."
        raise _Unreadable(message)
    if re.fullmatch("[+-]?[0-9]+", text, re.ASCII):
        return int(text)
    if form.integer and not value.is_integer():
        message = "This must be a whole number."
        raise _Unreadable(message)
    return int(value) if form.integer else value


def _date(form: Field) -> str:
    try:
        return dt.date.fromisoformat(form.text.strip()).isoformat()
    except ValueError as fault:
        message = "This is not a date. Write it as year, month and day, such as 2026-10-01."
        raise _Unreadable(message) from fault


def _datetime(form: Field) -> str:
    match = _LOCAL.fullmatch(form.text.strip())
    if match is None or not _is_time(match["minutes"]):
        message = "This is not a time. Write it such as 2026-10-01T09:30."
        raise _Unreadable(message)
    return match["minutes"] + (match["seconds"] or ":00") + (match["zone"] or form.suffix)


def _is_time(text: str) -> bool:
    try:
        dt.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _json(form: Field) -> Any:
    try:
        value = strict_json.decode(form.text.encode("utf-8", "surrogatepass"))
    except MalformedRequest as fault:
        where = fault.errors[0]
        message = f"This is not JSON that can be kept: {where.path + ' ' if where.path else ''}{where.message}."
        raise _Unreadable(message) from fault
    if form.extras and not (is_object(value) and not value.keys() & set(form.reserved)):
        message = "Write a JSON object with only fields that have no place of their own above."
        raise _Unreadable(message)
    return value


_VALUES: Final[dict[str, Callable[[Field], Any]]] = {
    "text": _text,
    "longtext": _text,
    "number": _number,
    "date": _date,
    "datetime": _datetime,
    "json": _json,
}


def _faulty(form: Field, message: str) -> Field:
    return replace(form, errors=(*form.errors, message))


def _quiet(form: Field) -> Field:
    """Take back what was said about fields of an object that is left out as a whole."""
    return replace(form, errors=(), children=tuple(_quiet(child) for child in form.children))


def _moved(form: Field, prefix: Path) -> Field:
    """Give a row, and all that is in it, its place in the new order."""
    return replace(
        form,
        path=prefix + form.path[len(prefix) :],
        children=tuple(_moved(child, prefix) for child in form.children),
        rows=tuple(replace(row, field=_moved(row.field, prefix)) for row in form.rows),
    )
