"""Learning from people's decisions: the feedback feed is read as it grows, into precedents and counts.

A reader of the feed, like any other: it costs nobody who decides, follows revisions, catches up after an upgrade, and
can be begun anew by emptying its tables.
"""

from typing import Any
from uuid import UUID

from review.feedback import service as feedback
from review.insight import learning_queries as queries
from review.insight.calibration import Lesson, band_of, learn, weight_of
from review.insight.likeness import MAX_BRIEF, MAX_RAW, keys_of, scope_word, sketch_of, text_of, trigrams
from review.kernel.db import Database, driver_of

MAX_LABEL = 2_000


async def follow(db: Database) -> int:
    """Learn from all feedback that is new, in short transactions; tells how many records that were.

    Any number may run at once: a project is one's alone for the length of a batch.
    """
    await feedback.sequence_everything(db)
    total = 0
    for project_id in await queries.list_behind(db.hot):
        while taken := await _take(db, project_id):
            total += taken
    return total


async def _take(db: Database, project_id: UUID) -> int:
    async with db.transaction() as tx:
        driver = await driver_of(tx)
        place = await queries.lock_place(driver, project_id)
        if place is None:
            return 0
        told = await queries.list_told(driver, project_id, place, raw=MAX_RAW, label=MAX_LABEL)
        if not told:
            return 0
        rows = [row for row in told if not row["is_withdrawn"]]
        known = await queries.list_known(driver, project_id, [row["item_id"] for row in rows])
        standing, changes = learn(known, [_lesson(row) for row in rows])
        last = {(row["item_id"], row["revision"]): row for row in rows}
        await queries.set_precedents(
            driver, [_precedent(project_id, each, last[each.item_id, each.revision]) for each in standing.values()]
        )
        await queries.count(driver, project_id, changes)
        await queries.move_place(driver, project_id, told[-1]["position"])
        return len(told)


def _lesson(row: Any) -> Lesson:
    return Lesson(
        item_id=row["item_id"],
        revision=row["revision"],
        type=row["type"],
        model=row["model"] or "",
        model_version=row["model_version"] or "",
        band=band_of(row["confidence"]) if row["inclusion_probability"] else None,  # 0: it was imported
        approved=row["verdict"] == "approve",
        weight=weight_of(row["inclusion_probability"] or 0),
    )


def _precedent(project_id: UUID, lesson: Lesson, row: Any) -> tuple[Any, ...]:
    text = text_of(row["input"])
    sketch = sketch_of(trigrams(text))
    keys = keys_of(project_id, lesson.type, sketch)
    return (
        *(project_id, lesson.item_id, lesson.type, lesson.revision, row["verdict"], row["label"], row["decided_at"]),
        *(text[:MAX_BRIEF], f"{text} {scope_word(project_id, lesson.type)}", sketch, [*keys.near, *keys.loose]),
        *(lesson.model, lesson.model_version, lesson.band, lesson.weight, lesson.is_counted),
    )
