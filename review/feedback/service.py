"""Keeping feedback: one record per judged decision, written with it, and a feed that skips none."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.feedback import chunks, queries, rules
from review.feedback.errors import FeedCursorUnknown
from review.feedback.rewriting import UNCHANGED, Rewriter
from review.feedback.schemas import FeedbackPage
from review.kernel.db import Database
from review.kernel.errors import FieldError, Invalid
from review.kernel.ids import new_id
from review.kernel.paging import cursor_of, position_of
from review.kernel.sentences import say

MAX_PAGE = 1_000


async def record(
    tx: AsyncSession,
    project_id: UUID,
    *,
    subject: rules.Subject,
    route: rules.Route,
    outcome: rules.Outcome,
    judgements: Sequence[rules.Judgement],
) -> UUID | None:
    """Freeze the labelled record of a decision in the decision's own transaction, and give its id.

    A decision that nobody judged (by rule or timeout) leaves none.
    """
    if not rules.leaves_feedback(outcome.source):
        return None
    feedback_id = new_id()
    frozen = rules.build(feedback_id, subject, route, outcome, judgements)
    columns = {
        "type": subject.type,
        "verdict": outcome.verdict,
        "source": outcome.source,
        "record": rules.encode(frozen),
        "decided_at": outcome.decided_at,
    }
    await queries.insert(tx, project_id, feedback_id, item_id=subject.id, revision=outcome.revision, columns=columns)
    return feedback_id


async def withdraw(tx: AsyncSession, project_id: UUID, item_ids: Sequence[UUID]) -> None:
    """Withdraw what was learned from items: their records keep their ids alone, and a new row tells each follower.

    Doing it again changes nothing.
    """
    await queries.withdraw(tx, project_id, item_ids, [new_id() for _ in item_ids])


async def sequence_everything(db: Database) -> int:
    """Give positions to every committed record that has none, in short transactions; safe to run twice at once."""
    async with db.transaction() as tx:
        waiting = await queries.list_waiting_projects(tx)
    return sum([await sequence_project(db, project_id) for project_id in waiting])


async def sequence_project(db: Database, project_id: UUID) -> int:
    """Give positions to the project's committed records that have none, in short transactions."""
    total = 0
    while True:
        async with db.transaction() as tx:
            given = await queries.sequence(tx, project_id)
        total += given
        if given < queries.SEQUENCE_BATCH:
            return total


async def settle_feed(db: Database, project_id: UUID) -> int:
    """Give every committed record its position, and give the last: the end of a reading that begins now."""
    await sequence_project(db, project_id)
    async with db.transaction() as tx:
        last = await queries.find_last(tx, project_id)
    return 0 if last is None else last[0]


async def page(
    tx: AsyncSession,
    project_id: UUID,
    *,
    of_type: str | None,
    after: str | None,
    limit: int,
    rewriter: Rewriter = UNCHANGED,
) -> FeedbackPage:
    """Read records in commit order behind the cursor, as `rewriter` shows them; going on from `next` misses none.

    Needs a READ COMMITTED transaction, and may lock the project's feed row until it ends.

    Raises:
        FeedCursorUnknown: the cursor is not one of this project's feed (422).
        Invalid: no type can be called that (422).
    """
    check_type_name(of_type)
    await queries.sequence(tx, project_id)
    start = await _position_after(tx, project_id, after)
    last = await queries.find_last(tx, project_id)
    if last is None:
        return FeedbackPage(data=(), next=None)
    upto, last_id = last
    limit = max(1, min(limit, MAX_PAGE))
    found = await queries.list_page(tx, project_id, of_type=of_type, after=start, upto=upto, limit=limit)
    # A page that is not full has looked at everything, also at what the filter left out.
    reached = found[-1][0] if len(found) == limit else last_id
    shown = [msgspec.Raw(rewriter.record(text.encode())) for _, text in found]
    return FeedbackPage(data=shown, next=cursor_of(reached))


async def stream(
    db: Database,
    project_id: UUID,
    *,
    of_type: str | None,
    after: str | None,
    limit: int | None,
    rewriter: Rewriter = UNCHANGED,
) -> tuple[AsyncGenerator[bytes], str | None]:
    """Give the records behind the cursor as lines of JSON, up to the newest at this moment, and the cursor after them.

    With a limit, the stream is one page and ends where `page` would. Reads in chunks, each its own short
    transaction; the cursor is known before the first line.

    Raises:
        FeedCursorUnknown: the cursor is not one of this project's feed (422).
        Invalid: no type can be called that (422).
    """
    if limit is not None:
        async with db.transaction() as tx:
            bounded = await page(tx, project_id, of_type=of_type, after=after, limit=limit, rewriter=rewriter)
        return _lines(bounded), bounded.next
    check_type_name(of_type)
    await sequence_project(db, project_id)
    async with db.transaction() as tx:
        start = await _position_after(tx, project_id, after)
        last = await queries.find_last(tx, project_id)
    if last is None:
        return _lines(FeedbackPage(data=(), next=None)), None
    upto, last_id = last
    stretch = chunks.Stretch(project_id=project_id, after=start, upto=upto, of_type=of_type, withdrawn=True)
    return _chunk_lines(db, stretch, rewriter), cursor_of(last_id)


def check_type_name(of_type: str | None) -> None:
    """Refuse to select by what PostgreSQL cannot be asked for.

    Raises:
        Invalid: the name holds a NUL character (422).
    """
    if of_type is not None and "\0" in of_type:
        message = say("The type holds a NUL character, which no name has; nothing was read.")
        raise Invalid(message, errors=(FieldError("type", say("holds a NUL character")),))


async def _position_after(tx: AsyncSession, project_id: UUID, after: str | None) -> int:
    feedback_id = position_of(after, field="after")
    if feedback_id is None:
        return 0
    position = await queries.find_position(tx, project_id, feedback_id)
    if position is None:
        raise FeedCursorUnknown
    return position


async def _lines(bounded: FeedbackPage) -> AsyncGenerator[bytes]:
    for each in bounded.data:
        yield bytes(each) + b"\n"


async def _chunk_lines(db: Database, stretch: chunks.Stretch, rewriter: Rewriter) -> AsyncGenerator[bytes]:
    async for chunk in chunks.read(db.hot, stretch):
        if chunk.lines:
            yield await asyncio.to_thread(rewriter.lines, chunk.lines)
