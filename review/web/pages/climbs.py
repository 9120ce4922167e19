"""An item's way up its ladder: what has happened on its clock, what is to come, whom it reached."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from markupsafe import Markup

from review.audit.rules import Action
from review.escalation.explanations import ClockView, MarkView
from review.items.schemas import HistoryEntry
from review.kernel.shapes import is_list, is_object
from review.sla.rules import DUE, FIRST_CLAIM, STEP, SlaPolicy
from review.web.content import visible
from review.web.pages import ladders, retold, words
from review.web.pages.sentences import gettext
from review.web.pages.views import Rung

_STEPS: Final = {Action.STEP_TAKEN, Action.STEP_SKIPPED}


def climb(clock: ClockView, policy: SlaPolicy | None, history: Sequence[HistoryEntry], *, is_open: bool) -> list[Rung]:
    """Show every mark of a clock in the order in which things happened or will; of a closed item only what happened."""
    told = [_told(entry) for entry in history]
    rungs = [_rung(mark, policy, told, is_paused=clock.paused is not None) for mark in clock.marks]
    rungs += [_acknowledged(entry) for entry in history if entry.action == Action.ESCALATION_ACKNOWLEDGED]
    shown = [rung for rung in rungs if is_open or not rung.is_ahead]
    return sorted(shown, key=lambda rung: rung.at)


_Told = tuple[HistoryEntry, Mapping[str, Any]]


def _told(entry: HistoryEntry) -> _Told:
    details: object = msgspec.json.decode(entry.details)
    return entry, details if is_object(details) else {}


def _rung(mark: MarkView, policy: SlaPolicy | None, told: Sequence[_Told], *, is_paused: bool) -> Rung:
    if not mark.passed:
        return Rung(
            title=ladders.mark_title(mark.key),
            at=mark.at,
            sentence=ladders.mark_sentence(mark.key, policy),
            is_ahead=True,
            is_paused=is_paused,
        )
    if mark.key.startswith(STEP):
        return _step(mark, policy, told)
    breached = [entry.at for entry, details in told if _breaches(entry, details, mark.key)]
    if mark.key == DUE:
        return _past(mark, breached, gettext("It was not decided in time."), "bad")
    if mark.key == FIRST_CLAIM:
        said = gettext("Nobody had taken it in time.") if breached else gettext("Somebody had taken it in time.")
        return _past(mark, breached, said, "bad" if breached else "good")
    warned = [entry.at for entry, details in told if details.get("mark") == mark.key]
    return _past(mark, warned, gettext("A warning went out."), "warn")


def _past(mark: MarkView, at: Sequence[datetime], sentence: str, tone: str) -> Rung:
    return Rung(
        title=ladders.mark_title(mark.key),
        at=at[0] if at else mark.at,
        sentence=sentence,
        tone=tone,
    )


def _breaches(entry: HistoryEntry, details: Mapping[str, Any], key: str) -> bool:
    target = "first_claim" if key == FIRST_CLAIM else "decide"
    return entry.action == Action.CASE_BREACHED and details.get("target", "decide") == target


def _step(mark: MarkView, policy: SlaPolicy | None, told: Sequence[_Told]) -> Rung:
    """Tell of a step as it was recorded: what it did, or why it could not."""
    number = int(mark.key.removeprefix(STEP)) + 1
    title = ladders.mark_title(mark.key)
    for entry, details in told:
        if entry.action not in _STEPS or details.get("step") != number:
            continue
        if entry.action == Action.STEP_SKIPPED:
            why = words.listed([retold.FAILED.tell(each) for each in texts(details.get("why"))])
            sentence = gettext("Passed over, as it would have reached nobody: %(why)s.", why=visible(why))
            return Rung(title=title, at=entry.at, sentence=sentence, tone="plain", is_skipped=True)
        done = ladders.told(texts(details.get("done")))
        sentence = Markup("{}.").format(visible(f"{done[:1].upper()}{done[1:]}"))
        by = entry.actor if entry.actor_kind == "user" else ""
        return Rung(title=title, at=entry.at, sentence=sentence, tone="mark", by=visible(by))
    return Rung(title=title, at=mark.at, sentence=ladders.mark_sentence(mark.key, policy), tone="mark")


def _acknowledged(entry: HistoryEntry) -> Rung:
    sentence = gettext("%(who)s knows of it and sees to it.", who=visible(entry.actor))
    return Rung(title=gettext("Acknowledged"), at=entry.at, sentence=sentence, tone="good")


def texts(value: object) -> list[str]:
    """Give the texts of a list in an entry's details, and nothing else of it."""
    return [each for each in value if isinstance(each, str)] if is_list(value) else []
