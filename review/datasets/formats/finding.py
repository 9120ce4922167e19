"""Finding in a record what formats are made of: its text, the text of an answer, messages; no I/O."""

from typing import Any, Final

from review.datasets.formats.decoding import Record, dump
from review.datasets.formats.rendering import NO_LABEL, NO_TEXT, Lacks
from review.datasets.selections.rules import UNLABELLED, at_path, class_of
from review.kernel.shapes import is_list, is_object

_USUAL: Final = "text"


def text_of(record: Record, path: str) -> str:
    """Give the text of the input: what stands at the path, or the one text that there is, or that named `text`.

    Raises:
        Lacks: there is none.
    """
    found = _only_text(at_path(record["input"], path))
    if found is None:
        raise Lacks(NO_TEXT)
    return found


def label_of(record: Record, path: str) -> str:
    """Give the class of the label.

    Raises:
        Lacks: it has none.
    """
    found = class_of(record["label"], path)
    if found == UNLABELLED:
        raise Lacks(NO_LABEL)
    return found


def answer_of(output: object, path: str) -> str | None:
    """Give an output as text: a text, that of an object of one field, or else its JSON."""
    found = at_path(output, path)
    if is_object(found) and len(found) == 1 and isinstance(alone := next(iter(found.values())), str):
        return alone
    return found if found is None or isinstance(found, str) else dump(found).decode()


def messages_of(record: Record, path: str) -> list[Any]:
    """Give what was said before the answer: the messages at the path, or one of the text there, or of its JSON.

    Raises:
        Lacks: nothing stands there.
    """
    found = at_path(record["input"], path)
    if is_object(found) and is_list(found.get("messages")):
        found = found["messages"]
    if found is None or found == []:
        raise Lacks(NO_TEXT)
    if is_list(found) and all(_is_message(each) for each in found):
        return found
    text = _only_text(found)
    return [{"role": "user", "content": dump(found).decode() if text is None else text}]


def _is_message(value: object) -> bool:
    return is_object(value) and isinstance(value.get("role"), str) and "content" in value


def _only_text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if not is_object(value):
        return None
    texts = [each for each in value.values() if isinstance(each, str)]
    usual = value.get(_USUAL)
    return usual if isinstance(usual, str) else texts[0] if len(texts) == 1 else None
