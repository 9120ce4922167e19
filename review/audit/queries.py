"""Every statement on single entries: noting a refusal, searching, erasing what is personal."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from review.audit.rules import Action, Actor
from review.kernel.db import Hot
from review.kernel.ids import new_id

# A page looks through so many entries at most, so that a filter which matches little ends within the timeout.
MOST_LOOKED_THROUGH = 20_000

# The same refusal, tried again and again, is one entry a minute.
NOTE_REFUSED = f"""
INSERT INTO audit_entries (project_id, id, actor_kind, actor_id, actor_name, origin, config_version, action, item_id,
                           details)
SELECT $1, $2, $3::text, $4::uuid, $5::text, $6::text, $7::int, '{Action.ASSIGNMENT_REFUSED}', $8::uuid, $9::text::json
WHERE NOT EXISTS (
  SELECT FROM audit_entries
  WHERE project_id = $1 AND item_id = $8 AND action = '{Action.ASSIGNMENT_REFUSED}' AND actor_id = $4
    AND details::text = $9 AND at > now() - interval '1 minute')
"""

_COLUMNS = """
  e.id, e.position, e.at, e.actor_kind, e.actor_id, e.actor_name, e.origin, e.action, e.item_id, e.config_version,
  e.details::text AS details, e.erased_at
"""
# What has its place and what waits for it stand in an index each.
_STRETCH = """
  (SELECT {columns} FROM audit_entries e
   WHERE e.project_id = $1 AND e.position IS {null}{bounds} ORDER BY e.at DESC, e.id DESC LIMIT {most:d})
"""
_SEARCH = """
SELECT {columns} FROM ({waiting} UNION ALL {placed}) e
WHERE true{filters} ORDER BY e.at DESC, e.id DESC LIMIT {limit:d}
"""
_LOOKED_THROUGH = """
SELECT e.id FROM audit_entries e
WHERE e.project_id = $1 AND e.position IS NOT NULL{bounds} ORDER BY e.at DESC, e.id DESC OFFSET {most:d} LIMIT 1
"""
FIND_TIME = "SELECT at FROM audit_entries WHERE project_id = $1 AND id = $2"
ERASE = """
UPDATE audit_entries SET actor_name = '', origin = '', details = '{}', salt = NULL, erased_at = now()
WHERE project_id = $1 AND id = ANY($2::uuid[]) AND position IS NOT NULL AND erased_at IS NULL AND action <> $3
RETURNING position
"""
ERASE_OF_ITEMS = """
UPDATE audit_entries SET actor_name = '', origin = '', details = '{}', salt = NULL, erased_at = now()
WHERE project_id = $1 AND item_id = ANY($2::uuid[]) AND position IS NOT NULL AND erased_at IS NULL
  AND action <> ALL($3::text[])
RETURNING position
"""
LEFT_TO_SAY = (Action.AUDIT_ERASED.value, Action.ITEM_ERASED.value)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What entries are narrowed to; None leaves it open. `since` is in, `until` is not."""

    actor: str | None = None
    action: str | None = None
    item: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None


class _Statement:
    """Puts a search together: a condition that is not asked for is not in it, so that the planner sees what is."""

    def __init__(self, project_id: UUID, wanted: Wanted, before: tuple[datetime, UUID] | None) -> None:
        self.values: list[Any] = [project_id]
        self.bounds = self._if(wanted.item, " AND e.item_id = {}")
        self.bounds += self._if(wanted.since, " AND e.at >= {}") + self._if(wanted.until, " AND e.at < {}")
        if before is not None:
            self.bounds += f" AND (e.at, e.id) < ({self._value(before[0])}, {self._value(before[1])})"

    def filters(self, wanted: Wanted) -> str:
        """Give the conditions that no index knows."""
        conditions = self._if(wanted.action, " AND e.action = {}")
        if wanted.actor is not None:
            actor = self._value(wanted.actor.strip().lower())
            conditions += f" AND {actor}::text IN (lower(e.actor_name), e.actor_kind, e.actor_id::text)"
        if wanted.text is not None:
            # Particulars are kept as they were written, some with their letters escaped.
            plain, escaped = self._value(wanted.text.lower()), self._value(_escaped(wanted.text.lower()))
            where = "lower(e.details || ' ' || e.actor_name || ' ' || e.origin)"
            conditions += f" AND (strpos({where}, {plain}::text) > 0 OR strpos({where}, {escaped}::text) > 0)"
        return conditions

    def _if(self, value: object, condition: str) -> str:
        return "" if value is None else condition.format(self._value(value))

    def _value(self, value: object) -> str:
        self.values.append(value)
        return f"${len(self.values)}"


async def note_refused(hot: Hot, project_id: UUID, actor: Actor, *, item_id: UUID, details: dict[str, Any]) -> None:
    """Add an entry about an act on an assignment that was refused; the same within a minute is not noted again."""
    told = msgspec.json.encode(details).decode()
    who = actor.kind, actor.id, actor.name, actor.origin, actor.config_version
    await hot.execute(NOTE_REFUSED, project_id, new_id(), *who, item_id, told)


async def search(
    hot: Hot, project_id: UUID, wanted: Wanted, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[Any]:
    """Find entries, the newest first, among the next `MOST_LOOKED_THROUGH`."""
    statement = _Statement(project_id, wanted, before)
    bounds = statement.bounds
    waiting, placed = (
        _STRETCH.format(columns=_COLUMNS, null=null, bounds=bounds, most=MOST_LOOKED_THROUGH)
        for null in ("NULL", "NOT NULL")
    )
    columns = _COLUMNS.replace("e.details::text AS details", "e.details")
    filters = statement.filters(wanted)
    said = _SEARCH.format(columns=columns, waiting=waiting, placed=placed, filters=filters, limit=limit)
    return await hot.fetch(said, *statement.values)


async def find_looked_through(
    hot: Hot, project_id: UUID, wanted: Wanted, *, before: tuple[datetime, UUID] | None
) -> UUID | None:
    """Find the last entry that a search looked at before it gave up; None if it saw them all."""
    statement = _Statement(project_id, wanted, before)
    said = _LOOKED_THROUGH.format(bounds=statement.bounds, most=MOST_LOOKED_THROUGH - 1)
    found: UUID | None = await hot.fetchval(said, *statement.values)
    return found


async def find_time(hot: Hot, project_id: UUID, entry_id: UUID) -> datetime | None:
    """Tell when an entry was made; None if there is none of that id."""
    at: datetime | None = await hot.fetchval(FIND_TIME, project_id, entry_id)
    return at


async def erase(hot: Hot, project_id: UUID, entry_ids: Sequence[UUID]) -> list[int]:
    """Take name, origin and particulars from entries that have their place; gives the positions."""
    rows = await hot.fetch(ERASE, project_id, list(entry_ids), Action.AUDIT_ERASED.value)
    return sorted(row["position"] for row in rows)


async def erase_of_items(hot: Hot, project_id: UUID, item_ids: Sequence[UUID]) -> list[int]:
    """Do the same with all entries about items, but for those that say they were erased; gives the positions."""
    rows = await hot.fetch(ERASE_OF_ITEMS, project_id, list(item_ids), list(LEFT_TO_SAY))
    return sorted(row["position"] for row in rows)


def _escaped(text: str) -> str:
    """Write a text as JSON does that keeps to ASCII."""
    units = text.encode("utf-16-be", "surrogatepass")
    pairs = (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
    return "".join(chr(unit) if unit < 128 else f"\\u{unit:04x}" for unit in pairs)
