"""Panels with axes, drawn as SVG by hand: bars and stepped lines over the hours."""

import re
from collections.abc import Sequence
from html import escape

WIDTH, LEFT, RIGHT = 960, 76, 24
PLOT_WIDTH = WIDTH - LEFT - RIGHT
INK, PALE, GRID = "#1f2933", "#9aa5b1", "#dde3e9"

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STEPS = (1, 2, 4, 6, 8, 10)


def written(text: str) -> str:
    """Escape a text for XML, without the characters that XML cannot hold."""
    return escape(_NOT_XML.sub("�", text))


def tag(name: str, content: str = "", **attributes: str | float) -> str:
    """Give an element; `content` is XML already, and an underscore in an attribute's name stands for a hyphen."""
    told = "".join(f' {key.strip("_").replace("_", "-")}="{_value(each)}"' for key, each in attributes.items())
    return f"<{name}{told}>{content}</{name}>" if content else f"<{name}{told}/>"


def label(text: str, x: float, y: float, **attributes: str | float) -> str:
    """Give a line of text."""
    return tag("text", written(text), x=x, y=y, **attributes)


def _value(value: str | float) -> str:
    return written(value) if isinstance(value, str) else f"{round(value, 2):g}"


class Panel:
    """One diagram over the hours: its frame, its vertical axis with a unit, and what is drawn into it."""

    def __init__(self, top: float, height: float, count: int, highest: float, unit: str) -> None:
        self._top, self._height, self._count, self._unit = top, height, max(1, count), unit
        self._highest = _round_up(highest)

    def x(self, slot: float) -> float:
        """Give where an hour begins."""
        return LEFT + PLOT_WIDTH * slot / self._count

    def y(self, value: float) -> float:
        """Give how high a value stands."""
        return self._top + self._height * (1 - min(value, self._highest) / self._highest)

    def frame(self) -> str:
        """Draw the vertical axis with its name, and lines at round values."""
        drawn: list[str] = []
        for part in (0.0, 0.5, 1.0):
            value, y = self._highest * part, self.y(self._highest * part)
            drawn.append(tag("line", x1=LEFT, x2=LEFT + PLOT_WIDTH, y1=y, y2=y, stroke=GRID if part else PALE))
            drawn.append(label(f"{value:,g}", LEFT - 6, y + 4, text_anchor="end"))
        middle = self._top + self._height / 2
        turned = f"rotate(-90 18 {_value(middle)})"
        drawn.append(label(self._unit, 18, middle, text_anchor="middle", transform=turned))
        return "".join(drawn)

    def bars(self, values: Sequence[float], titles: Sequence[str], colour: str, *, side: int) -> str:
        """Draw a bar for each hour in its left (0) or right (1) half; a pointer that rests on it reads its title."""
        width = PLOT_WIDTH / self._count * 0.4
        drawn: list[str] = []
        for slot, (value, title) in enumerate(zip(values, titles, strict=True)):
            if value:
                x, y = self.x(slot + 0.1 + 0.4 * side), self.y(value)
                height = self._top + self._height - y
                told = tag("title", written(title))
                drawn.append(tag("rect", told, x=x, y=y, width=width, height=height, fill=colour))
        return "".join(drawn)

    def stairs(self, values: Sequence[float], colour: str, *, dashes: str = "none", fill: str = "none") -> str:
        """Draw a stepped line, filled down to the axis if a colour is given."""
        points: list[str] = []
        for slot, value in enumerate(values):
            points += [f"{_value(self.x(at))},{_value(self.y(value))}" for at in (slot, slot + 1)]
        foot = _value(self._top + self._height)
        ends = [f"{_value(self.x(0))},{foot}", *points, f"{_value(self.x(len(values)))},{foot}"]
        area = tag("polygon", points=" ".join(ends), fill=fill, fill_opacity=0.18) if fill != "none" else ""
        joined = " ".join(points)
        return area + tag("polyline", points=joined, fill="none", stroke=colour, stroke_dasharray=dashes)


def _round_up(value: float) -> float:
    """Give the next of 1, 2, 4, 6, 8 times a power of ten, at least 2, so that the middle is a round number too."""
    unit = 1.0
    while value > unit * 10:
        unit *= 10
    return max(2.0, next((unit * step for step in _STEPS if value <= unit * step), value))
