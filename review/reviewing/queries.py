"""Reading a case and its reviews, and opening an adjudicator's seat."""

from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from review.decisions.rules import Verdict
from review.identity.models import User
from review.kernel.ids import new_id
from review.queueing.models import Case
from review.reviewing.models import Review
from review.reviewing.rules import Judgement


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
            kind="adjudication" if review.kind == "adjudication" else "review",
            verdict=Verdict(review.verdict),
            output=review.output,
            reasons=tuple(review.reasons),
            comment=review.comment,
        )
        for review, email in await tx.execute(statement)
    ]


async def open_adjudication(tx: AsyncSession, case: Case, pool: str) -> UUID:
    """Add a seat for an adjudicator; whoever reviewed the case is kept out of it by their part in the case."""
    assignment_id = new_id()
    await tx.execute(
        text(
            "INSERT INTO assignments (project_id, id, case_id, item_id, kind, pool, priority, due_at, state)"
            " SELECT project_id, :id, id, item_id, 'adjudication', :pool, priority,"
            " CASE WHEN paused_at IS NULL THEN coalesce(due_at, 'infinity') ELSE 'infinity' END, 'open'"
            " FROM cases WHERE project_id = :project AND id = :case"
        ),
        {"id": assignment_id, "pool": pool, "project": case.project_id, "case": case.id},
    )
    return assignment_id
