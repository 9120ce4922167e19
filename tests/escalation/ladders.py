"""Policies with ladders for tests, and time that passes for the cases under them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from review.configuration.rules import ProjectConfig
from review.configuration.service import ConfigCache
from review.escalation import service as escalation
from review.escalation.service import Swept
from review.kernel.db import Database
from review.queueing.schemas import ClaimedAssignment
from review.sla.ladders import Fallback, Ladder, PriorityChange, Step
from tests.make import World

FALLBACK = Step(after=1.5, decide=Fallback.REJECT)
UP = PriorityChange(20, is_relative=True)


class Laddered(ConfigCache):
    """Configurations whose policy `standard` (four hours) has a ladder of these steps, and what else is given."""

    def __init__(self, db: Database, *steps: Step, name: str = "night", **policy: Any) -> None:
        super().__init__(db)
        self.ladder = Ladder(name, steps)
        self.policy = policy

    async def get(self, project_id: UUID, version: int) -> ProjectConfig:
        config = await super().get(project_id, version)
        standard = msgspec.structs.replace(config.sla_policies["standard"], ladder=self.ladder, **self.policy)
        return msgspec.structs.replace(config, sla_policies={**config.sla_policies, "standard": standard})


async def climb(world: World, *steps: Step, **policy: Any) -> None:
    """Give the world's policy a ladder."""
    world.configs = Laddered(world.db, *steps, **policy)


async def pass_time(world: World, hours: float, item_id: UUID | None = None) -> None:
    """Let the clocks of open cases, or of one, be so many hours further, and have their timers look."""
    await world.db.hot.execute(
        """
        WITH older AS (
          UPDATE cases SET clock_started_at = clock_started_at - $1::interval, opened_at = opened_at - $1::interval,
                           due_at = due_at - $1::interval, warn_at = warn_at - $1::interval,
                           first_claim_due_at = first_claim_due_at - $1::interval
          WHERE $2::uuid IS NULL OR item_id = $2 RETURNING project_id, id
        )
        UPDATE timers t SET fire_at = least(t.fire_at - $1::interval, now()) FROM older
        WHERE t.project_id = older.project_id AND t.subject_id = older.id AND t.kind = 'due'
        """,
        timedelta(hours=hours),
        item_id,
    )


async def sweep(world: World) -> Swept:
    """Sweep with the world's configurations."""
    return await escalation.sweep(world.db, world.configs)


async def told(world: World, kind: str, item_id: UUID | None = None) -> list[dict[str, Any]]:
    """Give the payloads of events of a kind, in order."""
    return await _read(world, "events", "payload", "kind", kind, item_id)


async def noted(world: World, action: str, item_id: UUID | None = None) -> list[dict[str, Any]]:
    """Give the particulars of audit entries, in order."""
    return await _read(world, "audit_entries", "details", "action", action, item_id)


async def _read(world: World, table: str, column: str, by: str, value: str, item_id: UUID | None) -> list[Any]:
    rows = await world.db.hot.fetch(
        f"SELECT {column}::text AS found FROM {table} WHERE project_id = $1 AND {by} = $2"
        " AND ($3::uuid IS NULL OR item_id = $3) ORDER BY id",
        world.service.project_id,
        value,
        item_id,
    )
    return [msgspec.json.decode(row["found"]) for row in rows]


async def the_case(world: World, item_id: UUID) -> Any:
    """Read a case."""
    return await world.db.hot.fetchrow("SELECT * FROM cases WHERE item_id = $1", item_id)


async def seats(world: World, item_id: UUID) -> list[Any]:
    """Read a case's seats, in the order in which they were made."""
    return await world.db.hot.fetch("SELECT * FROM assignments WHERE item_id = $1 ORDER BY id", item_id)


async def escalate(world: World, name: str, held: ClaimedAssignment, reason: str = "too hard") -> int:
    """Escalate by hand."""
    async with world.db.transaction() as tx:
        key: dict[str, Any] = {"assignment_id": held.id, "fence": held.fence, "reason": reason}
        return await escalation.escalate(tx, world.configs, who=world.people[name], **key)
