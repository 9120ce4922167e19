"""How items came in, were let go by a stop, and had what they said erased: told as sentences of their history."""

from collections.abc import Mapping
from typing import Any, Final

from markupsafe import Markup

from review.items.schemas import HistoryEntry
from review.web.content import visible
from review.web.pages.sentences import gettext
from review.web.words import catalogue
from review.web.words.catalogue import N_

Particulars = Mapping[str, Any]
_BY_RULE: Final = {
    "review": N_("%(who)s submitted it. Rule %(rule)s sent it to %(pool)s."),
    "approve": N_("%(who)s submitted it. Rule %(rule)s approved it."),
    "reject": N_("%(who)s submitted it. Rule %(rule)s rejected it."),
}
_BY_NO_RULE: Final = {
    "review": N_("%(who)s submitted it. No rule matched, which sent it to %(pool)s."),
    "approve": N_("%(who)s submitted it. No rule matched, which approved it."),
    "reject": N_("%(who)s submitted it. No rule matched, which rejected it."),
}
_BY_FALLBACK: Final = N_("%(who)s submitted it during a stop, and the fallback of its item type decided it.")
_HELD: Final = N_("%(who)s submitted it. A stop held it back from %(pool)s.")
_FAILED: Final = N_("%(who)s submitted it. A rule could not be evaluated, which sent it to %(pool)s.")
_WITHHELD: Final = N_("%(who)s submitted it. Rule %(rule)s was kept from deciding it, so it went to %(pool)s.")


def submitted(entry: HistoryEntry, details: Particulars) -> Markup:
    """Tell how an item came in, and where that sent it."""
    rule, action, pool = _text(details, "rule"), _text(details, "action"), visible(_text(details, "pool"))
    if details.get("fallback"):
        message = _BY_FALLBACK
    elif details.get("held"):
        message = _HELD
    elif action == "review" and _text(details, "error"):
        message = _FAILED
    elif details.get("withheld"):
        message = _WITHHELD
    elif rule:
        message = _BY_RULE.get(action, N_("%(who)s submitted it. Rule %(rule)s decided it."))
    else:
        message = _BY_NO_RULE.get(action, N_("%(who)s submitted it. No rule matched, which decided it."))
    return gettext(message, who=visible(entry.actor), rule=visible(rule), pool=pool)


def imported(entry: HistoryEntry, details: Particulars) -> Markup:
    """Tell how a labelled item was brought in."""
    message = N_("%(who)s imported it with its label, from %(name)s. No rule sent it.")
    return gettext(
        message, who=visible(entry.actor), name=visible(_text(details, "name") or catalogue.gettext("a file"))
    )


def let_go(_entry: HistoryEntry, details: Particulars) -> Markup:
    """Tell what became of an item that a stop held."""
    if _text(details, "why") == "rules":
        return gettext("The stop that held it is over, and the rules of then judged it.")
    return gettext("The stop that held it is over, and it waits in %(pool)s.", pool=visible(_text(details, "pool")))


def erased(_entry: HistoryEntry, details: Particulars) -> Markup:
    """Tell who had what an item said erased."""
    by = _text(details, "by")
    if by == "retention":
        return gettext("What it said had outlived its retention, and was erased.")
    return gettext("What it said was erased, as %(who)s had asked.", who=visible(by))


def _text(details: Particulars, name: str) -> str:
    value = details.get(name)
    return value if isinstance(value, str) else ""
