"""Why an item came to people, in words."""

from collections.abc import Mapping
from typing import Any, Final

from markupsafe import Markup

from review.items.schemas import Details
from review.kernel import wording
from review.kernel.shapes import is_list, is_number, is_object
from review.routing import telling
from review.routing.telling import NOTHING, Known, Phrases
from review.web.content import visible
from review.web.pages import sentences, stored, words
from review.web.pages.sentences import gettext, ngettext
from review.web.words import catalogue
from review.web.words.catalogue import N_

Particulars = Mapping[str, Any]
_AS_GOOD_AS: Final = 1e-9  # a certainty that was summed up from shares


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
        said.append(gettext("The reviewers disagreed. Your judgement settles it."))
    if kind == "lead":
        said.append(gettext("Somebody has judged it, and such a judgement needs a lead. Confirm it, or change it."))
    said += _routed(taken, details.facts() | dict(payload or {}), conditions, known)
    said += _restraints(taken)
    share = taken.get("inclusion_probability")
    if is_number(share) and 0 < share < 1 - _AS_GOOD_AS and taken.get("action", "review") == "review":
        drawn = words.percent(share)
        said.append(gettext("It was drawn by lot: %(share)s of such items come here.", share=drawn))
    needed = taken.get("reviews_required")
    if is_number(needed) and needed > 1:
        people = round(needed)
        said.append(ngettext("%(num)s person judges it.", "%(num)s people judge it, each on their own.", people))
    return said


def _routed(
    taken: Particulars, item: Mapping[str, Any], conditions: Mapping[str, str], known: Known
) -> list[str | Markup]:
    """Say which rule took it, or why none did."""
    rule, error = _text(taken, "rule"), _text(taken, "error")
    error = sentences.shown(stored.why_not(error)) if error else ""
    if taken.get("fallback") and not rule:
        message = N_("A rule could not be evaluated: %(error)s") if error else N_("No rule matched.")
        return [gettext(message, error=error)]
    if error:
        message = N_("A rule could not be evaluated, so a person looks at it: %(error)s")
        if rule:
            message = N_("Rule <strong>%(rule)s</strong> could not be evaluated, so a person looks at it: %(error)s")
        return [gettext(message, rule=visible(rule), error=error)]
    if rule:
        condition = conditions.get(rule, "")
        shown = _with_facts(condition, item, known) if condition not in {"", "true"} else None
        if not shown:
            return [gettext("Rule <strong>%(rule)s</strong> applies.", rule=visible(rule))]
        message = N_("Rule <strong>%(rule)s</strong>: <code>%(condition)s</code>")
        return [gettext(message, rule=visible(rule), condition=shown)]
    if taken.get("imported") is True:
        return [gettext("It was imported with its label; no rule sent it.")]
    return [gettext("No rule matched, so a person looks at it.")]


def _restraints(taken: Particulars) -> list[str | Markup]:
    """Say what kept a rule from deciding alone."""
    evaluations = taken.get("evaluations")
    marks = [each for each in evaluations if is_object(each)] if is_list(evaluations) else []
    said: list[str | Markup] = []
    if taken.get("fallback"):
        said.append(gettext("What sent it was stopped, so it got the fallback that its item type declares."))
        return said
    if taken.get("held"):
        said.append(gettext("What sent it was stopped, so nobody was handed it while the stop stood."))
    elif any(each.get("stopped") for each in marks):
        said.append(gettext("What sent it was stopped, so people judge what the rule would have decided."))
    if any(each.get("uncleared") for each in marks):
        said.append(gettext("Nobody has cleared this version of the model, so people judge what it makes."))
    if taken.get("two_person"):
        said.append(gettext("Items of this type take two people: nothing and nobody decides them alone."))
    return said


def _with_facts(condition: str, item: Mapping[str, object], known: Known) -> Markup:
    """Put the item's own values in the place of their names: `item.confidence < 0.8` becomes `0.62 < 0.8`."""
    return Markup("").join(
        Markup("<strong>{}</strong>").format(visible(part.text)) if part.is_fact else visible(part.text)
        for part in telling.tell(condition, item, _phrases(), known)
    )


def _phrases() -> Phrases:
    spoken = catalogue.spoken()  # the names are put in by whoever tells
    return Phrases(
        given=spoken.gettext("%(name)s is given"),
        missing=spoken.gettext("%(name)s is missing"),
        absent=spoken.gettext("not given"),
        listed=spoken.gettext("is in %(list)s"),
        unlisted=spoken.gettext("is not in %(list)s"),
        uncounted=spoken.gettext("not counted"),
        unmeasured=spoken.gettext("not measured"),
        size=spoken.gettext("size of %(what)s"),
        too_large=spoken.gettext("a number too large to show"),
        more=spoken.gettext("%(count)s more"),
        fields=lambda count: catalogue.ngettext("%(num)s field", "%(num)s fields", count, num=_shown(count)),
        elements=lambda count: catalogue.ngettext("%(num)s element", "%(num)s elements", count, num=_shown(count)),
    )


def _shown(count: int) -> str:
    return wording.number(count)


def _text(details: Particulars, name: str) -> str:
    value = details.get(name)
    return value if isinstance(value, str) else ""
