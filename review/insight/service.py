"""Figures for those who see to it that oversight is real."""

from datetime import timedelta

from review.identity.rules import Principal
from review.insight import queries
from review.insight.rules import FEWEST, ReviewerView, share_of
from review.kernel.db import Hot


async def list_reviewers(hot: Hot, *, who: Principal, within: timedelta) -> list[ReviewerView]:
    """Show how everybody's reviews of the last so long fared, by e-mail."""
    rows = await queries.list_reviewers(hot, who.project_id, within)
    return [
        ReviewerView(
            id=row["id"],
            email=row["email"],
            name=row["name"],
            reviews=row["reviews"],
            agreement=share_of(row["agreed"], row["compared"]),
            overturned=share_of(row["overturned"], row["stood"]),
            median_seconds=row["median_seconds"] if row["reviews"] >= FEWEST else None,
            too_few=row["reviews"] < FEWEST,
        )
        for row in rows
    ]
