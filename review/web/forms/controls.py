"""Single controls: which one shows a value, and whether it can give back exactly that value."""

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from review.kernel import wording
from review.kernel.shapes import is_list, is_number
from review.web.forms.fields import MISSING, Field, Kind, Missing, Option, Schema
from review.web.forms.schema import Reading
from review.web.words.catalogue import N_, gettext, ngettext

KEYED_OPTIONS = 12  # more are a list to search
LONG_TEXT = 200
MAX_SHOWN = 20_000  # characters of a text that stands in the form unasked
PREVIEW = 2_000
MAX_WAS = 300

_OFFSET = r"Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9]"
_SECONDS = r"(?P<seconds>:[0-5][0-9](?:\.[0-9]{1,3})?)?"
MOMENT: Final = re.compile(
    rf"(?P<minutes>[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{2}}:[0-9]{{2}}){_SECONDS}(?P<zone>{_OFFSET})?", re.ASCII
)
TIME: Final = re.compile(rf"(?P<minutes>[0-9]{{2}}:[0-9]{{2}}){_SECONDS}(?P<zone>{_OFFSET})?", re.ASCII)
ZONE: Final = re.compile(_OFFSET, re.ASCII)
UNSHOWABLE: Final = re.compile("[\0\ud800-\udfff]")

# The format a schema states: what a text field is to a phone's keyboard, and what is said of it.
_FORMATS: Final = {
    "email": ("email", N_("An e-mail address.")),
    "idn-email": ("email", N_("An e-mail address.")),
    "uri": ("url", N_("A whole web address, such as https://example.com/page.")),
    "iri": ("url", N_("A whole web address, such as https://example.com/page.")),
    "uri-reference": ("url", N_("A web address, or part of one.")),
    "uuid": ("code", N_("A UUID: 32 hexadecimal digits in five groups.")),
    "hostname": ("code", N_("A host name.")),
    "ipv4": ("code", N_("An IPv4 address.")),
    "ipv6": ("code", N_("An IPv6 address.")),
    "duration": ("code", N_("A duration by ISO 8601, such as PT1H30M.")),
    "regex": ("code", N_("A regular expression.")),
    "json-pointer": ("code", N_("A JSON Pointer, such as /lines/0.")),
}


def as_json(made: Field) -> Field:
    """Show the value as the JSON text it is, for what no control fits."""
    made = replace(made, notes=(*made.notes, gettext("Written as JSON.")))
    return _texted(made, "json", "" if isinstance(made.base, Missing) else json_text(made.base))


def choice(made: Field, reading: Reading) -> Field:
    """Show listed values: one that must be, a few with keys, or a list to search."""
    options = options_of(reading)
    base = made.base
    allowed = [option.text for option in options] + ["null"] * made.nullable
    if len(set(allowed)) < len(allowed) or not (isinstance(base, Missing) or json_text(base) in allowed):
        return as_json(made)
    if len(options) == 1 and made.required and not made.nullable:
        return replace(made, kind="fixed", base=options[0].value, text=options[0].label, options=options)
    few = len(options) <= KEYED_OPTIONS or _all_digits(options)
    shown = _keyed(options, made) if few else _spare(options, made)
    chosen = json_text(base) if not isinstance(base, Missing) else shown[0].text if len(shown) == 1 else ""
    return chosen_from(made, "choice" if few else "select", shown, chosen)


def choices(made: Field, reading: Reading) -> Field | None:
    """Show a set of listed values as boxes to tick; None where boxes would lose something of it."""
    options = options_of(reading)
    texts, chosen = [option.text for option in options], [json_text(value) for value in made.base or ()]
    if len(set(texts)) < len(texts) or chosen != [text for text in texts if text in chosen]:
        return None
    labels = ", ".join(option.label for option in options if option.text in chosen)
    return replace(made, kind="choices", chosen=tuple(chosen), options=options, was="\n".join(chosen), was_label=labels)


def boolean(made: Field, _reading: Reading) -> Field:
    """Show yes and no."""
    if not isinstance(made.base, bool | Missing) and not is_allowed_null(made):
        return as_json(made)
    options = _spare((Option("true", gettext("Yes"), value=True), Option("false", gettext("No"), value=False)), made)
    return chosen_from(made, "choice", options, "" if isinstance(made.base, Missing) else json_text(made.base))


def number(made: Field, reading: Reading) -> Field:
    """Show a number as it is written, which no browser may round."""
    if not (is_number(made.base) or isinstance(made.base, Missing) or is_allowed_null(made)):
        return as_json(made)
    integer = reading.type == "integer"
    made = replace(
        made,
        integer=integer,
        mode="numeric" if integer else "decimal",
        notes=(*made.notes, *_bounds(reading.schema, integer=integer)),
    )
    return _texted(made, "number", scalar_text(made.base))


def string(made: Field, reading: Reading) -> Field:
    """Show a text by its format and length."""
    plain, base = reading.schema, made.base
    text = scalar_text(base)
    if not (isinstance(base, str | Missing) or is_allowed_null(made)) or UNSHOWABLE.search(text):
        return as_json(made)
    stated = plain.get("format")
    timed = _TIMED[stated](made, text) if isinstance(stated, str) and stated in _TIMED else None
    if timed is not None:
        return timed
    mode, told = _FORMATS.get(stated, ("", "")) if isinstance(stated, str) else ("", "")
    limit = plain.get("maxLength")
    limit = limit if isinstance(limit, int) and not isinstance(limit, bool) else None
    media = plain.get("contentMediaType")
    coded = isinstance(plain.get("contentEncoding"), str) or (isinstance(media, str) and not media.startswith("text/"))
    notes = (*made.notes, *([gettext(told)] if told else []), *_lengths(plain, limit), *_pattern(plain))
    made = replace(made, max_length=limit, mode="code" if coded else mode, notes=notes)
    asked = plain.get("x-multiline") is True or (limit or 0) > LONG_TEXT or media is not None
    long = asked or len(text) > LONG_TEXT or "\n" in text or "\r" in text
    return _texted(made, "longtext" if long else "text", text)


def chosen_from(made: Field, kind: Kind, options: tuple[Option, ...], chosen: str) -> Field:
    """Show options with one of them chosen."""
    labels = [option.label for option in options if option.text and option.text == chosen]
    return replace(
        made, kind=kind, options=options, chosen=(chosen,), was=chosen, was_label=labels[0] if labels else ""
    )


def options_of(reading: Reading) -> tuple[Option, ...]:
    """Give the listed values as options."""
    return tuple(Option(json_text(value), label or option_label(value), value) for value, label in reading.listed or ())


def json_text(value: object) -> str:
    """Write a value as JSON for a person to read and mend; only what cannot stand in a page is escaped."""
    deep = isinstance(value, dict | list)
    text = json.dumps(value, ensure_ascii=False, indent=2 if deep else None, allow_nan=True)
    return json.dumps(value, indent=2 if deep else None) if UNSHOWABLE.search(text) else text


def scalar_text(value: object) -> str:
    """Write a string or a number as a control carries it."""
    if isinstance(value, Missing) or value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def option_label(value: object) -> str:
    """Name one listed value for a person."""
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    return value if isinstance(value, str) and value.strip() else json.dumps(value, ensure_ascii=False)


def is_allowed_null(made: Field) -> bool:
    """Whether there is null, and may be."""
    return made.base is None and made.nullable


def moment(text: str, zone: str) -> dt.datetime | None:
    """Read what a field for a date with a time carries, and the offset it stands in."""
    match = MOMENT.fullmatch(text)
    try:
        return dt.datetime.fromisoformat(text if match["zone"] else text + zone) if match is not None else None
    except ValueError:
        return None


def time_of_day(text: str) -> dt.time | None:
    """Read what a field for a time of day carries."""
    try:
        return dt.time.fromisoformat(text) if TIME.fullmatch(text) else None
    except ValueError:
        return None


def day(text: str) -> dt.date | None:
    """Read what a field for a date carries, the way browsers write it."""
    try:
        return dt.date.fromisoformat(text) if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII) else None
    except ValueError:
        return None


def _texted(made: Field, kind: Kind, text: str) -> Field:
    """Show a text to write in; one too long to stand there unasked in part, until somebody opens it."""
    if len(text) > MAX_SHOWN and not made.is_open:
        return replace(made, kind="cut", text=text[:PREVIEW], suffix=wording.number(len(text)))
    return replace(made, kind=kind, text=text, was=text, was_label=text[:MAX_WAS])


def _date(made: Field, text: str) -> Field | None:
    return replace(made, kind="date", text=text, was=text, was_label=text) if not text or day(text) else None


def _datetime(made: Field, text: str) -> Field | None:
    match = MOMENT.fullmatch(text)
    if text and (match is None or match["zone"] is None or moment(text, "") is None):
        return None
    shown, zone = (match["minutes"] + _short(match["seconds"]), match["zone"]) if match else ("", "Z")
    started = shown + zone if shown else ""
    return replace(made, kind="datetime", text=shown, suffix=zone, was=started, was_label=started.replace("T", " ", 1))


def _time(made: Field, text: str) -> Field | None:
    match = TIME.fullmatch(text)
    if text and (match is None or time_of_day(text) is None):
        return None
    shown, zone = (match["minutes"] + _short(match["seconds"]), match["zone"] or "") if match else ("", "Z")
    return replace(made, kind="time", text=shown, suffix=zone, was=shown, was_label=shown)


_TIMED: Final[dict[str, Callable[[Field, str], Field | None]]] = {"date": _date, "date-time": _datetime, "time": _time}


def _short(seconds: str | None) -> str:
    """Write seconds as browsers do: none where they are nought, and no noughts behind the point."""
    plain = seconds or ""
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "" if plain in {":00", ":", ":0"} else plain


def _spare(options: tuple[Option, ...], made: Field) -> tuple[Option, ...]:
    """Add what else may be chosen: nothing at all, or null."""
    more = [Option("null", gettext("None (null)"), None)] if made.nullable else []
    if not made.required:
        more.append(Option("", gettext("Not given"), MISSING))
    return (*options, *more)


def _keyed(options: tuple[Option, ...], made: Field) -> tuple[Option, ...]:
    """Give nine options a digit key each: their own digits where all are digits, else their places."""
    own = _all_digits(options)
    keys: Iterator[str] = (each.label if own else str(at) if at < 10 else "" for at, each in enumerate(options, 1))
    return _spare(tuple(replace(o, key=key) for o, key in zip(options, keys, strict=True)), made)


def _all_digits(options: tuple[Option, ...]) -> bool:
    return bool(options) and all(re.fullmatch("[0-9]", option.label) for option in options)


_BOUNDS: Final = {
    "minimum": N_("from %(bound)s"),
    "exclusiveMinimum": N_("above %(bound)s"),
    "maximum": N_("to %(bound)s"),
    "exclusiveMaximum": N_("below %(bound)s"),
    "multipleOf": N_("in steps of %(bound)s"),
}


def _bounds(plain: Schema, *, integer: bool) -> list[str]:
    """Say in words what a number may be."""
    said: list[str] = []
    for word, phrase in _BOUNDS.items():
        bound = plain.get(word)
        if is_number(bound):
            said.append(gettext(phrase, bound=json.dumps(bound)))
    if not said:
        return [gettext("A whole number.")] if integer else []
    bounds = " ".join(said)
    return [
        gettext("A whole number %(bounds)s.", bounds=bounds)
        if integer
        else gettext("A number %(bounds)s.", bounds=bounds)
    ]


def _lengths(plain: Schema, most: int | None) -> list[str]:
    least = plain.get("minLength")
    few = least if isinstance(least, int) and not isinstance(least, bool) and least > 1 else None
    if few is not None and most is not None:
        return [gettext("From %(least)s to %(most)s characters.", least=wording.number(few), most=wording.number(most))]
    if few is not None:
        return [ngettext("At least %(num)s character.", "At least %(num)s characters.", few, num=wording.number(few))]
    if most is None:
        return []
    return [ngettext("Up to %(num)s character.", "Up to %(num)s characters.", most, num=wording.number(most))]


def _pattern(plain: Schema) -> list[str]:
    """Tell the pattern where nothing else says what is wanted."""
    pattern = plain.get("pattern")
    return (
        [gettext("It must match the pattern %(pattern)s", pattern=pattern[:80])]
        if isinstance(pattern, str) and not plain.get("description")
        else []
    )


def noted(plain: Schema) -> tuple[str, ...]:
    """Say what else a schema tells whoever fills it: examples, and what stands there if nothing does."""
    said: list[str] = []
    examples = plain.get("examples")
    if is_list(examples) and examples:
        some = ", ".join(_brief(each) for each in examples[:3])
        said.append(gettext("For example: %(examples)s", examples=some))
    if "default" in plain:
        said.append(gettext("Default: %(value)s", value=_brief(plain["default"])))
    return tuple(said)


def _brief(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:80]}…"
