"""Timers are rows: whoever sweeps acts on what is due, and a stale generation does nothing."""

from enum import StrEnum


class TimerKind(StrEnum):
    """What a timer does when it fires."""

    LEASE = "lease"  # subject: an assignment; generation: its fence
    SNOOZE = "snooze"  # an assignment that was put aside comes back; subject: the assignment; generation: its fence
    JUDGEMENT = "judgement"  # a given judgement begins to count; subject: an assignment; generation: its fence
    DUE = "due"  # the next mark of a case's clock; subject: the case; generation: the clock's
    RESUME = "resume"  # the end of a pause that was given one; subject: the case; generation: the clock's
    RECOMPUTE = "recompute"  # open clocks after a new configuration; subject: the project; generation: the version
    QUESTION = "question"  # the end of waiting for upstream's answer; subject: the question; generation: 0
