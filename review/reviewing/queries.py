"""Reading a case and its reviews, opening the seats that settle it, and overrides that wait."""

from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from review.decisions.queries import COLUMNS
from review.decisions.rules import Verdict
from review.identity.models import User
from review.identity.rules import Principal
from review.kernel.db import Hot
from review.kernel.ids import new_id
from review.queueing.models import Case
from review.queueing.queries import BY_SEVERAL, SEAT
from review.queueing.rules import Seat
from review.reviewing.models import OverrideProposal, Review
from review.reviewing.rules import Judgement

_KINDS: Final[dict[str, Literal["review", "adjudication", "lead"]]] = {
    "review": "review",
    "adjudication": "adjudication",
    "lead": "lead",
}


# The seats by id, then the item: whose that is comes out of all of the seats, so they are locked by then.
LOCK_JUDGED = f"""
WITH seats AS MATERIALIZED (
  SELECT {SEAT} FROM assignments WHERE project_id = $1 AND item_id = (
    SELECT item_id FROM assignments WHERE project_id = $1 AND id = $2 AND holder_id = $3)
  ORDER BY id FOR UPDATE
)
SELECT {COLUMNS}, (SELECT row_to_json(s) FROM seats s WHERE s.id = $2)::text AS seat
FROM items i JOIN item_bodies b ON b.project_id = i.project_id AND b.item_id = i.id
WHERE i.project_id = $1 AND i.id = (SELECT (array_agg(item_id))[1] FROM seats) FOR UPDATE OF i
"""


async def get_case(tx: AsyncSession, project_id: UUID, item_id: UUID) -> Case:
    """Read the case of an item; its seats are locked, so it does not change."""
    statement = select(Case).where(Case.project_id == project_id, Case.item_id == item_id)
    return (await tx.scalars(statement.execution_options(populate_existing=True))).one()


async def list_judgements(tx: AsyncSession, project_id: UUID, item_id: UUID) -> list[Judgement]:
    """Read the reviews of an item, in the order they were submitted."""
    statement = (
        select(Review, User.email)
        .join(User, User.id == Review.reviewer_id)
        .where(Review.project_id == project_id, Review.item_id == item_id)
        .order_by(Review.submitted_at, Review.id)
    )
    return [
        Judgement(
            reviewer_id=review.reviewer_id,
            reviewer=email,
            kind=_KINDS[review.kind],
            verdict=Verdict(review.verdict),
            output=review.output,
            reasons=tuple(review.reasons),
            comment=review.comment,
        )
        for review, email in await tx.execute(statement)
    ]


async def open_seat(
    tx: AsyncSession, case: Case, kind: Literal["adjudication", "lead"], pool: str, *, sees_answers: bool
) -> UUID:
    """Add a seat for an adjudicator or a lead; whoever had part in the case, or whom it concerns, is kept out of it."""
    assignment_id = new_id()
    await tx.execute(
        text(
            "INSERT INTO assignments (project_id, id, case_id, item_id, kind, pool, priority, due_at, state,"
            " sees_answers, barred)"
            " SELECT c.project_id, :id, c.id, c.item_id, :kind, :pool, c.priority,"
            " CASE WHEN c.paused_at IS NULL THEN coalesce(c.due_at, 'infinity') ELSE 'infinity' END, 'open', :sees,"
            " (SELECT s.barred FROM assignments s WHERE s.project_id = c.project_id AND s.item_id = c.item_id LIMIT 1)"
            " FROM cases c WHERE c.project_id = :project AND c.id = :case"
        ),
        {
            "id": assignment_id,
            "kind": kind,
            "pool": pool,
            "sees": sees_answers,
            "project": case.project_id,
            "case": case.id,
        },
    )
    return assignment_id


async def lock_judged(hot: Hot, who: Principal, assignment_id: UUID) -> tuple[Seat, Any] | None:
    """Lock the seats of a case and then its item, if the caller holds this seat; gives both as the locks found them.

    What else there is to know is for a statement that begins once the locks are had.
    """
    row = await hot.fetchrow(LOCK_JUDGED, who.project_id, assignment_id, who.id)
    return None if row is None else (msgspec.json.decode(row["seat"], type=Seat), row)


async def get_standing(tx: AsyncSession, who: Principal, item_id: UUID) -> Any:
    """Read what a judgement of a locked item stands on besides it: the active configuration, its sender and its pool.

    `part` is the caller's part in the case, `revision` that of the last decision, and `is_by_several` as of the case.
    """
    found = await tx.execute(
        text(
            "SELECT p.config_version, b.submitted_by::text AS submitted_by, c.pool, r.part, EXISTS ("
            "SELECT FROM pool_members m WHERE m.project_id = p.id AND m.pool = c.pool AND m.email = :email)"
            " AS is_member, coalesce((SELECT max(d.revision) FROM decisions d"
            " WHERE d.project_id = p.id AND d.item_id = b.item_id), 0) AS revision,"
            f" coalesce({BY_SEVERAL}, false) AS is_by_several"
            " FROM projects p JOIN item_bodies b ON b.project_id = p.id AND b.item_id = :item"
            " LEFT JOIN cases c ON c.project_id = p.id AND c.item_id = b.item_id"
            " LEFT JOIN case_reviewers r ON r.project_id = p.id AND r.case_id = c.id AND r.user_id = :user"
            " WHERE p.id = :project"
        ),
        {"project": who.project_id, "item": item_id, "user": who.id, "email": who.email},
    )
    return found.one()


async def find_pending(tx: AsyncSession, project_id: UUID, item_id: UUID) -> tuple[OverrideProposal, str] | None:
    """Find the override of an item that waits for a second person, and the e-mail of who proposed it; locks it."""
    statement = (
        select(OverrideProposal, User.email)
        .join(User, User.id == OverrideProposal.proposed_by)
        .where(
            OverrideProposal.project_id == project_id,
            OverrideProposal.item_id == item_id,
            OverrideProposal.state == "pending",
        )
        .with_for_update(of=OverrideProposal)
        .execution_options(populate_existing=True)
    )
    found = (await tx.execute(statement)).one_or_none()
    return None if found is None else (found[0], found[1])
