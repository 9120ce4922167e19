"""Claiming seats of a pool and judging what is in hand."""

from collections.abc import Sequence
from typing import Any

import msgspec

from countersign_client.answers import Assignment, Claimed, Extended, Returned, Reviewed
from countersign_client.calls.items import judgement
from countersign_client.protocol import Patience, Route, Steps
from countersign_client.submissions import Verdict

CLAIM = Route(method="POST", path="/pools/{pool}/claims", gives=Claimed, takes=("limit",))
EXTEND = Route(
    method="POST", path="/assignments/{assignment_id}/extend", gives=Extended, takes=("fence",), is_repeatable=True
)
RELEASE = Route(method="POST", path="/assignments/{assignment_id}/release", gives=Returned, takes=("fence",))
SKIP = Route(method="POST", path="/assignments/{assignment_id}/skip", gives=Returned, takes=("fence", "reason"))
ESCALATE = Route(method="POST", path="/assignments/{assignment_id}/escalate", gives=Returned, takes=("fence", "reason"))
REVIEW = Route(
    method="POST",
    path="/assignments/{assignment_id}/review",
    gives=Reviewed,
    takes=("fence", "verdict", "output", "reasons", "comment"),
)


def claim(patience: Patience, pool: str, *, limit: int) -> Steps[list[Assignment]]:
    """Claim the most urgent seats of a pool; none where there is none."""
    claimed = yield from CLAIM.ask(patience, CLAIM.request(at={"pool": pool}, body={"limit": limit}))
    return claimed.data


def extend(patience: Patience, seat: Assignment) -> Steps[Assignment]:
    """Keep a seat for a full lease from now."""
    request = EXTEND.request(at={"assignment_id": seat.id}, body={"fence": seat.fence})
    extended = yield from EXTEND.ask(patience, request)
    return msgspec.structs.replace(seat, lease_expires_at=extended.lease_expires_at)


def give_back(route: Route[Returned], patience: Patience, seat: Assignment, *, reason: str | None) -> Steps[Returned]:
    """Give a seat back by one of the three routes for that."""
    body = {"fence": seat.fence, "reason": reason}
    return route.ask(patience, route.request(at={"assignment_id": seat.id}, body=body))


def review(
    patience: Patience, seat: Assignment, *, verdict: Verdict, output: Any, reasons: Sequence[str], comment: str
) -> Steps[Reviewed]:
    """Submit a judgement on a seat in hand."""
    body = judgement(verdict, output, reasons) | {"fence": seat.fence, "comment": comment}
    return REVIEW.ask(patience, REVIEW.request(at={"assignment_id": seat.id}, body=body))
