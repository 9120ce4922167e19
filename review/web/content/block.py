"""What a page is given to show one piece of content."""

from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from review.web.content import tree
from review.web.content.chats import Turn
from review.web.content.extraction import Extracted
from review.web.content.frames import NOTHING
from review.web.content.images import Picture
from review.web.content.marks import Mark, Piece
from review.web.content.media import Medium

Kind = Literal[
    "text",
    "markdown",
    "code",
    "json",
    "image",
    "audio",
    "video",
    "pdf",
    "table",
    "chat",
    "choice",
    "facts",
    "boxes",
    "spans",
    "pair",
    "diff",
    "extraction",
]


@dataclass(frozen=True, slots=True)
class More:
    """Where the rest of a piece is fetched, and what the link to it says."""

    url: str
    said: str


@dataclass(frozen=True, slots=True)
class Version:
    """One of two answers to choose from."""

    title: str
    body: Markup
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """A label that a span may have; `value` is what the form's control carries for it."""

    text: Markup
    tone: int
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of content and how to show it; `note` says what was left out or could not be shown as asked.

    `field` is the place in the output that a correction by mouse or key writes to, '' where there is none; `earlier`
    if what `more` leads to stands before this piece and not behind it.
    """

    kind: Kind
    label: str
    body: Markup = NOTHING
    node: tree.Node | None = None
    picture: Picture | None = None
    medium: Medium | None = None
    columns: tuple[Markup, ...] = ()
    numeric: tuple[bool, ...] = ()
    rows: tuple[tuple[Markup, ...], ...] = ()
    turns: tuple[Turn, ...] = ()
    marks: tuple[Mark, ...] = ()
    in_pixels: bool = False
    pieces: tuple[Piece, ...] = ()
    labels: tuple[Label, ...] = ()
    field: str = ""
    versions: tuple[Version, ...] = ()
    changes: Markup | None = None
    fields: tuple[Extracted, ...] = ()
    chunks: tuple[Markup, ...] = ()
    note: str = ""
    more: More | None = None
    earlier: bool = False
