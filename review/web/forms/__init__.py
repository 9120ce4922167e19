"""Forms made from JSON Schemas: the fields for a value, and the value out of what was submitted."""

from collections.abc import Iterable
from typing import Any

from review.web.forms.building import Builder
from review.web.forms.fields import (
    MISSING,
    Field,
    Kind,
    Missing,
    Option,
    Path,
    Row,
    first_choice,
    first_errors,
    with_errors,
)
from review.web.forms.reading import ADD, REMOVE, Answer, Reader, collect

__all__ = [
    "ADD",
    "MISSING",
    "REMOVE",
    "Answer",
    "Field",
    "Kind",
    "Missing",
    "Option",
    "Path",
    "Row",
    "build",
    "first_choice",
    "first_errors",
    "read",
    "with_errors",
]


def build(schema: object, value: Any) -> Field:
    """Make the form for a value of this schema, filled with it. Never raises, whatever schema and value are."""
    return Builder(schema).build(schema, value, (), required=True)


def read(schema: object, value: Any, pairs: Iterable[tuple[str, str]]) -> Answer:
    """Read a submitted form that `build(schema, value)` made, or that an earlier `read` of it gave to show again.

    A control that was left alone gives back exactly what was in `value`, down to 1.0 against 1 and null against
    nothing. Never raises; what cannot be read is said in the answer's form, beside its field, and left out of the
    value. Whether the value fits the schema is for the item type to say.
    """
    builder = Builder(schema)
    made = builder.build(schema, value, (), required=True)
    builder.made = 0
    return Reader(builder, collect(pairs)).read(made, "")
