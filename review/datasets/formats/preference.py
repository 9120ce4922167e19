"""Preference pairs: a line of JSON with `prompt`, `chosen` and `rejected` (TRL's DPO).

What was chosen is the correction, against what the model said; or of two texts in the record the one that people took.
"""

from typing import Any, Final

from review.datasets.errors import RenderingInvalid
from review.datasets.formats.chat import prompt_of, said
from review.datasets.formats.decoding import Record, dump
from review.datasets.formats.finding import answer_of, label_of
from review.datasets.formats.rendering import NO_TEXT, Lacks, Rendering, Wanted
from review.datasets.selections.rules import at_path
from review.kernel.errors import FieldError
from review.kernel.sentences import say
from review.kernel.shapes import is_list, is_object

NOT_CORRECTED: Final = "not corrected, so without a second answer"
NO_PAIR: Final = "no pair of texts at its place"
NO_CHOICE: Final = "the label chooses neither of the pair"
_TEXTS: Final = ("text", "content", "answer")


def make(wanted: Wanted) -> Rendering:
    """Make the format ready.

    Raises:
        RenderingInvalid: the style is none of this format (422).
    """
    style = wanted.options.style or "messages"
    if style not in {"messages", "text"}:
        message = say(
            "Preference pairs have no style %(style)s; nothing was read. Mend what is named below.", style=repr(style)
        )
        raise RenderingInvalid(
            message, errors=(FieldError("style", say("is not one of %(styles)s", styles="messages, text")),)
        )
    prompt = prompt_of(wanted)

    def render(record: Record) -> bytes:
        chosen, rejected = _of_pair(record, wanted) if wanted.options.pair_at else _of_correction(record, wanted)
        before = prompt(record)
        line: dict[str, Any] = {"prompt": before, "chosen": [said(chosen)], "rejected": [said(rejected)]}
        if style == "text":
            if len(before) > 1 or not isinstance(before[0]["content"], str):
                raise Lacks(NO_TEXT)
            line = {"prompt": before[0]["content"], "chosen": chosen, "rejected": rejected}
        return dump(line | {"weight": record["weight"], "id": record["id"]}) + b"\n"

    return Rendering(render, with_nulls=bool(wanted.options.template))


def _of_correction(record: Record, wanted: Wanted) -> tuple[str, str]:
    path = wanted.options.answer_at
    chosen, rejected = answer_of(record["label"], path), answer_of(record["model_output"], path)
    if record["verdict"] != "correct" or chosen is None or rejected is None or chosen == rejected:
        raise Lacks(NOT_CORRECTED)
    return chosen, rejected


def _of_pair(record: Record, wanted: Wanted) -> tuple[str, str]:
    found = at_path(record, wanted.options.pair_at)
    both: list[Any] = list(found.values()) if is_object(found) else found if is_list(found) else []
    texts = [text for each in both if (text := _text(each)) is not None]
    if len(both) != 2 or len(texts) != 2:
        raise Lacks(NO_PAIR)
    taken = label_of(record, wanted.options.label_at)
    # A list's texts go by the order of the choices, as the buttons of the page do. An object's have names: its order
    # is not kept in Parquet, so the label has to say the name.
    names = list(found) if is_object(found) else _choices(record, wanted)
    if taken not in names[:2]:
        raise Lacks(NO_CHOICE)
    place = names.index(taken)
    return texts[place], texts[1 - place]


def _text(value: object) -> str | None:
    if is_object(value):
        value = next((value[name] for name in _TEXTS if value.get(name) is not None), None)
    return value if isinstance(value, str) else None


def _choices(record: Record, wanted: Wanted) -> list[str]:
    """Give the choices of the label, in the order of the item type's schema."""
    schema: Any = wanted.outputs.get((record["type"], record["type_version"]))
    properties = schema.get("properties") if is_object(schema) else None
    path = wanted.options.label_at
    if not path and is_object(properties) and len(properties) == 1:
        path = next(iter(properties))
    for name in path.split(".") if path else ():
        schema = at_path(schema, f"properties.{name}")
    choices = schema.get("enum") if is_object(schema) else None
    return [each for each in choices if isinstance(each, str)] if is_list(choices) else []
