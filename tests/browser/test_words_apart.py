"""Issue 5, point 2: server and script find the same words to have gone and come."""

import random
from typing import Any

from playwright.async_api import Page

from review.kernel.resources import static_dir
from review.web import forms

PIECES = [
    "a",
    "word",
    "naïve",
    "日本",
    "😀",
    "e\u0301",
    "42",
    "_x",
    " ",
    "  ",
    "\n",
    "\t",
    "-",
    ".",
    "(",
    "x" * 70,
    "\u200b",
    "ж",
]


def corpus() -> list[tuple[str, str]]:
    """Draw texts and what somebody made of them, short ones and some beyond the length that is compared whole."""
    chance = random.Random(5)
    drawn: list[tuple[str, str]] = [("", ""), ("a b", "a b"), ("a b", "c d"), ("a b c", "a x c")]
    for _ in range(300):
        before = chance.choices(PIECES, k=chance.randrange(60))
        after = list(before)
        for _ in range(chance.randrange(6)):
            at = chance.randrange(len(after) + 1)
            after[at : at + chance.randrange(3)] = chance.choices(PIECES, k=chance.randrange(3))
        drawn.append(("".join(before), "".join(after)))
    long = "many words 😀 " * 2_500
    drawn += [(long, long.replace("words", "other", 1)), (long, "first " + long + " last"), (long, long[:-7] + "end")]
    return [*drawn, ("a b " * 300, "c d " * 300)]


async def test_server_and_script_find_the_same_words(page: Page) -> None:
    pairs = corpus()
    await page.evaluate("globalThis.countersign = {}")
    await page.add_script_tag(content=(static_dir() / "diff.js").read_text("utf-8"), type="module")
    await page.wait_for_function("() => Boolean(globalThis.countersign.apart)")
    found: list[Any] = await page.evaluate(
        "(pairs) => pairs.map(([a, b]) => globalThis.countersign.apart(a, b))", pairs
    )
    for (before, after), there in zip(pairs, found, strict=True):
        here = forms.apart(before, after)
        assert (before, after, there) == (before, after, None if here is None else [list(piece) for piece in here])
    assert sum(each is not None for each in found) > 100
