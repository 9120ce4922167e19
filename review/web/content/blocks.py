"""An item's input and output as the blocks that its item type's view asks for."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any, Final, Literal

from markupsafe import Markup

from review.kernel.shapes import is_list, is_object
from review.web.content import chats, code, comparing, drawing, extraction, images, markdown, media, parts, tables, tree
from review.web.content.block import Block, Version
from review.web.content.frames import ABSENT, Absent, Frame, Room, Spot, first_of, pick
from review.web.content.sniffing import MediaKind, is_media
from review.web.content.text import visible
from review.web.words.catalogue import N_, gettext

SHORT = 80  # characters of a value that stands beside its name instead of below it
SHOWN_ELSEWHERE = frozenset({"confidences", "evidence"})

Side = Literal["input", "output"]


def blocks(side: Side, value: object, view: Mapping[str, str], frame: Frame | None = None) -> list[Block]:
    """List the blocks of one side: what the view names, in its order, then all that is left.

    `view` is the item type's, with keys such as `input.text` and `input` itself. Never raises, whatever value it gets.
    """
    frame = replace(frame or Frame(), view=view, whole={**(frame.whole if frame else {}), side: value})
    room = Room()
    found: list[Block] = []
    rest = value
    for name, kind in view.items():
        first, *path = name.split(".")
        if first != side:
            continue
        piece = pick(value, path)
        if not isinstance(piece, Absent):
            if kind not in SHOWN_ELSEWHERE or not frame.named("extraction"):
                found += show(kind, Spot(side, tuple(path), frame, room), piece)
            rest = _without(rest, path)
    if is_object(rest):
        found += _rest(rest, Spot(side, (), frame, room))
    elif not isinstance(rest, Absent):
        found.append(plain("", rest, Spot(side, (), frame, room)))
    return found


def show(kind: str, spot: Spot, value: object) -> Iterator[Block]:
    """Show a value as a kind; one that does not have the kind's shape as what it is, with a note."""
    kind, _, language = kind.partition(":")
    if kind == "code":
        yield _code(spot, value, language)
    elif is_media(kind):
        yield from _files(spot, kind, value)
    else:
        made = _KINDS[kind](spot, value) if kind in _KINDS else plain(spot.label, value, spot)
        yield made if made is not None else unfit(kind, spot, value)


def unfit(kind: str, spot: Spot, value: object) -> Block:
    """Show a value that does not have the shape of its kind."""
    shown = plain(spot.label, value, spot)
    return replace(shown, note=f"{shown.note} {gettext(NOTES[kind])}".strip() if kind in NOTES else shown.note)


def _rest(values: dict[str, Any], spot: Spot) -> list[Block]:
    """Show what no view speaks of: short values that stand together as one list, the others one by one."""
    found: list[Block] = []
    for short, group in groupby(values.items(), lambda entry: _is_short(entry[1])):
        entries = list(group)
        if short and len(entries) > 1:
            rows = tuple((visible(name), tree.leaf_text(value)) for name, value in entries)
            found.append(Block("facts", "", rows=rows))
        else:
            found += [plain(name, value, replace(spot, path=(name,))) for name, value in entries]
    return found


def _is_short(value: object) -> bool:
    if isinstance(value, str):
        return 0 < len(value) <= SHORT and "\n" not in value
    return not (is_object(value) or is_list(value))


def plain(label: str, value: object, spot: Spot | None = None) -> Block:
    """Show a value that no view speaks of: strings as text, the rest as JSON."""
    spot = spot or Spot("", (label,), Frame(), Room())
    return _text(spot, value) if isinstance(value, str) else _json(spot, value)


def brief(value: object, limit: int = 120) -> Markup:
    """Say a value in one line, for lists."""
    return visible(_brief(value, limit * 2)[:limit].strip())


def _brief(value: object, limit: int) -> str:
    if isinstance(value, str):
        return "picture" if value.startswith("data:image/") else " ".join(value[:limit].split())
    if is_object(value):
        return " · ".join(_brief(inner, limit) for inner in list(value.values())[:4])
    if is_list(value):
        return ", ".join(_brief(inner, limit) for inner in value[:4])
    return json.dumps(value)


def _text(spot: Spot, value: object) -> Block:
    if not isinstance(value, str):
        return _json(spot, value)
    taken = spot.room.take(len(value))
    drawn = drawing.spanned(spot, value[:taken])
    if drawn is not None:
        return parts.with_rest(drawn, spot, value, taken)
    return parts.with_rest(Block("text", spot.label, visible(value[:taken])), spot, value, taken)


def _spans(spot: Spot, value: object) -> Block | None:
    if isinstance(value, str):
        return _text(spot, value)
    return drawing.legend(spot, value, "spans")


def _boxes(spot: Spot, value: object) -> Block | None:
    return drawing.legend(spot, value, "boxes")


def _code(spot: Spot, value: object, language: str) -> Block:
    if is_object(value) and isinstance(value.get("code"), str):
        named = value.get("language")
        language, value = language or (named.lower() if isinstance(named, str) else ""), value["code"]
        spot = replace(spot, path=(*spot.path, "code"))
    if not isinstance(value, str):
        return unfit("code", spot, value)
    taken = spot.room.take(len(value))
    body = code.coloured(value[:taken], language)
    return parts.with_rest(Block("code", spot.label, body), spot, value, taken)


def _markdown(spot: Spot, value: object) -> Block | None:
    if not isinstance(value, str):
        return None
    if len(value) > markdown.MAX_CHARACTERS:
        made = _text(spot, value)
        return replace(made, note=f"{gettext(_LONG)} {made.note}".strip())
    spot.room.take(len(value))
    return Block("markdown", spot.label, markdown.render(value))


def _json(spot: Spot, value: object) -> Block:
    grown = tree.grow(value)
    made = Block("json", spot.label, node=grown)
    return parts.with_whole(made, spot, value) if tree.is_cut(grown) else made


def _files(spot: Spot, kind: MediaKind, value: object) -> Iterator[Block]:
    found = media.addresses(value)
    if not found:
        yield unfit(kind, spot, value)
    for steps, address in found:
        yield _file(replace(spot, path=(*spot.path, *steps)), kind, address)


def _file(spot: Spot, kind: MediaKind, address: str) -> Block:
    try:
        if kind != "image":
            return Block(kind, spot.label, medium=media.Medium(kind, media.source_of(spot.frame, kind, address)))
        if media.is_carried(address) or address.startswith("data:"):
            picture = images.read(address)
            if spot.frame.url:
                picture = replace(picture, source=media.source_of(spot.frame, kind, address))
        else:
            picture = images.Picture(media.source_of(spot.frame, kind, address), 0, 0, "", 0)
        return drawing.on_picture(Block("image", spot.label, picture=picture), spot)
    except (images.NotAPicture, media.NotShown) as fault:
        shown = plain(spot.label, address, spot)
        return replace(shown, note=f"{shown.note} {fault}".strip())


def _choice(spot: Spot, value: object) -> Block | None:
    if is_object(value) or is_list(value):
        return None
    return Block("choice", spot.label, tree.leaf_text(value))


def _chat(spot: Spot, value: object) -> Block | None:
    messages = chats.messages_of(value)
    if messages is None:
        return None
    made = Block("chat", spot.label, turns=tuple(chats.turn_of(each) for each in messages[-chats.FIRST_TURNS :]))
    return parts.with_earlier(made, spot, len(messages) - len(made.turns))


def _table(spot: Spot, value: object) -> Block | None:
    laid = tables.lay(value)
    if laid is None:
        return None
    made = Block("table", spot.label, columns=laid.columns, rows=laid.rows, numeric=laid.numeric)
    return parts.with_rows(made, spot, laid)


def _pair(spot: Spot, value: object) -> Block | None:
    both: list[Any] = value if is_list(value) else list(value.values()) if is_object(value) else []
    told = [first_of(each, "text", "content", "answer") if is_object(each) else each for each in both]
    if len(told) != 2 or not all(isinstance(each, str) for each in told):
        return None
    versions: list[Version] = []
    for title, each in zip(("A", "B"), told, strict=True):
        taken = spot.room.take(len(each))
        versions.append(Version(title, visible(each[:taken]), is_cut=taken < len(each)))
    made = Block("pair", spot.label, versions=tuple(versions), changes=comparing.differences(*told))
    return parts.with_whole(made, spot, value) if any(each.is_cut for each in versions) else made


def _diff(spot: Spot, value: object) -> Block | None:
    both: list[Any] = value if is_list(value) else []
    if is_object(value):
        both = [first_of(value, "before", "old"), first_of(value, "after", "new")]
    if len(both) != 2 or not all(isinstance(each, str) for each in both):
        return None
    changes = comparing.differences(*both)
    if changes is None:
        return replace(_json(spot, value), note=gettext("These texts are too long to be compared word by word."))
    return Block("diff", spot.label, changes)


def _extraction(spot: Spot, value: object) -> Block | None:
    if not is_object(value) or not value:
        return None
    return Block("extraction", spot.label, fields=tuple(extraction.fields(spot.frame, spot.path, value)))


_KINDS: Final[Mapping[str, Callable[[Spot, object], Block | None]]] = {
    "text": lambda spot, value: _text(spot, value) if isinstance(value, str) else None,
    "markdown": _markdown,
    "json": _json,
    "table": _table,
    "chat": _chat,
    "choice": _choice,
    "boxes": _boxes,
    "spans": _spans,
    "pair": _pair,
    "diff": _diff,
    "extraction": _extraction,
}
_LONG: Final = N_("Too long to lay out as Markdown.")
NOTES: Final[Mapping[str, str]] = {
    "text": N_("Shown as JSON, because this is no text."),
    "markdown": N_("Shown as JSON, because this is no text."),
    "code": N_("Shown as JSON, because this is no text."),
    "table": N_("This is no table: a list of objects, or of lists, with at least one row."),
    "chat": N_("This is no conversation: a list of messages with a role and content."),
    "choice": N_("Shown as JSON, because this is more than one value."),
    "image": N_("This is no picture: neither an address nor a data URI of a PNG, JPEG, GIF, WebP or AVIF file."),
    "audio": N_("This is no sound: neither an address nor a data URI of an MP3, WAV, Ogg or M4A file."),
    "video": N_("This is no film: neither an address nor a data URI of an MP4 or WebM file."),
    "pdf": N_("This is no document: neither an address nor a data URI of a PDF file."),
    "boxes": N_("These are no boxes: a list of objects with x, y, width and height, or with a polygon."),
    "spans": N_("These are no spans of the text: a list of objects with start, end and label that lie within it."),
    "pair": N_("This is no pair: a list of two texts, or an object of two."),
    "diff": N_("These are not two texts: a list of two, or an object with before and after."),
    "extraction": N_("This is no extraction: an object of fields."),
}


def _without(value: object, path: list[str]) -> object:
    """Copy the value without what stands at the path, and without objects that this leaves empty."""
    if not path:
        return ABSENT
    if not is_object(value) or path[0] not in value:
        return value
    inner = _without(value[path[0]], path[1:])
    gone = isinstance(inner, Absent) or inner == {}
    return {name: inner if name == path[0] else kept for name, kept in value.items() if not (gone and name == path[0])}
