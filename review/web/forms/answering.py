"""From what one control carried back to its value, with what is wrong said in words."""

import datetime as dt
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from review.kernel import strict_json
from review.kernel.errors import MalformedRequest
from review.kernel.shapes import is_object
from review.web.forms import controls
from review.web.forms.fields import MISSING, Field, Missing
from review.web.words.catalogue import gettext
from review.web.words.sentences import translated

MAX_TEXT = 8_000_000
MAX_DIGITS = 320  # a double's largest value has 309 digits

_LOCAL = re.compile(
    r"(?P<minutes>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2})(?P<seconds>:[0-5][0-9](?:\.[0-9]{1,9})?)?"
    rf"(?P<zone>{controls.ZONE.pattern})?",
    re.ASCII,
)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was filled in: the form to show again, and the value, MISSING where nothing was given."""

    form: Field
    value: Any


class Unreadable(ValueError):
    """What was typed is not what the field asks for; the message is for the person who typed it."""


def choice(made: Field, given: str | None, *, is_lenient: bool) -> Answer:
    """Read one of several options; a lenient reading takes what is not among them as nothing said."""
    text = made.chosen[0] if given is None and made.chosen else given or ""
    if is_lenient and not any(option.text == text for option in made.options):
        text = made.chosen[0] if made.chosen else ""
    form = replace(made, chosen=(text,))
    for option in made.options:
        if option.text == text:
            return Answer(form, option.value)
    if text:
        return Answer(faulty(form, gettext("Choose one of those listed.")), MISSING)
    return Answer(faulty(form, gettext("Choose one.")) if made.required and not is_lenient else form, MISSING)


def choices(made: Field, given: list[str]) -> Answer:
    """Read the boxes that are ticked."""
    known = {option.text: option.value for option in made.options}
    chosen = tuple(text for text in known if text in given)
    form = replace(made, chosen=chosen)
    if any(text not in known for text in given):
        return Answer(faulty(form, gettext("Choose only from the list.")), MISSING)
    if chosen == made.chosen and not (isinstance(made.base, Missing) and made.required):
        return Answer(form, made.base)
    return Answer(form, [known[text] for text in chosen])


def scalar(made: Field, given: str | None, zone: str | None = None, *, is_lenient: bool = False) -> Answer:
    """Read a text, a number or a time; a lenient reading says nothing of what is still to be filled in."""
    text = made.text if given is None else given
    suffix = zone if zone is not None and controls.ZONE.fullmatch(zone) else made.suffix
    form = replace(made, text=text, suffix=suffix)
    if _is_untouched(made, form) and not (isinstance(made.base, Missing) and made.required):
        return Answer(replace(form, text=made.text, suffix=made.suffix) if given is None else form, made.base)
    wordy = made.kind in {"text", "longtext"}
    if not (text if wordy else text.strip()):
        return _blank(form, is_lenient=is_lenient)
    if len(text) > MAX_TEXT:
        return Answer(faulty(form, gettext("This is too long to send.")), MISSING)
    try:
        return Answer(form, _VALUES[made.kind](form))
    except Unreadable as fault:
        return Answer(faulty(form, str(fault)), MISSING)


def faulty(form: Field, message: str) -> Field:
    """Say beside a field what is wrong with it."""
    return replace(form, errors=(*form.errors, message))


def _is_untouched(made: Field, form: Field) -> bool:
    """Whether the control says what it said at the start; a time does so in every zone and however it is written."""
    if made.kind == "datetime" and form.text and made.text:
        return controls.moment(form.text, form.suffix) == controls.moment(made.text, made.suffix)
    if made.kind == "time" and form.text and made.text:
        return controls.time_of_day(form.text) == controls.time_of_day(made.text) and form.suffix == made.suffix
    return form.text == made.text.replace("\r\n", "\n").replace("\r", "\n")


def _blank(form: Field, *, is_lenient: bool) -> Answer:
    """Say what an emptied control means: nothing, null, empty text, or that something is missing."""
    if not form.required:
        return Answer(form, MISSING)
    if form.kind == "json":
        return Answer(form if is_lenient else faulty(form, gettext("Write a JSON value.")), MISSING)
    if form.nullable:
        return Answer(form, None)
    if form.kind in {"text", "longtext"}:
        return Answer(form, "")
    return Answer(form if is_lenient else faulty(form, gettext("Fill this in.")), MISSING)


def _text(form: Field) -> str:
    if controls.UNSHOWABLE.search(form.text):
        message = gettext("This holds a character that cannot be stored.")
        raise Unreadable(message)
    return form.text


def _number(form: Field) -> int | float:
    text = form.text.strip()
    if len(text) > MAX_DIGITS or not _NUMBER.fullmatch(text):
        message = gettext("This is not a number. Write it with digits and a point, such as 12.5.")
        raise Unreadable(message)
    value, exact = float(text), Decimal(text)
    if not math.isfinite(value) or (value.is_integer() and abs(value) > strict_json.MAX_INTEGER):
        message = gettext("This number is too large to be kept exactly.")
        raise Unreadable(message)
    if re.fullmatch("[+-]?[0-9]+", text, re.ASCII):
        return int(text)
    if form.integer and exact != exact.to_integral_value():
        message = gettext("This must be a whole number.")
        raise Unreadable(message)
    if exact != Decimal(repr(value)):
        message = gettext(
            "This number has more digits than can be kept exactly. The nearest that can is %(nearest)s.", nearest=value
        )
        raise Unreadable(message)
    return int(value) if form.integer else value


def _date(form: Field) -> str:
    try:
        return dt.date.fromisoformat(form.text.strip()).isoformat()
    except ValueError as fault:
        message = gettext("This is not a date. Write it as year, month and day, such as 2026-10-01.")
        raise Unreadable(message) from fault


def _datetime(form: Field) -> str:
    match = _LOCAL.fullmatch(form.text.strip())
    if match is None or not _is_moment(match["minutes"]):
        message = gettext("This is not a time. Write it such as 2026-10-01T09:30.")
        raise Unreadable(message)
    return match["minutes"] + (match["seconds"] or ":00") + (match["zone"] or form.suffix)


def _time(form: Field) -> str:
    match = controls.TIME.fullmatch(form.text.strip())
    if match is None or controls.time_of_day(match["minutes"]) is None:
        message = gettext("This is not a time of day. Write it such as 09:30.")
        raise Unreadable(message)
    return match["minutes"] + (match["seconds"] or ":00") + (match["zone"] or form.suffix)


def _is_moment(text: str) -> bool:
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
        told = f"{where.path} {translated(where.sentence)}".strip()
        message = gettext("This is not JSON that can be kept: %(why)s.", why=told)
        raise Unreadable(message) from fault
    if form.extras:
        return _others(form, value)
    return value


def _others(form: Field, value: Any) -> Any:
    """Give what an object holds beside its fields; what became a field of its own meanwhile is left to that."""
    mine = form.base if is_object(form.base) else {}
    if is_object(value):
        value = {name: it for name, it in value.items() if name not in form.reserved or mine.get(name, MISSING) != it}
        if not value.keys() & set(form.reserved):
            return value
    message = gettext("Write a JSON object with only fields that have no place of their own above.")
    raise Unreadable(message)


_VALUES: Final[dict[str, Callable[[Field], Any]]] = {
    "text": _text,
    "longtext": _text,
    "number": _number,
    "date": _date,
    "time": _time,
    "datetime": _datetime,
    "json": _json,
}
