"""What is like an item among ten thousand and among a million decided ones, as the review page asks for it."""

import random
import string
from contextlib import AsyncExitStack
from itertools import accumulate
from time import perf_counter
from typing import Any
from uuid import UUID

import asyncpg

from benchmarks.material import connections, make_project, without_searched
from benchmarks.rounds import Effort, Measure, Rounds, percentile, take_turns
from benchmarks.stage import Stage, console
from benchmarks.table import Line
from review.insight import learning_queries as queries
from review.insight.likeness import keys_of, query_of, scope_word, sketch_of, trigrams

BUDGET_MILLISECONDS = 50
TYPE = "ticket_intent"
TEXTS = 20_000  # each stands for as many decided items as it takes, as people ask the same again and again
ASKED = 500
LETTERS = string.ascii_lowercase + "aeiouaeioun"
VOCABULARY = 8_000  # the word of rank n comes 1/n as often as the first, as in people's texts (Zipf 1949)
STAGE = "CREATE TEMP TABLE texts (n int, brief text, sketch int[], keys int[])"
STEP = 5
COPY = """
INSERT INTO precedents (project_id, item_id, type, revision, verdict, label, decided_at, brief, words, sketch, keys,
  model, model_version, weight, is_counted)
SELECT $1, uuidv7(), $2, 1, 'approve', '{"label": "refund"}', now(), t.brief,
  to_tsvector('simple', $3 || ' ' || t.brief), t.sketch, t.keys, 'm', '1', 1, false
FROM texts t CROSS JOIN generate_series(1, $4) AS again
"""


class Asker:
    """Somebody whose page asks what is like an item, over so many decided ones."""

    def __init__(
        self, connection: "asyncpg.Connection[asyncpg.Record]", asked: list[tuple[Any, ...]], depth: int
    ) -> None:
        self.depth = depth
        self.samples = 0
        self.found = 0
        self._connection = connection
        self._asked = asked

    def measuring(self, seconds: float) -> Measure:
        """Give the measurement of the 95th percentile, in milliseconds."""

        async def measure() -> float:
            took: list[float] = []
            until = perf_counter() + seconds
            while (began := perf_counter()) < until:
                given = self._asked[len(took) % len(self._asked)]
                async with self._connection.transaction():
                    self.found += len(await queries.find_near(self._connection, given))
                took.append(perf_counter() - began)
            self.samples += len(took)
            return 1000 * percentile(took, 0.95)

        return measure


async def measure(stage: Stage, effort: Effort) -> list[Line]:
    """Ask in turns, over few and over many decided items, each in a database of its own."""
    async with AsyncExitStack() as opened:
        few, *deeper = [await asker(stage, opened, depth) for depth in effort.listed]
        for each in (few, *deeper):
            await each.measuring(effort.seconds)()  # what stays in memory then
        subjects = {str(each.depth): each.measuring(effort.seconds) for each in deeper}
        rounds = await take_turns(few.measuring(effort.seconds), subjects, effort.pairs)
        return [line for each in deeper for line in _lines(few, each, rounds.subjects[str(each.depth)], rounds)]


def _lines(few: Asker, each: Asker, values: tuple[float, ...], rounds: Rounds) -> list[Line]:
    what = f"what is like an item among {each.depth:,} decided, p95"
    seen = f"{each.samples:,} asked, {each.found / each.samples:.0f} compared each"
    return [
        Line(
            goal="G11",
            what=what,
            against="wall time at the caller",
            values=values,
            unit=" ms",
            bound=BUDGET_MILLISECONDS,
            at_most=True,
            control=rounds.control,
            seen=seen,
        ),
        Line(
            goal="G11",
            what=what,
            against=f"among {few.depth:,}",
            values=rounds.ratios(str(each.depth)),
            bound=None,
            at_most=True,
            control=rounds.control,
            seen=f"{min(values):.1f} of {min(rounds.baseline):.1f} ms at best",
        ),
    ]


async def asker(stage: Stage, opened: AsyncExitStack, depth: int) -> Asker:
    """Give somebody who asks, over so many decided items."""
    settings = await opened.enter_async_context(stage.database())
    project = (await make_project(settings)).service.project_id
    (connection,) = await opened.enter_async_context(connections(settings, 1))
    speaker = Speaker(random.Random(7))
    scope = scope_word(project, TYPE)
    texts = [speaker.text() for _ in range(min(TEXTS, depth))]
    await connection.execute(STAGE)
    rows = [(n, text, *_sketched(project, text)) for n, text in enumerate(texts)]
    await connection.copy_records_to_table("texts", records=rows)
    left = depth // len(texts)
    async with without_searched(connection, ["precedents"]):
        while left > 0:
            await connection.execute(COPY, project, TYPE, scope, min(STEP, left))
            left -= STEP
            if depth > TEXTS:
                console.print(f"[dim]{depth - max(0, left) * len(texts):,} of {depth:,} decided items are there[/]")
    await connection.execute("VACUUM (ANALYZE) precedents")
    asked = [_question(project, scope, speaker.reword(text)) for text in texts[:ASKED]]
    return Asker(connection, asked, depth)


class Speaker:
    """Somebody who makes up texts of words that nobody knows."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._words = ["".join(chance.choices(LETTERS, k=chance.randint(2, 11))) for _ in range(VOCABULARY)]
        self._common = list(accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))

    def text(self) -> str:
        """Make up a text of 8 to 40 words."""
        return " ".join(self._chance.choices(self._words, cum_weights=self._common, k=self._chance.randint(8, 40)))

    def reword(self, text: str) -> str:
        """Say something else for one word in seven."""
        other = self._chance.choices(self._words, cum_weights=self._common, k=1)
        return " ".join(word if self._chance.random() < 6 / 7 else other[0] for word in text.split())


def _sketched(project: UUID, text: str) -> tuple[list[int], list[int]]:
    sketch = sketch_of(trigrams(text))
    keys = keys_of(project, TYPE, sketch)
    return sketch, [*keys.near, *keys.loose]


def _question(project: UUID, scope: str, asked: str) -> tuple[Any, ...]:
    sketch = sketch_of(trigrams(asked))
    keys = keys_of(project, TYPE, sketch)
    return project, TYPE, keys.near, query_of(asked, scope), keys.loose, sketch, 300, 40
