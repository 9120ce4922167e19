"""Made-up content for the style guide: marks, files, conversations with tools, and what is shown in part."""

from dataclasses import replace
from typing import Any

from markupsafe import Markup

from review.web import content
from review.web.content.block import Block, More, Version
from review.web.content.marks import Mark
from review.web.content.media import Medium
from review.web.pages import bulk_form

PICTURE = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAABgAAAAQCAAAAAApT+BJAAAAHElEQVR42mNYAASXgACdZqCiBDZBEE1NiWHiDwDaOBWQ5RogIAAA"
    "AABJRU5ErkJggg=="
)


def marked() -> list[content.Block]:
    """Show what an output marks on its input, fields with how sure the model was, and two answers."""
    whole: dict[str, Any] = {
        "input": {
            "letter": "Ana Müller moved to Oslo.",
            "photo": PICTURE,
            "where": {"total": {"x": 0.5, "y": 0.5, "width": 0.4, "height": 0.3}, "shop": {"start": 4, "end": 10}},
            "answers": ["We are sorry. It comes today.", "It comes today."],
            "edit": {"before": "It comes today.", "after": "It comes tomorrow."},
            "script": "def due(at):\n    return at <= 12  # o'clock",
        },
        "output": {
            "spans": [{"start": 0, "end": 10, "label": "person"}, {"start": 20, "end": 24, "label": "place"}],
            "boxes": [{"x": 0.1, "y": 0.1, "width": 0.3, "height": 0.4, "label": "logo", "confidence": 0.91}],
            "fields": {"total": 12.5, "shop": "Bakery"},
        },
        "signals": {"sure": {"total": 0.55, "shop": 0.97}},
    }
    view = {
        "input.letter": "text",
        "input.photo": "image",
        "input.where": "evidence",
        "input.answers": "pair",
        "input.edit": "diff",
        "input.script": "code:python",
        "output.spans": "spans",
        "output.boxes": "boxes",
        "output.fields": "extraction",
        "signals.sure": "confidences",
    }
    frame = content.Frame(whole=whole, view=view)
    return [
        *content.blocks("input", whole["input"], view, frame),
        *content.blocks("output", whole["output"], view, frame),
    ]


def rare() -> list[Block]:
    """Show what a page begins with of large values, files that lead nowhere here, and marks without a scale."""
    more = More("/styleguide", "Show 900 earlier turns")
    turns = [
        {"role": "system", "content": "Be kind."},
        {"role": "assistant", "tool_calls": [{"name": "look_up", "arguments": {"card": 7}}]},
        {"role": "tool", "name": "look_up", "content": "sent on Monday"},
        {"role": "user", "name": "Bo", "content": "Where is it?", "timestamp": "10:00"},
    ]
    (chat,) = content.blocks("input", {"a conversation": turns}, {"input.a conversation": "chat"})
    versions = (Version("A", Markup("A long answer"), is_cut=True), Version("B", Markup("Another"), is_cut=True))
    mark = Mark("p-1", Markup("logo"), 1, corners=((2, 2), (12, 2), (12, 9)), field="/logo")
    return [
        replace(chat, more=more, earlier=True),
        Block("text", "a part of a text", chunks=(Markup("One piece,"), Markup("and the next."))),
        Block("text", "the beginning of a text", Markup("Once upon"), more=More("/styleguide", "Show all (5.0 MB)")),
        Block("pair", "two long answers", versions=versions),
        Block("image", "pixels", picture=content.Picture(PICTURE, 0, 0, "png", 90), marks=(mark,), in_pixels=True),
        *players(),
    ]


def players() -> list[Block]:
    """Show what plays and what is leafed through; there is no file behind them."""
    return [Block(kind, kind, medium=Medium(kind, "")) for kind in ("audio", "video", "pdf")]


def bulk() -> dict[str, Any]:
    """Show acts on many items: what is offered to whom, how acts are called, and which items they are about."""
    choices = [bulk_form.Choices("ticket_intent", "Ticket intent", ["card_arrival", "lost_card"])]
    pools = [("triage", "Triage"), ("seniors", "Seniors")]
    kinds = ("approve", "reject", "correct", "move", "prioritise", "give_back", "bring_back")
    known = {"item_id": "x", "title": "Where is my card?", "type_title": "Ticket intent", "is_known": True}
    return {
        "offers": [bulk_form.Tools(choices, is_lead=True, pools=pools), bulk_form.Tools([], is_lead=False, pools=[])],
        "acts": [{"kind": kind, "to": "Seniors" if kind == "move" else "80"} for kind in kinds],
        "about": [known, {**known, "title": "msg-9", "is_known": False}],
    }
