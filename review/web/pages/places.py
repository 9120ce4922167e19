"""Where one can go within a project: the quiet row of links on every page, by what the role may see."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from review.identity.rules import Permission, Principal


@dataclass(frozen=True, slots=True)
class Place:
    """A page of a project, its address, and the letter that leads to it after G."""

    title: str
    url: str
    letter: str = ""


# In the order shown; the first is the project's home.
_PLACES: Final = (
    ("Queue", "", Permission.READ_ITEMS),
    ("Items", "/queue", Permission.READ_ITEMS),
    ("Due soon", "/due", Permission.READ_ITEMS),
    ("Clocks", "/clocks", Permission.READ_ITEMS),
    ("Stops", "/stops", Permission.STOP),
    ("Reviewers", "/reviewers", Permission.READ_REVIEWERS),
    ("Quality", "/assurance", Permission.READ_REVIEWERS),
    ("Webhooks", "/webhooks", Permission.READ_WEBHOOKS),
    ("Audit", "/audit", Permission.READ_AUDIT),
    ("Notifications", "/notifications", Permission.READ_ITEMS),
    ("People", "/people", Permission.READ_PEOPLE),
    ("Keys", "/keys", Permission.OWN_TOKENS),
    ("Rules", "/rules", Permission.READ_CONFIG),
)


def links_for(who: Principal) -> list[Place]:
    """List the places that the caller may go to."""
    letters = _letters([title for title, _, _ in _PLACES])
    return [
        Place(title, f"/p/{who.project}{path}", letters[title]) for title, path, needed in _PLACES if who.may(needed)
    ]


def _letters(titles: Sequence[str]) -> dict[str, str]:
    """Give each title the first of its letters that none before it has, whoever may see which."""
    given: dict[str, str] = {}
    for title in titles:
        free = (letter for letter in title.lower() if letter.isalpha() and letter not in given.values())
        given[title] = next(free, "")
    return given
