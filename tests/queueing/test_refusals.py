"""What a holder who lost a seat is told: the first of the reasons that applies."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from review.items.service import ItemFilter, list_items
from review.kernel.errors import Invalid
from review.queueing.rules import AssignmentState, Seat, Winner, why_lost
from tests.make import BASE_URL, World

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ME, OTHER = UUID(int=1), UUID(int=2)
SEAT = Seat(
    id=UUID(int=3),
    case_id=UUID(int=4),
    item_id=UUID(int=5),
    kind="review",
    pool="triage",
    priority=50,
    state=AssignmentState.HELD,
    holder_id=ME,
    fence=2,
    claimed_at=NOW,
    lease_until=NOW - timedelta(seconds=1),
    at=NOW,
)
NOBODY = Winner(item_state="open", decided_by=None, verdict=None, reviewer_id=None, holder=None)
DONE: dict[str, Any] = {"state": AssignmentState.DONE, "holder_id": None, "lease_until": None}
DECIDED = {"item_state": "decided", "decided_by": "ben", "verdict": "reject"}


@pytest.mark.parametrize(
    ("seat", "winner", "fence", "told"),
    [
        (DONE, {"reviewer_id": ME} | DECIDED, 2, "you have reviewed it already"),
        (DONE, {"reviewer_id": OTHER}, 2, "the seat is closed"),
        (DONE, {"reviewer_id": OTHER} | DECIDED, 2, "the item was decided by ben (reject)"),
        (
            DONE | {"state": AssignmentState.CANCELLED},
            {"item_state": "withdrawn"},
            2,
            "upstream has withdrawn the item",
        ),
        ({"holder_id": OTHER, "fence": 3}, {"holder": "ben"}, 2, "ben has claimed it since"),
        ({}, {}, 1, "it was claimed again since, so this fence is old"),
        (DONE | {"state": AssignmentState.OPEN}, {}, 2, "it went back to its queue"),
        ({}, {}, 2, "the lease has ended"),
    ],
)
def test_a_loser_is_told_why(seat: dict[str, Any], winner: dict[str, Any], fence: int, told: str) -> None:
    lost = why_lost(msgspec.structs.replace(SEAT, **seat), ME, fence, msgspec.structs.replace(NOBODY, **winner))
    assert told in lost
    assert "Nothing was recorded" in lost


async def test_a_list_refuses_a_status_that_is_none(world: World) -> None:
    with pytest.raises(Invalid, match="queued, in_review, decided, withdrawn"):
        await list_items(
            world.db.hot,
            who=world.service,
            wanted=ItemFilter(status="open"),
            cursor=None,
            limit=1,
            base_url=BASE_URL,
        )
