"""A mark planted wherever somebody can say something, and the search for it."""

import re
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from review.audit import checking
from review.audit.checking import Report
from review.datasets.formats.arrow import parquet
from review.datasets.selections.rules import Definition
from review.datasets.snapshots import running as snapshots
from review.datasets.snapshots import service as snapshot_service
from review.datasets.snapshots.schemas import SnapshotView
from review.delivery.feed import service as relay
from review.erasure import running, service
from review.erasure.schemas import ErasureIn, ErasureView
from review.feedback import service as feedback
from review.identity.rules import Role
from review.insight import learning
from review.kernel.db import Database
from review.kernel.ids import new_id
from review.kernel.settings import Settings
from review.queueing import comments
from review.queueing.schemas import ClaimedAssignment
from review.reviewing import drafts
from tests.make import BASE_URL, World

MARK = "zq7marker"
SUBJECT = f"subject-{MARK}"
CONFIG = """
project: {project}
item_types:
  letter:
    title: Letters
    input_schema: {{type: object}}
    output_schema: {{type: object}}
    undo: 0s
    retention: {retention}
  forever:
    title: Kept
    input_schema: {{type: object}}
    output_schema: {{type: object}}
pools:
  triage: {{lease: 10m, members: [ana@example.com, ben@example.com, cleo@example.com]}}
rules:
  - {{name: panel, when: '"panel" in item.tags', then: {{review: triage, reviews: 2}}}}
  - {{name: doubtful, when: 'item.confidence < 0.8', then: {{review: triage}}}}
  - {{name: rest, when: 'true', then: {{approve: true}}}}
"""


async def build(db: Database, settings: Settings, retention: str = "null") -> World:
    """Make a project whose outputs may say anything, with an admin."""
    world = await World.build(db, settings, "letters", CONFIG.format(project="letters", retention=retention))
    await world.add_person("ada", Role.ADMIN)
    return world


def said(**more: Any) -> dict[str, Any]:
    """Give what an item may say of its subject, with the mark in each part."""
    return {
        "type": "letter",
        "input": {"text": f"I am {MARK}"},
        "output": {"label": MARK},
        "external_id": f"external-{new_id()}-{MARK}",
        "subject": SUBJECT,
        "tags": [MARK],
        "metadata": {"mail": f"{MARK}@example.com"},
        "explanation": MARK,
        "trace_id": MARK,
        "signals": {"name": MARK},
        "alternatives": [{"output": {"label": f"{MARK} too"}, "confidence": 0.2}],
    } | more


async def submit(world: World, **more: Any) -> UUID:
    """Submit a marked item."""
    return (await world.submit("", **said(**more))).item.id


async def live(world: World, item_id: UUID, seat: ClaimedAssignment) -> None:
    """Say the mark in a comment and a draft, and correct the item with it."""
    ana = world.people["ana"]
    async with world.db.transaction() as tx:
        await comments.write(tx, who=ana, item_id=item_id, text=f"@ben see {MARK}", base_url=BASE_URL)
    await drafts.save(world.db.hot, who=ana, assignment_id=seat.id, version=0, fields=[("comment", MARK)])
    await world.judge("ana", seat, "correct", {"label": f"corrected {MARK}"}, comment=f"it is {MARK}")


# What is said in places that would take a story each to come to, laid down as those would leave it.
PLANTED = (
    (
        "INSERT INTO asides (project_id, assignment_id, fence, kind, put_by, note)"
        " SELECT $1, id, 1, 'sent', 'ana', $3 FROM assignments WHERE item_id = $2"
    ),
    "UPDATE assignments SET barred = ARRAY[$3] WHERE project_id = $1 AND item_id = $2",
    (
        "INSERT INTO clock_pauses (project_id, case_id, paused_at, reason, paused_by)"
        " SELECT $1, id, now(), $3, 'lea' FROM cases WHERE item_id = $2"
    ),
    (
        "INSERT INTO item_questions (project_id, id, item_id, case_id, assignment_id, text, asked_by, wait_until,"
        " answer, answered_by, answered_at)"
        " SELECT $1, gen_random_uuid(), $2, case_id, id, $3, $4, now(), $3, 'crm', now()"
        " FROM assignments WHERE item_id = $2 LIMIT 1"
    ),
    (
        "INSERT INTO override_proposals (project_id, id, item_id, revision, verdict, output, reasons, comment,"
        " proposed_by, state) VALUES ($1, gen_random_uuid(), $2, 1, 'correct', to_json($3), '[]', $3, $4, 'pending')"
    ),
    (
        "INSERT INTO pending_judgements (project_id, assignment_id, fence, case_id, item_id, reviewer_id, given_by,"
        " judgement, filled, held_seconds, counts_at) SELECT $1, id, 1, case_id, $2, $4, '{}', to_json($3),"
        " to_json($3), 1, now() FROM assignments WHERE item_id = $2 LIMIT 1"
    ),
    (
        "INSERT INTO notifications (project_id, id, recipient, kind, event_id, item_id, facts, state, send_after)"
        " VALUES ($1, gen_random_uuid(), 'lea@example.com', 'mention', gen_random_uuid(), $2, to_json($3), 'sent',"
        " now())"
    ),
    (
        "INSERT INTO webhook_endpoints (project_id, id, name, url, events, state)"
        " VALUES ($1, $2, 'crm', 'https://crm.example', '{}', 'active')"
    ),
    (
        "INSERT INTO deliveries (project_id, id, endpoint_id, event_id, item_id, state, finished_at, reason)"
        " SELECT $1, gen_random_uuid(), $2, id, $2, 'delivered', now(), $3 FROM events WHERE item_id = $2 LIMIT 1"
    ),
    (
        "INSERT INTO delivery_attempts (project_id, delivery_id, number, started_at, seconds, request_headers,"
        " response_headers, response_body, error) SELECT $1, id, 1, now(), 1, to_json($3), to_json($3), $3, $3"
        " FROM deliveries WHERE item_id = $2"
    ),
    (
        "INSERT INTO bulk_acts (project_id, id, kind, state, given, acted_by, permissions, fingerprint, counts_at,"
        " ended_at)"
        " VALUES ($1, $2, 'decide', 'done', json_build_object('act', 'decide', 'reason', $3, 'output', $3),"
        " $4, '{}', '', now(), now())"
    ),
    "INSERT INTO bulk_items (project_id, act_id, n, item_id, state, said) VALUES ($1, $2, 1, $2, 'done', $3)",
    (
        "INSERT INTO queue_views (project_id, id, owner_id, name, query)"
        " VALUES ($1, gen_random_uuid(), $4, 'theirs', 'status=any&subject=subject-' || $3)"
    ),
)
TYPES = ("uuid", "uuid", "text", "uuid")


async def plant(world: World, item_id: UUID) -> None:
    """Lay the mark down wherever else somebody can have said something about an item."""
    given = (world.service.project_id, item_id, MARK, world.people["lea"].id)
    for statement in PLANTED:
        used = sorted({int(each) for each in re.findall(r"[$]([1-4])", statement)})
        said = statement
        for place, number in enumerate(used, start=1):
            said = said.replace(f"${number}", f"${place}::{TYPES[number - 1]}")
        await world.db.hot.execute(said, *[given[number - 1] for number in used])


async def settle(world: World) -> None:
    """Relay events and follow the feed, as workers do."""
    await relay.relay(relay.Post(world.db, world.configs, lambda _: None, BASE_URL))
    await feedback.sequence_everything(world.db)
    await learning.follow(world.db)


async def snapshot(world: World, settings: Settings) -> SnapshotView:
    """Make a snapshot of everything."""
    project_id = world.service.project_id
    await world.db.hot.execute(
        "INSERT INTO datasets (project_id, id, name, definition, created_by, changed_by)"
        " VALUES ($1, $2, 'd', $3::json, 'ana', 'ana') ON CONFLICT (project_id, name) DO NOTHING",
        project_id,
        new_id(),
        msgspec.json.encode(Definition()).decode(),
    )
    async with world.db.transaction() as tx:
        begun = await snapshot_service.begin(
            tx, settings, project_id=project_id, actor=world.people["ana"].actor, dataset="d"
        )
    await snapshots.work(world.db, settings, project_id, begun.id)
    return await view(world, begun.number)


async def view(world: World, number: int) -> SnapshotView:
    """Read a snapshot."""
    return await snapshot_service.get(world.db.hot, project_id=world.service.project_id, dataset="d", number=number)


async def ask(world: World, **named: Any) -> ErasureView:
    """Ask for an erasure."""
    async with world.db.transaction() as tx:
        return await service.request(tx, who=world.people["ada"], asked=ErasureIn(reason="they asked", **named))


async def work(world: World, settings: Settings, asked: ErasureView) -> ErasureView:
    """Work on an erasure until it is done, as workers and the relay do beside each other."""
    seen = asked
    for _ in range(5):
        await world.db.hot.execute("UPDATE erasures SET lease_until = NULL")
        await running.work(world.db, settings, lambda _: None, world.service.project_id, asked.id)
        await settle(world)
        seen = await service.get(world.db.hot, project_id=world.service.project_id, erasure_id=asked.id)
        if seen.state == "done":
            break
    assert seen.state == "done", seen
    return seen


async def found_in(db: Database, mark: str = MARK) -> set[str]:
    """Name every table that has the mark in any column of any row, as text or as bytes."""
    tables = await db.hot.fetch(
        "SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'm')"
    )
    found: set[str] = set()
    for name in (row["name"] for row in tables):
        statement = (
            f"SELECT EXISTS (SELECT FROM {name} t WHERE strpos(lower(t::text), $1) > 0 OR strpos(t::text, $2) > 0)"
        )
        if await db.hot.fetchval(statement, mark.lower(), mark.encode().hex()):
            found.add(name)
    return found


def files_with(folder: Path, mark: str = MARK) -> set[str]:
    """Name every file below a folder that has the mark in its bytes; Parquet may have packed it, so rows are read."""
    found: set[str] = set()
    for path in (each for each in folder.rglob("*") if each.is_file()):
        content = str(parquet.read_table(path).to_pylist()) if path.suffix == ".parquet" else path.read_text()
        if mark in content:
            found.add(path.name)
    return found


async def verify(world: World) -> Report:
    """Verify the audit of the project."""
    return await checking.verify_database(
        world.db, world.project, world.service.project_id, outside=(), keys=(), watch=lambda _done, _of: None
    )
