"""A project whose configuration limits judgement in every way there is."""

from typing import Any

import msgspec

from review.audit.rules import OPERATOR
from review.configuration import service as configuration
from review.decisions.rules import Verdict
from review.identity.rules import Role
from review.intake import service as intake
from review.intake.service import Accepted
from review.items.schemas import ItemView
from review.kernel.db import Database
from review.kernel.settings import Settings
from review.queueing import service as queueing
from review.queueing.schemas import ClaimedAssignment
from review.reviewing import overrides
from review.reviewing import service as reviewing
from review.reviewing.schemas import JudgementIn, ProposalView
from tests.make import BASE_URL, World

CONFIG = """
project: {project}
item_types:
  refund:
    input_schema: true
    output_schema: {{type: object, required: [amount], properties: {{amount: {{type: number}}}}}}
    needs_lead: 'review.verdict != "reject" && review.output.amount > 500'
    lead_pool: seniors
    relations: [metadata.author, input.team.email]
  match:
    input_schema: true
    output_schema: {{type: object, required: [same], properties: {{same: {{type: boolean}}, who: {{type: string}}}}}}
    two_person: true
  note:
    input_schema: true
    output_schema: true
    adjudication: open
pools:
  triage:
    lease: 10m
    members: [ana@example.com, ben@example.com, cleo@example.com, dan@example.com]
    verdicts: [approve, correct]
  seniors: {{lease: 20m, members: [sam@example.com]}}
  any: {{lease: 10m, members: [ana@example.com, ben@example.com, cleo@example.com, dan@example.com]}}
sla_policies:
  quick: {{decide: 1h, escalation: steps}}
  slow: {{decide: 1h, escalation: late}}
escalation_policies:
  steps: [{{after: 100%, decide: approve}}]
  late: [{{after: 100%, decide: reject}}]
default_pool: any
rules:
  - {{name: timed, when: '"timed" in item.tags', then: {{review: any, sla: quick}}}}
  - {{name: rejected-late, when: '"late" in item.tags', then: {{review: any, sla: slow}}}}
  - {{name: panel, when: '"panel" in item.tags', then: {{review: any, reviews: 2, adjudicate: seniors}}}}
  - {{name: sure, when: 'item.confidence != null && item.confidence > 0.9', then: {{approve: true}}}}
  - {{name: never, when: '"blocked" in item.tags', then: {{reject: true}}}}
  - {{name: narrow, when: '"narrow" in item.tags', then: {{review: triage, reviews: 1}}}}
  - {{name: rest, when: 'true', then: {{review: any, adjudicate: seniors}}}}
"""


async def build(db: Database, settings: Settings, project: str = "limits") -> World:
    """Build it, with a second lead."""
    world = await World.build(db, settings, project, CONFIG.format(project=project))
    await world.add_person("max", Role.LEAD)
    return world


async def send(world: World, kind: str, output: object, **more: Any) -> Accepted:
    """Submit one item of a type."""
    body = {"type": kind, "input": {}, "output": output} | more
    return await intake.submit(world.desk(), msgspec.json.encode(body), idempotency_key=None)


async def refund(world: World, amount: float = 100, **more: Any) -> Accepted:
    """Submit a refund."""
    return await send(world, "refund", {"amount": amount}, **more)


async def match(world: World, **more: Any) -> Accepted:
    """Submit what takes two people."""
    return await send(world, "match", {"same": True}, **more)


async def take(world: World, name: str, pool: str = "any") -> ClaimedAssignment:
    """Claim the only one there is for somebody."""
    (held,) = await world.claim(name, pool)
    return held


async def skip(world: World, name: str, held: ClaimedAssignment, reason: str = "", **more: Any) -> None:
    """Skip as a person."""
    async with world.db.transaction() as tx:
        key: dict[str, Any] = {"who": world.people[name], "assignment_id": held.id, "fence": held.fence}
        await queueing.skip(tx, **key, reason=reason, **more)


def bench(world: World) -> reviewing.Bench:
    """What judging needs."""
    return reviewing.Bench(world.item_types, lambda _ids: None, BASE_URL, world.configs)


async def override(world: World, name: str, item: ItemView, verdict: str, **more: Any) -> ItemView:
    """Override as a person."""
    submitted = JudgementIn(verdict=Verdict(verdict), comment="policy", **more)
    async with world.db.transaction() as tx:
        return await reviewing.override(tx, bench(world), who=world.people[name], item_id=item.id, submitted=submitted)


async def pending(world: World, name: str, item: ItemView) -> ProposalView | None:
    """Find what waits for a second person, as somebody."""
    async with world.db.transaction() as tx:
        return await overrides.find_pending(tx, who=world.people[name], item_id=item.id)


async def confirm(world: World, name: str, item: ItemView, proposal: ProposalView) -> ItemView:
    """Confirm as a person."""
    async with world.db.transaction() as tx:
        key: dict[str, Any] = {"who": world.people[name], "item_id": item.id, "proposal_id": proposal.id}
        return await overrides.confirm(tx, bench(world), **key)


async def apply(world: World, source: str) -> None:
    """Apply another configuration, which everybody goes by from then on."""
    async with world.db.transaction() as tx:
        plan = await configuration.apply(tx, source, actor=OPERATOR)
    assert plan.applied
    world.config = await world.configs.get(world.service.project_id, plan.version)
