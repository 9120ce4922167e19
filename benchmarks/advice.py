"""What the threshold advisor advises for a real classifier, and what items that nobody judged then bear out.

`python -m benchmarks.advice DIRECTORY --write docs/assurance.md`: DIRECTORY holds banking77's train.csv and test.csv.
Half of the training texts train the classifier, the other half arrives as items, of which a sample is judged; the test
texts tell what the threshold is worth.
"""

import argparse
import csv
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from review.assurance.advice import GRID, Advice, Cell, advise
from review.assurance.estimates import Group, Stratum

BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"
SEED = 20261127
CONFIDENCE = 0.95
CASES = ((0.05, 0.1), (0.05, 0.25), (0.05, 1.0), (0.1, 0.1), (0.1, 0.25), (0.1, 1.0))  # bound, share judged
HEADER = "| bound | judged | threshold | to people | error seen above it, at most | true error on held-out texts |\n"


class Outcome(NamedTuple):
    """How sure the classifier was of a text, and whether it was wrong."""

    confidence: float
    wrong: bool


def main() -> None:
    """Train, sample, advise, and put the figures into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    arriving, held_out = outcomes(given.directory)
    table = HEADER + "| --- | --- | --- | --- | --- | --- |\n" + "".join(rows(arriving, held_out))
    wrong = sum(each.wrong for each in held_out) / len(held_out)
    said = (
        f"{len(arriving):,} texts arrived and {len(held_out):,} were held out, of which the classifier has {wrong:.1%} "
        f"wrong. Confidence {CONFIDENCE:.0%}, seed {SEED}.\n\n{table}"
    )
    print(said)
    if given.write:
        before, _, rest = given.write.read_text().partition(BEGIN)
        given.write.write_text(f"{before}{BEGIN}{said}{END}{rest.partition(END)[2]}")


def outcomes(directory: Path) -> tuple[list[Outcome], list[Outcome]]:
    """Give what a classifier makes of texts it has not seen: those that arrive, and those held out."""
    known, test = read(directory / "train.csv"), read(directory / "test.csv")
    random.Random(SEED).shuffle(known)
    middle = len(known) // 2
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=30))
    model.fit([text for text, _ in known[:middle]], [label for _, label in known[:middle]])
    return judged(model, known[middle:]), judged(model, test)


def read(path: Path) -> list[tuple[str, str]]:
    """Read texts with their labels."""
    with path.open(encoding="utf-8", newline="") as opened:
        return [(row["text"], row["category"]) for row in csv.DictReader(opened)]


def judged(model: Any, texts: Sequence[tuple[str, str]]) -> list[Outcome]:
    """Have the classifier say what it holds of texts, and compare."""
    chances = model.predict_proba([text for text, _ in texts])
    best = chances.argmax(axis=1)
    return [
        Outcome(float(chances[at, place]), bool(model.classes_[place] != texts[at][1])) for at, place in enumerate(best)
    ]


def rows(arriving: Sequence[Outcome], held_out: Sequence[Outcome]) -> list[str]:
    """Advise for every bound and share, each with a sample of its own."""
    found: list[str] = []
    for bound, share in CASES:
        chance = random.Random(f"{SEED} {bound} {share}")
        sample = [(each, chance.random() < share) for each in arriving]
        count = sum(drawn for _, drawn in sample)
        advice = advise(cells(sample, share), bound=bound, confidence=CONFIDENCE)
        found.append(f"| {bound:.0%} | {count:,} | {told(advice, held_out)} |\n")
    return found


def cells(sample: Sequence[tuple[Outcome, bool]], share: float) -> list[Cell]:
    """Count a sample by the steps of the grid."""
    counts = [[0, 0, 0] for _ in range(len(GRID) + 1)]
    for each, drawn in sample:
        place = next((at for at, threshold in enumerate(GRID) if each.confidence >= threshold), len(GRID))
        counts[place][0] += 1
        counts[place][1] += drawn
        counts[place][2] += drawn and each.wrong
    stratum = Stratum("intent", "classifier", "1", "", 0)
    return [
        Cell(place, Group(stratum=stratum, share=share, items=items, drawn=drawn, judged=drawn, errors=errors))
        for place, (items, drawn, errors) in enumerate(counts)
    ]


def told(advice: Advice, held_out: Sequence[Outcome]) -> str:
    """Tell a threshold, the work it leaves, and how it does on what was held out."""
    if advice.threshold is None:
        missing = f"{advice.needed:,} more judged" if advice.needed else "no amount of judging would do"
        return f"none ({missing}) | 100% | – | –"
    through = [each.wrong for each in held_out if each.confidence >= advice.threshold]
    point = next(each for each in advice.curve if each.threshold == advice.threshold)
    true = sum(through) / len(through) if through else 0.0
    return f"{advice.threshold:.2f} | {advice.workload or 0:.0%} | {point.high:.1%} | {true:.1%}"


if __name__ == "__main__":
    main()
