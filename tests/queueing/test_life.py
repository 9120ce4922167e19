"""Promise 20 and with it 1, 2, 4, 5, 6, 7: whatever people, upstream and the clock do, in whatever order."""

import asyncio
import math
from functools import partial

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis.stateful import run_state_machine_as_test

from review.kernel.db import Database
from review.kernel.settings import Settings
from review.queueing import floors
from tests.queueing.keeping import Keeping

# Without shrinking: each step costs a dozen statements, and the steps of a failure are printed anyway.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
# A step is a round of the database, and most rules have nothing to do in an empty project.
UNHURRIED_CHECKS: list[HealthCheck] = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
UNHURRIED = partial(hypothesis.settings, deadline=None, suppress_health_check=UNHURRIED_CHECKS, phases=PHASES)

MOST_SEARCHES = 3  # chance leaves one of thirty lives without some of what they must have seen together, now and then
# What lives must have seen: thirty short ones see the rest in most runs, and two hundred long ones see all of it.
BEYOND_ONE = {"consensus", "adjudication", "override"}
SHORT, LONG = {"rule", "review"}, {"rule", "review", "override", "warn:0", "step:1", "counted", "back", "followed"}


@pytest.fixture(autouse=True)
def _exact_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no floors: after a slow claim they let something more urgent wait for a quarter of a second."""
    monkeypatch.setattr(floors, "SLOW_SECONDS", math.inf)


def _live(chosen: Settings, scale: hypothesis.settings, must: set[str]) -> None:
    with asyncio.Runner() as runner:
        db = runner.run(Database.connect(chosen))
        kind = type(
            "LifeHere", (Keeping,), {"runner": runner, "db": db, "process": chosen, "seen": (seen := set[str]())}
        )
        for _ in range(MOST_SEARCHES):
            run_state_machine_as_test(kind, settings=scale)
            if seen >= must and seen & BEYOND_ONE:
                break
        runner.run(db.close())
    assert seen >= must, f"the search no longer gets to {sorted(must - seen)}"
    assert seen & BEYOND_ONE, "the search no longer gets past single reviews"


def test_whatever_happens_the_database_agrees_with_the_model(settings: Settings) -> None:
    _live(settings, UNHURRIED(max_examples=30, stateful_step_count=40), SHORT)


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_whatever_happens_at_length(settings: Settings) -> None:
    _live(settings, UNHURRIED(max_examples=200, stateful_step_count=60), LONG)
