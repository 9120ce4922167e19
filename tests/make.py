"""Builders: what a test needs in one call, and nothing it does not ask for."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit.rules import OPERATOR
from review.configuration import service as configuration
from review.configuration.rules import ProjectConfig
from review.configuration.service import ConfigCache, ItemTypes
from review.decisions.rules import Verdict
from review.identity import keys, people
from review.identity.rules import Principal, Role
from review.intake import service as intake
from review.intake.service import Accepted, Desk
from review.kernel.db import Database
from review.kernel.ids import new_id
from review.kernel.settings import Settings
from review.queueing import service as queueing
from review.queueing.ahead import Reserved
from review.queueing.schemas import ClaimedAssignment
from review.reviewing import pending
from review.reviewing import service as reviewing
from review.reviewing.pending import Filled, Given
from review.reviewing.schemas import JudgementIn, Submitted

BASE_URL = "http://testserver.local"
OF_A_PAGE = {"Sec-Fetch-Site": "same-origin"}  # what browsers say of a request that a page of the same site sends
PASSWORD = "correct horse battery"

CONFIG = """
project: {project}
item_types:
  ticket_intent:
    title: Ticket intent
    input_schema: {{type: object, required: [text], properties: {{text: {{type: string}}, amount: {{type: number}}}}}}
    output_schema:
      type: object
      required: [label]
      properties: {{label: {{enum: [card_arrival, lost_card, refund]}}}}
      additionalProperties: false
    reasons: [wrong_label, ambiguous, out_of_scope]
    guidelines: Choose the intent the customer would choose.
    view: {{input.text: text, output.label: choice}}
    undo: 0s
pools:
  triage: {{lease: 10m, members: [ana@example.com, ben@example.com, cleo@example.com, dan@example.com]}}
  seniors: {{lease: 20m, members: [sam@example.com]}}
sla_policies:
  standard: {{decide: 4h}}
rules:
  - {{name: vip, when: '"vip" in item.tags', then: {{review: seniors, priority: 80}}}}
  - {{name: panel, when: '"panel" in item.tags', then: {{review: triage, reviews: 2, adjudicate: seniors}}}}
  - {{name: blocked, when: '"blocked" in item.tags', then: {{reject: true}}}}
  - {{name: low-confidence, when: 'item.confidence < 0.8', then: {{review: triage, sla: standard}}}}
  - {{name: rest, when: 'true', then: {{approve: true}}}}
"""


async def give_verdict(
    tx: AsyncSession,
    bench: reviewing.Bench,
    *,
    submitted: JudgementIn,
    filled: Filled,
    shown: Reserved | None = None,
    **key: Any,
) -> Given:
    """Take a verdict as the review page does: what it is about is locked, read, and then given."""
    held = await pending.hold(tx, bench, **key, verdict=submitted.verdict.value, filled=filled)
    if isinstance(held, Given):
        return held
    return await pending.give(tx, bench, who=key["who"], judged=held, submitted=submitted, filled=filled, shown=shown)


def submission(text: str = "where is my card", label: str = "card_arrival", **more: Any) -> dict[str, Any]:
    """An item's body; without a confidence of its own it is doubtful enough for a person."""
    return {"type": "ticket_intent", "input": {"text": text}, "output": {"label": label}, "confidence": 0.5} | more


@dataclass
class World:
    """A project with people, and the services to act on it."""

    db: Database
    settings: Settings
    project: str
    configs: ConfigCache
    item_types: ItemTypes
    config: ProjectConfig
    service: Principal
    service_key: str
    people: dict[str, Principal] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    @classmethod
    async def build(
        cls, db: Database, settings: Settings, project: str = "support", source: str | None = None
    ) -> "World":
        """Apply the configuration and create everybody."""
        async with db.transaction() as tx:
            await configuration.apply(tx, source or CONFIG.format(project=project), actor=OPERATOR, may_create=True)
            key = await keys.create_key(tx, project=project, name="crm", role=Role.SERVICE, actor=OPERATOR)
        configs = ConfigCache(db)
        service = await keys.authenticate_key(db.hot, key)
        config = await configs.get(service.project_id, service.config_version)
        world = cls(db, settings, project, configs, ItemTypes(db), config, service, key)
        for name in ("ana", "ben", "cleo", "dan", "sam"):
            await world.add_person(name, Role.REVIEWER)
        await world.add_person("lea", Role.LEAD)
        return world

    def over(self, db: Database, settings: Settings) -> "World":
        """Give the same world over a copy of its database."""
        caches = ConfigCache(db), ItemTypes(db)
        world = World(db, settings, self.project, *caches, self.config, self.service, self.service_key)
        world.people, world.tokens = dict(self.people), dict(self.tokens)
        return world

    async def add_person(self, name: str, role: str, *, password: str | None = None) -> Principal:
        """Create a person with a personal token."""
        email = f"{name}@example.com"
        async with self.db.transaction() as tx:
            await people.create_user(
                tx, project=self.project, email=email, role=role, password=password, actor=OPERATOR
            )
            token = await keys.create_token(tx, project=self.project, email=email, name="test", actor=OPERATOR)
        self.tokens[name] = token
        self.people[name] = await keys.authenticate_key(self.db.hot, token)
        return self.people[name]

    def desk(self) -> Desk:
        """The upstream service's way in."""
        return Desk(self.db.hot, self.service, self.config, BASE_URL)

    async def submit(self, text: str = "where is my card", **more: Any) -> Accepted:
        """Submit one item as the upstream service."""
        raw = msgspec.json.encode(submission(text, **more))
        return await intake.submit(self.desk(), raw, idempotency_key=None)

    async def claim(self, name: str, pool: str = "triage", limit: int = 1) -> list[ClaimedAssignment]:
        """Claim as a person."""
        return await queueing.claim(
            self.db.hot, who=self.people[name], pool=pool, limit=limit, config=self.config, base_url=BASE_URL
        )

    async def judge(
        self, name: str, assignment: ClaimedAssignment, verdict: str, output: object = msgspec.UNSET, **more: Any
    ) -> Submitted:
        """Submit a review as a person."""
        submitted = JudgementIn(verdict=Verdict(verdict), output=output, **more)
        async with self.db.transaction() as tx:
            return await reviewing.submit(
                tx,
                reviewing.Bench(self.item_types, lambda _ids: None, BASE_URL, self.configs),
                who=self.people[name],
                assignment_id=assignment.id,
                fence=assignment.fence,
                submitted=submitted,
            )

    async def count(self, table: str, **where: object) -> int:
        """Count the rows of a table of this project."""
        conditions = "".join(f" AND {column} = ${at}" for at, column in enumerate(where, start=2))
        statement = f"SELECT count(*) FROM {table} WHERE project_id = $1{conditions}"
        return int(await self.db.hot.fetchval(statement, self.service.project_id, *where.values()))


def unknown_id() -> UUID:
    """An id that names nothing."""
    return new_id()
