"""How reviewers' judgements fared."""

from datetime import timedelta
from typing import Annotated

import msgspec
from litestar import get
from litestar.params import QueryParameter

from review.identity.rules import Permission
from review.insight import service as insight
from review.insight.rules import ReviewerView
from review.web.guards import requires
from review.web.services import Svc, Who

Days = Annotated[int, QueryParameter(name="days", ge=1, le=366)]


class Reviewers(msgspec.Struct, frozen=True):
    """Everybody who reviewed in that time, by e-mail."""

    data: list[ReviewerView]
    days: int
    next: str | None = None


@get("/reviewers", opt=requires(Permission.READ_REVIEWERS))
async def list_reviewers(services: Svc, who: Who, days: Days = 90) -> Reviewers:
    """Read how everybody's reviews of the last days fared: how many, agreement, overturned, time in hand.

    Shares and times that stand on fewer than ten are null.
    """
    found = await insight.list_reviewers(services.db.hot, who=who, within=timedelta(days=days))
    return Reviewers(found, days)
