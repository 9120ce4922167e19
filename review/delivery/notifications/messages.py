"""Writing messages: what happened, the links to it, the pressing first, never longer than a screen or two; pure.

They are in the language that is written in (`review.kernel.catalogue.speaking`).
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from review.delivery.notifications.schemas import Facts, Kind, Message, Told
from review.delivery.notifications.timing import zone_of
from review.kernel.catalogue import N_, gettext, ngettext, spoken
from review.kernel.foreign import Phrases
from review.kernel.wording import MONTHS, clock_time

MOST_ENTRIES = 40
MOST_SUBJECT = 150
_CALL = re.compile(r"(?<![\w.+-])@(?=\w)")  # `@everyone` and its like, which chats ring everybody for
SOON = timedelta(hours=1)
ORDER = {kind: -at for at, kind in enumerate(Kind)}
COUNTED: dict[Kind, Callable[[int], str]] = {
    Kind.TEST: lambda count: ngettext("%(num)s test", "%(num)s tests", count),
    Kind.ASSIGNED: lambda count: ngettext("%(num)s new", "%(num)s new", count),
    Kind.RETURNED: lambda count: ngettext("%(num)s returned", "%(num)s returned", count),
    Kind.MENTIONED: lambda count: ngettext("%(num)s mention", "%(num)s mentions", count),
    Kind.MODEL_SEEN: lambda count: ngettext("%(num)s new model version", "%(num)s new model versions", count),
    Kind.SLA_WARNING: lambda count: ngettext("%(num)s due soon", "%(num)s due soon", count),
    Kind.ESCALATED: lambda count: ngettext("%(num)s escalated", "%(num)s escalated", count),
    Kind.SLA_BREACHED: lambda count: ngettext("%(num)s overdue", "%(num)s overdue", count),
    Kind.ROLLED_BACK: lambda count: ngettext("%(num)s rolled back", "%(num)s rolled back", count),
    Kind.PAGE: lambda count: ngettext("%(num)s needs you now", "%(num)s need you now", count),
}
PAGES = {Kind.MODEL_SEEN: "models", Kind.ROLLED_BACK: "rules/rollouts"}  # of what is about no item
HEADLINES = {
    Kind.TEST: N_("This is the test you asked for"),
    Kind.ASSIGNED: N_("New: %(item)s"),
    Kind.RETURNED: N_("Went back to its queue: %(item)s"),
    Kind.SLA_WARNING: N_("Due soon: %(item)s"),
    Kind.ESCALATED: N_("Escalated: %(item)s"),
    Kind.SLA_BREACHED: N_("Overdue: %(item)s"),
    Kind.ROLLED_BACK: N_("Rolled back by its guard: %(item)s"),
    Kind.PAGE: N_("Needs you now: %(item)s"),
}


def write(notices: Sequence[Told], *, base_url: str, now: datetime, timezone: str = "UTC", hours: int = 24) -> Message:
    """Put what one recipient is told into one message; `notices` are of one project and at least one.

    Times are those of `timezone`, by a clock of twelve or of twenty-four `hours`.
    """
    ordered = sorted(notices, key=lambda told: (ORDER[told.kind], -told.facts.happened_at.timestamp(), told.id))
    project = f"{base_url}/p/{ordered[0].facts.project}"
    parts = [_entry(told, project, timezone, hours) for told in ordered[:MOST_ENTRIES]]
    if len(ordered) > MOST_ENTRIES:
        parts.append(gettext("And %(count)s more: %(url)s", count=len(ordered) - MOST_ENTRIES, url=project))
    choices = f"{project}/notifications"
    parts.append(gettext("What you are told of, and when: %(url)s", url=choices))
    subject = f"[{ordered[0].facts.project}] {_subject(ordered, now)}"
    return Message(ordered[0].facts.project, one_line(subject)[:MOST_SUBJECT], "\n\n".join(parts) + "\n")


def _subject(ordered: Sequence[Told], now: datetime) -> str:
    first = ordered[0]
    if len(ordered) == 1:
        return _headline(first)
    items = len({told.item_id for told in ordered})
    if {told.kind for told in ordered} <= {Kind.SLA_WARNING} and all(_is_soon(told, now) for told in ordered):
        return ngettext("%(num)s item due within the hour", "%(num)s items due within the hour", items)
    counts = sorted(Counter(told.kind for told in ordered).items(), key=lambda counted: ORDER[counted[0]])
    said, *others = [COUNTED[kind](count) for kind, count in counts]
    for other in others:
        said = gettext("%(some)s, %(more)s", some=said, more=other)
    return said


def _is_soon(told: Told, now: datetime) -> bool:
    return told.facts.due_at is not None and now < told.facts.due_at <= now + SOON


def _headline(told: Told) -> str:
    facts = told.facts
    item = " ".join(one_line(part) for part in (facts.title, facts.external_id) if part) or gettext("An item")
    if told.kind is Kind.MODEL_SEEN:
        return _model_seen(facts)
    if told.kind is Kind.SLA_BREACHED and facts.target == "first_claim":
        return gettext("Not taken in time: %(item)s", item=item)
    if told.kind is Kind.MENTIONED:
        return gettext("%(who)s mentioned you: %(item)s", who=one_line(facts.by) or gettext("somebody"), item=item)
    return gettext(HEADLINES[told.kind], item=item)


def _model_seen(facts: Facts) -> str:
    if not facts.title:
        is_waiting = facts.target == "waiting"
        return gettext("Items that name no model wait to be cleared") if is_waiting else gettext("Items name no model")
    model = one_line(facts.title)
    if facts.target == "waiting":
        return gettext("Waits to be cleared: %(model)s", model=model)
    return gettext("New model version: %(model)s", model=model)


def _entry(told: Told, project: str, timezone: str, hours: int) -> str:
    facts, lines = told.facts, [_headline(told)]
    about: list[str] = []
    if facts.pool:
        about.append(gettext("In %(pool)s.", pool=one_line(facts.pool)))
    if facts.due_at is not None:
        about.append(gettext("Due %(when)s.", when=exact(facts.due_at, timezone, hours)))
    why, who = (_said(one_line(each)) for each in (facts.reason, facts.by))
    if why and who:
        about.append(gettext("Because: %(why)s, says %(who)s.", why=why, who=who))
    elif why:
        about.append(gettext("Because: %(why)s.", why=why))
    if about:
        lines.append("  " + " ".join(about))
    if told.kind is Kind.TEST:
        lines.append("  " + gettext("It came through, so notices will too."))
    if told.kind in PAGES:
        lines.append(f"  {project}/{PAGES[told.kind]}")
    if told.item_id is not None:
        link = f"{project}/items/{told.item_id}"
        lines.append(f"  {link}")
        if told.kind in {Kind.PAGE, Kind.ESCALATED}:
            answer = f"{link}/acknowledge"
            lines.append("  " + gettext("I have seen it: %(url)s", url=answer))
    return "\n".join(lines)


# What an escalation and a reviewer's page write as a reason, and who acted where nobody did.
_WRITTEN: Final = Phrases(
    N_("step %(step)s of escalation policy %(policy)s"),
    N_("escalation policy %(policy)s"),
    N_("a conflict of interest"),
    N_("timer"),
    gaps={"step": (r"\d+", str)},
)


def _said(text: str) -> str:
    """Say what the machine wrote in the language of the message; what people wrote stays as it is."""
    known = _WRITTEN.find(text)
    return text if known is None else known.by(spoken())


def exact(at: datetime, timezone: str, hours: int = 24) -> str:
    """Write a moment in the reader's zone, which is named."""
    zone = zone_of(timezone)
    there = at.astimezone(zone or UTC)
    return gettext(
        "%(day)s %(month)s %(year)s, %(time)s %(zone)s",
        day=there.day,
        month=gettext(MONTHS[there.month - 1]),
        year=there.year,
        time=clock_time(there, hours),
        zone=timezone if zone else "UTC",
    )


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
