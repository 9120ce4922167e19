"""Reading a case and its reviews, opening the seats that settle it, and overrides that wait."""

from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from review.decisions.rules import Verdict
from review.identity.models import User
from review.identity.rules import Principal
from review.kernel.ids import new_id
from review.queueing.models import Case
from review.reviewing.models import OverrideProposal, Review
from review.reviewing.rules import Judgement

_KINDS: Final[dict[str, Literal["review", "adjudication", "lead"]]] = {
    "review": "review",
    "adjudication": "adjudication",
    "lead": "lead",
}


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


async def get_standing(tx: AsyncSession, who: Principal, item_id: UUID) -> Any:
    """Read what a judgement of a locked item stands on besides it: the active configuration, its sender and its pool.

    `part` is the caller's part in the case.
    """
    found = await tx.execute(
        text(
            "SELECT p.config_version, b.submitted_by::text AS submitted_by, c.pool, r.part, EXISTS ("
            "SELECT FROM pool_members m WHERE m.project_id = p.id AND m.pool = c.pool AND m.email = :email)"
            " AS is_member"
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
