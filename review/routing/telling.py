"""A condition told with an item's own values in the place of their names, for people to see why it held."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeGuard

import msgspec

from review.kernel.shapes import is_object
from review.routing.conditions import MAX_LENGTH
from review.routing.measuring import NOTHING as UNMEASURED
from review.routing.measuring import Asked, Measured, asked_in
from review.routing.named import UNLOADED, Entries, is_in
from review.routing.reading import FIELDS, ConditionInvalid
from review.routing.rules import RuleSet
from review.routing.tokens import Kind, Token, scan, text_of

MAX_TOLD = 1_000  # characters of a told condition; a longer one is shown as it was written
MAX_TEXT = 60  # characters of a text
MAX_LISTED = 5  # elements of a list
_EXACT = 2**53
_COMPARISONS = frozenset({"<", "<=", ">", ">=", "==", "!="})
_TESTS = frozenset({"contains", "matches", "startsWith", "endsWith"})
_SEVERAL = frozenset({"signals", "metadata", "tags", "alternatives"})


class Part(msgspec.Struct, frozen=True):
    """A piece of a told condition; `is_fact` where it is the item's own."""

    text: str
    is_fact: bool = False


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count:,} fields"


def _elements(count: int) -> str:
    return "1 element" if count == 1 else f"{count:,} elements"


class Phrases(msgspec.Struct, frozen=True, kw_only=True):
    """What is said around an item's values: English, which whoever prints it in another language replaces."""

    given: str = "%(name)s is given"
    missing: str = "%(name)s is missing"
    absent: str = "not given"
    listed: str = "is in %(list)s"
    unlisted: str = "is not in %(list)s"
    uncounted: str = "not counted"
    unmeasured: str = "not measured"
    size: str = "size of %(what)s"
    too_large: str = "a number too large to show"
    more: str = "%(count)s more"
    fields: Callable[[int], str] = _fields
    elements: Callable[[int], str] = _elements


ENGLISH: Final = Phrases()


class Value(msgspec.Struct, frozen=True):
    """A part of a condition as it is written, and what it is for an item: `item.confidence`, `0.62`."""

    name: str
    value: str


class Known(msgspec.Struct, frozen=True):
    """What a condition's lists hold, what its scores come to for the item, and what was measured of it.

    A score that cannot be counted is null. Of what rules ask beside the item, what is missing was not measured;
    `calendars` are those that they may ask.
    """

    lists: Mapping[str, Entries] = {}
    scores: Mapping[str, float | None] = {}
    answers: Mapping[str, float | str | bool] = {}
    calendars: tuple[str, ...] = ()


NOTHING = Known()


def known_of(ruleset: RuleSet, item: Mapping[str, object], measured: Measured = UNMEASURED) -> Known:
    """Give what the lists of a rule set hold, what its scores come to for an item, and what was measured of that."""
    called = ruleset.called
    if called is None and not ruleset.asks:
        return NOTHING
    facts = ruleset.facts_of(item, measured)
    if called is None:
        return Known(answers=facts.answers)
    scores = {name: facts.points(name) for name in called.scores}
    lists = {name: entries for name, entries in called.lists.items() if entries is not UNLOADED}
    return Known(lists, scores, facts.answers, tuple(called.calendars))


class _Missing:
    """Stands for what an item does not have."""


_MISSING = _Missing()


class _Found(msgspec.Struct, frozen=True):
    """A path of the condition: its fields, the tokens before which it ends, and what the item has there."""

    fields: tuple[str | int, ...]
    end: int
    value: object


def tell(
    condition: str, item: Mapping[str, object], phrases: Phrases = ENGLISH, known: Known = NOTHING
) -> tuple[Part, ...]:
    """Tell a condition with the item's values; what cannot be told within bounds is given as it was written.

    Nothing but the fields that conditions may speak of is read of the item. A list or score of which nothing is known
    is told as it was written.
    """
    written = (Part(condition[:MAX_LENGTH]),)
    if len(condition) > MAX_LENGTH:
        return written
    told = tuple(_Telling(list(scan(condition)), item, phrases, known).run())
    return told if sum(len(part.text) for part in told) <= MAX_TOLD else written


def values_of(condition: str, item: Mapping[str, object], known: Known = NOTHING) -> tuple[Value, ...]:
    """List the fields, look-ups and scores of a condition with what each is for the item, in the order written."""
    if len(condition) > MAX_LENGTH:
        return ()
    found = dict(_Telling(list(scan(condition)), item, ENGLISH, known).values(condition))
    return tuple(Value(name, value) for name, value in found.items())


class _Telling:
    """One walk over a condition's tokens."""

    def __init__(self, tokens: Sequence[Token], item: Mapping[str, object], phrases: Phrases, known: Known) -> None:
        self._tokens = tokens
        self._item = dict(item)
        self._phrases = phrases
        self._known = known
        self._asked = _asked(tokens, known)
        self._paths = {at: found for at in range(len(tokens)) if (found := self._find(at)) is not None}
        spoken = {found.fields for found in self._paths.values()}
        lasts = [fields[-1] for fields in spoken]
        self._shared = {last for last in lasts if lasts.count(last) > 1}

    def run(self) -> Iterator[Part]:
        at, end = 0, 0
        while at < len(self._tokens):
            token = self._tokens[at]
            if at and token.offset > end:
                yield Part(" ")
            text, after, is_fact = self._told(at)
            yield Part(text, is_fact)
            at, end = after, self._tokens[after - 1].end

    def values(self, written: str) -> Iterator[tuple[str, str]]:
        """Give each part of the condition that an item has a value for, as written, and that value."""
        for at in range(len(self._tokens)):
            found, asked = self._paths.get(at), self._asked.get(at)
            end = at + 3 if self._score(at) else found.end if found is not None else asked.end if asked else at
            if end == at:
                continue
            shown = (
                self._score(at)
                or (self._answer(asked) if asked else "")
                or _shown(found.value if found is not None else _MISSING, self._phrases, self._sought_at(at))
            )
            yield written[self._tokens[at].offset : self._tokens[end - 1].end], shown
            if (is_listed := self._is_listed(end)) is not None:
                whole = written[self._tokens[at].offset : self._tokens[end + 3].end]
                yield whole, json.dumps(is_listed)

    def _told(self, at: int) -> tuple[str, int, bool]:
        """Give what stands for the tokens from here, and before which token that ends."""
        given = self._called(at) or self._given(at)
        if given is not None:
            return given
        counted = self._paths.get(at + 2) if self._texts(at, "size", "(") else None
        if counted is not None and self._text(counted.end) == ")":
            return self._size(counted), counted.end + 1, True
        found = self._paths.get(at)
        if found is None:
            token = self._tokens[at]
            return self._number(at) if token.kind is Kind.NUMBER else token.text, at + 1, False
        if self._texts(found.end, ".", "size", "(", ")"):
            return self._size(found), found.end + 4, True
        shown = _shown(found.value, self._phrases, self._sought(at, found))
        is_plain = found.fields == ("confidence",) and shown != self._phrases.absent
        return shown if is_plain else self._named(found, shown), found.end, True

    def _called(self, at: int) -> tuple[str, int, bool] | None:
        """Tell a score with its points, and a look-up as what is the case."""
        if score := self._score(at):
            return f"{self._text(at + 2)} {score}", at + 3, True
        if (asked := self._asked.get(at)) is not None:
            return f"{asked.ask.name} {self._answer(asked)}", asked.end, True
        is_listed = self._is_listed(at)
        if is_listed is None:
            return None
        told = self._phrases.listed if is_listed else self._phrases.unlisted
        return told % {"list": self._text(at + 3)}, at + 4, True

    def _score(self, at: int) -> str:
        """Give what the score comes to that is named from here, if one is and it is known."""
        if not self._texts(at, "scores", ".") or self._text(at - 1) == ".":
            return ""
        name = self._text(at + 2)
        points = self._known.scores.get(name)
        if name not in self._known.scores:
            return ""
        return self._phrases.uncounted if points is None else f"{points:,.12g}"

    def _answer(self, asked: Asked) -> str:
        """Give what was measured, in words."""
        value = self._known.answers.get(asked.ask.name)
        if value is None:
            return self._phrases.unmeasured
        return f"{value:,.12g}" if isinstance(value, float) else json.dumps(value)

    def _is_listed(self, at: int) -> bool | None:
        """Tell whether a list has the field that stands before `in lists.NAME`, if it is one that lists may have."""
        entries = self._known.lists.get(self._text(at + 3)) if self._texts(at, "in", "lists", ".") else None
        found = next((each for each in self._paths.values() if each.end == at), None)
        if entries is None or found is None:
            return None
        value = found.value
        is_whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _EXACT
        return is_in(entries, float(value) if is_whole and isinstance(value, int) else value)

    def _sought_at(self, at: int) -> str | None:
        found = self._paths.get(at)
        return None if found is None else self._sought(at, found)

    def _given(self, at: int) -> tuple[str, int, bool] | None:
        """Tell `has(path)`, and `!has(path)` alike, as what is the case."""
        start = at + 1 if self._texts(at, "!", "has", "(") else at
        if not self._texts(start, "has", "(") or self._text(start - 1) == ".":
            return None
        found = self._paths.get(start + 2)
        if found is None or self._text(found.end) != ")":
            return None
        told = self._phrases.missing if isinstance(found.value, _Missing) else self._phrases.given
        return told % {"name": self._name(found)}, found.end + 1, True

    def _size(self, found: _Found) -> str:
        value = found.value
        if isinstance(value, str) or _is_several(value) or is_object(value):
            return self._phrases.size % {"what": self._named(found, f"{len(value):,}")}
        return self._phrases.size % {"what": self._named(found, self._phrases.absent)}

    def _sought(self, at: int, found: _Found) -> str | None:
        """Give the text that is looked for in a value, where the condition has it in words."""
        if self._text(found.end) == "." and self._text(found.end + 1) in _TESTS and self._text(found.end + 2) == "(":
            return text_of(self._tokens[found.end + 3]) if found.end + 3 < len(self._tokens) else None
        return text_of(self._tokens[at - 2]) if at > 1 and self._text(at - 1) == "in" else None

    def _number(self, at: int) -> str:
        """Write a literal like the figure that it is compared with."""
        text = self._tokens[at].text
        before = self._text(at - 1) in _COMPARISONS and any(
            at - 1 == self._behind(start, found) for start, found in self._paths.items()
        )
        after = self._text(at + 1) in _COMPARISONS and (at + 2 in self._paths or self._text(at + 2) == "size")
        return f"{int(text):,}" if (before or after) and text.isascii() and text.isdigit() and len(text) < 20 else text

    def _behind(self, start: int, found: _Found) -> int:
        """Give the place behind a path, and behind the call that counts what is there."""
        if self._texts(found.end, ".", "size", "(", ")"):
            return found.end + 4
        return found.end + 1 if self._texts(start - 2, "size", "(") else found.end

    def _named(self, found: _Found, shown: str) -> str:
        return f"{self._name(found)} {shown}"

    def _name(self, found: _Found) -> str:
        *above, last = found.fields
        is_vague = last in self._shared or isinstance(last, int) or above[:1] == ["model"]
        return " ".join(_ordinal(each) for each in (found.fields if is_vague else (last,)))

    def _find(self, start: int) -> _Found | None:
        """Follow `item.name`, `["name"]` and `[0]` from here, and look up what the item has there."""
        if self._text(start) != "item" or self._text(start - 1) == "." or self._text(start + 2) not in FIELDS:
            return None
        if self._text(start + 1) != "." or self._text(start + 3) == "(":
            return None
        fields: list[str | int] = [self._text(start + 2)]
        at = start + 3
        while (step := self._step(at)) is not None:
            fields.append(step[0])
            at = step[1]
        if self._text(at) == "[" or len(fields) > MAX_LENGTH:
            return None
        return _Found(tuple(fields), at, self._look_up(fields))

    def _step(self, at: int) -> tuple[str | int, int] | None:
        if self._text(at) == "." and self._text(at + 2) != "(" and at + 1 < len(self._tokens):
            return self._text(at + 1), at + 2
        if self._text(at) != "[" or self._text(at + 2) != "]":
            return None
        inside = self._tokens[at + 1]
        if inside.kind is Kind.NUMBER and inside.text.isascii() and inside.text.isdigit() and len(inside.text) < 8:
            return int(inside.text), at + 3
        name = text_of(inside)
        return None if name is None else (name, at + 3)

    def _look_up(self, fields: Sequence[str | int]) -> object:
        value: object = self._item
        for place, field in enumerate(fields):
            if is_object(value) and isinstance(field, str):
                value = value.get(field, _MISSING)
            elif _is_several(value) and isinstance(field, int) and field < len(value):
                value = value[field]
            else:
                return _MISSING
            if place == 0 and value is None:
                value = _MISSING  # a circumstance that was not sent
        if isinstance(value, _Missing) and len(fields) == 1 and fields[0] in _SEVERAL:
            return []
        return value

    def _texts(self, at: int, *wanted: str) -> bool:
        return all(self._text(at + place) == text for place, text in enumerate(wanted))

    def _text(self, at: int) -> str:
        return self._tokens[at].text if 0 <= at < len(self._tokens) else ""


def _asked(tokens: Sequence[Token], known: Known) -> dict[int, Asked]:
    """Give what a condition asks beside the item, by the place where it begins."""
    try:
        return {each.start: each for each in asked_in(tokens, known.calendars)}
    except ConditionInvalid:
        return {}


def _is_several(value: object) -> TypeGuard[Sequence[object]]:
    """Whether this is an array, as JSON or as our own structs have it."""
    return isinstance(value, list | tuple)


def _ordinal(field: str | int) -> str:
    """Name a field; elements are counted from one, as people do."""
    return field if isinstance(field, str) else str(field + 1)


def _shown(value: object, phrases: Phrases, sought: str | None = None) -> str:
    """Write a value briefly; of a long one the part in which `sought` stands."""
    if isinstance(value, _Missing):
        return phrases.absent
    if isinstance(value, str):
        return _text_shown(value, sought)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int | float):
        return f"{value:,}" if isinstance(value, float) or abs(value) <= _EXACT else _large(value, phrases)
    if _is_several(value):
        return _list_shown(list(value), phrases, sought)
    return f"{{{phrases.fields(len(value) if is_object(value) else 0)}}}"


def _large(value: int, phrases: Phrases) -> str:
    try:
        return f"{float(value):,.6g}"
    except OverflowError:
        return phrases.too_large


def _text_shown(text: str, sought: str | None) -> str:
    if len(text) <= MAX_TEXT:
        return _quoted(text)
    start = text.find(sought) if sought else 0
    start = max(0, start - MAX_TEXT // 3) if start > MAX_TEXT // 2 else 0
    end = start + MAX_TEXT
    cut = text[start:end]
    return _quoted(("… " if start else "") + cut + (" …" if end < len(text) else ""))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _list_shown(values: list[object], phrases: Phrases, sought: str | None) -> str:
    if any(_is_several(each) or is_object(each) for each in values[: MAX_LISTED + 1]):
        return f"[{phrases.elements(len(values))}]"
    shown = values[:MAX_LISTED]
    if sought is not None and sought not in shown and sought in values:
        shown = [*shown[:-1], sought]
    more = len(values) - len(shown)
    told = [_shown(each, phrases) for each in shown] + ([phrases.more % {"count": f"{more:,}"}] if more else [])
    return f"[{', '.join(told)}]"
