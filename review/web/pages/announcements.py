"""Which receivers were told of an item's outcome, as sentences of its history."""

from typing import Final

from review.delivery.webhooks.schemas import Told
from review.web.content import visible
from review.web.pages.sentences import gettext
from review.web.pages.views import Line
from review.web.words.catalogue import N_

# Told at once, told later, and never told.
_TOLD: Final = {
    "item.decided": (
        N_("%(who)s was told of the decision."),
        N_("%(who)s was told of the decision, at try %(num)s."),
        N_("%(who)s could not be told of the decision, and the delivery was given up."),
    ),
    "decision.revised": (
        N_("%(who)s was told of the new decision."),
        N_("%(who)s was told of the new decision, at try %(num)s."),
        N_("%(who)s could not be told of the new decision, and the delivery was given up."),
    ),
    "item.withdrawn": (
        N_("%(who)s was told of the withdrawal."),
        N_("%(who)s was told of the withdrawal, at try %(num)s."),
        N_("%(who)s could not be told of the withdrawal, and the delivery was given up."),
    ),
}


def tell(told: Told) -> Line:
    """Tell of one receiver, and at which try it was reached, or that it was not."""
    once, later, never = _TOLD.get(told.kind, _TOLD["item.withdrawn"])
    is_dead = told.state == "dead"
    message = never if is_dead else once if told.attempts == 1 else later
    sentence = gettext(message, who=visible(told.endpoint), num=told.attempts)
    return Line(at=told.at, sentence=sentence, tone="bad" if is_dead else "plain")
