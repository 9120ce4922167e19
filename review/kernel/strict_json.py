"""JSON read strictly: what PostgreSQL, JavaScript or a trainer could not read back is refused with its place.

Refused: duplicate keys, NaN and infinities, lone surrogates, NUL, nesting beyond 100 levels, more than 200,000 values,
and integers that a double cannot hold exactly (RFC 7493, section 2; RFC 8785 gives them no canonical form).
"""

import json
import math
import re
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar, cast

import msgspec

from review.kernel.errors import FieldError, Invalid, MalformedRequest
from review.kernel.foreign import JSON, MSGSPEC
from review.kernel.sentences import number, say

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

MAX_DEPTH = 100
MAX_VALUES = 200_000  # what is left takes some 80 ms and 25 MB at most to read
MAX_INTEGER = 2**53 - 1
_UNFIT = say("The request does not fit; nothing was stored. Mend the field below and send it again.")

_decode = msgspec.json.Decoder().decode
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_INNERMOST = re.compile(rb"[\[{][^\[\]{}]*[\]}]")
_CROWDED = re.compile(rb"[\[{](?:[^\[\]{},]*,){%d}" % MAX_VALUES)
_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>[^`]*)`)?$", re.DOTALL)


class _Pairs(list[tuple[str, object]]):
    """An object with its keys as written, so that a second copy of a key can be seen."""


class _Suspect(Exception):
    """The quick survey found something; the slow walk will say what and where."""


def decode(raw: bytes) -> object:
    """Read one JSON text.

    Raises:
        MalformedRequest: it is not JSON, or not JSON that everybody reads alike (400); `errors` names the place.
    """
    if len(raw) > 2 * MAX_VALUES and _has_too_many(raw):
        _refuse("", say("holds more than %(most)s values", most=number(MAX_VALUES)))
    try:
        value: object = _decode(raw)
        if _survey(value, 1) != raw.count(b":") or b"\\u" in raw:
            _explain(raw, certain=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, _Suspect):
        _explain(raw, certain=True)
        raise
    return value


def decode_outer(raw: bytes, kind: type[S]) -> S:
    """Read a text into a struct whose `msgspec.Raw` fields stay text, to be read one by one later.

    Raises:
        MalformedRequest: it is not JSON (400); Invalid: it does not fit the struct (422).
    """
    if len(raw) > 2 * MAX_VALUES and _has_too_many_outside(raw):
        _refuse("", say("holds more than %(most)s values side by side", most=number(MAX_VALUES)))
    try:
        value = msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as fault:
        raise Invalid(_UNFIT, errors=(field_error(fault),)) from fault
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        _explain(raw, certain=True)
        raise
    for field in msgspec.structs.fields(kind):
        if raw.count(b'"' + field.encode_name.encode() + b'"') > 1:
            _refuse_doubled_keys(raw)
    return value


def convert(value: object, kind: type[T]) -> T:
    """Fit a decoded value to a struct.

    Raises:
        Invalid: a field is missing, unknown or of the wrong kind, or a time that some time zone could not show (422);
        `errors` names it.
    """
    try:
        fitted = msgspec.convert(value, kind)
    except msgspec.ValidationError as fault:
        raise Invalid(_UNFIT, errors=(field_error(fault),)) from fault
    if isinstance(fitted, msgspec.Struct):
        _check_times(fitted)
    return fitted


def _check_times(fitted: msgspec.Struct) -> None:
    for at, name in enumerate(fitted.__struct_fields__):
        moment = getattr(fitted, name)
        if isinstance(moment, datetime) and not _is_shown_everywhere(moment):
            told = FieldError(fitted.__struct_encode_fields__[at], say("lies outside the years 2 to 9998 in UTC"))
            raise Invalid(_UNFIT, errors=(told,))


def _is_shown_everywhere(moment: datetime) -> bool:
    """Tell whether every time zone can say the time; in UTC, the first and the last year spill over in some."""
    try:
        return 1 < moment.astimezone(UTC).year < 9999
    except OverflowError:
        return False


def field_error(fault: msgspec.ValidationError) -> FieldError:
    """Turn msgspec's sentence into a path and a message."""
    match = _AT.match(str(fault))
    if match is None:
        return FieldError(path="", message=MSGSPEC.of(str(fault)))
    path = (match["path"] or "").removeprefix("$").removeprefix(".")
    return FieldError(path=path, message=MSGSPEC.of(match["what"].replace("Object missing", "Missing")))


def _has_too_many(raw: bytes) -> bool:
    """Tell of a long text whether it holds more values than are read, without reading it.

    Every value but the first of its array or object stands behind a comma, and every key is a string.
    """
    strings = (raw.count(b'"') - raw.count(b'\\"')) // 2
    return strings > 2 * MAX_VALUES or (raw.count(b",") > MAX_VALUES and _STRING.sub(b"", raw).count(b",") > MAX_VALUES)


def _has_too_many_outside(raw: bytes) -> bool:
    """Tell of a long text whether it holds too many values that are not inside others; three levels are looked into."""
    if raw.count(b",") <= MAX_VALUES:
        return False
    bare = _STRING.sub(b"", raw)
    if bare.count(b"[") + bare.count(b"{") > MAX_VALUES:
        return True
    for _ in range(3):
        if _CROWDED.search(bare):
            return True
        bare = _INNERMOST.sub(b"", bare)
    return bare.count(b",") > MAX_VALUES


def _survey(value: Any, depth: int) -> int:
    """Count the colons that the text of this value must hold, and stop at anything suspicious.

    A duplicate key, which the decoder drops silently, leaves colons in the text that nothing accounts for.
    """
    if depth > MAX_DEPTH:
        raise _Suspect
    colons = 0
    kind = cast("Any", type(value))
    if kind is dict:
        colons = len(value)
        for key, inner in value.items():
            if ":" in key:
                colons += key.count(":")
            colons += _survey(inner, depth + 1)
    elif kind is str:
        return cast("str", value).count(":")
    elif kind is list:
        for inner in value:
            colons += _survey(inner, depth + 1)
    elif kind is int and not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise _Suspect
    return colons


def _explain(raw: bytes, *, certain: bool) -> None:
    """Walk the text slowly and refuse it at the first fault; return only if there is none and none was certain."""
    try:
        text = raw.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_Pairs, parse_constant=float)
    except UnicodeDecodeError as fault:
        _refuse("", say("byte %(at)s is not valid UTF-8", at=fault.start))
    except json.JSONDecodeError as fault:
        message = say(
            "line %(line)s column %(column)s: %(why)s", line=fault.lineno, column=fault.colno, why=JSON.of(fault.msg)
        )
        _refuse("", message)
    except RecursionError:
        _refuse("", say("nested deeper than %(most)s levels", most=MAX_DEPTH))
    except ValueError:
        _refuse("", say("a number has too many digits"))
    _walk(value, "", 1)
    if certain:
        _refuse("", say("this is not JSON that every reader understands alike"))


def _refuse_doubled_keys(raw: bytes) -> None:
    """Refuse a text whose outermost object has a key twice; what is below is somebody else's to check."""
    try:
        text = raw.decode("utf-8", "replace")
        pairs = json.loads(text, strict=False, object_pairs_hook=_Pairs, parse_int=len, parse_constant=len)
    except (ValueError, RecursionError):
        _explain(raw, certain=True)
        raise
    seen: set[str] = set()
    for key, _ in pairs if isinstance(pairs, _Pairs) else ():
        if key in seen:
            _refuse(key, say("appears twice in the same object"))
        seen.add(key)


def _walk(value: Any, path: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        _refuse(path[:200], say("nested deeper than %(most)s levels", most=MAX_DEPTH))
    match value:
        case _Pairs():
            _walk_pairs(value, path, depth)
        case list():
            for index, inner in enumerate(value):  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]  a pattern cannot say of what
                _walk(inner, f"{path}[{index}]", depth + 1)
        case str():
            _check_text(value, path)
        case float() if not math.isfinite(value):
            _refuse(path, say("is not a finite number"))
        case int() if not -MAX_INTEGER <= value <= MAX_INTEGER:
            _refuse(path, say("is an integer beyond 2**53, which many readers round; send it as a string"))
        case _:
            pass


def _walk_pairs(pairs: _Pairs, path: str, depth: int) -> None:
    seen: set[str] = set()
    for key, inner in pairs:
        place = f"{path}.{key}" if path else key
        _check_text(key, place)
        if key in seen:
            _refuse(place, say("appears twice in the same object"))
        seen.add(key)
        _walk(inner, place, depth + 1)


def _check_text(text: str, path: str) -> None:
    if "\0" in text:
        _refuse(path.replace("\0", "\\u0000"), say("holds a NUL character, which cannot be stored"))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        place = path.encode("utf-8", "backslashreplace").decode()
        _refuse(place, say("holds half of a surrogate pair, which is not text"))


def _refuse(path: str, message: str) -> NoReturn:
    sentence = say(
        "The body cannot be read as strict JSON; nothing was stored. Mend what is named below and send it again."
    )
    raise MalformedRequest(sentence, errors=(FieldError(path=path, message=message),))
