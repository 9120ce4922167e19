"""Where two texts differ, word by word; `static/diff.js` does the same in the browser."""

import re
from collections.abc import Iterator
from typing import Final, Literal

LONG: Final = 20_000  # UTF-16 code units, as browsers count; of longer texts only the middle that differs is compared
MAX_EDITS: Final = 200
MOST_EQUAL, AROUND, MOST_SHOWN = 24, 10, 60  # words and what stands between them

Kind = Literal["=", "-", "+"]
Piece = tuple[Kind, str]

_WORD = "[0-9A-Za-z_\u00aa\u00b5\u00ba\u00c0-\u1fff\u2c00-\u2dff\ua000-\ud7ff\ufb1d-\ufdff\ufe70-\ufefc]"
_TOKEN = re.compile(f"{_WORD}{{1,64}}|[\t-\r ]{{1,64}}|.", re.DOTALL)
_HAS_WORD = re.compile(_WORD)
_SPACE: Final = "\t\n\v\f\r "


def apart(before: str, after: str) -> list[Piece] | None:
    """List what stayed, went and came, in order; None where words tell less than both texts side by side."""
    if not (any(each in before for each in _SPACE) and any(each in after for each in _SPACE)):
        return None
    head = tail = False
    if max(_units(before), _units(after)) > LONG:
        start, end = _around(before, after)
        head, tail = start > 0, end > 0
        before, after = before[start : len(before) - end], after[start : len(after) - end]
        if max(_units(before), _units(after)) > LONG:
            return None
    script = _edits(_TOKEN.findall(before), _TOKEN.findall(after))
    if script is None:
        return None
    pieces = list(_joined(script))
    if not (head or tail or any(kind == "=" and _HAS_WORD.search("".join(words)) for kind, words in pieces)):
        return None
    shown: list[Piece] = [
        (kind, _shortened(kind, words, first=at == 0, last=at == len(pieces) - 1))
        for at, (kind, words) in enumerate(pieces)
    ]
    if head:
        shown.insert(0, ("=", "… "))
    if tail:
        shown.append(("=", " …"))
    return shown


def beginning(text: str) -> str:
    """Give as much of a text as stands beside another."""
    words = _TOKEN.findall(text[:4_000])
    return text if len(words) <= MOST_SHOWN and len(text) <= 4_000 else f"{''.join(words[:MOST_SHOWN])} …"


def _units(text: str) -> int:
    return len(text) + sum(each > "\uffff" for each in text) if not text.isascii() else len(text)


def _around(before: str, after: str) -> tuple[int, int]:
    """Measure what is alike at both ends, in whole words."""
    most = min(len(before), len(after))
    start = 0
    while start < most and before[start] == after[start]:
        start += 1
    while start and before[start - 1] not in _SPACE:
        start -= 1
    end = 0
    while end < most - start and before[-1 - end] == after[-1 - end]:
        end += 1
    while end and before[-end] not in _SPACE:
        end -= 1
    return start, end


def _edits(before: list[str], after: list[str]) -> list[Piece] | None:
    """Find the fewest words to take out and put in (Myers, 1986); None where they are more than 200."""
    trail: list[dict[int, int]] = []
    reach = {1: 0}
    for edits in range(MAX_EDITS + 1):
        trail.append(dict(reach))
        for line in range(-edits, edits + 1, 2):
            down = line == -edits or (line != edits and reach[line - 1] < reach[line + 1])
            x = reach[line + 1] if down else reach[line - 1] + 1
            while x < len(before) and x - line < len(after) and before[x] == after[x - line]:
                x += 1
            reach[line] = x
            if x >= len(before) and x - line >= len(after):
                return _walk_back(before, after, trail)
    return None


def _walk_back(before: list[str], after: list[str], trail: list[dict[int, int]]) -> list[Piece]:
    script: list[Piece] = []
    x, y = len(before), len(after)
    for edits in range(len(trail) - 1, -1, -1):
        reach, line = trail[edits], x - y
        down = line == -edits or (line != edits and reach[line - 1] < reach[line + 1])
        came = line + 1 if down else line - 1
        from_x = reach[came]
        while x > max(from_x, 0) and y > max(from_x - came, 0):
            x, y = x - 1, y - 1
            script.append(("=", before[x]))
        if edits:
            x, y = from_x, from_x - came
            script.append(("+", after[y]) if down else ("-", before[x]))
    script.reverse()
    return script


def _joined(script: list[Piece]) -> Iterator[tuple[Kind, list[str]]]:
    """Put neighbours together: between two places that stayed, first what went and then what came."""
    same: list[str] = []
    gone: list[str] = []
    come: list[str] = []
    for kind, word in [*script, ("=", "")]:
        if kind == "=":
            if gone or come:
                both: list[tuple[Kind, list[str]]] = [("=", same), ("-", gone), ("+", come)]
                yield from (each for each in both if each[1])
                same, gone, come = [], [], []
            same.append(word)
        else:
            (gone if kind == "-" else come).append(word)
    if any(same):
        yield "=", same


def _shortened(kind: str, words: list[str], *, first: bool, last: bool) -> str:
    if kind != "=":
        return "".join(words) if len(words) <= MOST_SHOWN else f"{''.join(words[:MOST_SHOWN])} …"
    if len(words) <= MOST_EQUAL:
        return "".join(words)
    begin = "" if first else "".join(words[:AROUND])
    return f"{begin} … {'' if last else ''.join(words[-AROUND:])}"
