"""What a page says of the verdict that was given last: how to take it back, and which ones came to nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from review.configuration.limits import VERDICTS
from review.identity.rules import Principal
from review.reviewing.pending import Waiting
from review.web.pages import retold
from review.web.pages.reading import SAID
from review.web.words.catalogue import one_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """A verdict that may still be taken back: where to, under which fence, and for how many seconds."""

    url: str
    fence: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """A verdict that could not be counted, and why."""

    url: str
    name: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Last:
    """The line beside the verdicts: what was just done, and how to undo it if that was a verdict."""

    outcome: str = ""
    undo: Undo | None = None
    dropped: list[Dropped] = field(default_factory=list[Dropped])


def look_back(mine: Sequence[Waiting], who: Principal, outcome: str = "", act: str = "") -> Last:
    """Look at the caller's verdicts that do not count; `act` is what was just done, '' where a page merely opens.

    Undo belongs to the verdict that the line names, so it is not offered after any other act.
    """
    here = f"/p/{who.project}"
    dropped = [
        Dropped(f"{here}/items/{each.item_id}", each.external_id or str(each.item_id), retold.LOST.tell(why))
        for each in mine
        if (why := each.dropped_because) is not None
    ]
    newest = next((each for each in mine if each.dropped_because is None and each.seconds_left > 0), None)
    if newest is None or act not in ("", *VERDICTS):
        return Last(outcome=outcome, dropped=dropped)
    url = f"{here}/assignments/{newest.assignment_id}/undo"
    undo = Undo(url=url, fence=newest.fence, seconds=max(1, int(newest.seconds_left)))
    return Last(outcome=outcome or one_of(SAID, newest.verdict), undo=undo, dropped=dropped)
