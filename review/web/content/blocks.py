"""An item's input and output as the blocks that its item type's view asks for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, Literal

from markupsafe import Markup

from review.web.content import images, markdown, tree
from review.web.content.text import visible
from review.web.shapes import is_list, is_object

MAX_TEXT = 200_000
MAX_CELL = 2_000
MAX_TURNS = 400
MAX_TABLE_ROWS = 300
MAX_TABLE_COLUMNS = 40
SHORT = 80  # characters of a value that stands beside its name instead of below it

NOTHING: Final = Markup("")

Side = Literal["input", "output"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation."""

    role: Markup
    body: Markup


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of content and how to show it; `note` says what was left out or could not be shown as asked."""

    kind: Literal["text", "markdown", "code", "json", "image", "table", "chat", "choice", "facts"]
    label: str
    body: Markup = NOTHING
    node: tree.Node | None = None
    picture: images.Picture | None = None
    columns: tuple[Markup, ...] = ()
    rows: tuple[tuple[Markup, ...], ...] = ()
    turns: tuple[Turn, ...] = ()
    note: str = ""


class _Absent:
    """Nothing is there."""


_ABSENT: Final = _Absent()


def blocks(side: Side, value: object, view: Mapping[str, str]) -> list[Block]:
    """List the blocks of one side: what the view names, in its order, then all that is left.

    `view` is the item type's, with keys such as `input.text` and `input` itself. Never raises, whatever value it gets.
    """
    found: list[Block] = []
    rest = value
    for name, kind in view.items():
        first, *path = name.split(".")
        if first != side:
            continue
        piece = _pick(value, path)
        if not isinstance(piece, _Absent):
            found.append(_as(kind, _label(path), piece))
            rest = _without(rest, path)
    if is_object(rest):
        found += _rest(rest)
    elif not isinstance(rest, _Absent):
        found.append(plain("", rest))
    return found


def _rest(values: dict[str, Any]) -> list[Block]:
    """Show what no view speaks of: short values that stand together as one list, the others one by one."""
    found: list[Block] = []
    for short, group in groupby(values.items(), lambda entry: _is_short(entry[1])):
        entries = list(group)
        if short and len(entries) > 1:
            rows = tuple((visible(name), tree.leaf_text(value)) for name, value in entries)
            found.append(Block("facts", "", rows=rows))
        else:
            found += [plain(_label([name]), value) for name, value in entries]
    return found


def _is_short(value: object) -> bool:
    if isinstance(value, str):
        return 0 < len(value) <= SHORT and "\n" not in value
    return not (is_object(value) or is_list(value))


def plain(label: str, value: object) -> Block:
    """Show a value that no view speaks of: strings as text, the rest as JSON."""
    return _text(label, value) if isinstance(value, str) else _json(label, value)


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


def _as(kind: str, label: str, value: object) -> Block:
    show = _KINDS.get(kind)
    return show(label, value) if show is not None else plain(label, value)


def _text(label: str, value: object) -> Block:
    if not isinstance(value, str):
        return _json(label, value)
    return Block("text", label, visible(value[:MAX_TEXT]), note=_cut(value))


def _code(label: str, value: object) -> Block:
    if not isinstance(value, str):
        return _json(label, value)
    return Block("code", label, visible(value[:MAX_TEXT]), note=_cut(value))


def _markdown(label: str, value: object) -> Block:
    if not isinstance(value, str):
        return _json(label, value)
    if len(value) > markdown.MAX_CHARACTERS:
        return Block(
            "text", label, visible(value[:MAX_TEXT]), note=f"Too long to lay out as Markdown. {_cut(value)}".strip()
        )
    return Block("markdown", label, markdown.render(value))


def _json(label: str, value: object) -> Block:
    return Block("json", label, node=tree.grow(value))


def _image(label: str, value: object) -> Block:
    try:
        return Block("image", label, picture=images.read(value))
    except images.NotAPicture as fault:
        shown = plain(label, value)
        return Block(shown.kind, label, shown.body, shown.node, note=str(fault))


def _choice(label: str, value: object) -> Block:
    if is_object(value) or is_list(value):
        return _json(label, value)
    return Block("choice", label, tree.leaf_text(value))


def _chat(label: str, value: object) -> Block:
    messages: Any = value.get("messages") if is_object(value) else value
    if not is_list(messages) or not all(is_object(turn) and "content" in turn for turn in messages):
        return _json(label, value)
    turns = tuple(Turn(_role(turn), _said(turn["content"])) for turn in messages[-MAX_TURNS:])
    left = len(messages) - len(turns)
    return Block("chat", label, turns=turns, note=f"{left} earlier turns are left out." if left else "")


def _role(turn: dict[str, Any]) -> Markup:
    role = turn.get("role", turn.get("name", ""))
    return visible(role[:60]) if isinstance(role, str) else NOTHING


def _said(content: object) -> Markup:
    if is_list(content):
        parts = [part.get("text") if is_object(part) else part for part in content]
        if all(isinstance(part, str) for part in parts):
            content = "\n".join(str(part) for part in parts)
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=2)
    return visible(text[:MAX_TEXT] + (" …" if len(text) > MAX_TEXT else ""))


def _table(label: str, value: object) -> Block:
    if is_object(value):
        value = [{"field": name, "value": inner} for name, inner in value.items()]
    if not is_list(value) or not value:
        return plain(label, value)
    listed = [_row(row) for row in value[:MAX_TABLE_ROWS]]
    if not all(is_object(row) for row in listed):
        return _json(label, value)
    names = dict.fromkeys(name for row in listed if is_object(row) for name in row)
    columns = list(names)[:MAX_TABLE_COLUMNS]
    rows = tuple(tuple(_cell(row, name) for name in columns) for row in listed)
    left = [
        *([f"{len(value) - len(rows)} more rows"] if len(value) > len(rows) else []),
        *([f"{len(names) - len(columns)} more columns"] if len(names) > len(columns) else []),
    ]
    note = f"{' and '.join(left)} are left out." if left else ""
    return Block("table", label, columns=tuple(visible(name[:200]) for name in columns), rows=rows, note=note)


def _row(row: object) -> object:
    """Name the cells of a row that is a list by their place."""
    return {str(place): cell for place, cell in enumerate(row, 1)} if is_list(row) else row


def _cell(row: object, name: str) -> Markup:
    value = row.get(name) if is_object(row) else None
    if value is None:
        return NOTHING
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return visible(text[:MAX_CELL] + (" …" if len(text) > MAX_CELL else ""))


_KINDS: Final = {
    "text": _text,
    "markdown": _markdown,
    "code": _code,
    "json": _json,
    "image": _image,
    "table": _table,
    "chat": _chat,
    "choice": _choice,
}


def _cut(value: str) -> str:
    left = len(value) - MAX_TEXT
    return f"{left:,} more characters are left out; the whole text is in the API's answer." if left > 0 else ""


def _pick(value: object, path: list[str]) -> object:
    for name in path:
        if not is_object(value) or name not in value:
            return _ABSENT
        value = value[name]
    return value


def _without(value: object, path: list[str]) -> object:
    """Copy the value without what stands at the path, and without objects that this leaves empty."""
    if not path:
        return _ABSENT
    if not is_object(value) or path[0] not in value:
        return value
    inner = _without(value[path[0]], path[1:])
    gone = isinstance(inner, _Absent) or inner == {}
    return {name: inner if name == path[0] else kept for name, kept in value.items() if not (gone and name == path[0])}


def _label(path: list[str]) -> str:
    return ", ".join(path)
