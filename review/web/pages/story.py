"""An item's history told as sentences."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from markupsafe import Markup

from review.delivery.webhooks.schemas import Told
from review.items.schemas import HistoryEntry
from review.kernel.shapes import is_list, is_number, is_object
from review.web.content import visible
from review.web.pages import acts, announcements, arrivals, ladders, retold, stored, words
from review.web.pages.sentences import gettext
from review.web.pages.views import Line
from review.web.words import catalogue
from review.web.words.catalogue import N_

VERDICTS: Final = {"approve": N_("approved"), "correct": N_("corrected"), "reject": N_("rejected")}
TONES: Final = {"approve": "good", "correct": "mark", "reject": "bad"}

Particulars = Mapping[str, Any]
Sentence = Callable[[HistoryEntry, Particulars], Markup]


def tell(history: list[HistoryEntry], told: Sequence[Told] = ()) -> list[Line]:
    """Tell each entry as a sentence, in the order given, and between them which receivers were told of the outcome."""
    lines = [_line(entry) for entry in history]
    if told:  # sorting keeps the order of what happened at one moment
        lines = sorted([*lines, *map(announcements.tell, told)], key=lambda line: line.at)
    return lines


def _line(entry: HistoryEntry) -> Line:
    decoded: object = msgspec.json.decode(entry.details)
    details: Particulars = decoded if is_object(decoded) else {}
    sentence = _SENTENCES.get(entry.action, _unknown)(entry, details)
    verdict = _text(details, "verdict")
    quote = _text(details, "reason") or retold.COMMENT.tell(_text(details, "comment"))
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


_JUDGED: Final = {
    "approve": N_("%(who)s approved it."),
    "correct": N_("%(who)s corrected it."),
    "reject": N_("%(who)s rejected it."),
}
_GIVEN: Final = {
    "approve": N_("%(who)s approved it. That counts %(when)s, unless they take it back."),
    "correct": N_("%(who)s corrected it. That counts %(when)s, unless they take it back."),
    "reject": N_("%(who)s rejected it. That counts %(when)s, unless they take it back."),
}
_PROPOSED: Final = {
    "approve": N_("%(who)s would approve it over everybody's head. A second person must confirm."),
    "correct": N_("%(who)s would correct it over everybody's head. A second person must confirm."),
    "reject": N_("%(who)s would reject it over everybody's head. A second person must confirm."),
}


def judged(reviewer: str, verdict: str) -> Markup:
    """Say what somebody judged."""
    return gettext(_JUDGED.get(verdict, N_("%(who)s judged it.")), who=visible(reviewer))


def _acted(message: str) -> Sentence:
    return lambda entry, _details: gettext(message, who=stored.who(entry.actor_kind, entry.actor))


def _acted_on(message: str) -> Sentence:
    return lambda entry, details: gettext(
        message, who=stored.who(entry.actor_kind, entry.actor), pool=visible(_text(details, "pool"))
    )


def _escalated(entry: HistoryEntry, details: Particulars) -> Markup:
    who, pool = stored.who(entry.actor_kind, entry.actor), visible(_text(details, "to"))
    return gettext("%(who)s escalated it to %(pool)s.", who=who, pool=pool) if pool else _acted(_ESCALATED)(entry, {})


_ESCALATED: Final = N_("%(who)s escalated it.")


def _breached(_entry: HistoryEntry, details: Particulars) -> Markup:
    is_claim = _text(details, "target") == "first_claim"
    return gettext("Nobody had taken it in time.") if is_claim else gettext("It became overdue.")


def _warned(_entry: HistoryEntry, details: Particulars) -> Markup:
    return gettext("A warning went out: it is due %(when)s.", when=_moment(details, "due_at"))


def _paused(entry: HistoryEntry, details: Particulars) -> Markup:
    who = stored.who(entry.actor_kind, entry.actor)
    if not _text(details, "until"):
        return gettext("%(who)s stopped the clock.", who=who)
    return gettext("%(who)s stopped the clock until %(when)s.", who=who, when=_moment(details, "until"))


def _resumed(entry: HistoryEntry, details: Particulars) -> Markup:
    who, due = (
        stored.who(entry.actor_kind, entry.actor),
        _moment(details, "due_at") if _text(details, "due_at") else None,
    )
    if entry.actor_kind == "timer":
        over = gettext("The pause was over, and the clock runs on.")
        return over if due is None else gettext("The pause was over, and the clock runs on, due %(when)s.", when=due)
    if due is None:
        return gettext("%(who)s let the clock run on.", who=who)
    return gettext("%(who)s let the clock run on, due %(when)s.", who=who, when=due)


def _moved(_entry: HistoryEntry, details: Particulars) -> Markup:
    version = details.get("version")
    because = gettext("Times changed")
    if is_number(version):
        because = gettext("Configuration version %(version)s changed how long people have", version=version)
    if not _text(details, "due_at"):
        return gettext("%(because)s: no clock runs on it any more.", because=because)
    due = _moment(details, "due_at")
    if not _text(details, "was"):
        return gettext("%(because)s: it is due %(when)s.", because=because, when=due)
    was = _moment(details, "was")
    return gettext("%(because)s: it is due %(when)s and no longer %(was)s.", because=because, when=due, was=was)


def _step_taken(entry: HistoryEntry, details: Particulars) -> Markup:
    done, step = visible(ladders.told(_texts(details, "done"))), _step(details)
    if entry.actor_kind == "user":
        return gettext(
            "%(who)s brought %(step)s forward: %(did)s.",
            who=stored.who(entry.actor_kind, entry.actor),
            step=step,
            did=done,
        )
    return _capital(gettext("%(step)s: %(did)s.", step=step, did=done))


def _step_skipped(_entry: HistoryEntry, details: Particulars) -> Markup:
    why = visible(words.listed([retold.FAILED.tell(each) for each in _texts(details, "why")]))
    said = gettext("%(step)s was passed over, as it would have reached nobody: %(why)s.", step=_step(details), why=why)
    return _capital(said)


def _reassigned(entry: HistoryEntry, details: Particulars) -> Markup:
    holder = _named(details, "holder", catalogue.gettext("its holder"))
    if _text(details, "bulk_id"):
        message = N_("%(who)s took it back from %(holder)s, and it is in its queue again.")
        return gettext(message, who=stored.who(entry.actor_kind, entry.actor), holder=holder)
    return gettext("It was taken back from %(holder)s, who had it for too long.", holder=holder)


def _step(details: Particulars) -> Markup:
    number, policy = details.get("step"), _named(details, "policy", catalogue.gettext("its ladder"))
    if not is_number(number):
        return gettext("a step of %(policy)s", policy=policy)
    return gettext("step %(step)s of %(policy)s", step=round(number), policy=policy)


def _capital(said: Markup) -> Markup:
    return said[:1].upper() + said[1:]


def _named(details: Particulars, name: str, otherwise: str) -> Markup:
    return visible(_text(details, name) or otherwise)


def _moment(details: Particulars, name: str) -> Markup:
    """Write a moment that an entry names, in UTC, as an element that says it to machines too."""
    text = _text(details, name)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return visible(text or catalogue.gettext("at an unknown time"))
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), words.exact(at))


def _reviewed(entry: HistoryEntry, details: Particulars) -> Markup:
    return judged(entry.actor, _text(details, "verdict"))


def _decided(_entry: HistoryEntry, details: Particulars) -> Markup:
    verdict = catalogue.gettext(VERDICTS.get(_text(details, "verdict"), N_("settled")))
    source = _text(details, "source")
    if details.get("imported") is True:
        return gettext("Its label decided it: %(verdict)s.", verdict=verdict)
    how = catalogue.one_of(_SOURCES, "fallback" if details.get("fallback") else source, source)
    return gettext("That decided it: %(verdict)s, %(how)s.", verdict=verdict, how=how)


def _overridden(entry: HistoryEntry, details: Particulars) -> Markup:
    verdict = catalogue.gettext(VERDICTS.get(_text(details, "verdict"), N_("decided")))
    return gettext(
        "%(who)s overrode the decision: %(verdict)s.", who=stored.who(entry.actor_kind, entry.actor), verdict=verdict
    )


def _adjudication(_entry: HistoryEntry, details: Particulars) -> Markup:
    pool = visible(_text(details, "pool"))
    if not pool:
        return gettext("The reviewers disagreed, so one more person settles it.")
    return gettext("The reviewers disagreed, so one more person in %(pool)s settles it.", pool=pool)


def _refused(entry: HistoryEntry, details: Particulars) -> Markup:
    message = N_("%(who)s wanted to %(act)s it and no longer held it, so nothing came of that.")
    return gettext(
        message, who=stored.who(entry.actor_kind, entry.actor), act=_named(details, "act", catalogue.gettext("work on"))
    )


def _released(entry: HistoryEntry, details: Particulars) -> Markup:
    if details.get("unseen") is True:
        return gettext("%(who)s gave it back without having seen it.", who=stored.who(entry.actor_kind, entry.actor))
    return gettext("%(who)s put it back.", who=stored.who(entry.actor_kind, entry.actor))


def _given(entry: HistoryEntry, details: Particulars) -> Markup:
    message = _GIVEN.get(
        _text(details, "verdict"), N_("%(who)s judged it. That counts %(when)s, unless they take it back.")
    )
    return gettext(message, who=stored.who(entry.actor_kind, entry.actor), when=_moment(details, "counts_at"))


def _dropped(_entry: HistoryEntry, details: Particulars) -> Markup:
    holder, why = visible(_text(details, "holder")), visible(retold.LOST.tell(_text(details, "because")))
    return gettext("What %(who)s had judged could not be counted: %(why)s.", who=holder, why=why)


def _skipped(entry: HistoryEntry, details: Particulars) -> Markup:
    if _text(details, "kind") == "conflict":
        return gettext(
            "%(who)s declared a conflict of interest and gave it back.", who=stored.who(entry.actor_kind, entry.actor)
        )
    return gettext("%(who)s skipped it.", who=stored.who(entry.actor_kind, entry.actor))


def _snoozed(entry: HistoryEntry, details: Particulars) -> Markup:
    return gettext(
        "%(who)s put it aside until %(when)s.",
        who=stored.who(entry.actor_kind, entry.actor),
        when=_moment(details, "until"),
    )


def _returned(_entry: HistoryEntry, details: Particulars) -> Markup:
    holder = _named(details, "holder", catalogue.gettext("its holder"))
    if _text(details, "reason"):
        return gettext("It came back at once from %(holder)s, who had put it aside.", holder=holder)
    return gettext("The time was over for which %(holder)s had put it aside, and it came back.", holder=holder)


def _sent_back(entry: HistoryEntry, details: Particulars) -> Markup:
    to = _named(details, "to", catalogue.gettext("its pool"))
    return gettext("%(who)s sent it back to %(to)s.", who=stored.who(entry.actor_kind, entry.actor), to=to)


def _lead_asked(_entry: HistoryEntry, details: Particulars) -> Markup:
    pool, why = visible(_text(details, "pool")), visible(_text(details, "why"))
    return gettext("That needs a lead, so somebody in %(pool)s confirms or changes it: %(why)s.", pool=pool, why=why)


def _proposed(entry: HistoryEntry, details: Particulars) -> Markup:
    message = _PROPOSED.get(
        _text(details, "verdict"), N_("%(who)s would decide it over everybody's head. A second person must confirm.")
    )
    return gettext(message, who=stored.who(entry.actor_kind, entry.actor))


def _moved_pool(entry: HistoryEntry, details: Particulars) -> Markup:
    was, now = visible(_text(details, "from")), visible(_text(details, "to"))
    return gettext(
        "%(who)s moved it from %(was)s to %(now)s.", who=stored.who(entry.actor_kind, entry.actor), was=was, now=now
    )


def _prioritised(entry: HistoryEntry, details: Particulars) -> Markup:
    was, now = details.get("from"), details.get("to")
    other = catalogue.gettext("another")
    return gettext(
        "%(who)s changed its priority from %(was)s to %(now)s.",
        who=stored.who(entry.actor_kind, entry.actor),
        was=was if is_number(was) else other,
        now=now if is_number(now) else other,
    )


def _unknown(entry: HistoryEntry, _details: Particulars) -> Markup:
    return gettext(
        "%(what)s, by %(who)s.", what=acts.named(entry.action), who=stored.who(entry.actor_kind, entry.actor)
    )


def _always(message: str) -> Sentence:
    return lambda _entry, _details: gettext(message)


_SENTENCES: Final[dict[str, Sentence]] = {
    "item.submitted": arrivals.submitted,
    "item.decided": _decided,
    "item.imported": arrivals.imported,
    "item.withdrawn": _acted(N_("%(who)s withdrew it.")),
    "decision.overridden": _overridden,
    "item.commented": _acted(N_("%(who)s commented on it.")),
    "comment.edited": _acted(N_("%(who)s changed a comment.")),
    "comment.removed": _acted(N_("%(who)s took a comment out of the thread.")),
    "question.asked": _acted(N_("%(who)s asked upstream, and it waits for the answer.")),
    "question.answered": _acted(N_("%(who)s answered the question, and it is back.")),
    "question.lapsed": _always(N_("Upstream did not answer in time, and it went back.")),
    "assignment.claimed": _acted(N_("%(who)s took it.")),
    "assignment.reserved": _acted(N_("%(who)s has it next, and has not seen it yet.")),
    "assignment.released": _released,
    "judgement.given": _given,
    "judgement.taken_back": _acted(N_("%(who)s took that back before it counted.")),
    "judgement.dropped": _dropped,
    "assignment.skipped": _skipped,
    "assignment.snoozed": _snoozed,
    "assignment.returned": _returned,
    "assignment.taken_up": _acted(N_("%(who)s took it up again.")),
    "assignment.sent_back": _sent_back,
    "assignment.lapsed": _always(N_("The lease ended, and it went back.")),
    "case.escalated": _escalated,
    "case.breached": _breached,
    "case.warned": _warned,
    "case.moved": _moved_pool,
    "case.prioritised": _prioritised,
    "bulk.requested": _acted(N_("%(who)s asked for an act on many items.")),
    "bulk.undone": _acted(N_("%(who)s took an act on many items back.")),
    "item.released": arrivals.let_go,
    "item.erased": arrivals.erased,
    "item.reopened": _acted_on(N_("%(who)s brought it back to people. It waits in %(pool)s; its decision counts on.")),
    "bulk.stopped": _acted(N_("%(who)s stopped the rest of an act on many items.")),
    "backtest.begun": _acted(N_("%(who)s began a backtest of a version.")),
    "backtest.stopped": _acted(N_("%(who)s stopped a backtest.")),
    "model.seen": _always(N_("A model version was seen for the first time.")),
    "model.cleared": _acted(N_("%(who)s cleared a model version.")),
    "model.revoked": _acted(N_("%(who)s took the clearing of a model version back.")),
    "rollout.started": _acted(N_("%(who)s began to roll a version out.")),
    "rollout.changed": _acted(N_("%(who)s changed how a rollout goes on.")),
    "rollout.ended": _acted(N_("%(who)s ended a rollout.")),
    "bulk.taken": _acted(N_("%(who)s took it together with others, to judge them alike.")),
    "bulk.ended": _always(N_("An act on many items was over.")),
    "clock.paused": _paused,
    "clock.resumed": _resumed,
    "clock.moved": _moved,
    "clock.stale": _always(N_("A timer of an earlier clock came, and did nothing.")),
    "escalation.step_taken": _step_taken,
    "escalation.step_skipped": _step_skipped,
    "escalation.acknowledged": _acted(N_("%(who)s knows of the escalation and sees to it.")),
    "assignment.reassigned": _reassigned,
    "assignment.refused": _refused,
    "review.submitted": _reviewed,
    "adjudication.opened": _adjudication,
    "lead.asked": _lead_asked,
    "override.proposed": _proposed,
    "override.withdrawn": _acted(N_("%(who)s took the proposed override back.")),
}


_SOURCES: Final = {
    "rule": N_("by a rule"),
    "fallback": N_("by the fallback of its item type"),
    "review": N_("by one reviewer"),
    "consensus": N_("by consensus"),
    "adjudication": N_("by adjudication"),
    "timeout": N_("because the time ran out"),
    "override": N_("by override"),
}


def _texts(details: Particulars, name: str) -> list[str]:
    value: object = details.get(name)
    return [each for each in value if isinstance(each, str)] if is_list(value) else []


def _text(details: Particulars, name: str) -> str:
    value = details.get(name)
    return value if isinstance(value, str) else ""
