"""Intervals: exact against sums of binomial probabilities, and sound where items had different chances."""

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from review.assurance.intervals import weighed_bounds, weighed_upper
from review.kernel.binomial import beta, binomial_tail, clopper_pearson


def exact_tail(count: int, of: int, share: Fraction) -> Fraction:
    return sum((math.comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(count + 1)), Fraction(0))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.data(), st.integers(1, 999))
def test_the_tail_is_the_sum_of_the_binomial(of: int, data: st.DataObject, thousandths: int) -> None:
    count = data.draw(st.integers(0, of))
    share = Fraction(thousandths, 1000)
    assert binomial_tail(count, of, float(share)) == pytest.approx(float(exact_tail(count, of, share)), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
def test_clopper_pearson_bounds_are_where_the_tails_say(of: int, data: st.DataObject, confidence: float) -> None:
    """Clopper and Pearson 1934: at each bound the tail beyond what was seen has half of what is left."""
    count = data.draw(st.integers(0, of))
    low, high = clopper_pearson(count, of, confidence)
    rest = (1 - confidence) / 2
    assert low <= count / of <= high
    if count:
        assert float(1 - exact_tail(count - 1, of, Fraction(low))) == pytest.approx(rest, rel=1e-6)
    if count < of:
        assert float(exact_tail(count, of, Fraction(high))) == pytest.approx(rest, rel=1e-6)
    assert (low == 0.0) == (count == 0)
    assert (high == 1.0) == (count == of)


def test_of_nothing_nothing_is_known() -> None:
    assert clopper_pearson(0, 0, 0.95) == weighed_bounds(0.0, 0.0, 0.95) == (0.0, 1.0)
    assert (beta(2.0, 3.0, 0.0), beta(2.0, 3.0, 1.0)) == (0.0, 1.0)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.05, 1), st.integers(1, 4)), min_size=1, max_size=3),
    st.integers(0, 300),
    st.sampled_from([0.8, 0.95]),
)
def test_weighed_bounds_cover_by_enumeration(groups: list[tuple[float, int]], right: int, confidence: float) -> None:
    """Every possible sample is gone through, with its chance: the bounds miss the truth no more often than stated."""
    wrong = [share for share, many in groups for _ in range(many)]
    smallest, items = min(wrong), len(wrong) + right
    truth, missed = len(wrong) / items, 0.0
    for drawn in range(2 ** len(wrong)):
        chance = math.prod(share if drawn >> at & 1 else 1 - share for at, share in enumerate(wrong))
        seen = sum(smallest / share for at, share in enumerate(wrong) if drawn >> at & 1)
        low, high = weighed_bounds(seen, smallest * items, confidence)
        missed += chance * (not low - 1e-12 <= truth <= high + 1e-12)
    assert missed <= 1 - confidence + 1e-9


def test_without_an_error_the_weighed_bound_is_the_rule_of_three() -> None:
    assert weighed_upper(0.0, 100.0, 0.05) == pytest.approx(-math.log(0.05) / 100)
