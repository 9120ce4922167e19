"""Backtests: stored items a second through both versions, beside the bare evaluation of the same expressions."""

from datetime import timedelta
from time import perf_counter
from uuid import UUID

import asyncpg

from benchmarks.material import CONFIG, TEXT, Project, connections, make_project
from benchmarks.rounds import Effort, Rounds, take_turns
from benchmarks.stage import Stage
from benchmarks.table import Line
from review.audit.rules import OPERATOR
from review.configuration import service as configuration
from review.configuration.service import ConfigCache
from review.kernel.db import Database
from review.rehearsal import evaluating, queries, running, service
from review.rehearsal.report import Versions
from review.rehearsal.rules import Past
from review.rehearsal.service import Wanted
from review.routing.conditions import Facts, facts_of
from review.routing.rules import RuleSet

BARE_ITEMS = 5_000
MINUTES = 60.0
A_MILLION = 1_000_000

FILL = """
WITH new AS MATERIALIZED (
  SELECT n, uuidv7() AS id, (n::bigint * 7919 % 1000) / 1000.0 AS confidence FROM generate_series(1, $2::int) AS n
), stored AS (
  INSERT INTO items (project_id, id, type, type_version, fingerprint, state, config_version, ruleset_version)
  SELECT $1, id, 'ticket_intent', 1, '\\x00', 'decided', 1, 1 FROM new
), decided AS (
  INSERT INTO decisions (project_id, item_id, revision, verdict, source, reasons, comment, decided_by, reviews)
  SELECT $1, id, 1, CASE WHEN n % 9 = 0 THEN 'correct' ELSE 'approve' END, 'review', '[]', '', 'bench', 1
  FROM new WHERE confidence < 0.8
)
INSERT INTO item_bodies (project_id, item_id, input, output, details, route, submitted_by)
SELECT $1, id, json_build_object('text', $3::text, 'channel', 'web'), '{"label":"card_arrival"}', json_build_object(
  'model', json_build_object('name', 'intent-clf', 'version', '2026-10-01'), 'confidence', confidence,
  'impact', 'high', 'alternatives', '[{"output":{"label":"lost_card"},"confidence":0.31}]'::json, 'latency_ms', 812,
  'trace_id', '4bf92f3577b34da6a3ce929d0e0e4736', 'tags', '["beta"]'::json),
  '{"action":"review","inclusion_probability":1.0}', '{}'
FROM new
"""


async def measure(stage: Stage, effort: Effort) -> list[Line]:
    """Run backtests in turns with bare evaluations of what their conditions would be asked."""
    async with stage.database() as settings, connections(settings, 1) as (connection,):
        project = await make_project(settings)
        await _fill(connection, project.service.project_id, effort.records)
        db = await Database.connect(settings)
        try:
            return await _measured(db, project, effort)
        finally:
            await db.close()


async def _fill(connection: "asyncpg.Connection[asyncpg.Record]", project_id: UUID, count: int) -> None:
    await connection.execute("SET statement_timeout = 0")
    await connection.execute(FILL, project_id, count, TEXT)
    await connection.execute("ANALYZE")


async def _measured(db: Database, project: Project, effort: Effort) -> list[Line]:
    async with db.transaction() as tx:
        await configuration.apply(tx, CONFIG.replace("confidence < 0.8", "confidence < 0.6"), actor=OPERATOR)
    configs, key = ConfigCache(db), project.service.project_id
    versions = Versions(await configs.get(key, 1), await configs.get(key, 2))
    pasts = await _pasts(db, key)
    everything = {**versions.old.ruleset.needs, **versions.new.ruleset.needs}
    contexts = [facts_of(past.facts, everything) for past in pasts]

    async def bare() -> float:
        began = perf_counter()
        for facts in contexts:
            _evaluate(versions.old.ruleset, facts)
            _evaluate(versions.new.ruleset, facts)
        return len(contexts) / (perf_counter() - began)

    async def converted() -> float:
        began = perf_counter()
        for past in pasts:
            for ruleset in (versions.old.ruleset, versions.new.ruleset):
                _evaluate(ruleset, facts_of(past.facts, ruleset.needs))
        return len(pasts) / (perf_counter() - began)

    async def backtest() -> float:
        began = perf_counter()
        await _run(db, configs, project, effort.records)
        return effort.records / (perf_counter() - began)

    return _lines(await take_turns(bare, {"converted": converted, "backtest": backtest}, effort.pairs), effort)


def _lines(rounds: Rounds, effort: Effort) -> list[Line]:
    speeds = rounds.subjects["backtest"]
    return [
        Line(
            goal="backtest",
            what=f"items a second of a backtest of {effort.records:,}, two versions of 4 rules",
            against="bare CEL evaluation of the same expressions",
            values=rounds.ratios("backtest"),
            bound=None,
            control=rounds.control,
            seen=f"{max(speeds):,.0f} of {max(rounds.baseline):,.0f} items/s at best",
        ),
        Line(
            goal="backtest",
            what="the same",
            against="the same, each decoded item converted for CEL first",
            values=rounds.between("backtest", "converted"),
            bound=None,
            seen=f"{max(speeds):,.0f} of {max(rounds.subjects['converted']):,.0f} items/s at best",
        ),
        Line(
            goal="backtest",
            what="a million items, at that speed",
            against="none",
            values=tuple(A_MILLION / speed / MINUTES for speed in speeds),
            bound=10,
            at_most=True,
            unit=" min",
        ),
    ]


async def _pasts(db: Database, project_id: UUID) -> list[Past]:
    now = await db.hot.fetchval("SELECT now()")
    part = queries.Slice(project_id=project_id, since=now - timedelta(days=1), until=now)
    return [evaluating.past_of(row) for row in await queries.read_last(db.hot, part, BARE_ITEMS)]


def _evaluate(ruleset: RuleSet, facts: Facts) -> None:
    for rule in ruleset.rules:
        if rule.condition.program.execute(facts.context):
            return


async def _run(db: Database, configs: ConfigCache, project: Project, count: int) -> None:
    who = project.service
    async with db.transaction() as tx:
        begun = await service.begin(
            tx, project_id=who.project_id, actor=who.actor, wanted=Wanted(from_version=1, to_version=2, days=1)
        )
    await running.advance(db, configs, timedelta(0))
    done = await service.get(db.hot, project_id=who.project_id, backtest_id=begun.id)
    if done.state != "done" or done.items_done != count:
        message = f"the backtest is {done.state} after {done.items_done} items"
        raise RuntimeError(message)
