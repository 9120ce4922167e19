"""Two model versions drawn: volume over days, confidence by tenths, and shares within their intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from review.registry.comparing import Share, Side, Told
from review.web.pages import words
from review.web.words.catalogue import N_, gettext, one_of

SPAN: Final = 100  # the pictures' width and height, in their own units
_EDGES: Final = (0.05, 0.1, 0.25, 0.5, 1.0)
TELLS: Final = {
    "higher": N_("More with A: the intervals do not overlap."),
    "lower": N_("More with B: the intervals do not overlap."),
    "overlap": N_("The intervals overlap, so it cannot be told which has more."),
    "too_few": N_("Fewer than 20 items on one side: too few to tell."),
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of the confidence picture: its place, and its height as a share of the side's items."""

    x: float
    y: float
    width: float
    height: float
    is_b: bool


@dataclass(frozen=True, slots=True)
class Dot:
    """A share and its interval in a line of its own; no place where nothing was counted."""

    figure: str
    between: str
    count: int
    of: int
    x: float | None
    left: float
    right: float
    is_enough: bool


@dataclass(frozen=True, slots=True)
class ShareRow:
    """One share of both versions, the rate at the picture's right edge, and what can be told."""

    title: str
    a: Dot
    b: Dot
    scale: str
    told: str


@dataclass(frozen=True, slots=True)
class Volume:
    """Items by day as two lines, the most of a day, and a table of it: day, items of A, items of B."""

    a: str
    b: str
    most: int
    rows: list[tuple[str, int, int]]


@dataclass(frozen=True, slots=True)
class Tenths:
    """Confidence by tenths as pairs of bars, the share of the highest, and a table of it."""

    bars: list[Bar]
    highest: str
    rows: list[tuple[str, int, int]]


def volume(a: Side, b: Side) -> Volume:
    """Draw how many items came day by day."""
    most = max([1, *(day.items for side in (a, b) for day in side.days)])
    step = SPAN / max(1, len(a.days) - 1)

    def line(side: Side) -> str:
        return " ".join(f"{at * step:.1f},{(1 - day.items / most) * SPAN:.1f}" for at, day in enumerate(side.days))

    pairs = zip(a.days, b.days, strict=True)
    rows = [(one.day, one.items, other.items) for one, other in pairs if one.items or other.items]
    return Volume(line(a), line(b), most, rows)


def tenths(a: Side, b: Side) -> Tenths:
    """Draw how the confidence is spread, each version by its own items."""
    shares = [[count / max(1, sum(side.confidence)) for count in side.confidence] for side in (a, b)]
    highest = max([0.0, *shares[0], *shares[1]]) or 1.0
    width = SPAN / len(a.confidence)
    bars = [
        Bar(
            x=round(tenth * width + (0.1 + 0.4 * at) * width, 2),
            y=round((1 - share / highest) * SPAN, 2),
            width=round(0.4 * width, 2),
            height=round(share / highest * SPAN, 2),
            is_b=at == 1,
        )
        for at, side in enumerate(shares)
        for tenth, share in enumerate(side)
        if share
    ]
    rows = [
        (f"{tenth / 10:.1f}-{(tenth + 1) / 10:.1f}", one, other)
        for tenth, (one, other) in enumerate(zip(a.confidence, b.confidence, strict=True))
    ]
    return Tenths(bars, words.percent(highest), rows)


def shares(a: Side, b: Side, told: dict[str, Told]) -> list[ShareRow]:
    """Draw the shares that are compared, each pair to a scale of its own."""
    titles = {
        "let_through": gettext("Let through by rule, of all items"),
        "changed": gettext("Corrected or rejected by people, of what they judged"),
        "overridden": gettext("Decided otherwise later, of what rules decided"),
    }
    return [
        _row(title, (getattr(a, name), getattr(b, name)), one_of(TELLS, told[name])) for name, title in titles.items()
    ]


def figure(share: float) -> str:
    """Write a rate so that small ones can be told apart."""
    number = f"{share * 100:.2g}" if share < 0.1 else f"{share * 100:.0f}"
    return gettext("%(number)s %%", number=number)


def _row(title: str, pair: Sequence[Share], told: str) -> ShareRow:
    highest = max((each.high for each in pair if each.of), default=1.0)
    scale = next(edge for edge in _EDGES if highest <= edge or edge == 1.0)
    return ShareRow(title, _dot(pair[0], scale), _dot(pair[1], scale), figure(scale), told)


def _dot(share: Share, scale: float) -> Dot:
    return Dot(
        figure="" if share.rate is None else figure(share.rate),
        between=gettext("%(low)s and %(high)s", low=figure(share.low), high=figure(share.high)) if share.of else "",
        count=share.count,
        of=share.of,
        x=None if share.rate is None else round(share.rate / scale * SPAN, 1),
        left=round(share.low / scale * SPAN, 1),
        right=round(min(1.0, share.high / scale) * SPAN, 1),
        is_enough=share.of >= 20,
    )
