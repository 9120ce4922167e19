"""What is shown of schedules."""

from datetime import datetime

import msgspec


class ScheduleView(msgspec.Struct, frozen=True, kw_only=True):
    """When a dataset takes snapshots by itself, and what came of it last.

    `next_at` is the next time of `cron`, null while it is paused. `fresh` records were counted since the last
    snapshot; a count stops where it suffices. `last_outcome` is empty, made, unchanged, empty, busy (a snapshot was
    still being made) or refused, for the reason in `last_note`; `last_number` is the last snapshot that it made.
    """

    dataset: str
    cron: str
    timezone: str
    new_records: int | None
    paused: bool
    next_at: datetime | None
    fresh: int
    last_at: datetime | None
    last_outcome: str
    last_note: str
    last_number: int | None
    set_by: str
    set_at: datetime
