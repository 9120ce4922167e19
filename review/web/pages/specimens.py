"""Made-up things for the style guide: every component in the states it can be in."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from markupsafe import Markup

from review.kernel.clock import utc_now
from review.web import content, forms
from review.web.pages import specimen_kinds
from review.web.pages.veils import Veil
from review.web.pages.views import Alternative, Change, Countdown, Desk, Fact, Line, Reason, Rung

_ID = UUID("019a0000-0000-7000-8000-000000000001")
INTENTS = (
    *("card_arrival", "card_not_working", "lost_card", "pin_blocked", "top_up_failed", "refund_not_shown"),
    *("exchange_rate", "cash_withdrawal", "age_limit", "country_support", "verify_identity", "close_account"),
)
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["label", "urgent", "lines"],
    "properties": {
        "label": {"enum": list(INTENTS), "title": "Intent"},
        "urgent": {"type": "boolean"},
        "language": {"enum": ["English", "German", "French"]},
        "topics": {"type": "array", "uniqueItems": True, "items": {"enum": ["cards", "payments", "identity"]}},
        "amount": {"type": ["number", "null"], "minimum": 0, "description": "In euros, if one is named."},
        "received": {"type": "string", "format": "date"},
        "answered_at": {"type": "string", "format": "date-time"},
        "summary": {"type": "string", "maxLength": 500},
        "lines": {
            "type": "array",
            "title": "Order lines",
            "items": {
                "type": "object",
                "required": ["article", "count"],
                "properties": {"article": {"type": "string"}, "count": {"type": "integer", "minimum": 1}},
            },
        },
        "anything": {},
    },
}
OUTPUT: dict[str, Any] = {
    "label": "card_arrival",
    "urgent": True,
    "language": "German",
    "topics": ["cards"],
    "amount": 12.5,
    "received": "2026-10-01",
    "answered_at": "2026-10-01T09:30:00Z",
    "summary": "The customer waits for a new card and asks where it is.",
    "lines": [{"article": "Debit card", "count": 1}],
    "anything": {"seen": [1, 2]},
}
HOSTILE = (
    'Ignore this <img src=x onerror="alert(1)"> and pay \u202e54321 ED\u202c, see [here](javascript:alert(1)).\u200b'
)
# One pixel of a warm colour, so that its greyscale differs.
_PICTURE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAA"
    "AfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
CHAT = [
    {"role": "user", "content": "Hi, I ordered a new card two weeks ago. Where is it?"},
    {"role": "assistant", "content": "I am sorry to hear that. Did you move house lately?"},
    {"role": "user", "content": "No. I think somebody took it out of my letterbox."},
]


def blocks() -> list[content.Block]:
    """Show one block of every kind, and one that is up to no good."""
    value = {
        "text": "My card never came, and now there is a payment on it that I did not make.",
        "markdown": "## What to check\n\n1. the *address*\n2. the **date**, see [the rules](https://example.com/rules)",
        "code": "def due(at, now):\n    return at <= now",
        "chat": CHAT,
        "table": [
            {"date": "2026-10-01", "amount": 12.5, "to": "Bakery"},
            {"date": "2026-10-02", "amount": 80, "to": "?"},
        ],
        "choice": "card_arrival",
        "json": {"order": {"id": 7, "open": True, "lines": [{"sku": "x", "n": 2}], "note": None}},
        "hostile": HOSTILE,
        "image": "https://example.com/not-carried.png",
    }
    view = {f"input.{name}": name for name in value if name != "hostile"}
    short = {"order": "7", "language": "German"}
    return [
        *content.blocks("input", value, view),
        *content.blocks("input", short, {}),
        content.Block("json", "cut short", node=content.Node("", "array", Markup("9 entries"), left_out=9)),
        *pictures(),
        *specimen_kinds.marked(),
        *specimen_kinds.rare(),
    ]


def pictures() -> list[content.Block]:
    """Show pictures: one so small that it is enlarged, one, and one that hides its size."""
    sizes = (("a scan", 8, 8), ("a photograph", 320, 200), ("of unknown size", 0, 0))
    return [
        content.Block("image", label, picture=content.Picture(_PICTURE, width, height, "png", 70))
        for label, width, height in sizes
    ]


def veils() -> list[Veil]:
    """Show what lies over sensitive content: hidden and muted, and merely without its colours."""
    return [
        Veil(covers="all", is_blurred=True, is_grey=True, is_muted=True),
        Veil(covers="media", is_blurred=False, is_grey=True, is_muted=False),
    ]


def form() -> forms.Field:
    """Show a form with every kind of field, one of them wrong."""
    made = forms.build(SCHEMA, OUTPUT)
    return forms.with_errors(
        made, {("amount",): ["This is not a number. Write it with digits and a point, such as 12.5."]}
    )


def story() -> list[Line]:
    """Tell a short story of an item."""
    now = utc_now()
    return [
        Line(at=now - timedelta(hours=3), sentence="It came from ticket-bot."),
        Line(at=now - timedelta(hours=3), sentence="Rule low-confidence sent it to triage.", tone="mark"),
        Line(
            at=now - timedelta(minutes=40),
            sentence="Ben took it and skipped it.",
            quote=Markup("I know the people concerned"),
        ),
        Line(at=now - timedelta(minutes=2), sentence="Ana corrected it.", tone="good"),
    ]


def countdowns() -> list[Countdown]:
    """Show clocks: on track within working hours, due soon, overdue at night, standing still."""
    now = utc_now()
    at = int(now.timestamp())
    shift = f"[[{at}, {at + 7200}], [{at + 63000}, {at + 93600}]]"
    night = f"[[{at + 36000}, {at + 66600}]]"
    return [
        Countdown(
            due_at=now + timedelta(hours=18),
            said="due in 3 h",
            note="clock stops 17:30–09:00 CET",
            left=10800,
            open=shift,
        ),
        Countdown(due_at=now + timedelta(minutes=9), said="due soon: 9 min", tone="warn"),
        Countdown(
            due_at=now - timedelta(hours=6),
            said="overdue by 40 min",
            tone="bad",
            note="stopped until Tue 09:00 CET",
            left=-2400,
            open=night,
        ),
        Countdown(
            due_at=now,
            said="paused, 2 h 5 min left",
            tone="paused",
            is_still=True,
            note="waiting for the customer’s answer (ana)",
        ),
    ]


def rungs() -> list[Rung]:
    """Show a way up a ladder: behind, passed over, acknowledged, ahead."""
    now = utc_now()
    return [
        Rung(title="Warning", at=now - timedelta(hours=2), sentence=Markup("A warning went out."), tone="warn"),
        Rung(
            title="Step 1",
            at=now - timedelta(hours=2),
            sentence=Markup(
                "Passed over, as it would have reached nobody: notify channel:ops: channel ops is disabled."
            ),
            is_skipped=True,
        ),
        Rung(
            title="Step 2",
            at=now - timedelta(hours=1),
            sentence=Markup("Moved it from triage to seniors and changed its priority from 50 to 70."),
            tone="mark",
            by="ana@example.com",
        ),
        Rung(
            title="Acknowledged",
            at=now - timedelta(minutes=50),
            sentence=Markup("lea@example.com knows of it and sees to it."),
            tone="good",
        ),
        Rung(
            title="Due",
            at=now + timedelta(minutes=42),
            sentence=Markup("Counts as overdue if it is not decided."),
            is_ahead=True,
        ),
        Rung(
            title="Step 3",
            at=now + timedelta(hours=2),
            sentence=Markup("Rejects it if nobody has decided."),
            is_ahead=True,
            is_paused=True,
        ),
    ]


def changes() -> list[Change]:
    """Show what a correction changed."""
    return [
        Change(label="label", before=Markup("card_arrival"), after=Markup("lost_card")),
        Change(label="lines, 1, count", before=Markup("1"), after=None, name="o/lines/0/count"),
        Change(label="order", before=None, after=Markup("2, 1"), name="o/lines", is_of_rows=True),
        Change(
            label="summary",
            before=Markup("waits for a card"),
            after=Markup("waits for a new card"),
            words=Markup("waits for a <ins>new</ins> card"),
            name="o/summary",
        ),
    ]


def desk(schema: dict[str, Any] | None = None, output: dict[str, Any] | None = None, **other: Any) -> Desk:
    """Lay an item on the desk."""
    form = forms.build(SCHEMA if schema is None else schema, OUTPUT if output is None else output)
    choice = forms.first_choice(form)
    values: dict[str, Any] = {
        "url": "/styleguide",
        "assignment_id": _ID,
        "item_id": _ID,
        "fence": 1,
        "lease_seconds": 600,
        "seconds_left": 600,
        "pool": "triage",
        "type_title": "Ticket intent",
        "evidence": content.blocks("input", {"conversation": CHAT}, {"input.conversation": "chat"}),
        "claim": content.blocks("output", {"label": "card_arrival"}, {"output.label": "choice"}),
        "confidence": 0.62,
        "explanation": "The customer speaks of a card that was ordered and has not come.",
        "alternatives": [
            Alternative(label=Markup("lost_card"), confidence=0.31, url="#", key="1", is_keyed=True),
            Alternative(label=Markup("card_not_working"), confidence=0.04, url="#", key="2", is_keyed=True),
        ],
        "form": form,
        "base": "output",
        "keys": choice.pointer if choice else None,
        "changes": [],
        "is_touched": False,
        "reasons": [
            Reason(code=code, label=label, is_chosen=False)
            for code, label in (("wrong_label", "Wrong label"), ("ambiguous", "Ambiguous"), ("scope", "Out of scope"))
        ],
        "comment": "",
        "why": [Markup("Rule <strong>low-confidence</strong>: confidence 0.62 is under 0.8.")],
        "clock": countdowns()[0],
        "facts": [
            Fact(name="Model", value="intent-clf 2026-10-01, prompt p7"),
            Fact(name="Cost", value="0.0021 USD"),
            Fact(name="Took", value="812 ms"),
            Fact(name="Impact", value="high"),
        ],
        "guidelines": content.render_markdown(
            "Choose the intent the customer would choose.\n\n- A card that *never came* is **card_arrival**.\n"
            "- A card that came and is gone is **lost_card**."
        ),
        "story": story(),
        "outcome": "",
        "fault": "",
        "is_live": False,
    }
    return Desk(**{**values, **other})
