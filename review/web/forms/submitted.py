"""What a browser submitted of a form: its controls by name, its rows in order, and which of its buttons was pressed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

ADD, REMOVE, UP, DOWN = "_add", "_remove", "_up", "_down"
OPEN, CLOSE, TAKE, SHOW = "_open", "_close", "_take", "_show"
PRESSED = (ADD, REMOVE, UP, DOWN, OPEN, CLOSE, TAKE, SHOW)

_MARKER = re.compile(r"r(?P<parent>(?:/.*)?)/~?(?P<place>[0-9]{1,6})", re.ASCII | re.DOTALL)
_ROW = re.compile(r"(?P<parent>(?:/.*)?)/(?P<place>~?[0-9]{1,6})", re.ASCII | re.DOTALL)

Line = tuple[int, int | None]  # the number its controls carry, and which line of the start it came from


@dataclass(frozen=True, slots=True)
class Submitted:
    """The fields of one submitted form by name, and which rows it says there are.

    `pressed` says that the form is to be shown again in another shape and nothing is sent, so that what is still
    empty is no fault yet; `focus` is the address of what was asked for.
    """

    values: dict[str, list[str]]
    rows: dict[str, list[Line]] = field(default_factory=dict[str, list[Line]])
    opened: frozenset[str] = frozenset()
    taken_back: frozenset[str] = frozenset()
    pressed: bool = False
    focus: str | None = None

    def first(self, name: str) -> str | None:
        """Give the first value sent under a name, with the line ends a browser makes taken back."""
        values = self.values.get(name)
        return values[0].replace("\r\n", "\n").replace("\r", "\n") if values else None

    def is_open(self, name: str) -> bool:
        """Whether what waits to be asked for was asked for, now or before."""
        return name in self.opened or name in self.values


def collect(pairs: Iterable[tuple[str, str]]) -> Submitted:
    """Sort a form's name and value pairs; what is not ours is left lying."""
    values: dict[str, list[str]] = {}
    found: dict[str, dict[int, int | None]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
        match = _MARKER.fullmatch(name)
        if match is not None:
            origin = int(value) if re.fullmatch("[0-9]{1,6}", value, re.ASCII) else None
            found.setdefault(match["parent"], {}).setdefault(int(match["place"]), origin)
    rows = {parent: sorted(lines.items()) for parent, lines in found.items()}
    focus = _press(values, rows)
    opened = frozenset(values.get(OPEN, ())[:1])
    return Submitted(
        values,
        rows,
        opened=opened,
        taken_back=frozenset(values.get(TAKE, ())[:1]),
        pressed=any(name in values for name in PRESSED),
        focus=next((name[1:] for name in opened), focus),
    )


def _press(values: dict[str, list[str]], rows: dict[str, list[Line]]) -> str | None:
    """Carry out the buttons that change rows, so that the rest of the reader sees only rows; say where to go then."""
    for at in values.get(CLOSE, ())[:1]:
        values.pop(f"g{at}", None)
        return at
    for parent in values.get(ADD, ())[:1]:
        lines = rows.setdefault(parent, [])
        place = max((number for number, _ in lines), default=-1) + 1
        lines.append((place, None))
        return f"{parent}/{place}"
    for name, step in ((REMOVE, 0), (UP, -1), (DOWN, 1)):
        for at in values.get(name, ())[:1]:
            match = _ROW.fullmatch(at)
            lines = rows.get(match["parent"], []) if match else []
            numbers = [number for number, _ in lines]
            number = int(match["place"].lstrip("~")) if match else -1
            if match and number in numbers:
                return _move(match["parent"], lines, numbers.index(number), step)
    return None


def _move(parent: str, lines: list[Line], index: int, step: int) -> str:
    """Take a line out, or put it before or behind its neighbour; the numbers stay in order."""
    if not step:
        del lines[index]
        return f"{parent}/{lines[min(index, len(lines) - 1)][0]}" if lines else parent
    other = min(max(index + step, 0), len(lines) - 1)
    lines[index], lines[other] = lines[other], lines[index]
    return f"{parent}/{lines[other][0]}"
