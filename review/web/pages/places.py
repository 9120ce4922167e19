"""Where one can go within a project: the quiet row of links on every page and the menu behind it, by role."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from review.identity.rules import Permission, Principal


@dataclass(frozen=True, slots=True)
class Place:
    """A page of a project, its address, and the letter that leads to it after G; `is_seldom` if the menu has it."""

    title: str
    url: str
    letter: str = ""
    is_seldom: bool = False


BAR, MENU = False, True
MOST_IN_BAR: Final = 7  # beside the pool, the name and what else stands there, in one line at 1280 pixels

# In the order shown, and the first is the project's home. What is seldom gone to stands in the menu, not in the bar.
_PLACES: Final = (
    ("Queue", "", Permission.READ_ITEMS, BAR),
    ("Items", "/queue", Permission.READ_ITEMS, BAR),
    ("Due soon", "/due", Permission.READ_ITEMS, BAR),
    ("Clocks", "/clocks", Permission.READ_ITEMS, MENU),
    ("Stops", "/stops", Permission.STOP, MENU),
    ("Reviewers", "/reviewers", Permission.READ_REVIEWERS, BAR),
    ("Webhooks", "/webhooks", Permission.READ_WEBHOOKS, MENU),
    ("Audit", "/audit", Permission.READ_AUDIT, MENU),
    ("Notifications", "/notifications", Permission.READ_ITEMS, MENU),
    ("People", "/people", Permission.READ_PEOPLE, MENU),
    ("Keys", "/keys", Permission.OWN_TOKENS, MENU),
    ("Quality", "/assurance", Permission.READ_REVIEWERS, BAR),
    ("Rules", "/rules", Permission.READ_CONFIG, BAR),
)


def links_for(who: Principal) -> list[Place]:
    """List the places that the caller may go to."""
    letters = _letters([title for title, *_ in _PLACES])
    return [
        Place(title, f"/p/{who.project}{path}", letters[title], is_seldom)
        for title, path, needed, is_seldom in _PLACES
        if who.may(needed)
    ]


def _letters(titles: Sequence[str]) -> dict[str, str]:
    """Give each title the first of its letters that none before it has, whoever may see which."""
    given: dict[str, str] = {}
    for title in titles:
        free = (letter for letter in title.lower() if letter.isalpha() and letter not in given.values())
        given[title] = next(free, "")
    return given
