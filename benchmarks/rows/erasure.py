"""Erasure of one subject among a million items: how long it takes from asking to done, and what it reads on the way."""

from contextlib import suppress
from time import perf_counter
from uuid import UUID

import asyncpg
import msgspec

from benchmarks.material import BASE_URL, TEXT, Project, connections, make_project
from benchmarks.rounds import Effort
from benchmarks.stage import SEALING_KEY, Stage, console
from benchmarks.table import Line
from review.audit import sequencing
from review.configuration.service import ConfigCache
from review.datasets.selections.rules import Definition
from review.datasets.snapshots import running as snapshots
from review.datasets.snapshots import service as snapshot_service
from review.delivery.feed import service as relay
from review.erasure import running, scrub_queries, service
from review.erasure.errors import NothingToErase
from review.erasure.schemas import ErasureIn
from review.identity import keys
from review.kernel.db import Database
from review.kernel.ids import new_id
from review.kernel.settings import Settings

STEP = 100_000
OF_SUBJECT = 100  # items that each subject has
FILLED = (
    *("items", "item_bodies", "cases", "assignments", "reviews", "decisions", "feedback", "events", "audit_entries"),
    *("precedents", "bulk_items", "rollout_items", "override_proposals"),
)
# Each item was judged by a person and left what that leaves; every subject has a hundred of them, far from each other.
FILL = f"""
WITH new AS MATERIALIZED (
  SELECT n, uuidv7() AS item, uuidv7() AS case_id, uuidv7() AS seat, uuidv7() AS id,
         'customer-' || n % ($5::int / {OF_SUBJECT}) AS subject, json_build_object('text', $4::text || n) AS input,
         now() - interval '1 hour' + n * interval '1 microsecond' AS at
  FROM generate_series($2::int, $3::int) AS n
), i AS (
  INSERT INTO items (project_id, id, type, type_version, external_id, fingerprint, state, config_version,
                     ruleset_version, closed_at)
  SELECT $1, item, 'ticket_intent', 1, 'msg-' || n, sha256(n::text::bytea), 'decided', 1, 1, now() FROM new
), b AS (
  INSERT INTO item_bodies (project_id, item_id, input, output, details, route, submitted_by)
  SELECT $1, item, input, '{{"label":"card_arrival"}}', json_build_object('subject', subject, 'confidence', 0.62),
         '{{"action":"review","rule":"low-confidence","evaluations":[]}}', '{{}}' FROM new
), c AS (
  INSERT INTO cases (project_id, id, item_id, state, pool, priority, reviews_required)
  SELECT $1, case_id, item, 'closed', 'triage', 10, 1 FROM new
), a AS (
  INSERT INTO assignments (project_id, id, case_id, item_id, kind, pool, priority, state)
  SELECT $1, seat, case_id, item, 'review', 'triage', 10, 'done' FROM new
), r AS (
  INSERT INTO reviews (project_id, id, case_id, item_id, assignment_id, kind, reviewer_id, verdict, output, reasons,
                       comment, held_seconds)
  SELECT $1, id, case_id, item, seat, 'review', $6, 'correct', '{{"label":"refund"}}', '[]', 'said ' || n, 3 FROM new
), d AS (
  INSERT INTO decisions (project_id, item_id, revision, verdict, output, source, reasons, comment, decided_by, reviews)
  SELECT $1, item, 1, 'correct', '{{"label":"refund"}}', 'review', '[]', 'said ' || n, 'bench', 1 FROM new
), f AS (
  INSERT INTO feedback (project_id, id, position, item_id, revision, type, verdict, source, record, decided_at)
  SELECT $1, id, n, item, 1, 'ticket_intent', 'correct', 'review', json_build_object(
    'id', id, 'item_id', item, 'external_id', 'msg-' || n, 'type', 'ticket_intent', 'type_version', 1,
    'input', input, 'model_output', json_build_object('label', 'card_arrival'),
    'label', json_build_object('label', 'refund'), 'verdict', 'correct', 'source', 'review', 'reasons', '[]'::json,
    'comment', 'said ' || n, 'model', NULL, 'confidence', 0.62, 'impact', NULL, 'tags', '[]'::json,
    'route', json_build_object('rule', 'low-confidence', 'ruleset_version', 1, 'inclusion_probability', 1.0),
    'reviews', 1, 'agreement', 1.0, 'decided_at', to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text::json, at
  FROM new
), e AS (
  INSERT INTO events (project_id, id, kind, item_id, payload, position, body, created_at)
  SELECT $1, id, 'item.decided', item, '{{"verdict":"correct"}}', n,
         json_build_object('id', id, 'data', json_build_object('item', json_build_object('id', item, 'input', input))),
         at FROM new
), l AS (
  INSERT INTO audit_entries (project_id, id, at, actor_kind, actor_name, action, item_id, details)
  SELECT $1, id, at, 'user', 'bench', 'item.decided', item, json_build_object('comment', 'said ' || n) FROM new
), p AS (
  INSERT INTO precedents (project_id, item_id, type, revision, verdict, decided_at, brief, words, sketch, keys, model,
                          model_version, weight, is_counted)
  SELECT $1, item, 'ticket_intent', 1, 'correct', at, 'said ' || n, '', ARRAY[n], ARRAY[n], 'm', '1', 1, false FROM new
), k AS (
  INSERT INTO bulk_items (project_id, act_id, n, item_id, state)
  SELECT $1, md5((n / 1000)::text)::uuid, n % 1000, item, 'done' FROM new
), o AS (
  INSERT INTO rollout_items (project_id, rollout_id, item_id, is_taken, old, new)
  SELECT $1, md5((n / {STEP})::text)::uuid, item, false, 'review', 'review' FROM new
)
INSERT INTO override_proposals (project_id, id, item_id, revision, verdict, reasons, comment, proposed_by, state)
SELECT $1, id, item, 1, 'reject', '[]', 'said ' || n, $6, 'confirmed' FROM new WHERE n % 10 = 0
"""  # noqa: S608  numbers of this module


async def measure(stage: Stage, effort: Effort) -> list[Line]:
    """Erase one subject after the other, with a snapshot that holds them all, and tell what is read in full."""
    async with stage.database() as plain, connections(plain, 1) as (connection,):
        store = stage.directory / "snapshots"
        settings = msgspec.structs.replace(plain, snapshot_store=store.as_uri(), secret_key=SEALING_KEY)
        project = await make_project(settings)
        await _fill(connection, project, effort.many_records)
        db = await Database.connect(settings)
        try:
            await sequencing.sequence_project(db, project.service.project_id)
            await connection.execute(f"VACUUM (ANALYZE) {', '.join(FILLED)}")
            await connection.execute("CHECKPOINT")
            operator = await keys.get_operator(db.hot, project.config.project)
            await _snapshot(db, settings, operator.project_id)
            scanned = await _scanned(connection, operator.project_id)
            took = [await _erase(db, settings, project, f"customer-{at}") for at in range(1 + effort.pairs // 3)]
            searched = await _search(connection, 'customer-0"')
        finally:
            await db.close()
    what = f"erasure of a subject with {OF_SUBJECT} items among {effort.many_records:,}"
    return [
        _line(what, "the first, which withdraws a snapshot of all records", (took[0],)),
        _line(what, "those after it", tuple(took[1:])),
        _line("the proving search: every column of every table", "nothing found", (searched,)),
        Line(goal="erasure", what="statements of an erasure that read a large table in full", against="none",
             values=(float(len(scanned)),), bound=0, at_most=True, seen=", ".join(scanned) or "none"),
    ]  # fmt: skip  # one line each


def _line(what: str, against: str, values: tuple[float, ...]) -> Line:
    return Line(goal="erasure", what=what, against=against, values=values, unit=" s", bound=None, at_most=True, seen="")


async def _fill(connection: "asyncpg.Connection[asyncpg.Record]", project: Project, count: int) -> None:
    key, reviewer = project.service.project_id, project.people[0].id
    await connection.execute("SET session_replication_role = replica")  # the acts that rows speak of are not there
    step = min(STEP, count)
    for start in range(1, count + 1, step):
        await connection.execute(FILL, key, start, min(start + step - 1, count), TEXT, count, reviewer)
        console.print(f"[dim]{min(start + step - 1, count):,} of {count:,} items are there[/]")
    await connection.execute("SET session_replication_role = origin")
    for table in ("feedback_feeds", "event_feeds"):
        feed = f"INSERT INTO {table} (project_id, last_position) VALUES ($1, $2)"  # noqa: S608  a table's name
        await connection.execute(f"{feed} ON CONFLICT (project_id) DO UPDATE SET last_position = $2", key, count)


async def _snapshot(db: Database, settings: Settings, project_id: UUID) -> None:
    await db.hot.execute(
        "INSERT INTO datasets (project_id, id, name, definition, created_by, changed_by)"
        " VALUES ($1, $2, 'all', $3::text::json, 'bench', 'bench')",
        project_id,
        new_id(),
        msgspec.json.encode(Definition()).decode(),
    )
    async with db.transaction() as tx:
        actor = (await keys.get_operator(db.hot, "bench")).actor
        begun = await snapshot_service.begin(tx, settings, project_id=project_id, actor=actor, dataset="all")
    began = perf_counter()
    if not await snapshots.work(db, settings, project_id, begun.id):
        message = "the snapshot was not made"
        raise RuntimeError(message)
    console.print(f"[dim]a snapshot of everything took {perf_counter() - began:.1f} s[/]")


async def _erase(db: Database, settings: Settings, project: Project, subject: str) -> float:
    """Erase a subject as a request and workers do, and see that nothing is left; gives the seconds it took."""
    operator = await keys.get_operator(db.hot, project.config.project)
    post = relay.Post(db, ConfigCache(db), lambda _: None, BASE_URL)
    began = perf_counter()
    async with db.transaction() as tx:
        asked = await service.request(tx, who=operator, asked=ErasureIn(reason="bench", subject=subject))
    while not await running.work(db, settings, lambda _: None, operator.project_id, asked.id):
        await relay.relay(post)
        await db.hot.execute("UPDATE erasures SET lease_until = NULL WHERE id = $1", asked.id)
    took = perf_counter() - began
    if asked.items != OF_SUBJECT:
        message = f"{asked.items} items were erased and not {OF_SUBJECT}"
        raise RuntimeError(message)
    with suppress(NothingToErase):
        async with db.transaction() as tx:
            await service.request(tx, who=operator, asked=ErasureIn(reason="bench", subject=subject))
        message = "something is left of what was erased"
        raise RuntimeError(message)
    return took


async def _scanned(connection: "asyncpg.Connection[asyncpg.Record]", project_id: UUID) -> list[str]:
    """Name the large tables that a statement of an erasure would read in full."""
    rows = await connection.fetch("SELECT id FROM items WHERE project_id = $1 ORDER BY id LIMIT $2", project_id, 50)
    items = ", ".join(f"'{row['id']}'" for row in rows)
    found: set[str] = set()
    statements = (*scrub_queries.SCRUBS, scrub_queries.UNSETTLED, scrub_queries.LIST_ACT_ENTRIES)
    for each in statements:
        said = each.replace("$1", f"'{project_id}'::uuid").replace("$2::uuid[]", f"ARRAY[{items}]::uuid[]")
        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {said}"))
        found |= {table for table in FILLED if f"Seq Scan on {table} " in plan}
    return sorted(found)


async def _search(connection: "asyncpg.Connection[asyncpg.Record]", mark: str) -> float:
    """Look for a text in every column of every table, as the proof of an erasure does; gives the seconds it took."""
    began = perf_counter()
    tables = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    found: list[str] = []
    for row in tables:
        table = row["relname"]
        said = f"SELECT EXISTS (SELECT FROM {table} t WHERE strpos(t::text, $1) > 0)"  # noqa: S608  a table's name
        if await connection.fetchval(said, mark):
            found.append(table)
    if found:
        message = f"what was erased is still in {', '.join(found)}"
        raise RuntimeError(message)
    return perf_counter() - began
