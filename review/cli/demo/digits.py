"""The demo's data and model: scikit-learn's handwritten digits and a logistic regression."""

import base64
import io
import random
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

SEED_LABELS = 150  # few enough that the first model is often in doubt
HELD_OUT = 500
RESERVED = 120  # about a third of them come to people, which leaves the person at the page some 40
INK = 16  # the data set's darkest value
SIDE = 8
ENLARGED = 24  # pixels a side for each of the scan's
SPLIT = 2026  # any number: the same digits are held out in every run, so that runs compare
STRENGTH = 5.0  # of the fit; its confidences then spread from doubt to certainty


@dataclass(frozen=True)
class Digit:
    """One scan, with the digit its writer meant."""

    name: str
    pixels: tuple[int, ...]
    truth: str


@dataclass(frozen=True)
class Digits:
    """The data set in parts that share no scan."""

    seed: Sequence[Digit]
    stream: Sequence[Digit]
    reserved: Sequence[Digit]
    held_out: Sequence[Digit]


@dataclass(frozen=True)
class Prediction:
    """What the model reads, how sure it is, and what else it might be."""

    digit: str
    confidence: float
    others: tuple[tuple[str, float], ...]


def load() -> Digits:
    """Load the scans that come with scikit-learn; nothing is downloaded."""
    bunch: Any = import_module("sklearn.datasets").load_digits()
    rows: list[list[float]] = bunch.data.tolist()
    truths: list[int] = bunch.target.tolist()
    scans = [
        Digit(f"digit-{number:04}", tuple(int(value) for value in row), str(truth))
        for number, (row, truth) in enumerate(zip(rows, truths, strict=True))
    ]
    random.Random(SPLIT).shuffle(scans)  # noqa: S311  chooses a split, guards nothing
    seed_ends, reserve_begins = HELD_OUT + SEED_LABELS, len(scans) - RESERVED
    return Digits(
        held_out=scans[:HELD_OUT],
        seed=scans[HELD_OUT:seed_ends],
        stream=scans[seed_ends:reserve_begins],
        reserved=scans[reserve_begins:],
    )


class Model:
    """A logistic regression over the 64 pixels; its confidences are what it gives, untouched."""

    def __init__(self, examples: Sequence[tuple[Sequence[int], str]]) -> None:
        self.examples = len(examples)
        self._fitted: Any = import_module("sklearn.linear_model").LogisticRegression(C=STRENGTH, max_iter=1_000)
        self._fitted.fit([_scaled(pixels) for pixels, _ in examples], [label for _, label in examples])

    def predict(self, digits: Sequence[Digit]) -> list[Prediction]:
        """Read each scan."""
        names: list[str] = self._fitted.classes_.tolist()
        shares: list[list[float]] = self._fitted.predict_proba([_scaled(each.pixels) for each in digits]).tolist()
        return [_prediction(names, row) for row in shares]

    def accuracy(self, digits: Sequence[Digit]) -> float:
        """Give the share of scans that it reads as their writers meant them."""
        found = self.predict(digits)
        return sum(a.digit == b.truth for a, b in zip(found, digits, strict=True)) / len(digits)


def picture(digit: Digit) -> str:
    """Draw the scan as a PNG data URI, dark on light, enlarged without smoothing."""
    image: Any = import_module("PIL.Image")
    shades = bytes(255 - value * 255 // INK for value in digit.pixels)
    enlarged = image.frombytes("L", (SIDE, SIDE), shades).resize((SIDE * ENLARGED, SIDE * ENLARGED), image.NEAREST)
    out = io.BytesIO()
    enlarged.save(out, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def _scaled(pixels: Sequence[int]) -> list[float]:
    return [value / INK for value in pixels]


def _prediction(names: Sequence[str], shares: Sequence[float]) -> Prediction:
    ranked = sorted(zip(names, shares, strict=True), key=lambda pair: -pair[1])
    (digit, confidence), *others = ranked
    return Prediction(digit, round(confidence, 4), tuple((name, round(share, 4)) for name, share in others[:2]))
