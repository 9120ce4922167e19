"""Rollouts: the choice of a version is pure, widening keeps who was in, and a guard waits for enough items."""

from datetime import timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from review.identity.rules import LiveRollout
from review.routing.rollouts import Figure, Guard, Step, fires, is_compared, is_taken, next_step, share_at

SHARES = st.floats(0, 1)
SALT = UUID(int=7)


def of_share(share: float) -> LiveRollout:
    return LiveRollout(id=SALT, version=9, share=share)


@given(st.uuids(), SHARES, SHARES)
def test_widening_keeps_those_already_in(item: UUID, one: float, other: float) -> None:
    narrow, wide = sorted((one, other))
    assert is_taken(of_share(wide), item, ()) or not is_taken(of_share(narrow), item, ())


@given(st.uuids())
def test_no_share_takes_nothing_and_the_whole_takes_all(item: UUID) -> None:
    assert not is_taken(of_share(0.0), item, ("beta",))
    assert is_taken(of_share(1.0), item, ())


def test_a_share_takes_about_its_part_and_another_rollout_takes_others() -> None:
    items = [UUID(int=number) for number in range(4_000)]
    mine = {item for item in items if is_taken(of_share(0.25), item, ())}
    other = LiveRollout(id=UUID(int=8), version=9, share=0.25)
    both = {item for item in mine if is_taken(other, item, ())}
    assert 900 < len(mine) < 1_100
    assert 180 < len(both) < 320
    assert 180 < len({item for item in mine if is_compared(SALT, 0.25, item)}) < 320


@given(st.uuids(), SHARES)
def test_a_pilot_group_is_in_whatever_the_share_and_everybody_else_by_the_share(item: UUID, share: float) -> None:
    pilot = LiveRollout(id=SALT, version=9, share=share, tag="beta")
    assert is_taken(pilot, item, ["beta"])
    assert is_taken(pilot, item, ["vip"]) == is_taken(of_share(share), item, ())


def test_a_schedule_widens_when_its_time_has_come_and_never_narrows() -> None:
    steps = [Step(0.2, timedelta(hours=1)), Step(0.5, timedelta(hours=2))]
    assert [share_at(0.1, steps, timedelta(minutes=at)) for at in (59, 60, 120)] == [0.1, 0.2, 0.5]
    assert share_at(0.9, steps, timedelta(days=1)) == 0.9
    assert next_step(0.1, steps, timedelta(minutes=59)) == steps[0]
    assert next_step(0.3, steps, timedelta(minutes=59)) == steps[1]
    assert next_step(0.5, steps, timedelta(minutes=59)) is None


def test_a_guard_fires_above_its_bound_on_enough_items_only() -> None:
    guard = Guard("override_rate", 0.1, 20)
    assert fires(guard, Figure(0.11, 20))
    assert not fires(guard, Figure(0.5, 19))
    assert not fires(guard, Figure(0.1, 500))
    assert not fires(Guard("breach_rate", 0.1, 0), Figure(1.0, 0))
