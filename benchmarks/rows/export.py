"""G12: what a dataset costs beside COPY of the same records, and that memory does not grow with it."""

import asyncio
import os
import statistics
import sys
from pathlib import Path
from typing import Literal
from uuid import UUID

import asyncpg
import msgspec

from benchmarks.material import TEXT, connections, make_project
from benchmarks.rounds import Effort, take_turns
from benchmarks.stage import Stage
from benchmarks.table import Line
from review.kernel.settings import Settings

Kind = Literal["parquet", "jsonl", "snapshot", "copy-binary", "copy-text"]
PAIRS: tuple[tuple[Kind, Kind, float], ...] = (
    ("parquet", "copy-binary", 0.75),
    ("jsonl", "copy-text", 0.55),
    ("snapshot", "copy-binary", 0.75),
)
STEP = 100_000
AT_ONCE = {
    "REVIEW_STATEMENT_TIMEOUT": "600"
}  # the baseline is a single statement, which the product never lets run so long

# The records are built by the server, each with a text, a label, a confidence and ids of its own.
FILL = """
WITH new AS MATERIALIZED (
  SELECT n, uuidv7() AS id, uuidv7() AS item_id, now() AS at FROM generate_series($2::int, $3::int) AS n
), decided AS (
  INSERT INTO decisions (project_id, item_id, revision, verdict, output, source, reasons, comment, decided_by, reviews)
  SELECT $1, item_id, 1, 'approve', '{"label":"card_arrival"}', 'review', '[]', '', 'bench', 1 FROM new
  RETURNING item_id
)
INSERT INTO feedback (project_id, id, position, item_id, revision, type, verdict, source, record, decided_at)
SELECT $1, id, n, item_id, 1, 'ticket_intent', 'approve', 'review', json_build_object(
  'id', id, 'item_id', item_id, 'external_id', 'msg-' || n, 'type', 'ticket_intent', 'type_version', 1,
  'input', json_build_object('text', overlay($4::text placing md5(n::text) || md5((n + 1)::text) from 40 for 64),
                             'channel', (ARRAY['web', 'mail', 'chat'])[1 + n % 3]),
  'model_output', json_build_object('label', 'lost_card'), 'label', json_build_object('label', 'lost_card'),
  'verdict', 'approve', 'source', 'review', 'reasons', '[]'::json, 'comment', NULL,
  'model', json_build_object('name', 'intent-clf', 'version', '2026-10-01'),
  'confidence', round((0.3 + (n % 997) / 1500.0)::numeric, 4), 'impact', 'high', 'tags', '["beta"]'::json,
  'route', json_build_object('rule', 'low-confidence', 'ruleset_version', 3, 'inclusion_probability', 1.0),
  'reviews', 1, 'agreement', 1.0, 'decided_at', to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text::json, at
FROM new JOIN decided USING (item_id)
"""

# What the items left behind besides: a body with its subject, a closed case, a seat that was taken, a review.
SURROUND = """
WITH decided AS MATERIALIZED (
  SELECT item_id, position, record, uuidv7() AS case_id, uuidv7() AS assignment_id, uuidv7() AS review_id
  FROM feedback WHERE project_id = $1 AND position BETWEEN $2::int AND $3::int
), bodies AS (
  INSERT INTO item_bodies (project_id, item_id, input, output, details, route, submitted_by)
  SELECT $1, item_id, record -> 'input', record -> 'model_output',
         json_build_object('subject', 'customer-' || position % 5000), record -> 'route', '{}' FROM decided
), closed AS (
  INSERT INTO cases (project_id, id, item_id, state, pool, priority, reviews_required, closed_at)
  SELECT $1, case_id, item_id, 'closed', 'triage', 50, 1, now() FROM decided
), seats AS (
  INSERT INTO assignments (project_id, id, case_id, item_id, kind, pool, priority, state)
  SELECT $1, assignment_id, case_id, item_id, 'review', 'triage', 50, 'done' FROM decided
)
INSERT INTO reviews (project_id, id, case_id, item_id, assignment_id, kind, reviewer_id, verdict, reasons, comment,
                     held_seconds)
SELECT $1, review_id, case_id, item_id, assignment_id, 'review', $4, 'approve', '[]', '', 4.0 FROM decided
"""


class Exported(msgspec.Struct, frozen=True):
    """What a process of its own took to write a file."""

    seconds: float
    peak_rss: int


async def measure(stage: Stage, effort: Effort) -> list[Line]:
    """Export the records in turns with COPY into a file, each by a new process; and fewer of them, for the memory."""
    async with stage.database() as settings, connections(settings, 1) as (connection,):
        project = await make_project(settings)
        key = project.service.project_id
        await fill(connection, key, 1, effort.records)
        kinds: tuple[Kind, ...] = ("parquet", "jsonl", "snapshot")
        few = {kind: await _peak(stage, settings, key, kind) for kind in kinds}
        await fill(connection, key, effort.records + 1, effort.many_records)
        lines, many = list[Line](), dict[Kind, list[float]]()
        for pair in PAIRS:
            line, many[pair[0]] = await _timed(stage, settings, key, effort, pair)
            lines.append(line)
        for kind, peaks in many.items():
            before, after = few[kind], statistics.median(peaks)
            lines.append(
                Line(
                    goal="G12",
                    what=f"peak memory of {kind}, {effort.many_records:,} records",
                    against=f"of {effort.records:,}",
                    values=(after / before,),
                    bound=1.2,
                    at_most=True,
                    seen=f"{after / 2**20:,.0f} of {before / 2**20:,.0f} MiB",
                )
            )
    return lines


async def _timed(
    stage: Stage, settings: Settings, key: UUID, effort: Effort, pair: tuple[Kind, Kind, float]
) -> tuple[Line, list[float]]:
    """Export in turns with the baseline; gives the ratio, and the peak memory of each export."""
    ours, theirs, bound = pair
    peaks: list[float] = []

    async def per_second(kind: Kind) -> float:
        done = await _export(stage, settings, key, kind)
        if kind == ours:
            peaks.append(float(done.peak_rss))
        return effort.many_records / done.seconds

    await per_second(ours)
    rounds = await take_turns(lambda: per_second(theirs), {ours: lambda: per_second(ours)}, effort.pairs)
    line = Line(
        goal="G12",
        what=f"{ours} of {effort.many_records:,} records",
        against=theirs.replace("copy-", "COPY ") + " into a file",
        values=rounds.ratios(ours),
        bound=bound,
        control=rounds.control,
        seen=f"{max(rounds.subjects[ours]):,.0f} of {max(rounds.baseline):,.0f} records/s at best",
    )
    return line, peaks


async def _peak(stage: Stage, settings: Settings, key: UUID, kind: Kind) -> float:
    return statistics.median([float((await _export(stage, settings, key, kind)).peak_rss) for _ in range(3)])


async def _export(stage: Stage, settings: Settings, key: UUID, kind: Kind) -> Exported:
    """Write one file in a new process, which tells how it went."""
    out = stage.directory / "export"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.exporting", kind, str(key), str(out)),
        env={**os.environ, "REVIEW_DATABASE_URL": settings.database_url, **(AT_ONCE if "copy" in kind else {})},
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    told, _ = await process.communicate()
    out.unlink(missing_ok=True)
    if process.returncode != 0:
        message = f"the export to {kind} failed; it said why above"
        raise RuntimeError(message)
    return msgspec.json.decode(told, type=Exported)


async def fill(connection: "asyncpg.Connection[asyncpg.Record]", key: UUID, first: int, last: int) -> None:
    """Build records with these positions, and all that a snapshot reads beside them."""
    reviewer = await connection.fetchval("SELECT id FROM users LIMIT 1")
    for start in range(first, last + 1, STEP):
        end = min(start + STEP - 1, last)
        await connection.execute(FILL, key, start, end, TEXT)
        await connection.execute(SURROUND, key, start, end, reviewer)
    await connection.execute(
        "INSERT INTO feedback_feeds VALUES ($1, $2) ON CONFLICT (project_id) DO UPDATE SET last_position = $2",
        key,
        last,
    )
    await connection.execute("VACUUM (ANALYZE) feedback, item_bodies, cases, assignments, reviews")
    await connection.execute("CHECKPOINT")
