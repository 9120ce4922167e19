"""What the scripts say, which a page gives them in its language; English stands in the scripts themselves."""

from collections.abc import Callable
from functools import lru_cache
from gettext import NullTranslations
from typing import Final

import msgspec

from review.web.words import catalogue
from review.web.words.catalogue import N_

SAID: Final = (
    N_("%(days)s d"),
    N_("%(days)s d %(hours)s h"),
    N_("%(hours)s h"),
    N_("%(hours)s h %(minutes)s min"),
    N_("%(minutes)s min"),
    N_("%(seconds)s s"),
    N_("%(time)s ago"),
    N_("An item, a page, or something to do"),
    N_("Choose a mark first: up and down go through them."),
    N_("Do"),
    N_("Draft kept in this browser"),
    N_("Draft kept in this browser only"),
    N_("Draft saved"),
    N_("Find or do"),
    N_("Go to %(place)s"),
    N_("Here"),
    N_("It could not be marked. Nothing was lost; try again."),
    N_("It did not arrive."),
    N_("Marked: %(words)s"),
    N_("No longer marked: %(words)s"),
    N_("No more can be marked."),
    N_("Not given"),
    N_("Nothing is marked."),
    N_("Nothing like it in the list"),
    N_("Select what to mark first."),
    N_("Send what is filled in"),
    N_("Tab writes @%(name)s"),
    N_("Tab writes @%(name)s; also %(more)s"),
    N_("Take back"),
    N_("Take that choice or alternative"),
    N_("That did not work; nothing was changed. Try again."),
    N_("The file could not be shown. Asking why…"),
    N_("This device has a passkey of yours already; nothing was changed."),
    N_("Type to search"),
    N_("What was found"),
    N_("Your browser cannot show this file."),
    N_("Your device gave no passkey; nothing was changed. Try again."),
    N_("clock stops %(stops)s–%(goes)s"),
    N_("due in %(time)s"),
    N_("due soon: %(time)s"),
    N_("in your time, %(zone)s"),
    N_("less than a minute"),
    N_("no more time"),
    N_("overdue by %(time)s"),
    N_("stopped until %(time)s"),
)


# What they say with a number: the forms for one and for many with a bar between them, and the form that a number has.
COUNTED: Final[dict[str, Callable[[NullTranslations, int], str]]] = {
    "%(count)s found|%(count)s found": lambda words, n: words.ngettext("%(count)s found", "%(count)s found", n),
    "%(count)s more: type to narrow it down|%(count)s more: type to narrow it down": lambda words, n: words.ngettext(
        "%(count)s more: type to narrow it down", "%(count)s more: type to narrow it down", n
    ),
    "%(count)s to choose from|%(count)s to choose from": lambda words, n: words.ngettext(
        "%(count)s to choose from", "%(count)s to choose from", n
    ),
    "%(n)s character left|%(n)s characters left": lambda words, n: words.ngettext(
        "%(n)s character left", "%(n)s characters left", n
    ),
    "%(n)s character too many|%(n)s characters too many": lambda words, n: words.ngettext(
        "%(n)s character too many", "%(n)s characters too many", n
    ),
    "%(n)s selected|%(n)s selected": lambda words, n: words.ngettext("%(n)s selected", "%(n)s selected", n),
}
RULE: Final = ""  # under which scripts find the form that each number has
NUMBERS: Final = 200  # with those from 100 on for all that end alike: no language looks at more than two digits


def given() -> str:
    """Write as JSON what the scripts say in the language of this request's page; nothing where that is English."""
    return _given(catalogue.spoken())


@lru_cache(maxsize=64)
def _given(words: NullTranslations) -> str:
    told = {message: said for message in SAID if (said := words.gettext(message)) != message}
    if not told:
        return ""
    plural: Callable[[int], int] = getattr(words, "plural", _two_forms)  # the catalogue's own rule
    forms = [int(plural(n)) for n in range(NUMBERS)]
    first = [forms.index(form) if form in forms else 0 for form in range(max(forms) + 1)]
    counted = {message: "|".join(said(words, n) for n in first) for message, said in COUNTED.items()}
    return msgspec.json.encode({RULE: "".join(map(str, forms)), **told, **counted}).decode()


def _two_forms(n: int) -> int:
    return int(n != 1)
