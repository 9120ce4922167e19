"""Importing a file: batch by batch, each stored by one statement, and twice as good as once.

What is cut off can be imported again from the start: what is there already is passed over.
"""

import asyncio
from collections.abc import AsyncGenerator, Collection, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, NoReturn, Protocol

import msgspec

from review.audit import service as audit
from review.audit.rules import Action
from review.configuration.rules import ProjectConfig
from review.configuration.service import ConfigCache
from review.identity import keys
from review.identity.rules import Principal
from review.imports import queries, rules
from review.imports.errors import ImportInvalid
from review.imports.judging import Judged, Run, judge
from review.imports.rules import Drawn, Unfit
from review.imports.schemas import Asked, Fault, How, Outcome, Progress, Reject, Row, Source, Unread, Watcher
from review.intake import service as intake
from review.intake.service import Accepted, Desk
from review.items.types import ItemType
from review.kernel.db import Database, Hot, get_now
from review.kernel.errors import FieldError, ReviewError
from review.registry.rules import NONE
from review.registry.service import Clearances

BATCH_ROWS = 250
BATCH_BYTES = 4 * 1024 * 1024
OTHER_CONTENT = "external_id names an item with other content, which stands as it is"
Entry = tuple[Row, Drawn]
_OURS = frozenset(rules.EXPORTED.values())


class Keeper(Protocol):
    """Whose import it is, and what keeps how far it has come."""

    async def find_who(self) -> Principal:
        """Give who imports, as they stand now."""
        ...

    async def begin(self, who: Principal, total: int, /) -> Progress:
        """Begin, or give how far it had come where it was cut off; `total` is how far there is to go."""
        ...

    async def stay(self) -> None:
        """Keep the import in hand while rows are passed over that were dealt with before."""
        ...

    def batch(self) -> AbstractAsyncContextManager[Hot]:
        """Give what the next rows are stored by, and what came of them kept by."""
        ...

    async def keep(self, hot: Hot, progress: Progress, faults: Sequence[Fault], unseen: Collection[str], /) -> None:
        """Keep what came of some rows."""
        ...


class ByOperator:
    """An import by the command line: each batch counts at once, and rows that are left out go to `reject`."""

    def __init__(self, db: Database, project: str, asked: Asked, reject: Reject) -> None:
        self._db = db
        self._project = project
        self._asked = asked
        self._reject = reject

    async def find_who(self) -> Principal:
        """Give the operator.

        Raises:
            ProjectNotFound (404).
        """
        return await keys.get_operator(self._db.hot, self._project)

    async def begin(self, who: Principal, total: int) -> Progress:
        """Note in the audit that it is begun; it begins with the first row, whatever an earlier one has done."""
        async with self._db.transaction() as tx:
            audit.record(tx, who.project_id, who.actor, Action.FEEDBACK_IMPORTED, details=told(self._asked))
        return Progress(total=total)

    async def stay(self) -> None:
        """Do nothing: it is nobody else's."""

    @asynccontextmanager
    async def batch(self) -> AsyncGenerator[Hot]:
        """Give the pool: what is stored stays."""
        yield self._db.hot

    async def keep(self, _hot: Hot, _progress: Progress, faults: Sequence[Fault], _unseen: Collection[str]) -> None:
        """Hand over the rows that are left out."""
        for fault in faults:
            self._reject(fault)


class Importer:
    """One import that is under way, and what has come of it so far."""

    def __init__(self, db: Database, keeper: Keeper, *, asked: Asked, base_url: str) -> None:
        self._db = db
        self._keeper = keeper
        self._asked = asked
        self._base_url = base_url
        self._configs = ConfigCache(db)
        self._clearances = Clearances(db.hot)
        self._faults: list[Fault] = []  # of the batch in hand
        self._unseen = set(asked.mapping.values())
        self.progress = Progress()

    async def run(self, source: Source, watch: Watcher | None = None) -> Outcome:
        """Import every row that fits, and leave out the others with the reason.

        Raises:
            ProjectNotFound (404); ImportInvalid: nothing of the file could be imported as asked (422).
        """
        desk = await self._desk()
        check(self._asked, desk.config, source)
        self.progress = await self._keeper.begin(desk.who, source.total)
        for rows in batches(source.rows):
            batch = [each for each in rows if each.line > self.progress.line]
            if not batch:
                await asyncio.sleep(0)  # what was read before is read again at one go
                await self._keeper.stay()
                continue
            desk = await self._desk()  # anew, so that a stop or a change of rules counts for the rest
            async with self._keeper.batch() as hot:
                await self._take(msgspec.structs.replace(desk, hot=hot), batch)
                self._add(done=batch[-1].reached - self.progress.done, line=batch[-1].line - self.progress.line)
                faults = sorted(self._faults, key=lambda each: each.line)
                await self._keeper.keep(hot, self.progress, faults, self._unseen)
            self._faults.clear()
            if watch is not None:
                watch(self.progress)
        done = self.progress
        return Outcome(done.imported, done.repeated, done.left_out, tuple(sorted(self._unseen)))

    def seen_before(self, unseen: Collection[str]) -> None:
        """Take over which fields of the mapping no row had before the import was cut off."""
        self._unseen &= set(unseen)

    async def _desk(self) -> Desk:
        who = await self._keeper.find_who()
        config = await self._configs.get(who.project_id, who.config_version)
        cleared = await self._clearances.get(who.project_id, who.models_stamp) if config.clearing.is_asked else NONE
        candidate = None if who.rollout is None else await self._configs.get(who.project_id, who.rollout.version)
        return Desk(self._db.hot, who, config, self._base_url, cleared, candidate)

    async def _take(self, desk: Desk, batch: list[Row | Unread]) -> None:
        item_type = desk.config.item_types.get(self._asked.type)
        entries: list[Entry] = []
        for each in batch:
            if isinstance(each, Unread):
                self._leave_out(each.line, each.reason, each.text)
            elif item_type is None:
                self._leave_out(each.line, "its item type is gone from the configuration", each.fields)
            else:
                entries += self._drawn(each, item_type)
        if entries:
            await (self._decide(desk, entries) if self._asked.how is How.DECIDED else self._submit(desk, entries))

    def _drawn(self, row: Row, item_type: ItemType) -> Iterator[Entry]:
        if self._unseen:
            self._unseen = {each for each in self._unseen if rules.value_at(row.fields, each) is msgspec.UNSET}
        try:
            drawn = rules.draw(row, self._asked.mapping, item_type)
            yield row, rules.named(rules.as_gold(drawn) if self._asked.gold else drawn)
        except Unfit as unfit:
            self._leave_out(row.line, unfit.reason, row.fields)

    async def _decide(self, desk: Desk, entries: list[Entry]) -> None:
        run = Run(self._asked.name, desk.who.actor, await get_now(desk.hot))
        judged: list[tuple[Row, Judged]] = []
        for row, drawn in entries:
            try:
                judged.append((row, judge(drawn, desk.config, run)))
            except Unfit as unfit:
                self._leave_out(row.line, unfit.reason, row.fields)
            except ReviewError as fault:
                self._leave_out(row.line, rules.reason_of(fault), row.fields)
        if not judged:
            return
        project_id, config = desk.who.project_id, desk.config
        versions = {"config_version": config.version, "ruleset_version": config.ruleset.version}
        stored = await queries.store(desk.hot, project_id, [each for _, each in judged], run, **versions)
        self._add(imported=len(stored))
        others = [(row, each) for row, each in judged if each.item_id not in stored]
        if not others:
            return
        earlier = await queries.find_earlier(desk.hot, project_id, [each.external_id for _, each in others])
        for row, each in others:
            if earlier.get(each.external_id) == each.fingerprint:
                self._add(repeated=1)
            else:
                self._leave_out(row.line, OTHER_CONTENT, row.fields)

    async def _submit(self, desk: Desk, entries: list[Entry]) -> None:
        raws = [msgspec.json.encode(rules.queued(drawn)) for _, drawn in entries]
        outcomes = await intake.submit_batch(desk, raws, idempotency_keys=[None] * len(raws))
        for (row, _), outcome in zip(entries, outcomes, strict=True):
            if isinstance(outcome, Accepted):
                self._add(**{"imported" if outcome.created else "repeated": 1})
            else:
                self._leave_out(row.line, rules.reason_of(outcome), row.fields)

    def _leave_out(self, line: int, reason: str, row: Any) -> None:
        self._add(left_out=1)
        self._faults.append(Fault(line, reason, row))

    def _add(self, **counts: int) -> None:
        added = {name: getattr(self.progress, name) + count for name, count in counts.items()}
        self.progress = msgspec.structs.replace(self.progress, **added)


def batches(rows: Iterator[Row | Unread]) -> Iterator[list[Row | Unread]]:
    """Part rows into batches of bounded size; one row alone may be larger."""
    batch: list[Row | Unread] = []
    size = 0
    for each in rows:
        batch.append(each)
        size += each.size if isinstance(each, Row) else len(each.text)
        if len(batch) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def told(asked: Asked) -> dict[str, str]:
    """Say in the audit what is imported as what."""
    return {"name": asked.name, "type": asked.type, "as": asked.how.value}


def check(asked: Asked, config: ProjectConfig, source: Source | None) -> None:
    """Check what is asked against the item types, and against the columns of the file where it names them ahead.

    Raises:
        ImportInvalid (422).
    """
    item_type = config.item_types.get(asked.type)
    if item_type is None:
        known = ", ".join(sorted(config.item_types)) or "none yet"
        _refuse("type", f"There is no item type {asked.type!r}; this project has: {known}.")
    if item_type.two_person and asked.how is How.DECIDED:
        said = f"Items of type {asked.type} take two people, so nobody imports them as decided; take queue."
        _refuse("as", said)
    if asked.gold and asked.how is not How.DECIDED:
        _refuse("gold", "Gold comes with its answers, so it is imported as decided.")
    if source is None or source.columns is None:
        return
    columns = ", ".join(sorted(source.columns))
    if asked.mapping == rules.EXPORTED:
        if "input" not in source.columns:
            said = f"The file is no export of feedback, so say which column is what (map); it has: {columns}."
            _refuse("map", said)
    elif missing := sorted({each for each in asked.mapping.values() if not _is_in(each, source.columns)}):
        hint = " It is an export of feedback, which needs no mapping." if source.columns >= _OURS else ""
        _refuse(f"map.{missing[0]}", f"The file has no column {missing[0]!r}; it has: {columns}.{hint}")


def _is_in(field: str, columns: frozenset[str]) -> bool:
    return field in columns or field.partition(".")[0] in columns


def _refuse(path: str, said: str) -> NoReturn:
    message = f"{said} Nothing was imported."
    raise ImportInvalid(message, errors=(FieldError(path, said),))
