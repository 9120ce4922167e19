"""Importing a file: batch by batch, each stored by one statement, and twice as good as once.

What is cut off is imported again from the start: what is there already is passed over, so nothing has to be remembered.
"""

from collections.abc import Iterator
from typing import Any, NoReturn

import msgspec

from review.audit import service as audit
from review.audit.rules import Action
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
from review.kernel.db import Database, get_now
from review.kernel.errors import FieldError, ReviewError
from review.registry.rules import NONE
from review.registry.service import Clearances

BATCH_ROWS = 250
BATCH_BYTES = 4 * 1024 * 1024
OTHER_CONTENT = "external_id names an item with other content, which stands as it is"
Entry = tuple[Row, Drawn]


class Importer:
    """One import that is under way, and what has come of it so far."""

    def __init__(self, db: Database, *, project: str, asked: Asked, base_url: str, reject: Reject) -> None:
        self._db = db
        self._project = project
        self._asked = asked
        self._base_url = base_url
        self._reject = reject
        self._configs = ConfigCache(db)
        self._clearances = Clearances(db.hot)
        self._faults: list[Fault] = []  # of the batch in hand
        self._unseen = set(asked.mapping.values())
        self.progress = Progress()

    async def run(self, source: Source, watch: Watcher) -> Outcome:
        """Import every row that fits, and hand the others to `reject` with the reason.

        Raises:
            ProjectNotFound (404); ImportInvalid: nothing of the file could be imported as asked (422).
        """
        desk = await self._desk()
        self._check(desk, source)
        await self._note(desk.who)
        self.progress = Progress(total=source.total)
        for batch in batches(source.rows):
            desk = await self._desk()  # anew, so that a stop or a change of rules counts for the rest
            await self._take(desk, batch)
            self._reject_in_order()
            self._add(done=batch[-1].reached - self.progress.done)
            watch(self.progress)
        done = self.progress
        return Outcome(done.imported, done.repeated, done.left_out, tuple(sorted(self._unseen)))

    async def _desk(self) -> Desk:
        who = await keys.get_operator(self._db.hot, self._project)
        config = await self._configs.get(who.project_id, who.config_version)
        cleared = await self._clearances.get(who.project_id, who.models_stamp) if config.clearing.is_asked else NONE
        candidate = None if who.rollout is None else await self._configs.get(who.project_id, who.rollout.version)
        return Desk(self._db.hot, who, config, self._base_url, cleared, candidate)

    def _check(self, desk: Desk, source: Source) -> None:
        asked, item_type = self._asked, desk.config.item_types.get(self._asked.type)
        if item_type is None:
            known = ", ".join(sorted(desk.config.item_types)) or "none yet"
            _refuse("type", f"There is no item type {asked.type!r}; this project has: {known}.")
        if item_type.two_person and asked.how is How.DECIDED:
            said = f"Items of type {asked.type} take two people, so nobody imports them as decided; use --as queue."
            _refuse("as", said)
        if asked.gold and asked.how is not How.DECIDED:
            _refuse("gold", "Gold comes with its answers, so it is imported as decided.")
        if source.columns is not None and asked.mapping is not rules.EXPORTED:
            missing = sorted({each for each in asked.mapping.values() if not _is_in(each, source.columns)})
            if missing:
                said = f"The file has no column {missing[0]!r}; it has: {', '.join(sorted(source.columns))}."
                _refuse(f"map.{missing[0]}", said)

    async def _note(self, who: Principal) -> None:
        details = {"name": self._asked.name, "type": self._asked.type, "as": self._asked.how.value}
        async with self._db.transaction() as tx:
            audit.record(tx, who.project_id, who.actor, Action.FEEDBACK_IMPORTED, details=details)

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

    def _reject_in_order(self) -> None:
        for fault in sorted(self._faults, key=lambda each: each.line):
            self._reject(fault)
        self._faults.clear()

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


def _is_in(field: str, columns: frozenset[str]) -> bool:
    return field in columns or field.partition(".")[0] in columns


def _refuse(path: str, said: str) -> NoReturn:
    message = f"{said} Nothing was imported."
    raise ImportInvalid(message, errors=(FieldError(path, said),))
