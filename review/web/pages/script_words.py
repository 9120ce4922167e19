"""What the scripts say, which a page gives them in its language; English stands in the scripts themselves."""

from typing import Final

import msgspec

from review.web.words import catalogue
from review.web.words.catalogue import N_

SAID: Final = (
    N_("%(count)s found"),
    N_("%(count)s more: type to narrow it down"),
    N_("%(count)s to choose from"),
    N_("%(days)s d"),
    N_("%(days)s d %(hours)s h"),
    N_("%(hours)s h"),
    N_("%(hours)s h %(minutes)s min"),
    N_("%(minutes)s min"),
    N_("%(n)s characters left"),
    N_("%(n)s characters too many"),
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


def given() -> str:
    """Write as JSON what the scripts say in the language of this request's page; nothing where that is English."""
    words = catalogue.spoken()
    told = {message: said for message in SAID if (said := words.gettext(message)) != message}
    return msgspec.json.encode(told).decode() if told else ""
