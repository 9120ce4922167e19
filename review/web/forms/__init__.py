"""Forms made from JSON Schemas: the fields for a value, and the value out of what was submitted."""

from collections.abc import Iterable
from typing import Any

from review.web.forms.answering import Answer
from review.web.forms.building import Builder
from review.web.forms.fields import (
    LEAVES,
    MISSING,
    Field,
    Kind,
    Missing,
    Option,
    Path,
    Row,
    against,
    count,
    first_choice,
    first_errors,
    with_errors,
)
from review.web.forms.reading import Reader
from review.web.forms.submitted import ADD, REMOVE, collect
from review.web.forms.wordwise import apart, beginning

__all__ = [
    "ADD",
    "LEAVES",
    "MISSING",
    "REMOVE",
    "Answer",
    "Field",
    "Kind",
    "Missing",
    "Option",
    "Path",
    "Row",
    "apart",
    "beginning",
    "build",
    "count",
    "first_choice",
    "first_errors",
    "read",
    "with_errors",
]


def build(schema: object, value: Any, said: Any = MISSING) -> Field:
    """Make the form for a value of this schema, filled with it. Never raises, whatever schema and value are.

    Its changes are told from `said` where that is given, else from the value itself.
    """
    return _made(Builder(schema), schema, value, said)


def read(schema: object, value: Any, pairs: Iterable[tuple[str, str]], said: Any = MISSING) -> Answer:
    """Read a submitted form that `build(schema, value, said)` made, or that an earlier `read` of it gave to show again.

    A control that was left alone gives back exactly what was in `value`, down to 1.0 against 1 and null against
    nothing. Never raises; what cannot be read is said in the answer's form, beside its field, and left out of the
    value. Whether the value fits the schema is for the item type to say.
    """
    builder = Builder(schema)
    made = _made(builder, schema, value, said)
    builder.made = 0
    return Reader(builder, collect(pairs)).read(made, "")


def _made(builder: Builder, schema: object, value: Any, said: Any) -> Field:
    made = builder.build(schema, value, (), "", required=True)
    if isinstance(said, Missing) or said is value:
        return made
    return against(made, Builder(schema).build(schema, said, (), "", required=True))
