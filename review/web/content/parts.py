"""The rest of large values: which part a page begins with, and the parts that it fetches when asked."""

import json
from dataclasses import replace
from urllib.parse import urlencode

from review.kernel import wording
from review.web.content import chats, tables
from review.web.content.block import Block, More
from review.web.content.frames import Absent, Frame, Room, Spot, follow
from review.web.content.tables import Table
from review.web.content.text import visible
from review.web.words.catalogue import N_, gettext

TEXT_OF_A_PART = 500_000
CHUNK = 20_000  # characters that a browser lays out together


def with_rest(block: Block, spot: Spot, text: str, taken: int) -> Block:
    """Say what is left of a text, and where it is."""
    left = len(text) - taken
    if left <= 0:
        return block
    if not spot.frame.url:
        return _noted(block, N_("%(count)s more characters are left out; the whole is in the API's answer."), left)
    said = gettext("Show all (%(size)s)", size=megabytes(len(text.encode("utf-8", "replace"))))
    return replace(block, more=_more(spot, taken, said))


def with_whole(block: Block, spot: Spot, value: object) -> Block:
    """Lead to the whole of a value as JSON, of which only a part is shown."""
    if not spot.frame.url:
        return block
    size = len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    said = gettext("Show all as JSON (%(size)s)", size=megabytes(size))
    return replace(block, more=_more(spot, 0, said, as_json=True))


def with_earlier(block: Block, spot: Spot, left: int) -> Block:
    """Lead to the earlier turns of a conversation."""
    if left <= 0:
        return block
    if not spot.frame.url:
        return _noted(block, N_("%(count)s earlier turns are left out; the whole is in the API's answer."), left)
    said = gettext("Show %(count)s earlier turns", count=wording.number(left))
    return replace(block, more=_more(spot, left, said, shape="chat"), earlier=True)


def with_rows(block: Block, spot: Spot, laid: Table) -> Block:
    """Lead to the further rows of a table, and say which columns are left out."""
    left = laid.count - laid.end
    if laid.hidden:
        more = N_("%(count)s more columns are left out; the whole is in the API's answer.")
        block = _noted(block, more, laid.hidden)
    if left <= 0:
        return block
    if not spot.frame.url:
        return _noted(block, N_("%(count)s more rows are left out; the whole is in the API's answer."), left)
    said = gettext("Show %(count)s more rows", count=wording.number(left))
    return replace(block, more=_more(spot, laid.end, said, shape="table"))


def part(frame: Frame, at: str, start: int, shape: str) -> Block | None:
    """Give a further part of what stands at a pointer into the item; None where nothing more stands there."""
    value = follow(frame.whole, at)
    steps = tuple(step.replace("~1", "/").replace("~0", "~") for step in at.split("/")[1:])
    if isinstance(value, Absent) or not steps or steps[0] not in {"input", "output"}:
        return None
    spot = Spot(steps[0], steps[1:], frame, Room())
    if shape == "chat":
        return _turns(spot, value, start)
    if shape == "table":
        laid = tables.lay(value, start, tables.ROWS_OF_A_PART)
        if laid is None or not laid.rows:
            return None
        return with_rows(Block("table", "", columns=laid.columns, rows=laid.rows, numeric=laid.numeric), spot, laid)
    as_json = shape == "json" or not isinstance(value, str)
    return _text(spot, json.dumps(value, ensure_ascii=False, indent=1) if as_json else str(value), start, as_json)


def _turns(spot: Spot, value: object, end: int) -> Block | None:
    messages = chats.messages_of(value)
    if messages is None or not 0 < end <= len(messages):
        return None
    start = max(0, end - chats.TURNS_OF_A_PART)
    made = Block("chat", "", turns=tuple(chats.turn_of(each) for each in messages[start:end]))
    return with_earlier(made, spot, start)


def _text(spot: Spot, text: str, start: int, as_json: bool) -> Block | None:  # noqa: FBT001  read at its one caller
    piece = text[start : start + TEXT_OF_A_PART]
    if not piece:
        return None
    chunks = tuple(visible(each) for each in _chunks(piece))
    made = Block("text", "", chunks=chunks)
    end = start + len(piece)
    left = len(text) - end
    if left <= 0:
        return made
    said = gettext("Show the next part (%(size)s to go)", size=megabytes(left))
    return replace(made, more=_more(spot, end, said, as_json=as_json))


def _chunks(text: str) -> list[str]:
    """Cut a text at line ends into pieces that are laid out one by one, so that a browser skips those out of sight."""
    found: list[str] = []
    start = 0
    while start < len(text):
        end = start + CHUNK
        line_end = text.rfind("\n", start, end)
        if end < len(text) and line_end > start:
            found.append(text[start:line_end])  # the line end between two blocks is the block's own
            start = line_end + 1
        else:
            found.append(text[start:end])
            start = end
    return found


def _more(spot: Spot, start: int, said: str, *, shape: str = "", as_json: bool = False) -> More:
    query = {"at": spot.pointer, "from": start, "as": "json" if as_json else shape}
    return More(
        f"{spot.frame.url}/part?{urlencode({name: value for name, value in query.items() if value != ''})}", said
    )


def _noted(block: Block, message: str, count: int) -> Block:
    note = gettext(message, count=wording.number(count))
    return replace(block, note=f"{block.note} {note}".strip())


def megabytes(count: int) -> str:
    """Write a size for people."""
    if count >= 50_000:
        return gettext("%(number)s MB", number=wording.number(count / 1e6, ".1f"))
    return gettext("%(number)s KB", number=max(1, round(count / 1e3)))
