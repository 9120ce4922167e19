"""What surrounds the blocks of one item: where it stands, what may be fetched, and what else it holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from markupsafe import Markup

from review.kernel.shapes import is_list, is_object

FIRST_TEXT = 60_000  # characters of one text that a page begins with; four screens of dense prose are 20,000
LEAST_TEXT = 2_000
ALL_TEXT = 400_000  # characters of all texts of one side together, before each is cut to the least


class Absent:
    """Nothing is there."""


ABSENT: Final = Absent()
NOTHING: Final = Markup("")


@dataclass(frozen=True, slots=True)
class Frame:
    """One item as its blocks need it.

    `url` is the item's page, below which files and further parts are fetched; without one nothing is. `hosts` are
    those that the operator lets files be fetched from. `whole` has the item's `input`, `output` and `signals`, so that
    boxes of the output find their picture in the input; `schema` is the output's.
    """

    url: str = ""
    hosts: frozenset[str] = frozenset()
    whole: Mapping[str, object] = field(default_factory=dict[str, object])
    view: Mapping[str, str] = field(default_factory=dict[str, str])
    schema: object = None

    def named(self, kind: str) -> list[tuple[str, object]]:
        """List the values that the view shows as this kind, with their paths, in the view's order."""
        found = ((path, self.value(path)) for path, shown in self.view.items() if shown == kind)
        return [(path, value) for path, value in found if not isinstance(value, Absent)]

    def value(self, path: str) -> object:
        """Give what stands at a path of the view such as `input.text`."""
        root, *steps = path.split(".")
        return pick(self.whole.get(root, ABSENT), steps)

    def is_allowed(self, address: str) -> bool:
        """Whether the operator lets a file be fetched from this address's host."""
        return host_of(address) in self.hosts


@dataclass(slots=True)
class Room:
    """How many characters are left to the texts of one side of a page."""

    left: int = ALL_TEXT

    def take(self, wanted: int) -> int:
        """Give how many characters a text of this length may show."""
        given = min(wanted, max(LEAST_TEXT, min(FIRST_TEXT, self.left)))
        self.left -= given
        return given


@dataclass(frozen=True, slots=True)
class Spot:
    """The place of one value in its item: its side, the path to it, and what surrounds it."""

    side: str
    path: tuple[str, ...]
    frame: Frame
    room: Room

    @property
    def label(self) -> str:
        """Name the place for people."""
        return ", ".join(self.path)

    @property
    def pointer(self) -> str:
        """Give the place as a JSON Pointer into the item, beginning with its side."""
        return pointer((self.side, *self.path))


def host_of(address: str) -> str:
    """Give the host of an address in small letters, '' where it has none."""
    try:
        return (urlsplit(address).hostname or "").removesuffix(".").lower()
    except ValueError:
        return ""


def pointer(path: tuple[str | int, ...]) -> str:
    """Write a path as an RFC 6901 JSON Pointer."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def follow(value: object, text: str) -> object:
    """Give what a JSON Pointer leads to."""
    steps = [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]] if text else []
    for step in steps:
        if is_object(value) and step in value:
            value = value[step]
        elif is_list(value) and step.isascii() and step.isdigit() and len(step) < 8 and int(step) < len(value):
            value = value[int(step)]
        else:
            return ABSENT
    return value


def pick(value: object, path: list[str]) -> object:
    """Give what stands at a path through objects."""
    for name in path:
        if not is_object(value) or name not in value:
            return ABSENT
        value = value[name]
    return value


def first_of(value: dict[str, Any], *names: str) -> Any:
    """Give the first of these fields that an object has and that is not null."""
    return next((value[name] for name in names if value.get(name) is not None), None)
