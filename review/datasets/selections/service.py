"""Keeping datasets, and seeing at once what a definition would take."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import aclosing
from functools import partial
from uuid import UUID

import msgspec
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action
from review.datasets.errors import DatasetExists, DatasetInvalid, DatasetNotFound
from review.datasets.redaction import service as redaction
from review.datasets.redaction.rules import Redacting
from review.datasets.selections import queries, splits
from review.datasets.selections.choosing import Choice, with_texts
from review.datasets.selections.courses import Course, Courses, leading
from review.datasets.selections.models import Dataset
from review.datasets.selections.rules import Definition
from review.datasets.selections.schemas import DatasetView, Preview
from review.feedback import chunks
from review.feedback import service as feedback
from review.identity.rules import Principal
from review.kernel.db import Database, Hot, driver_of
from review.kernel.errors import FieldError
from review.kernel.ids import new_id
from review.kernel.sentences import say

MOST_LOOKED_AT = 20_000  # somebody waits for it
MOST_BYTES = 32 * 1024 * 1024
MOST_BYTES_COMPARED = 8 * 1024 * 1024  # near duplicates take a third of a microsecond of each character
MOST_SAMPLES = 10
MOST_CLASSES = 200
MAX_DESCRIPTION = 2_000
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")


async def create(
    tx: AsyncSession, *, who: Principal, name: str, description: str, definition: Definition
) -> DatasetView:
    """Keep a definition under a name.

    Raises:
        DatasetInvalid (422); DatasetExists (409); PersonalWithheld: it keeps what the caller does not see (403).
    """
    check(definition, name=name, description=description)
    await check_redaction(await driver_of(tx), who, definition)
    if await queries.find(tx, who.project_id, name) is not None:
        message = say(
            "There is a dataset %(name)s already. Nothing was changed; take another name, or change that one.",
            name=repr(name),
        )
        raise DatasetExists(message)
    row = Dataset(
        project_id=who.project_id,
        id=new_id(),
        name=name,
        description=description.strip(),
        definition=msgspec.to_builtins(definition),
        created_by=who.actor.name,
        changed_by=who.actor.name,
    )
    tx.add(row)
    audit.record(tx, who.project_id, who.actor, Action.DATASET_CREATED, details=_details(row))
    await tx.flush()
    await tx.refresh(row)
    return view_of(row)


async def change(
    tx: AsyncSession, *, who: Principal, name: str, description: str, definition: Definition
) -> DatasetView:
    """Give a dataset another definition; snapshots that were made keep theirs. Idempotent.

    Raises:
        DatasetInvalid (422); DatasetNotFound (404); PersonalWithheld (403).
    """
    check(definition, name=name, description=description)
    await check_redaction(await driver_of(tx), who, definition)
    row = await queries.lock(tx, who.project_id, name)
    if row is None:
        raise not_found(name)
    given = msgspec.to_builtins(definition)
    if (row.definition, row.description) != (given, description.strip()):
        row.definition, row.description = given, description.strip()
        row.changed_by, row.changed_at = who.actor.name, func.now()
        audit.record(tx, who.project_id, who.actor, Action.DATASET_CHANGED, details=_details(row))
        await tx.flush()
        await tx.refresh(row)
    return view_of(row)


async def get(tx: AsyncSession, *, project_id: UUID, name: str) -> DatasetView:
    """Give a dataset.

    Raises:
        DatasetNotFound (404).
    """
    row = await queries.find(tx, project_id, name) if "\0" not in name else None
    if row is None:
        raise not_found(name)
    return view_of(row)


async def list_datasets(tx: AsyncSession, *, project_id: UUID, after: str = "", limit: int = 100) -> list[DatasetView]:
    """List datasets by name, those behind `after`."""
    return [view_of(row) for row in await queries.list_datasets(tx, project_id, after, limit)]


async def preview(db: Database, *, who: Principal, definition: Definition, is_stored: bool = False) -> Preview:
    """Try a definition on the newest records of the feed; nothing is stored.

    Of one that `is_stored` what is redacted was checked then, and what it keeps is shown to those who see it.

    Raises:
        DatasetInvalid (422); PersonalWithheld (403).
    """
    return (await look(db, who=who, definition=definition, is_stored=is_stored))[0]


async def look(
    db: Database, *, who: Principal, definition: Definition, is_stored: bool = False
) -> tuple[Preview, Course]:
    """Try a definition as `preview` does, and tell how the classes of what it takes went over time.

    Raises:
        DatasetInvalid (422); PersonalWithheld (403).
    """
    check(definition)
    if not is_stored:
        await check_redaction(db.hot, who, definition)
    project_id = who.project_id
    redactor = await redaction.trial_redactor(db.hot, who, definition.redaction)
    upto = await feedback.settle_feed(db, project_id)
    after = max(0, upto - MOST_LOOKED_AT)
    most = MOST_BYTES if definition.sampling.similarity_at_least is None else MOST_BYTES_COMPARED
    lines = await _read(db, stretch_of(project_id, definition, upto=upto, after=after), most)
    trial = partial(_preview, definition, lines, upto - after, redactor.rewriter, is_part=after > 0)
    return await asyncio.to_thread(trial)


def stretch_of(project_id: UUID, definition: Definition, *, upto: int, after: int = 0) -> chunks.Stretch:
    """Give the stretch of the feed that a definition looks at, with the circumstances of each record."""
    types = definition.criteria.types
    return chunks.Stretch(
        project_id=project_id,
        upto=upto,
        after=after,
        of_type=types[0] if len(types) == 1 else None,
        beside=queries.CIRCUMSTANCES,
    )


async def check_redaction(hot: Hot, who: Principal, definition: Definition) -> None:
    """Refuse what no record has, or what the caller may not have whole.

    Raises:
        DatasetInvalid: with the places (422); PersonalWithheld (403).
    """
    types, by = definition.criteria.types, definition.splitting.by
    await redaction.check(hot, who, definition.redaction, types=types, at="definition.redaction", by=by)


def check(definition: Definition, *, name: str = "dataset", description: str = "") -> None:
    """Refuse what cannot be.

    Raises:
        DatasetInvalid: with the places (422).
    """
    faults: list[FieldError] = []
    if not _NAME.fullmatch(name):
        faults.append(FieldError("name", say("is not up to 100 lower-case letters, digits, hyphens and underscores")))
    if len(description) > MAX_DESCRIPTION:
        faults.append(FieldError("description", say("is longer than %(most)s characters", most=MAX_DESCRIPTION)))
    if fault := splits.faults_of(definition.splitting.parts):
        faults.append(FieldError("definition.splitting.parts", fault))
    faults += _faults_of_sampling(definition)
    criteria = definition.criteria
    if criteria.since is not None and criteria.until is not None and criteria.since >= criteria.until:
        faults.append(FieldError("definition.criteria.until", say("is not after `since`")))
    # PostgreSQL holds no such character, neither alone nor in what it stores.
    if "\\u0000" in msgspec.json.encode(definition).decode() or "\0" in description:
        faults.append(FieldError("definition", say("holds a NUL character")))
    if faults:
        message = say("The dataset cannot be as asked. Nothing was changed; mend what is named.")
        raise DatasetInvalid(message, errors=tuple(faults))


def _faults_of_sampling(definition: Definition) -> Iterator[FieldError]:
    sampling = definition.sampling
    if sampling.balanced and sampling.weights:
        yield FieldError("definition.sampling.weights", say("cannot be beside `balanced`, which weighs all alike"))
    if sampling.near == "keep_together":
        if sampling.similarity_at_least is None:
            yield FieldError("definition.sampling.near", say("takes a `similarity_at_least`"))
        if definition.splitting.by != "item":
            fault = say("keeps near duplicates together where parts are by `item`, and by nothing else")
            yield FieldError("definition.sampling.near", fault)


def view_of(row: Dataset) -> DatasetView:
    """Show a stored dataset."""
    return DatasetView(
        id=row.id,
        name=row.name,
        description=row.description,
        definition=msgspec.convert(row.definition, Definition),
        last_snapshot=row.last_number,
        created_by=row.created_by,
        created_at=row.created_at,
        changed_by=row.changed_by,
        changed_at=row.changed_at,
    )


def not_found(name: str) -> DatasetNotFound:
    """Say that there is no dataset of this name."""
    return DatasetNotFound(say("There is no dataset %(name)s here.", name=repr(name)))


def _details(row: Dataset) -> dict[str, object]:
    return {"dataset_id": str(row.id), "name": row.name, "definition": row.definition}


async def _read(db: Database, stretch: chunks.Stretch, most: int) -> bytes:
    """Read as much as is looked at while somebody waits."""
    pieces: list[bytes] = []
    async with aclosing(chunks.read(db.hot, stretch)) as coming:
        async for chunk in coming:
            pieces.append(chunk.lines)
            if sum(map(len, pieces)) > most:
                break
    return b"".join(pieces)


def _preview(
    definition: Definition, lines: bytes, wanted: int, redactor: Redacting, *, is_part: bool
) -> tuple[Preview, Course]:
    """Count first, and take by the shares that follow; `wanted` is how many records might have been read."""
    counted = Choice(definition, redactor=redactor)
    counted.take(lines)
    shares, found = counted.shares(), counted.found
    courses = Courses(leading(counted.counts.classes))
    choice = Choice(
        definition,
        shares,
        found=found,
        redactor=redactor,
        witness=lambda record, _around, name: courses.add(record.decided_at, name),
    )
    taken, counts = choice.take(lines), choice.counts
    tried = Preview(
        seen=counts.seen,
        is_part=is_part or counts.seen < wanted,
        taken=counts.taken,
        left_out=dict(counts.left_out.most_common()),
        classes=dict(counts.classes.most_common(MOST_CLASSES)),
        parts={name: counts.parts[name] for name in definition.splitting.parts},
        models=dict(counts.models.most_common(MOST_CLASSES)),
        verdicts=dict(counts.verdicts.most_common()),
        shares=shares,
        samples=[msgspec.Raw(each.line) for each in taken[-MOST_SAMPLES:]],
        conflicts=found.conflicts,
        conflict_samples=with_texts(found.samples, lines, definition.sampling.text_at, redactor),
    )
    return tried, courses.course()
