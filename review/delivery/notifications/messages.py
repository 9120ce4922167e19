"""Writing messages: what happened, the links to it, the pressing first, never longer than a screen or two; pure."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from review.delivery.notifications.schemas import Kind, Message, Told
from review.delivery.notifications.timing import zone_of

MOST_ENTRIES = 40
MOST_SUBJECT = 150
_CALL = re.compile(r"(?<![\w.+-])@(?=\w)")  # `@everyone` and its like, which chats ring everybody for
SOON = timedelta(hours=1)
ORDER = {kind: -at for at, kind in enumerate(Kind)}
NAMES = {
    Kind.TEST: ("test", "tests"),
    Kind.ASSIGNED: ("new", "new"),
    Kind.RETURNED: ("returned", "returned"),
    Kind.MENTIONED: ("mention", "mentions"),
    Kind.SLA_WARNING: ("due soon", "due soon"),
    Kind.ESCALATED: ("escalated", "escalated"),
    Kind.SLA_BREACHED: ("overdue", "overdue"),
    Kind.ROLLED_BACK: ("rolled back", "rolled back"),
    Kind.PAGE: ("needs you now", "need you now"),
}


def write(notices: Sequence[Told], *, base_url: str, now: datetime, timezone: str = "UTC") -> Message:
    """Put what one recipient is told into one message; `notices` are of one project and at least one."""
    ordered = sorted(notices, key=lambda told: (ORDER[told.kind], -told.facts.happened_at.timestamp(), told.id))
    project = f"{base_url}/p/{ordered[0].facts.project}"
    parts = [_entry(told, project, timezone) for told in ordered[:MOST_ENTRIES]]
    if len(ordered) > MOST_ENTRIES:
        parts.append(f"And {len(ordered) - MOST_ENTRIES} more: {project}")
    parts.append(f"What you are told of, and when: {project}/notifications")
    subject = f"[{ordered[0].facts.project}] {_subject(ordered, now)}"
    return Message(ordered[0].facts.project, one_line(subject)[:MOST_SUBJECT], "\n\n".join(parts) + "\n")


def _subject(ordered: Sequence[Told], now: datetime) -> str:
    first = ordered[0]
    if len(ordered) == 1:
        return _headline(first)
    items = len({told.item_id for told in ordered})
    if {told.kind for told in ordered} <= {Kind.SLA_WARNING} and all(_is_soon(told, now) for told in ordered):
        return f"{items} {'item' if items == 1 else 'items'} due within the hour"
    counts = Counter(told.kind for told in ordered)
    said = [f"{count} {NAMES[kind][count > 1]}" for kind, count in sorted(counts.items(), key=lambda c: ORDER[c[0]])]
    return ", ".join(said)


def _is_soon(told: Told, now: datetime) -> bool:
    return told.facts.due_at is not None and now < told.facts.due_at <= now + SOON


def _headline(told: Told) -> str:
    facts = told.facts
    named = " ".join(one_line(part) for part in (facts.title, facts.external_id) if part) or "An item"
    by = one_line(facts.by) or "somebody"
    return {
        Kind.TEST: "This is the test you asked for",
        Kind.ASSIGNED: f"New: {named}",
        Kind.RETURNED: f"Went back to its queue: {named}",
        Kind.MENTIONED: f"{by} mentioned you: {named}",
        Kind.SLA_WARNING: f"Due soon: {named}",
        Kind.ESCALATED: f"Escalated: {named}",
        Kind.SLA_BREACHED: f"Not taken in time: {named}" if facts.target == "first_claim" else f"Overdue: {named}",
        Kind.ROLLED_BACK: f"Rolled back by its guard: {named}",
        Kind.PAGE: f"Needs you now: {named}",
    }[told.kind]


def _entry(told: Told, project: str, timezone: str) -> str:
    facts, lines = told.facts, [_headline(told)]
    about: list[str] = []
    if facts.pool:
        about.append(f"In {one_line(facts.pool)}.")
    if facts.due_at is not None:
        about.append(f"Due {exact(facts.due_at, timezone)}.")
    if facts.reason:
        by = f", says {one_line(facts.by)}" if facts.by else ""
        about.append(f"Because: {one_line(facts.reason)}{by}.")
    if about:
        lines.append("  " + " ".join(about))
    if told.kind is Kind.TEST:
        lines.append("  It came through, so notices will too.")
    if told.kind is Kind.ROLLED_BACK:
        lines.append(f"  {project}/rules/rollouts")
    if told.item_id is not None:
        link = f"{project}/items/{told.item_id}"
        lines.append(f"  {link}")
        if told.kind in {Kind.PAGE, Kind.ESCALATED}:
            lines.append(f"  I have seen it: {link}/acknowledge")
    return "\n".join(lines)


def exact(at: datetime, timezone: str) -> str:
    """Write a moment in the reader's zone, which is named."""
    zone = zone_of(timezone)
    local = at.astimezone(zone or UTC)
    return f"{local:%d %B %Y, %H:%M} {timezone if zone else 'UTC'}".lstrip("0")


def one_line(text: str) -> str:
    """Show text on one line with nothing hidden in it: what no reader would see stands as its code, `[U+202E]`.

    What a chat would take for calling everybody is taken apart.
    """
    return _CALL.sub("@ ", "".join(_shown(character) for character in text))


def _shown(character: str) -> str:
    if character in {"\n", "\r", "\t"}:
        return " "
    # Control, format, surrogate, private and unassigned characters, and the separators of lines and paragraphs.
    if unicodedata.category(character)[0] == "C" or unicodedata.category(character) in {"Zl", "Zp"}:
        return f"[U+{ord(character):04X}]"
    return character
