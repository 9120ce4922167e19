"""What can be said of a reviewer's judgements, and when there are too few of them to say it; no I/O."""

from uuid import UUID

import msgspec

FEWEST = 10  # below it a share says more about chance than about anybody


class Share(msgspec.Struct, frozen=True):
    """How many of how many; `share` is null where they are too few to say."""

    count: int
    of: int
    share: float | None


class ReviewerView(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody's judgements fared.

    `agreement` counts those that said what was decided in the end, among those on decided items of which somebody else
    judged too or decided: with oneself everybody agrees. `overturned` counts those that were decided as they said and
    then anew in another way. `median_seconds` is how long an item was in hand, null where the reviews are too few.
    """

    id: UUID
    email: str
    name: str
    reviews: int
    agreement: Share
    overturned: Share
    median_seconds: float | None
    too_few: bool


def share_of(count: int, of: int) -> Share:
    """Give a share, unless it stands on too few."""
    return Share(count, of, count / of if of >= FEWEST else None)
