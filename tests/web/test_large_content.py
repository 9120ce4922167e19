"""Promise 25 and goal G11: values of any size are shown in part, fast, and the part says that it is one."""

import time
from typing import Any

import pytest

from review.web import content
from review.web.content import Block
from tests.web.test_content import markup_of

MEGABYTES_5 = 5_000_000
MOST_SECONDS = 2.0  # of processor time; the slowest takes a quarter of it on a machine of 2026
MOST_BYTES = 3_000_000

LARGE: dict[str, Any] = {
    "one line": "x" * MEGABYTES_5,
    "words": "lorem ipsum " * (MEGABYTES_5 // 12),
    "lines": "\n" * MEGABYTES_5,
    "markup": "<b>" * (MEGABYTES_5 // 3),
    "hidden characters": "\u202e" * MEGABYTES_5,
    "hidden tags": "a\U000e0041" * (MEGABYTES_5 // 2),
    "right to left": "שלום " * (MEGABYTES_5 // 5),
    "right to left, line by line": "ש\n" * (MEGABYTES_5 // 2),
    "piled-up marks": "a" + "\u0301" * MEGABYTES_5,
    "joiners": "a\u200d" * (MEGABYTES_5 // 2),
    "mixed letters": "aа" * (MEGABYTES_5 // 2),  # noqa: RUF001  the second is Cyrillic
    "ampersands": "&" * MEGABYTES_5,
    "brackets": "[" * MEGABYTES_5,
    "a data URI": "data:image/png;base64," + "A" * MEGABYTES_5,
    "many fields": {f"field {at}": at for at in range(100_000)},
    "many rows": [{"a": at, "b": "x"} for at in range(100_000)],
    "many turns": [{"role": "user", "content": "x"} for _ in range(100_000)],
    "many letters": list("x" * 300_000),
}


def size_of(shown: list[Block]) -> int:
    found = sum(len(markup.encode()) for block in shown for markup in markup_of(block))
    return found + sum(len(block.picture.source) for block in shown if block.picture)


@pytest.mark.parametrize("kind", ["text", "markdown", "code", "json", "image", "table", "chat", "choice", "nothing"])
def test_a_large_value_is_shown_in_part_and_fast(kind: str) -> None:
    for name, value in LARGE.items():
        began = time.process_time()
        shown = content.blocks("input", {"x": value}, {"input.x": kind} if kind != "nothing" else {})
        line = content.brief(value)
        took = time.process_time() - began
        assert took < MOST_SECONDS, f"{name}: {took:.1f} s"
        assert size_of(shown) < MOST_BYTES, name
        assert len(line) < 12_000, name


def test_a_value_of_any_depth_is_shown() -> None:
    value: Any = "x"
    for _ in range(500):
        value = {"a": [value]}
    assert content.blocks("output", value, {})
