"""What libraries say is known word for word, in the versions that are installed, so that pages can say it again."""

import json
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import msgspec
import pytest
from msgspec import Meta

from review.kernel.errors import FieldError
from review.kernel.foreign import JSON, MSGSPEC, English, Phrases
from review.kernel.sentences import Sentence
from review.kernel.strict_json import field_error


class Colour(Enum):
    RED = "red"


class Tagged(msgspec.Struct, forbid_unknown_fields=True, tag="tagged"):
    count: int


class Pair(NamedTuple):
    one: int
    other: int = 0


class Row(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    one: int


# Types with values that do not fit them, each in a way of its own.
UNFIT: list[tuple[Any, Any]] = [
    (int, "1"),
    (int | None, "x"),
    (Tagged, {"type": "tagged"}),
    (Tagged, {"type": "tagged", "count": 1, "more": 2}),
    (Tagged, {"type": "other", "count": 1}),
    (Colour, "blue"),
    (Literal["a", "b"], "c"),
    (Annotated[str, Meta(min_length=1)], ""),
    (Annotated[str, Meta(max_length=1)], "ab"),
    (Annotated[str, Meta(pattern="^a$")], "b"),
    (Annotated[list[int], Meta(min_length=1)], []),
    (Annotated[dict[str, int], Meta(max_length=0)], {"a": 1}),
    (Annotated[int, Meta(ge=1)], 0),
    (Annotated[int, Meta(le=1)], 2),
    (Annotated[float, Meta(gt=1)], 0.5),
    (Annotated[float, Meta(lt=1)], 1.5),
    (Annotated[int, Meta(multiple_of=2)], 3),
    (Annotated[datetime, Meta(tz=True)], "2026-11-20T10:00:00"),
    (Annotated[datetime, Meta(tz=False)], "2026-11-20T10:00:00Z"),
    (tuple[int, int], [1]),
    (Pair, [1, 2, 3]),
    (Row, []),
    (Row, [1, 2]),
    (UUID, "x"),
    (Decimal, "x"),
    (bytes, "a"),
    (date, "x"),
    (time, "x"),
    (datetime, "x"),
    (timedelta, "x"),
    (timedelta, "P1W"),
    (timedelta, "P9999999999D"),
]
BROKEN = ["", "{", '{"a"', '{"a":1', "1 2", '"a', '"\x01"', '"\\q"', '"\\u12"', "\ufeff1"]
OF_OTHERS = re.compile(r"MessagePack|UUID bytes|Expected `float` %s")


def said_of(act: Callable[..., object], *given: Any) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  each library's own kind
        act(*given)
    fault: Any = caught.value
    return fault.msg if isinstance(fault, json.JSONDecodeError) else str(fault)


def is_known(phrases: Phrases, said: str) -> bool:
    found = phrases.find(said)
    return isinstance(found, Sentence) and found == said


def test_what_msgspec_says_of_a_value_that_does_not_fit_becomes_a_sentence_with_the_same_words() -> None:
    said = [said_of(msgspec.convert, value, kind) for kind, value in UNFIT]
    assert [each for each in said if not is_known(MSGSPEC, each.partition(" - at ")[0])] == []
    assert len(set(said)) == len(said), "each in a way of its own"


def test_what_msgspec_can_say_of_a_place_in_a_document_is_all_known() -> None:
    """Its module holds what it can say; whatever ends with a place is of a value, and a new one is seen here."""
    core = Path(str(import_module("msgspec._core").__file__)).read_bytes()
    forms = {each.decode() for each in re.findall(rb"((?:Expected|Invalid|Object|Missing)[ -~]{3,})%U\x00", core)}
    forms |= {
        each.decode() for each in re.findall(rb"((?:Timestamp|Duration|Integer value|Number) [ -~]{3,})%U\x00", core)
    }
    assert len(forms) > 30
    filled = {each: re.sub(r"%(?:zd|lld|llu)", "7", re.sub(r"%[sUR]", "int", each)).strip() for each in forms}
    unknown = {form for form, text in filled.items() if MSGSPEC.find(text) is None}
    assert {form for form in unknown if not re.search(OF_OTHERS, form)} == set()


def test_what_python_says_of_broken_json_becomes_a_sentence_with_the_same_words() -> None:
    said = [said_of(json.loads, text) for text in BROKEN]
    assert [each for each in said if not is_known(JSON, each)] == []


def test_a_fault_of_a_field_keeps_its_sentence_and_else_says_that_it_is_english() -> None:
    fault = field_error(msgspec.ValidationError("Object missing required field `name` - at `$.who[0]`"))
    assert (fault.path, fault.message) == ("who[0]", "Missing required field `name`")
    assert isinstance(fault.sentence, Sentence)
    unknown = FieldError("who", MSGSPEC.of("What no version has ever said"))
    assert isinstance(unknown.sentence, English)
    assert type(unknown.message) is str
