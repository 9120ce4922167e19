"""Timers are rows: whoever sweeps acts on what is due, and a stale generation does nothing."""

from enum import StrEnum


class TimerKind(StrEnum):
    """What a timer does when it fires."""

    LEASE = "lease"  # subject: an assignment; generation: its fence
    DUE = "due"  # subject: a case; generation: 0
