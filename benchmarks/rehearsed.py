"""What a backtest says of the thresholds that the advisor advises for a real classifier, on the same items.

`python -m benchmarks.rehearsed DIRECTORY --write docs/rehearsal.md`: DIRECTORY has banking77's train.csv and test.csv.
The items, samples and thresholds are those of `benchmarks.advice`; what is not in a sample has an answer too, which the
backtest is not told.
"""

import argparse
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from uuid import UUID

from benchmarks.advice import BEGIN, CASES, CONFIDENCE, END, SEED, Outcome, cells, outcomes
from review.assurance.advice import advise
from review.configuration.document import parse
from review.configuration.rules import ProjectConfig, compile_config
from review.rehearsal.report import Known, Span, Versions, report
from review.rehearsal.rules import Past, Tally, add
from review.rehearsal.schemas import Assumed, Report

DOCUMENT = """
project: intents
item_types:
  intent: {{input_schema: {{type: object}}, output_schema: {{type: object}}}}
pools:
  triage: {{members: [ana@example.com]}}
rules:
{rules}
"""
TO_PEOPLE = "  - {name: all, when: 'true', then: {review: triage}}"
FROM_A_THRESHOLD = """  - {{name: unsure, when: 'item.confidence < {threshold}', then: {{review: triage}}}}
  - {{name: rest, when: 'true', then: {{approve: true}}}}"""
HEADER = (
    "| bound | judged | threshold | goes to people | needless reviews saved | would have slipped | error, as the "
    "backtest tells it | true error of the same items |\n"
)
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def main() -> None:
    """Train, sample, advise, run each threshold on the items, and put the figures into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    arriving, _ = outcomes(given.directory)
    began = perf_counter()
    table = HEADER + "| --- | --- | --- | --- | --- | --- | --- | --- |\n" + "".join(rows(arriving))
    speed = len(arriving) * len(CASES) / (perf_counter() - began)
    said = f"{len(arriving):,} texts arrived. Seed {SEED}.\n\n{table}"
    print(said, f"{speed:,.0f} items/s, advice included", sep="\n")
    if given.write:
        before, _, rest = given.write.read_text().partition(BEGIN)
        given.write.write_text(f"{before}{BEGIN}{said}{END}{rest.partition(END)[2]}")


def rows(arriving: Sequence[Outcome]) -> list[str]:
    """Run the advised threshold of every bound and share."""
    old, found = version(TO_PEOPLE), list[str]()
    for bound, share in CASES:
        chance = random.Random(f"{SEED} {bound} {share}")
        sample = [(each, chance.random() < share) for each in arriving]
        threshold = advise(cells(sample, share), bound=bound, confidence=CONFIDENCE).threshold
        if threshold is None:
            continue
        new = version(FROM_A_THRESHOLD.format(threshold=threshold))
        pasts = (past(at, each, share, is_judged=judged) for at, (each, judged) in enumerate(sample))
        tally = add(Tally(), pasts, old, new)
        told = report(tally, Versions(old, new), Span(NOON, NOON), Known(), Assumed())
        through = [each.wrong for each in arriving if each.confidence >= threshold]
        judged = sum(drawn for _, drawn in sample)
        true = sum(through) / len(through)
        found.append(f"| {bound:.0%} | {judged:,} | {threshold:.2f} | {line(told)} | {true:.1%} |\n")
    return found


def version(rules: str) -> ProjectConfig:
    """Give a version of these rules."""
    return compile_config(parse(DOCUMENT.format(rules=rules)))


def past(number: int, outcome: Outcome, share: float, *, is_judged: bool) -> Past:
    """Give an item as a backtest reads it: with what people made of it if it was in the sample."""
    verdict = None if not is_judged else "correct" if outcome.wrong else "approve"
    facts = {"type": "intent", "confidence": outcome.confidence, "input": {}, "output": {}}
    return Past(UUID(int=number), NOON, "intent", facts, verdict, 1 / share)


def line(told: Report) -> str:
    """Tell the work that is left, what is saved and lost of what was judged, and the error with its bounds."""
    people = sum(flow.count for flow in told.flows if flow.new.startswith("review:"))
    slipped = told.judged.slipped_correct.count + told.judged.slipped_reject.count
    rate = told.judged.error_rate
    error = "–" if rate.share is None else f"{rate.share:.1%} ({rate.low:.1%}–{rate.high:.1%})"
    return f"{people / told.items:.0%} | {told.judged.saved.count:,} | {slipped:,} | {error}"


if __name__ == "__main__":
    main()
