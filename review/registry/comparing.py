"""Two model versions side by side: shares with their exact intervals, and whether those can be told apart; no I/O."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Final, Literal

import msgspec

from review.kernel.binomial import clopper_pearson

CONFIDENCE: Final = 0.95
ENOUGH: Final = 20  # below so many nothing is said of a share
BINS: Final = 10
WRONG: Final = ("correct", "reject")

# Of the first version beside the second: what its share is.
Told = Literal["higher", "lower", "overlap", "too_few"]


class Share(msgspec.Struct, frozen=True):
    """A share that was seen `count` times out of `of`, and between which bounds it is 19 times of 20."""

    count: int
    of: int
    rate: float | None
    low: float
    high: float

    @classmethod
    def seen(cls, count: int, of: int) -> "Share":
        """Work out rate and bounds."""
        low, high = clopper_pearson(count, of, CONFIDENCE)
        return cls(count, of, count / of if of else None, low, high)


class Reason(msgspec.Struct, frozen=True):
    """A reason that people gave, and how often."""

    reason: str
    count: int


class Day(msgspec.Struct, frozen=True):
    """How many items came on a day, in UTC."""

    day: str
    items: int


class Latency(msgspec.Struct, frozen=True):
    """How long the model took, in milliseconds, of the `of` items that say so."""

    median_ms: float
    p95_ms: float
    of: int


class Spent(msgspec.Struct, frozen=True):
    """What outputs cost on average in one currency, of the `of` items that say so."""

    currency: str
    mean: float
    of: int


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """What one version made.

    `let_through` are approvals by rule of all items; `changed` what people corrected or rejected of what they judged;
    `overridden` what somebody decided otherwise of what a rule had decided. `confidence` counts items by tenths, and
    `without_confidence` those that give none.
    """

    items: int
    let_through: Share
    changed: Share
    overridden: Share
    verdicts: dict[str, int]
    reasons: list[Reason]
    confidence: list[int]
    without_confidence: int
    days: list[Day]
    latency: Latency | None
    costs: list[Spent]


class Found(msgspec.Struct, frozen=True):
    """One figure out of the database: of what, of which side (1 or 2), by which key, and of how many."""

    what: str
    side: int
    key: str
    value: float
    of: int


def tell(first: Share, second: Share) -> Told:
    """Tell how the first share stands to the second: where the intervals overlap, they cannot be told apart."""
    if min(first.of, second.of) < ENOUGH:
        return "too_few"
    if first.low > second.high:
        return "higher"
    return "lower" if first.high < second.low else "overlap"


def side_of(found: Iterable[Found], side: int, span: Sequence[str], most_reasons: int) -> Side:
    """Put one side's figures together; `span` are the days, so that one without items counts as such."""
    mine = [each for each in found if each.side == side]

    def counts(what: str) -> dict[str, int]:
        return {each.key: round(each.value) for each in mine if each.what == what}

    actions, verdicts, by_rule, tenths = (counts(what) for what in ("action", "judged", "by_rule", "confidence"))
    judged, days = sum(verdicts.values()), counts("day")
    reasons = sorted(counts("reason").items(), key=lambda pair: (-pair[1], pair[0]))
    items = sum(actions.values())
    return Side(
        items=items,
        let_through=Share.seen(actions.get("approve", 0), items),
        changed=Share.seen(sum(verdicts.get(verdict, 0) for verdict in WRONG), judged),
        overridden=Share.seen(by_rule.get("overridden", 0), sum(by_rule.values())),
        verdicts=verdicts,
        reasons=[Reason(reason, count) for reason, count in reasons[:most_reasons]],
        confidence=[tenths.get(str(tenth), 0) for tenth in range(BINS)],
        without_confidence=tenths.get("", 0),
        days=[Day(day, days.get(day, 0)) for day in span],
        latency=_latency([each for each in mine if each.what == "latency"]),
        costs=sorted(
            (Spent(each.key, each.value / each.of, each.of) for each in mine if each.what == "cost"),
            key=lambda spent: spent.currency,
        ),
    )


def span_of(today: str, days: int) -> list[str]:
    """List the days of a span that ends today, the first of them in part."""
    last = date.fromisoformat(today)
    return [(last - timedelta(days=back)).isoformat() for back in range(days, -1, -1)]


def _latency(found: Sequence[Found]) -> Latency | None:
    values = {each.key: each for each in found}
    if "0.5" not in values or "0.95" not in values:
        return None
    return Latency(values["0.5"].value, values["0.95"].value, values["0.5"].of)
