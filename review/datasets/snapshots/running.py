"""Making snapshots in a worker: what is cut off is made again, to the same bytes, and the manifest is stored last.

Files that an earlier try has stored stay where they are: they are known by their digests. A lease keeps two workers
from the same snapshot; the fence keeps a stale one from ending it. Should two write a file at once all the same, both
write the same.
"""

import logging
import tempfile
from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec

from review.audit import service as audit
from review.audit.rules import TIMER, Action
from review.datasets.errors import NothingTaken, StoreRefused
from review.datasets.formats.fitting import Plan
from review.datasets.formats.parquet import json_columns
from review.datasets.pipeline import in_thread
from review.datasets.redaction.rules import Redaction
from review.datasets.redaction.service import redactor_for
from review.datasets.registering import queries as registering
from review.datasets.registering.rules import places_of
from review.datasets.selections import queries as selections
from review.datasets.selections.choosing import Choice, Counts
from review.datasets.selections.courses import leading
from review.datasets.selections.rules import Definition
from review.datasets.selections.service import stretch_of
from review.datasets.snapshots import holding_queries, queries
from review.datasets.snapshots.holding import Ledger
from review.datasets.snapshots.queries import MOST_TRIES, Mine
from review.datasets.snapshots.rules import (
    EXPLAINED,
    FORMAT_VERSION,
    Column,
    FileOf,
    Guidelines,
    Manifest,
    Stored,
    digest_of,
)
from review.datasets.snapshots.schemas import Announced
from review.datasets.snapshots.service import MANIFEST, path_of
from review.datasets.snapshots.store import Store
from review.datasets.snapshots.writing import count, write
from review.feedback import service as feedback
from review.feedback.chunks import Stretch
from review.kernel import outbox
from review.kernel.canonical import text_sha256
from review.kernel.db import UNREACHABLE, Database, driver_of
from review.kernel.errors import ReviewError
from review.kernel.events import EventKind
from review.kernel.settings import Settings

log = logging.getLogger(__name__)

LEASE: Final = timedelta(seconds=120)  # renewed with each chunk, which takes a second or two
CLASSES_TOLD: Final = 10_000  # by the manifest, which every page of a snapshot reads; free texts have millions
LABELS_KEPT: Final = 50  # to be drawn beside those of other snapshots; the manifest has them all
PAUSE: Final = timedelta(seconds=5)  # times the tries, after a store that refused


class _Lost(Exception):
    """Another worker has it, or somebody stopped it, or this process is to stop."""


async def advance(db: Database, settings: Settings, is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Make what is wanted, one after the other; gives how many were made."""
    made = 0
    for project_id, snapshot_id in await queries.list_due(db.hot):
        if is_stopping():
            break
        made += await work(db, settings, project_id, snapshot_id, is_stopping)
    return made


async def work(
    db: Database,
    settings: Settings,
    project_id: UUID,
    snapshot_id: UUID,
    is_stopping: Callable[[], bool] = lambda: False,
) -> bool:
    """Make one snapshot; tells whether it is ready."""
    row = await queries.claim(db.hot, project_id, snapshot_id, LEASE)
    if row is None:
        return False
    mine = (project_id, snapshot_id, row["fence"])
    try:
        if row["tries"] > MOST_TRIES:
            error = row["error"] or "It failed again and again."
            await _fail(db, mine, row, error)
            return False
        return await _Making(db, settings, mine, row, is_stopping).make()
    except _Lost:
        await queries.give_back(db.hot, mine)
    except (StoreRefused, OSError) as fault:
        told = fault.message if isinstance(fault, StoreRefused) else f"The disk refused: {fault}."
        await queries.let_go(db.hot, mine, PAUSE * row["tries"], told)
    except ReviewError as refusal:
        await _fail(db, mine, row, refusal.message)
    except UNREACHABLE:
        raise  # the lease runs out by itself
    except Exception:
        log.exception("snapshot %s failed; it is tried again", snapshot_id)
        await queries.let_go(db.hot, mine, PAUSE * row["tries"], "It failed for a reason that the server's log tells.")
    return False


async def _fail(db: Database, mine: Mine, row: Any, error: str) -> None:
    """Give it up, and tell: in one transaction, under the fence."""
    async with db.transaction() as tx:
        if not await queries.end(await driver_of(tx), mine, "failed", None, error, 0):
            return
        said = {"dataset": row["dataset"], "number": row["number"], "error": error}
        outbox.emit(tx, mine[0], EventKind.SNAPSHOT_FAILED, item_id=None, payload={"snapshot": said})
        audit.record(tx, mine[0], TIMER, Action.SNAPSHOT_FAILED, details=said)


class _Making:
    """One snapshot in the making."""

    def __init__(self, db: Database, settings: Settings, mine: Mine, row: Any, is_stopping: Callable[[], bool]) -> None:
        self._db = db
        self._settings = settings
        self._store = Store.of(settings)
        self._trackers = places_of(settings)
        self._mine = mine
        self._row = row
        self._is_stopping = is_stopping
        self._definition = msgspec.json.decode(row["definition"], type=Definition)
        self._stored = msgspec.json.decode(row["stored"] or "{}", type=dict[str, Stored])
        self._before = 0  # positions of readings that are over
        self._done = self._records = 0

    async def make(self) -> bool:
        """Count, write, store, and only then say that it is ready."""
        cut_off = await self._cut_off()
        stretch = stretch_of(self._mine[0], self._definition, upto=cut_off)
        fields, by = self._definition.redaction, self._definition.splitting.by
        redactor = await redactor_for(self._db.hot, self._mine[0], fields, by, self._settings)
        counted = Choice(self._definition, redactor=redactor.rewriter)
        plan = await count(self._db, self._to_count(stretch), counted, self._watch)
        if not counted.counts.taken:
            raise NothingTaken(_nothing(counted.counts))
        self._before = cut_off
        shares, texts = counted.shares(), await self._guidelines(counted.counts)
        digests = {key: text_sha256(text) for key, text in texts.items()}
        ledger = Ledger(leading(counted.counts.classes))
        choice = Choice(self._definition, shares, digests, counted.found, redactor.rewriter, ledger.note)
        del counted  # the signatures of near duplicates go with it
        with tempfile.TemporaryDirectory(prefix="countersign-snapshot-") as folder:

            async def take(file: FileOf) -> None:
                await self._put(Path(folder) / file.name, file)

            files = await write(self._db, stretch, choice, plan, Path(folder), self._watch, take)
        if not files:
            raise NothingTaken(_nothing(choice.counts))
        await self._remove_leftovers(files)
        told = redactor.told(name for name, _ in choice.counts.type_versions)
        manifest = self._manifest(choice, files, plan, cut_off, shares, texts, told)
        text = msgspec.json.encode(manifest)
        await self._keep()
        await self._store.put(self._path(MANIFEST), msgspec.json.format(text) + b"\n")
        return await self._end(manifest, text.decode(), ledger)

    def _to_count(self, stretch: Stretch) -> Stretch:
        """Leave out what counting has no use for; parts matter already where what is alike is kept in one."""
        if self._definition.sampling.similarity_at_least is not None:
            return stretch
        return msgspec.structs.replace(stretch, beside=selections.TO_COUNT)

    async def _put(self, found: Path, file: FileOf) -> None:
        """Store a file unless an earlier try has, and free this machine of it."""
        await self._keep()
        if not await self._is_stored(file):
            mark = await self._store.put(self._path(file.name), found, self._keep)
            stored = Stored(sha256=file.sha256, mark=mark)
            if not await queries.note_stored(self._db.hot, self._mine, {file.name: stored}):
                raise _Lost
        await in_thread(found.unlink)

    async def _is_stored(self, file: FileOf) -> bool:
        """Tell whether an earlier try has stored these bytes and they are still there."""
        known = self._stored.get(file.name)
        if known is None or known.sha256 != file.sha256:
            return False
        return await self._store.find(self._path(file.name)) == (file.bytes, known.mark)

    async def _remove_leftovers(self, files: list[FileOf]) -> None:
        """Remove what an earlier try has left under names that this one has none of: it may hold what was erased."""
        await self._store.remove_unfinished(self._path(""))
        mine = {self._path(each.name) for each in files}
        for path in await self._store.list_below(self._path("")):
            if path not in mine:
                await self._store.remove(path)

    async def _cut_off(self) -> int:
        """Fix the end of the feed when it is first worked on; every later try has the same."""
        last = await feedback.settle_feed(self._db, self._mine[0])
        asked: int | None = self._row["cut_off"]
        cut_off = last if asked is None else min(asked, last)
        if cut_off != asked and not await queries.set_cut_off(self._db.hot, self._mine, cut_off):
            raise _Lost
        return cut_off

    async def _watch(self, reached: int, records: int) -> None:
        self._done, self._records = self._before + reached, records
        await self._keep()

    async def _keep(self) -> None:
        if self._is_stopping():
            raise _Lost
        if not await queries.move_on(self._db.hot, self._mine, self._done, self._records, LEASE):
            raise _Lost

    async def _guidelines(self, counts: Counts) -> dict[tuple[str, int], str]:
        return await selections.guidelines_of(self._db.hot, self._mine[0], sorted(counts.type_versions))

    def _path(self, name: str) -> str:
        return path_of(self._mine[0], self._row["dataset"], self._row["number"], name)

    def _manifest(
        self,
        choice: Choice,
        files: list[FileOf],
        plan: Plan,
        cut_off: int,
        shares: dict[str, float],
        texts: dict[tuple[str, int], str],
        redaction: Redaction,
    ) -> Manifest:
        counts = choice.counts
        told = sorted(leading(counts.classes, CLASSES_TOLD))
        return Manifest(
            format_version=FORMAT_VERSION,
            project=self._row["project"],
            dataset=self._row["dataset"],
            number=self._row["number"],
            definition=self._definition,
            cut_off=cut_off,
            looked_at=counts.seen,
            records=counts.taken,
            sha256=digest_of(files),
            files=files,
            columns=[
                Column(name=each.name, type=str(each.type), meaning=EXPLAINED.get(each.name, ""))
                for each in plan.schema
            ],
            json_columns=json_columns(plan.schema),
            parts={name: counts.parts[name] for name in self._definition.splitting.parts},
            classes={name: counts.classes[name] for name in told},
            verdicts=dict(sorted(counts.verdicts.items())),
            models=dict(sorted(counts.models.items())),
            rulesets={str(number): of for number, of in sorted(counts.rulesets.items())},
            left_out=dict(sorted(counts.left_out.items())),
            conflicts=choice.found.conflicts,
            shares={name: shares[name] for name in told if name in shares},
            guidelines=[
                Guidelines(type=name, version=number, records=of, sha256=text_sha256(text), text=text)
                for (name, number), of in sorted(counts.type_versions.items())
                for text in [texts.get((name, number), "")]
            ],
            redaction=redaction,
            code_version=version("countersign"),
        )

    async def _end(self, manifest: Manifest, text: str, ledger: Ledger) -> bool:
        """Say that it is ready, and tell: in one transaction, under the fence."""
        labels = {name: manifest.classes[name] for name in leading(manifest.classes, LABELS_KEPT)}
        told = [msgspec.json.encode(each).decode() for each in (labels, ledger.courses.course())]
        async with self._db.transaction() as tx:
            hot = await driver_of(tx)
            if not await queries.end(hot, self._mine, "ready", text, "", manifest.records, *told):
                return False
            await holding_queries.keep(hot, *self._mine[:2], ledger.positions)
            said = Announced(
                dataset=manifest.dataset,
                number=manifest.number,
                records=manifest.records,
                sha256=manifest.sha256,
                files=len(manifest.files),
            )
            await registering.add(hot, self._mine[0], self._mine[1], self._trackers)
            payload = {"snapshot": msgspec.to_builtins(said)}
            outbox.emit(tx, self._mine[0], EventKind.SNAPSHOT_READY, item_id=None, payload=payload)
            audit.record(tx, self._mine[0], TIMER, Action.SNAPSHOT_READY, details=payload["snapshot"])
        return True


def _nothing(counts: Counts) -> str:
    if not counts.seen:
        return "The feed has no records of what is asked for yet, so no snapshot was made."
    reasons = ", ".join(f"{reason}: {of}" for reason, of in counts.left_out.most_common())
    return f"Of {counts.seen} records none is taken, so no snapshot was made ({reasons})."
