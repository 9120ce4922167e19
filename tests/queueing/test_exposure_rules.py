"""How much of what is sensitive somebody sees in a while: rolling windows, by any history and any limits."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from review.items.types import ExposureLimit
from review.queueing.exposure_rules import DAY, HOUR, Quota, Shown, ends_of, list_rests, resting_types

NOW = datetime(2026, 11, 20, 16, 50, tzinfo=UTC)
TYPES = ("gore", "spam", "plain")

ages = st.one_of(
    st.timedeltas(timedelta(), timedelta(hours=26)),
    st.sampled_from([HOUR, DAY, HOUR - timedelta(microseconds=1), DAY - timedelta(microseconds=1)]),
)
histories = st.lists(st.builds(Shown, st.sampled_from(TYPES), ages.map(lambda age: NOW - age)), max_size=30)
limits = st.builds(ExposureLimit, st.none() | st.integers(1, 5), st.none() | st.integers(1, 8))
quotas = st.lists(st.builds(Quota, st.frozensets(st.sampled_from(TYPES), min_size=1), limits), max_size=3)


def counted(shown: list[Shown], types: frozenset[str], span: timedelta, at: datetime) -> int:
    return sum(at - span < each.at <= at for each in shown if each.type in types)


def is_used_up(quota: Quota, shown: list[Shown], at: datetime) -> bool:
    hour, day = quota.limit.per_hour, quota.limit.per_day
    return (hour is not None and counted(shown, quota.types, HOUR, at) >= hour) or (
        day is not None and counted(shown, quota.types, DAY, at) >= day
    )


@given(quotas, histories)
def test_a_type_rests_exactly_while_a_window_that_ends_now_holds_as_many_as_allowed(
    given_quotas: list[Quota], shown: list[Shown]
) -> None:
    resting = resting_types(list_rests(given_quotas, shown, NOW))
    expected = {name for each in given_quotas if is_used_up(each, shown, NOW) for name in each.types}
    assert resting == tuple(sorted(expected))


@given(quotas, histories)
def test_a_rest_ends_at_the_moment_it_says_and_not_before(given_quotas: list[Quota], shown: list[Shown]) -> None:
    """Where nothing more is shown meanwhile; a rest is never over already, and never longer than its span."""
    for rest in list_rests(given_quotas, shown, NOW):
        assert NOW < rest.until <= NOW + rest.span
        of = [each for each in given_quotas if each.types == rest.types]
        used_up = [each for each in of if is_used_up(each, shown, rest.until - timedelta(microseconds=1))]
        assert used_up
        assert any(not is_used_up(each, shown, rest.until) for each in used_up)


@given(quotas, histories, st.builds(Shown, st.sampled_from(TYPES), st.just(NOW)))
def test_seeing_one_more_never_lets_a_type_come_sooner(
    given_quotas: list[Quota], shown: list[Shown], more: Shown
) -> None:
    before, after = (ends_of(list_rests(given_quotas, each, NOW)) for each in (shown, [*shown, more]))
    assert set(before) <= set(after)
    assert all(after[name].until >= rest.until for name, rest in before.items())


@given(histories)
def test_without_limits_nothing_rests(shown: list[Shown]) -> None:
    assert list_rests([], shown, NOW) == []
    assert list_rests([Quota(frozenset(TYPES), ExposureLimit())], shown, NOW) == []
