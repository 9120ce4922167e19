"""An item's history told as sentences, and the reasons it came to people, in words."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from markupsafe import Markup

from review.delivery.webhooks.schemas import Told
from review.items.schemas import Details, HistoryEntry
from review.kernel.shapes import is_list, is_number, is_object
from review.routing import telling
from review.routing.telling import NOTHING, Known
from review.web.content import visible
from review.web.pages import ladders, words
from review.web.pages.views import Line

VERDICTS: Final = {"approve": "approved", "correct": "corrected", "reject": "rejected"}
TONES: Final = {"approve": "good", "correct": "mark", "reject": "bad"}

Particulars = Mapping[str, Any]


_TIMES: Final = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_OUTCOMES: Final = {"item.decided": "the decision", "decision.revised": "the new decision"}


def tell(history: list[HistoryEntry], told: Sequence[Told] = ()) -> list[Line]:
    """Tell each entry as a sentence, in the order given, and between them which receivers were told of the outcome."""
    lines = [_line(entry) for entry in history]
    if told:  # sorting keeps the order of what happened at one moment
        lines = sorted([*lines, *map(_announced, told)], key=lambda line: line.at)
    return lines


def _announced(told: Told) -> Line:
    name, outcome = visible(told.endpoint), _OUTCOMES.get(told.kind, "the withdrawal")
    if told.state == "dead":
        sentence = Markup("{} could not be told of {}, and the delivery was given up.").format(name, outcome)
        return Line(at=told.at, sentence=sentence, tone="bad")
    nth = _TIMES[told.attempts] if told.attempts < len(_TIMES) else f"{told.attempts}th"
    return Line(at=told.at, sentence=Markup("{} was told of {} at the {} try.").format(name, outcome, nth))


def _line(entry: HistoryEntry) -> Line:
    decoded: object = msgspec.json.decode(entry.details)
    details: Particulars = decoded if is_object(decoded) else {}
    sentence = _SENTENCES.get(entry.action, _unknown)(entry, details)
    verdict = _text(details, "verdict")
    quote = _text(details, "reason") or _text(details, "comment")
    return Line(
        at=entry.at,
        sentence=sentence,
        quote=visible(quote) if quote else None,
        tone=TONES.get(verdict, "warn" if entry.action in _WORRYING else "plain"),
    )


_WORRYING: Final = {
    *("case.breached", "case.warned", "case.escalated", "assignment.lapsed", "assignment.reassigned"),
    *("adjudication.opened", "escalation.step_skipped", "clock.paused", "lead.asked", "override.proposed"),
    "judgement.dropped",
}


def _submitted(entry: HistoryEntry, details: Particulars) -> Markup:
    came = Markup("{} submitted it.").format(visible(entry.actor))
    rule, pool = _text(details, "rule"), _text(details, "pool")
    by = Markup("Rule {}").format(visible(rule)) if rule else Markup("No rule matched, which")
    if _text(details, "action") == "review":
        return Markup("{} {} sent it to {}.").format(came, by, visible(pool))
    return Markup("{} {} {} it.").format(came, by, VERDICTS.get(_text(details, "action"), "decided"))


def _acted(what: str) -> "Callable[[HistoryEntry, Particulars], Markup]":
    def sentence(entry: HistoryEntry, _details: Particulars) -> Markup:
        return Markup("{} {}.").format(visible(entry.actor), what)

    return sentence


def _escalated(entry: HistoryEntry, details: Particulars) -> Markup:
    pool = _text(details, "to")
    where = Markup(" to {}").format(visible(pool)) if pool else Markup("")
    return Markup("{} escalated it{}.").format(visible(entry.actor), where)


def _breached(_entry: HistoryEntry, details: Particulars) -> Markup:
    if _text(details, "target") == "first_claim":
        return Markup("Nobody had taken it in time.")
    return Markup("It became overdue.")


def _warned(_entry: HistoryEntry, details: Particulars) -> Markup:
    return Markup("A warning went out: it is due {}.").format(_moment(details, "due_at"))


def _paused(entry: HistoryEntry, details: Particulars) -> Markup:
    until = Markup(" until {}").format(_moment(details, "until")) if _text(details, "until") else Markup("")
    return Markup("{} stopped the clock{}.").format(visible(entry.actor), until)


def _resumed(entry: HistoryEntry, details: Particulars) -> Markup:
    due = Markup(", due {}").format(_moment(details, "due_at")) if _text(details, "due_at") else Markup("")
    if entry.actor_kind == "timer":
        return Markup("The pause was over, and the clock runs on{}.").format(due)
    return Markup("{} let the clock run on{}.").format(visible(entry.actor), due)


def _moved(_entry: HistoryEntry, details: Particulars) -> Markup:
    version = details.get("version")
    because = f"Configuration version {version} changed how long people have" if is_number(version) else "Times changed"
    if not _text(details, "due_at"):
        return Markup("{}: no clock runs on it any more.").format(because)
    if not _text(details, "was"):
        return Markup("{}: it is due {}.").format(because, _moment(details, "due_at"))
    return Markup("{}: it is due {} and no longer {}.").format(
        because, _moment(details, "due_at"), _moment(details, "was")
    )


def _step_taken(entry: HistoryEntry, details: Particulars) -> Markup:
    done = ladders.told(_texts(details, "done"))
    step = _step(details)
    if entry.actor_kind == "user":
        return Markup("{} brought {} forward. It {}.").format(visible(entry.actor), step, visible(done))
    return Markup("{}{} {}.").format(step[:1].upper(), step[1:], visible(done))


def _step_skipped(_entry: HistoryEntry, details: Particulars) -> Markup:
    step, why = _step(details), words.listed(_texts(details, "why"))
    return Markup("{}{} was passed over, as it would have reached nobody: {}.").format(
        step[:1].upper(), step[1:], visible(why)
    )


def _reassigned(entry: HistoryEntry, details: Particulars) -> Markup:
    holder = visible(_text(details, "holder") or "its holder")
    if _text(details, "bulk_id"):
        return Markup("{} took it back from {}, and it is in its queue again.").format(visible(entry.actor), holder)
    return Markup("It was taken back from {}, who had it for too long.").format(holder)


def _step(details: Particulars) -> Markup:
    number = details.get("step")
    named = f"step {number:.0f}" if is_number(number) else "a step"
    return Markup("{} of {}").format(named, visible(_text(details, "policy") or "its ladder"))


def _moment(details: Particulars, name: str) -> Markup:
    """Write a moment that an entry names, in UTC, as an element that says it to machines too."""
    text = _text(details, name)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return visible(text or "at an unknown time")
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), words.exact(at))


def _reviewed(entry: HistoryEntry, details: Particulars) -> Markup:
    return Markup("{} {} it.").format(visible(entry.actor), VERDICTS.get(_text(details, "verdict"), "judged"))


def _decided(_entry: HistoryEntry, details: Particulars) -> Markup:
    verdict = VERDICTS.get(_text(details, "verdict"), "settled")
    return Markup("That decided it: {}, {}.").format(verdict, source_of(_text(details, "source"), ""))


def _overridden(entry: HistoryEntry, details: Particulars) -> Markup:
    verdict = VERDICTS.get(_text(details, "verdict"), "decided")
    return Markup("{} overrode the decision: {}.").format(visible(entry.actor), verdict)


def _adjudication(_entry: HistoryEntry, details: Particulars) -> Markup:
    pool = _text(details, "pool")
    where = Markup(" in {}").format(visible(pool)) if pool else Markup("")
    return Markup("The reviewers disagreed, so one more person{} settles it.").format(where)


def _refused(entry: HistoryEntry, details: Particulars) -> Markup:
    act = _text(details, "act") or "work on"
    return Markup("{} wanted to {} it and no longer held it, so nothing came of that.").format(
        visible(entry.actor), visible(act)
    )


def _released(entry: HistoryEntry, details: Particulars) -> Markup:
    if details.get("unseen") is True:
        return Markup("{} gave it back without having seen it.").format(visible(entry.actor))
    return Markup("{} put it back.").format(visible(entry.actor))


def _given(entry: HistoryEntry, details: Particulars) -> Markup:
    verdict = VERDICTS.get(_text(details, "verdict"), "judged")
    return Markup("{} {} it. That counts {}, unless they take it back.").format(
        visible(entry.actor), verdict, _moment(details, "counts_at")
    )


def _dropped(_entry: HistoryEntry, details: Particulars) -> Markup:
    holder, why = visible(_text(details, "holder")), visible(_text(details, "because"))
    return Markup("What {} had judged could not be counted: {}.").format(holder, why)


def _skipped(entry: HistoryEntry, details: Particulars) -> Markup:
    if _text(details, "kind") == "conflict":
        return Markup("{} declared a conflict of interest and gave it back.").format(visible(entry.actor))
    return Markup("{} skipped it.").format(visible(entry.actor))


def _snoozed(entry: HistoryEntry, details: Particulars) -> Markup:
    return Markup("{} put it aside until {}.").format(visible(entry.actor), _moment(details, "until"))


def _returned(_entry: HistoryEntry, details: Particulars) -> Markup:
    holder = visible(_text(details, "holder") or "its holder")
    if _text(details, "reason"):
        return Markup("It came back at once from {}, who had put it aside.").format(holder)
    return Markup("The time was over for which {} had put it aside, and it came back.").format(holder)


def _sent_back(entry: HistoryEntry, details: Particulars) -> Markup:
    return Markup("{} sent it back to {}.").format(visible(entry.actor), visible(_text(details, "to") or "its pool"))


def _lead_asked(_entry: HistoryEntry, details: Particulars) -> Markup:
    pool, why = visible(_text(details, "pool")), visible(_text(details, "why"))
    return Markup("That needs a lead, so somebody in {} confirms or changes it: {}.").format(pool, why)


def _proposed(entry: HistoryEntry, details: Particulars) -> Markup:
    verdict = _text(details, "verdict")
    return Markup("{} would {} it over everybody's head. A second person must confirm.").format(
        visible(entry.actor), visible(verdict)
    )


def _moved_pool(entry: HistoryEntry, details: Particulars) -> Markup:
    was, now = visible(_text(details, "from")), visible(_text(details, "to"))
    return Markup("{} moved it from {} to {}.").format(visible(entry.actor), was, now)


def _prioritised(entry: HistoryEntry, details: Particulars) -> Markup:
    was, now = details.get("from"), details.get("to")
    return Markup("{} changed its priority from {} to {}.").format(
        visible(entry.actor), was if is_number(was) else "another", now if is_number(now) else "another"
    )


def _unknown(entry: HistoryEntry, _details: Particulars) -> Markup:
    said = words.humanise(entry.action.replace(".", " "))
    return Markup("{}, by {}.").format(said, visible(entry.actor))


_SENTENCES: Final[dict[str, Callable[[HistoryEntry, Particulars], Markup]]] = {
    "item.submitted": _submitted,
    "item.decided": _decided,
    "item.withdrawn": _acted("withdrew it"),
    "decision.overridden": _overridden,
    "item.commented": _acted("commented on it"),
    "comment.edited": _acted("changed a comment"),
    "comment.removed": _acted("took a comment out of the thread"),
    "question.asked": _acted("asked upstream, and it waits for the answer"),
    "question.answered": _acted("answered the question, and it is back"),
    "question.lapsed": lambda _entry, _details: Markup("Upstream did not answer in time, and it went back."),
    "assignment.claimed": _acted("took it"),
    "assignment.reserved": _acted("has it next, and has not seen it yet"),
    "assignment.released": _released,
    "judgement.given": _given,
    "judgement.taken_back": _acted("took that back before it counted"),
    "judgement.dropped": _dropped,
    "assignment.skipped": _skipped,
    "assignment.snoozed": _snoozed,
    "assignment.returned": _returned,
    "assignment.taken_up": _acted("took it up again"),
    "assignment.sent_back": _sent_back,
    "assignment.lapsed": lambda _entry, _details: Markup("The lease ended, and it went back."),
    "case.escalated": _escalated,
    "case.breached": _breached,
    "case.warned": _warned,
    "case.moved": _moved_pool,
    "case.prioritised": _prioritised,
    "bulk.requested": _acted("asked for an act on many items"),
    "bulk.undone": _acted("took an act on many items back"),
    "bulk.taken": _acted("took it together with others, to judge them alike"),
    "backtest.begun": _acted("began a backtest of a version"),
    "backtest.stopped": _acted("stopped a backtest"),
    "bulk.ended": lambda _entry, _details: Markup("An act on many items was over."),
    "clock.paused": _paused,
    "clock.resumed": _resumed,
    "clock.moved": _moved,
    "clock.stale": lambda _entry, _details: Markup("A timer of an earlier clock came, and did nothing."),
    "escalation.step_taken": _step_taken,
    "escalation.step_skipped": _step_skipped,
    "escalation.acknowledged": _acted("knows of the escalation and sees to it"),
    "assignment.reassigned": _reassigned,
    "assignment.refused": _refused,
    "review.submitted": _reviewed,
    "adjudication.opened": _adjudication,
    "lead.asked": _lead_asked,
    "override.proposed": _proposed,
    "override.withdrawn": _acted("took the proposed override back"),
}


def source_of(source: str, decided_by: str) -> str:
    """Say who or what made a decision."""
    return {
        "rule": "by a rule",
        "review": f"by {decided_by}" if decided_by else "by one reviewer",
        "consensus": "by consensus",
        "adjudication": "by adjudication",
        "timeout": "because the time ran out",
        "override": f"by {decided_by}, overriding" if decided_by else "by override",
    }.get(source, source)


def why(
    route: object,
    details: Details,
    conditions: Mapping[str, str],
    *,
    payload: Mapping[str, object] | None = None,
    known: Known = NOTHING,
    kind: str = "",
) -> list[str | Markup]:
    """Say why an item came to people: the rule with the facts put in, the error, the sample, the other reviewers.

    `conditions` holds the text of the rules of the rule set that routed it, by name; `payload` the item's type, input
    and output, as far as the caller sees them; `known` what the conditions call by name; `kind` is the assignment's.
    """
    taken: Particulars = route if is_object(route) else {}
    said: list[str | Markup] = []
    if kind == "adjudication":
        said.append("The reviewers disagreed. Your judgement settles it.")
    if kind == "lead":
        said.append("Somebody has judged it, and such a judgement needs a lead. Confirm it, or change it.")
    rule, error = _text(taken, "rule"), _text(taken, "error")
    if error:
        named = Markup("Rule {} could").format(_strong(rule)) if rule else Markup("A rule could")
        said.append(Markup("{} not be evaluated, so a person looks at it: {}").format(named, visible(error)))
    elif rule:
        condition = conditions.get(rule, "")
        item = details.facts() | dict(payload or {})
        shown = _with_facts(condition, item, known) if condition not in {"", "true"} else None
        said.append(
            Markup("Rule {}: <code>{}</code>").format(_strong(rule), shown)
            if shown
            else Markup("Rule {} applies.").format(_strong(rule))
        )
    else:
        said.append("No rule matched, so a person looks at it.")
    said += _restraints(taken)
    share = taken.get("inclusion_probability")
    if is_number(share) and 0 < share < 1:
        said.append(f"It was drawn by lot: {words.percent(share)} of such items come here.")
    needed = taken.get("reviews_required")
    if is_number(needed) and needed > 1:
        said.append(f"{needed:.0f} people judge it, each on their own.")
    return said


def _restraints(taken: Particulars) -> list[str | Markup]:
    """Say what kept a rule from deciding alone."""
    evaluations = taken.get("evaluations")
    marks = [each for each in evaluations if is_object(each)] if is_list(evaluations) else []
    said: list[str | Markup] = []
    if any(each.get("stopped") for each in marks):
        said.append("What sent it was stopped, so people judge what the rule would have let through.")
    if taken.get("two_person"):
        said.append("Items of this type take two people: nothing and nobody decides them alone.")
    return said


def _with_facts(condition: str, item: Mapping[str, object], known: Known) -> Markup:
    """Put the item's own values in the place of their names: `item.confidence < 0.8` becomes `0.62 < 0.8`."""
    return Markup("").join(
        Markup("<strong>{}</strong>").format(visible(part.text)) if part.is_fact else visible(part.text)
        for part in telling.tell(condition, item, known)
    )


def _texts(details: Particulars, name: str) -> list[str]:
    value: object = details.get(name)
    return [each for each in value if isinstance(each, str)] if is_list(value) else []


def _strong(name: str) -> Markup:
    return Markup("<strong>{}</strong>").format(visible(name))


def _text(details: Particulars, name: str) -> str:
    value = details.get(name)
    return value if isinstance(value, str) else ""
