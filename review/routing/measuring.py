"""What conditions ask that no item says: how many of its like came lately, and when it came itself; no I/O.

`rate("item.subject", "1h")` and `received.hour("Europe/Berlin")` are measured once, when an item comes in, and stored
with its route. Routing takes what was measured as given, so the same item is routed alike at any later time.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from review.kernel.durations import parse_duration
from review.kernel.sentences import number, say
from review.routing.reading import ConditionInvalid
from review.routing.tokens import Kind, Token, text_of

MOST_COUNTED: Final = 1_000  # a count ends there, so that none takes long
MOST_RATES: Final = 5  # different ones in a version: each is a look into an index for every item
SHORTEST, LONGEST = timedelta(seconds=10), timedelta(days=31)
COUNTED: Final = ("item.subject",)  # what the database has an index for
IN_ZONE: Final = ("hour", "weekday", "date", "time")
WITHIN: Final = "within"
RECEIVED: Final = "received"
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_ZONE = re.compile(r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}\Z")
_NO_ZONES = frozenset({"localtime", "Factory", "posixrules"})  # they mean whatever the machine is set to
_SIGNS = frozenset({"<", "<=", ">", ">=", "==", "!="})

# What was measured of an item, by name, as it is stored: counts, and when it was received.
Measured: TypeAlias = Mapping[str, int | str]
IsOpen: TypeAlias = Callable[[datetime], bool]
NOTHING: Final[Measured] = {}


class Rate(msgspec.Struct, frozen=True, tag=True):
    """How many items of the same value at a path came in a time before this one."""

    path: str
    per: timedelta
    name: str


class Moment(msgspec.Struct, frozen=True, tag=True):
    """What the clock or calendar says of the moment at which an item was received."""

    aspect: str
    where: str
    name: str


Ask: TypeAlias = Rate | Moment


class Asked(msgspec.Struct, frozen=True):
    """A question in a condition: the place of its first token, before which it ends, and what it asks."""

    start: int
    end: int
    ask: Ask


def asked_in(tokens: Sequence[Token], calendars: Sequence[str]) -> tuple[Asked, ...]:
    """List what a condition asks beside the item, which may name these calendars.

    Raises:
        ConditionInvalid: it asks what cannot be measured; with the place.
    """
    found: list[Asked] = []
    is_bound = any(_text(tokens, at - 1) == "(" and _text(tokens, at + 1) == "," for at in _named(tokens, RECEIVED))
    for at, token in enumerate(tokens):
        if token.kind is not Kind.NAME or _text(tokens, at - 1) == ".":
            continue
        if token.text == "rate" and _text(tokens, at + 1) == "(":
            found.append(_rate(tokens, at))
        elif token.text == RECEIVED and not is_bound:  # a macro may have a variable of that name
            found.append(_moment(tokens, at, calendars))
    return tuple(found)


def calendars_in(tokens: Sequence[Token], calendars: Sequence[str]) -> frozenset[str]:
    """Name those of these calendars that a condition asks."""
    try:
        asked = [each.ask for each in asked_in(tokens, calendars)]
    except ConditionInvalid:
        return frozenset()
    return frozenset(ask.where for ask in asked if isinstance(ask, Moment) and ask.aspect == WITHIN)


def answers(asks: Iterable[Ask], measured: Measured, calendars: Mapping[str, IsOpen]) -> dict[str, float | str | bool]:
    """Give what conditions get for what they ask, by name; what was not measured is left out."""
    at, found = received_of(measured), dict[str, float | str | bool]()
    for ask in asks:
        if isinstance(ask, Rate):
            count = measured.get(ask.name)
            if isinstance(count, int):
                found[ask.name] = float(count)
        elif at is not None:
            found[ask.name] = _answer(ask, at, calendars)
    return found


def received_of(measured: Measured) -> datetime | None:
    """Give when an item was received, if that was measured."""
    said = measured.get(RECEIVED)
    return datetime.fromisoformat(said) if isinstance(said, str) else None


def rates_of(asks: Iterable[Ask]) -> tuple[Rate, ...]:
    """Give those that count."""
    return tuple(ask for ask in asks if isinstance(ask, Rate))


def kept(asks: Sequence[Ask], measured: Measured) -> dict[str, int | str] | msgspec.UnsetType:
    """Give what is stored of what was measured: what these ask, or nothing where they ask nothing."""
    if not asks:
        return msgspec.UNSET
    names = {rate.name for rate in rates_of(asks)} | {RECEIVED}
    return {name: value for name, value in measured.items() if name in names}


def value_of(rate: Rate, item: Mapping[str, Any]) -> str | None:
    """Give the value of an item that a rate counts, or None where it has none."""
    value = item.get(rate.path.removeprefix("item."))
    return value if isinstance(value, str) and value else None


def told_at(moment: datetime) -> str:
    """Write a moment as it is stored."""
    return moment.astimezone(UTC).isoformat()


def _answer(ask: Moment, at: datetime, calendars: Mapping[str, IsOpen]) -> float | str | bool:
    if ask.aspect == WITHIN:
        return calendars[ask.where](at)
    local = at.astimezone(ZoneInfo(ask.where))
    if ask.aspect == "hour":
        return float(local.hour)
    if ask.aspect == "weekday":
        return WEEKDAYS[local.weekday()]
    return local.date().isoformat() if ask.aspect == "date" else f"{local:%H:%M}"


def _rate(tokens: Sequence[Token], at: int) -> Asked:
    form = 'rate("item.subject", "1h")'
    marks = [_text(tokens, at + 3), _text(tokens, at + 5)]
    path, per = (text_of(tokens[place]) if place < len(tokens) else None for place in (at + 2, at + 4))
    if path is None or per is None or marks != [",", ")"]:
        message = say("a rate counts what a path has in a time, both as plain texts; write it like %(form)s", form=form)
        raise ConditionInvalid(message, tokens[at].offset)
    if path not in COUNTED:
        counted = ", ".join(COUNTED)
        message = say("`%(path)s` cannot be counted in bounded time; what can is %(paths)s", path=path, paths=counted)
        raise ConditionInvalid(message, tokens[at + 2].offset)
    try:
        length = parse_duration(per)
    except (ValueError, OverflowError) as fault:
        raise ConditionInvalid(fault.args[0], tokens[at + 4].offset) from fault
    if not SHORTEST <= length <= LONGEST:
        message = say("a rate counts over 10s to 31d")
        raise ConditionInvalid(message, tokens[at + 4].offset)
    _refuse_beyond(tokens, at, at + 6)
    return Asked(at, at + 6, Rate(path, length, f"rate({path}, {per.strip()})"))


def _refuse_beyond(tokens: Sequence[Token], start: int, end: int) -> None:
    """Refuse to compare a count with what it never comes to."""
    for sign, at in ((end, end + 1), (start - 1, start - 2)):
        if _text(tokens, sign) in _SIGNS and 0 <= at < len(tokens) and tokens[at].kind is Kind.NUMBER:
            try:
                bound = float(tokens[at].text)
            except ValueError:
                continue
            if bound > MOST_COUNTED:
                message = say("a rate counts up to %(most)s and no further", most=number(MOST_COUNTED))
                raise ConditionInvalid(message, tokens[at].offset)


def _moment(tokens: Sequence[Token], at: int, calendars: Sequence[str]) -> Asked:
    aspect, where = _text(tokens, at + 2), text_of(tokens[at + 4]) if at + 4 < len(tokens) else None
    known = (*IN_ZONE, WITHIN)
    if _text(tokens, at + 1) != "." or aspect not in known:
        place = min(at + 2, len(tokens) - 1)
        message = say(
            "`received` is asked for %(some)s or %(last)s, as in %(example)s",
            some=", ".join(known[:-1]),
            last=WITHIN,
            example='`received.hour("Europe/Berlin")`',
        )
        raise ConditionInvalid(message, tokens[place].offset)
    if _text(tokens, at + 3) != "(" or where is None or _text(tokens, at + 5) != ")":
        message = say("`received.%(aspect)s` takes a time zone, as a plain text", aspect=aspect)
        if aspect == WITHIN:
            message = say("`received.%(aspect)s` takes a calendar of this document, as a plain text", aspect=aspect)
        raise ConditionInvalid(message, tokens[at + 2].offset)
    if aspect == WITHIN and where not in calendars:
        close = get_close_matches(where, calendars, n=1)
        message = say("`%(where)s` is no calendar of this document", where=where)
        if close:
            message = say("%(said)s; did you mean `%(name)s`?", said=message, name=close[0])
        raise ConditionInvalid(message, tokens[at + 4].offset)
    if aspect != WITHIN and not _is_zone(where):
        message = say("`%(where)s` is no time zone; write it like `Europe/Berlin` (IANA)", where=where)
        raise ConditionInvalid(message, tokens[at + 4].offset)
    return Asked(at, at + 6, Moment(aspect, where, f"{RECEIVED}.{aspect}({where})"))


def _is_zone(name: str) -> bool:
    if not _ZONE.match(name) or name in _NO_ZONES:
        return False
    try:
        ZoneInfo(name)
    except (OSError, ValueError, ZoneInfoNotFoundError):  # a folder of zones, or none at all
        return False
    return True


def _named(tokens: Sequence[Token], name: str) -> list[int]:
    return [at for at, token in enumerate(tokens) if token.text == name]


def _text(tokens: Sequence[Token], at: int) -> str:
    return tokens[at].text if 0 <= at < len(tokens) else ""
