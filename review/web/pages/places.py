"""Where one can go within a project: the quiet row of links on every page, by what the role may see."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from review.identity.rules import Permission, Principal
from review.web.words.catalogue import N_, gettext


@dataclass(frozen=True, slots=True)
class Place:
    """A page of a project, its address, and the letter that leads to it after G; pages say by `name` which they are."""

    title: str
    url: str
    name: str = ""
    letter: str = ""


# In the order shown; the first is the project's home.
_PLACES: Final = (
    (N_("Queue"), "", Permission.READ_ITEMS),
    (N_("Items"), "/queue", Permission.READ_ITEMS),
    (N_("Due soon"), "/due", Permission.READ_ITEMS),
    (N_("Clocks"), "/clocks", Permission.READ_ITEMS),
    (N_("Stops"), "/stops", Permission.STOP),
    (N_("Reviewers"), "/reviewers", Permission.READ_REVIEWERS),
    (N_("Webhooks"), "/webhooks", Permission.READ_WEBHOOKS),
    (N_("Audit"), "/audit", Permission.READ_AUDIT),
    (N_("Notifications"), "/notifications", Permission.READ_ITEMS),
    (N_("People"), "/people", Permission.READ_PEOPLE),
    (N_("Keys"), "/keys", Permission.OWN_TOKENS),
)


def links_for(who: Principal) -> list[Place]:
    """List the places that the caller may go to."""
    letters = _letters([name for name, _, _ in _PLACES])
    return [
        Place(gettext(name), f"/p/{who.project}{path}", name, letters[name])
        for name, path, needed in _PLACES
        if who.may(needed)
    ]


def _letters(names: Sequence[str]) -> dict[str, str]:
    """Give each name the first of its letters that none before it has, whoever may see which."""
    given: dict[str, str] = {}
    for name in names:
        free = (letter for letter in name.lower() if letter.isalpha() and letter not in given.values())
        given[name] = next(free, "")
    return given
