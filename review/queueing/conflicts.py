"""Conflict of interest: whom an item concerns, and so who may not judge it; no I/O."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast
from uuid import UUID

from review.identity.rules import Principal, normalise_email
from review.items.schemas import Details
from review.kernel.sentences import Sentence, say

LONGEST_NAME = 320  # of an e-mail address: RFC 3696, errata 1690
MOST_NAMES = 200  # what a seat carries for claims to pass it by; under the lock all names count


def people_in(
    relations: Iterable[str],
    *,
    input: object,  # noqa: A002  the contract's name
    output: object,
    metadata: object,
    subject: object,
    submitted_by: object,
) -> list[str]:
    """List the people an item concerns, by normalised e-mail or id: who sent it, its subject, whom relations name.

    What is neither an e-mail nor an id names nobody who could review.
    """
    root = {"input": input, "output": output, "metadata": metadata}
    found = [subject] if isinstance(subject, str) else []
    sender: Mapping[str, Any] = cast("Any", submitted_by) if isinstance(submitted_by, dict) else {}
    if sender.get("kind") == "user":
        found.append(str(sender.get("id")))
    for relation in relations:
        found += _values(root, relation.split("."))
    return list(dict.fromkeys(name for each in found if (name := name_of(each))))


def name_of(value: str) -> str | None:
    """Give the spelling under which a person is known who may be meant by a text, or None if nobody can be."""
    if len(value) > LONGEST_NAME or not value.strip().isprintable():
        return None
    if "@" in value:
        return normalise_email(value)
    try:
        return str(UUID(value.strip()))
    except ValueError:
        return None


def why_concerned(
    who: Principal,
    relations: Iterable[str],
    *,
    input: object,  # noqa: A002  the contract's name
    output: object,
    details: Details,
    submitted_by: object,
) -> Sentence | None:
    """Say why an item concerns somebody, so that they may not judge it; None where it does not."""
    nothing: dict[str, Any] = {"input": None, "output": None, "metadata": None, "subject": None, "submitted_by": None}
    if concerns(who, people_in((), **{**nothing, "submitted_by": submitted_by})):
        return say("you submitted it")
    if concerns(who, people_in((), **{**nothing, "subject": details.subject})):
        return say("it is about you")
    payload = {"input": input, "output": output, "metadata": details.metadata}
    named = [each for each in relations if concerns(who, people_in((each,), **{**nothing, **payload}))]
    return say("it names you in %(place)s", place=named[0]) if named else None


def concerns(who: Principal, people: Iterable[str]) -> bool:
    """Tell whether somebody is among the people that an item concerns."""
    return not {str(who.id), normalise_email(who.email)}.isdisjoint(people)


def barred_of(people: list[str]) -> str | None:
    """Write for a seat who may not have it, one to a line; None where it is open to all."""
    return "\n".join(each for each in people[:MOST_NAMES]) or None


def _values(value: object, steps: list[str]) -> Iterator[str]:
    """Give the texts at the end of a path, through every element of the lists on the way."""
    if isinstance(value, list):
        for each in cast("list[object]", value):
            yield from _values(each, steps)
    elif not steps:
        if isinstance(value, str):
            yield value
    elif isinstance(value, dict):
        yield from _values(cast("dict[str, object]", value).get(steps[0]), steps[1:])
