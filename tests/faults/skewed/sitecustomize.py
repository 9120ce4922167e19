"""Loaded by Python itself before anything else: this process's wall clock is off by so many seconds.

Everything of ours that reads the machine's clock does so through `review.kernel.clock` (a house rule with a test), and
libraries through `time`; both are moved here. Monotonic clocks stay, as they do when an operator sets the time.
"""

import os
import time
from datetime import UTC, datetime, timedelta

from review.kernel import clock

SKEW = timedelta(seconds=float(os.environ["COUNTERSIGN_TEST_SKEW_SECONDS"]))
_time, _time_ns = time.time, time.time_ns


def _utc_now() -> datetime:
    return datetime.now(UTC) + SKEW


time.time = lambda: _time() + SKEW.total_seconds()
time.time_ns = lambda: _time_ns() + int(SKEW.total_seconds()) * 10**9
clock.utc_now = _utc_now
