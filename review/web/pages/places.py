"""Where one can go within a project: the quiet row of links on every page, by what the role may see."""

from dataclasses import dataclass
from typing import Final

from review.identity.rules import Permission, Principal


@dataclass(frozen=True, slots=True)
class Place:
    """A page of a project, and its address."""

    title: str
    url: str


# In the order shown; the first is the project's home.
_PLACES: Final = (
    ("Queue", "", Permission.READ_ITEMS),
    ("Due soon", "/due", Permission.READ_ITEMS),
    ("Clocks", "/clocks", Permission.READ_ITEMS),
    ("Stops", "/stops", Permission.STOP),
    ("Reviewers", "/reviewers", Permission.READ_REVIEWERS),
    ("Webhooks", "/webhooks", Permission.READ_WEBHOOKS),
    ("Audit", "/audit", Permission.READ_AUDIT),
    ("Notifications", "/notifications", Permission.READ_ITEMS),
    ("People", "/people", Permission.READ_PEOPLE),
    ("Keys", "/keys", Permission.OWN_TOKENS),
)


def links_for(who: Principal) -> list[Place]:
    """List the places that the caller may go to."""
    return [Place(title, f"/p/{who.project}{path}") for title, path, needed in _PLACES if who.may(needed)]
