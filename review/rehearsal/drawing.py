"""A picture of where items went and would go: bands from the old outcomes to the new ones; no I/O."""

from collections.abc import Mapping

import msgspec

WIDTH, HEIGHT = 720, 320
_BAR, _GAP, _LEFT, _RIGHT = 12, 10, 170, 170
_LEAST = 2.0  # a band that is thinner is not seen


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """An outcome on one side of the picture."""

    name: str
    count: int
    x: float
    y: float
    height: float
    is_old: bool

    @property
    def middle(self) -> float:
        """Where its name stands."""
        return self.y + self.height / 2


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """Items that went one way and would go another, or the same; `path` is SVG's."""

    old: str
    new: str
    count: int
    path: str
    is_moved: bool


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """Everything to draw, in the units of its view box."""

    nodes: tuple[Node, ...]
    bands: tuple[Band, ...]
    width: int = WIDTH
    height: int = HEIGHT


def draw(flows: Mapping[tuple[str, str], int]) -> Picture | None:
    """Lay out the bands between outcomes, each as high as its share of the items; None where there are no items."""
    total = sum(flows.values())
    if not total:
        return None
    outcomes = sorted({name for pair in flows for name in pair})
    sides = [[name for name in outcomes if any(pair[at] == name for pair in flows)] for at in (0, 1)]
    room = HEIGHT - _GAP * (max(map(len, sides)) - 1) - _LEAST * max(map(len, sides))
    scale = max(room, HEIGHT / 4) / total
    nodes = [_place(names, flows, at, scale) for at, names in enumerate(sides)]
    places = [{node.name: node.y for node in side} for side in nodes]
    bands: list[Band] = []
    for old, new in sorted(flows):
        count = flows[old, new]
        thick = max(count * scale, 1.0)
        path = _band(places[0][old], places[1][new], thick)
        bands.append(Band(old=old, new=new, count=count, path=path, is_moved=old != new))
        places[0][old] += count * scale
        places[1][new] += count * scale
    height = int(max(node.y + node.height for side in nodes for node in side)) + 2
    return Picture(nodes=(*nodes[0], *nodes[1]), bands=tuple(bands), height=height)


def _place(names: list[str], flows: Mapping[tuple[str, str], int], at: int, scale: float) -> list[Node]:
    placed: list[Node] = []
    y = 1.0
    for name in names:
        count = sum(many for pair, many in flows.items() if pair[at] == name)
        height = max(count * scale, _LEAST)
        x = _LEFT if at == 0 else WIDTH - _RIGHT - _BAR
        placed.append(Node(name=name, count=count, x=x, y=round(y, 1), height=round(height, 1), is_old=at == 0))
        y += height + _GAP
    return placed


def _band(old_y: float, new_y: float, thick: float) -> str:
    start, end = _LEFT + _BAR, WIDTH - _RIGHT - _BAR
    middle = (start + end) / 2
    return (
        f"M{start} {old_y:.1f}C{middle:.0f} {old_y:.1f} {middle:.0f} {new_y:.1f} {end} {new_y:.1f}"
        f"V{new_y + thick:.1f}C{middle:.0f} {new_y + thick:.1f} {middle:.0f} {old_y + thick:.1f} "
        f"{start} {old_y + thick:.1f}Z"
    )
