"""What Label Studio exports as JSON, as rows with an answer for each control of its form; no I/O."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from review.kernel.shapes import is_list, is_number, is_object

# Under which name of a result's value the answer stands, and whether several of them are a list.
_LISTS = ("choices", "text", "taxonomy", "pairwise")
_VALUES = ("rating", "number", "datetime", "selected")
_MARKS: Final = re.compile(rb'\\.|["{}\[\]]', re.DOTALL)  # an escape is one mark, so that a quote in it ends nothing
_BETWEEN: Final = b" \t\r\n,\xef\xbb\xbf"
_QUOTE, _BACKSLASH = b'"\\'


class BrokenOff(ValueError):
    """The array has no end."""


def tasks_in(pieces: Iterable[bytes], most_bytes: int) -> Iterator[tuple[bytes | None, int]]:
    """Part the one array that is exported into its tasks without holding all of it; beside each, how far that is.

    A task of over `most_bytes` is None. What stands between tasks and is none is given like one, for the reader to
    refuse; whether each is JSON is not looked at here.

    Raises:
        BrokenOff: the end of the array is missing.
    """
    array, rest = _Array(most_bytes), b""
    for part in pieces:
        piece = rest + part
        slashes = len(piece) - len(piece.rstrip(b"\\"))
        whole = len(piece) - slashes % 2  # an escape that the end of a piece cuts goes with the next one
        rest = piece[whole:]
        yield from array.add(piece[:whole])
    if not array.is_whole:
        raise BrokenOff


class _Array:
    """An array of which a part has come: what is held of the task in hand, and how deep in it the end is."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._held = bytearray()
        self._depth = self._before = 0
        self._is_long = self._in_text = False

    @property
    def is_whole(self) -> bool:
        return not (self._depth or self._in_text or self._held.strip())

    def add(self, piece: bytes) -> Iterator[tuple[bytes | None, int]]:
        start = 0
        for at in self._brackets(piece):
            is_open = piece[at] in b"{["
            self._depth += 1 if is_open else -1
            if self._depth > (2 if is_open else 1):
                continue
            # Before a task, and where the array begins and ends, only blanks and commas may stand.
            is_task = self._depth == 1 and not is_open
            yield from self._cut(piece[start : at + 1 if is_task else at], self._before + at + 1, is_task=is_task)
            start = at if is_open and self._depth > 1 else at + 1
        self._before += len(piece)
        self._held += piece[start:]
        if len(self._held) > self._most:
            self._held.clear()
            self._is_long = True

    def _brackets(self, piece: bytes) -> Iterator[int]:
        for mark in _MARKS.finditer(piece):
            sign = piece[mark.start()]
            if sign == _QUOTE:
                self._in_text = not self._in_text
            elif not self._in_text and sign != _BACKSLASH:
                yield mark.start()

    def _cut(self, end: bytes, reached: int, *, is_task: bool) -> Iterator[tuple[bytes | None, int]]:
        text, is_long = bytes(self._held) + end, self._is_long
        self._held.clear()
        self._is_long = False
        if not is_task:
            text = text.strip(_BETWEEN)
        if text or is_long:
            yield None if is_long or len(text) > self._most else text, reached


def row_of(task: Mapping[str, Any]) -> dict[str, Any]:
    """Give the task's data, its label by `from_name`, and the prediction that came with it.

    Of several annotations it is the one marked as ground truth, or else the last that nobody cancelled.
    """
    row: dict[str, Any] = {"data": task.get("data")}
    if task.get("id") is not None:
        row["external_id"] = f"label-studio-{task['id']}"
    if (annotation := _annotation(task)) is not None:
        row["label"] = answers_of(annotation.get("result"))
        row["annotation"] = {name: each for name, each in annotation.items() if name != "result"}
    if (prediction := _last(task.get("predictions"))) is not None:
        row["output"] = answers_of(prediction.get("result"))
        version, score = prediction.get("model_version"), prediction.get("score")
        if isinstance(version, str) and version:
            row["model"] = {"name": "label-studio", "version": version}
        if is_number(score) and 0 <= score <= 1:
            row["confidence"] = score
    return row


def answers_of(result: object) -> dict[str, Any]:
    """Give each control's answer: one choice, text or number bare, several as a list, regions as a list of objects."""
    answers: dict[str, Any] = {}
    regions: dict[str, list[Any]] = {}
    for each in result if is_list(result) else []:
        if not is_object(each) or not isinstance(name := each.get("from_name"), str):
            continue
        value, kind = each.get("value"), each.get("type")
        if not is_object(value):
            continue
        if kind in {"choices", "taxonomy", "rating", "number", "textarea", "pairwise", "datetime"}:
            answers[name] = _answer(value)
        else:
            regions.setdefault(name, []).append(value)
    return answers | regions


def _answer(value: Mapping[str, Any]) -> Any:
    for name in _LISTS:
        if is_list(found := value.get(name)):
            return found[0] if len(found) == 1 else found
        if found is not None:
            return found
    return next((value[name] for name in _VALUES if name in value), dict(value))


def _annotation(task: Mapping[str, Any]) -> dict[str, Any] | None:
    given = task.get("annotations")
    valid = [each for each in given if is_object(each) and not each.get("was_cancelled")] if is_list(given) else []
    return next((each for each in valid if each.get("ground_truth")), valid[-1] if valid else None)


def _last(given: object) -> dict[str, Any] | None:
    found = [each for each in given if is_object(each)] if is_list(given) else []
    return found[-1] if found else None
