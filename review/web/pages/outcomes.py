"""How an item was decided, in a whole sentence for each verdict and each way there is."""

from typing import Final

from review.web.pages import words
from review.web.words.catalogue import N_, gettext

_DECIDED: Final = {
    "rule": {
        "approve": N_("Approved by a rule."),
        "correct": N_("Corrected by a rule."),
        "reject": N_("Rejected by a rule."),
    },
    "fallback": {
        "approve": N_("Approved by the fallback of its item type."),
        "reject": N_("Rejected by the fallback of its item type."),
    },
    "review": {
        "approve": N_("Approved by one reviewer."),
        "correct": N_("Corrected by one reviewer."),
        "reject": N_("Rejected by one reviewer."),
    },
    "consensus": {
        "approve": N_("Approved by consensus."),
        "correct": N_("Corrected by consensus."),
        "reject": N_("Rejected by consensus."),
    },
    "adjudication": {
        "approve": N_("Approved by adjudication."),
        "correct": N_("Corrected by adjudication."),
        "reject": N_("Rejected by adjudication."),
    },
    "timeout": {
        "approve": N_("Approved because the time ran out."),
        "correct": N_("Corrected because the time ran out."),
        "reject": N_("Rejected because the time ran out."),
    },
    "override": {
        "approve": N_("Approved by override."),
        "correct": N_("Corrected by override."),
        "reject": N_("Rejected by override."),
    },
}
_BY_NAME: Final = {
    "review": {
        "approve": N_("Approved by %(who)s."),
        "correct": N_("Corrected by %(who)s."),
        "reject": N_("Rejected by %(who)s."),
    },
    "override": {
        "approve": N_("Approved by %(who)s, overriding."),
        "correct": N_("Corrected by %(who)s, overriding."),
        "reject": N_("Rejected by %(who)s, overriding."),
    },
}


def sentence(verdict: str, source: str, who: str = "") -> str:
    """Say what was decided and how: `Approved by a rule.` or `Rejected by Ana, overriding.`, as the page says it.

    `source` is a decision's, or `fallback` where a stop had a rule's place taken by that.
    """
    ways = (_BY_NAME if who and source in _BY_NAME else _DECIDED).get(source, {})
    if verdict in ways:
        return gettext(ways[verdict], who=who)
    return gettext("%(verdict)s %(how)s.", verdict=words.humanise(verdict), how=source)
