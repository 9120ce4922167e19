"""Where one can go within a project: the quiet row of links on every page and the menu behind it, by role."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from review.identity.rules import Permission, Principal
from review.web.words.catalogue import N_, gettext


@dataclass(frozen=True, slots=True)
class Place:
    """A page of a project, its address, and the letter that leads to it after G; pages say by `name` which they are.

    `is_seldom` where the menu has it, and not the bar.
    """

    title: str
    url: str
    name: str = ""
    letter: str = ""
    is_seldom: bool = False


BAR, MENU = False, True
MOST_IN_BAR: Final = 7  # beside the pool, the name and what else stands there, in one line at 1280 pixels

# In the order shown, and the first is the project's home. What is seldom gone to stands in the menu, not in the bar.
_PLACES: Final = (
    (N_("Queue"), "", Permission.READ_ITEMS, BAR),
    (N_("Items"), "/queue", Permission.READ_ITEMS, BAR),
    (N_("Due soon"), "/due", Permission.READ_ITEMS, BAR),
    (N_("Clocks"), "/clocks", Permission.READ_ITEMS, MENU),
    (N_("Stops"), "/stops", Permission.STOP, BAR),
    (N_("Reviewers"), "/reviewers", Permission.READ_REVIEWERS, BAR),
    (N_("Webhooks"), "/webhooks", Permission.READ_WEBHOOKS, MENU),
    (N_("Audit"), "/audit", Permission.READ_AUDIT, MENU),
    (N_("Notifications"), "/notifications", Permission.READ_ITEMS, MENU),
    (N_("People"), "/people", Permission.READ_PEOPLE, MENU),
    (N_("Keys"), "/keys", Permission.OWN_TOKENS, MENU),
    (N_("Quality"), "/assurance", Permission.READ_REVIEWERS, BAR),
    (N_("Rules"), "/rules", Permission.READ_CONFIG, BAR),
    (N_("Datasets"), "/datasets", Permission.READ_FEEDBACK, MENU),
    (N_("Models"), "/models", Permission.READ_CONFIG, MENU),
    (N_("Erasures"), "/erasures", Permission.ERASE, MENU),
    (N_("Imports"), "/imports", Permission.IMPORT, MENU),
)


def links_for(who: Principal) -> list[Place]:
    """List the places that the caller may go to."""
    letters = _letters([name for name, *_ in _PLACES])
    return [
        Place(gettext(name), f"/p/{who.project}{path}", name, letters[name], is_seldom)
        for name, path, needed, is_seldom in _PLACES
        if who.may(needed)
    ]


def _letters(names: Sequence[str]) -> dict[str, str]:
    """Give each name the first of its letters that none before it has, whoever may see which."""
    given: dict[str, str] = {}
    for name in names:
        free = (letter for letter in name.lower() if letter.isalpha() and letter not in given.values())
        given[name] = next(free, "")
    return given
