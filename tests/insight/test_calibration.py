"""Counts of how often people agreed with a model follow revisions exactly, and shares come with their bounds."""

from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.insight.calibration import Cell, Lesson, Tally, learn, share_of, weight_of, wilson

LESSONS = st.builds(
    Lesson,
    item_id=st.integers(0, 5).map(lambda number: UUID(int=number)),
    revision=st.integers(1, 4),
    type=st.just("t"),
    model=st.sampled_from(["", "m"]),
    model_version=st.just("1"),
    band=st.none() | st.integers(0, 9),
    approved=st.booleans(),
    weight=st.floats(0.001, 1).map(weight_of),
)


@given(st.lists(LESSONS, max_size=30), st.integers(0, 30))
def test_what_is_counted_is_what_stands_however_it_was_learned(told: list[Lesson], cut: int) -> None:
    known: dict[UUID, Lesson] = {}
    totals: dict[Cell, Tally] = {}
    for part in (told[:cut], told[cut:]):
        standing, changes = learn(known, part)
        known |= standing
        for cell, change in changes.items():
            totals[cell] = totals.get(cell, Tally()).plus(change)
    expected: dict[Cell, Tally] = {}
    for each in known.values():
        if each.cell is not None:
            expected[each.cell] = expected.get(each.cell, Tally()).plus(each.tally)
    assert {cell: total for cell, total in totals.items() if total != Tally()} == expected


def test_few_items_say_nothing_and_bounds_are_wilsons() -> None:
    few = share_of(6, Tally(3, 3, Decimal(3), Decimal(3), Decimal(3)))
    assert few is not None
    assert not few.is_enough
    assert wilson(41 / 57, 57) == pytest.approx((0.5920, 0.8190), abs=0.001)
