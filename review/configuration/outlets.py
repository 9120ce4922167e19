"""Where a project tells its news: webhooks, channels, and what pools want to be told."""

from datetime import timedelta

import msgspec


class Webhook(msgspec.Struct, frozen=True):
    """An address that events are sent to; `events` are their kinds, and `max_in_flight` how many at a time."""

    name: str
    url: str
    events: tuple[str, ...]
    max_in_flight: int = 10


class Channel(msgspec.Struct, frozen=True):
    """A place that people read, by its apprise URL; `env:NAME` is read from the worker's environment instead."""

    name: str
    url: str


class Quiet(msgspec.Struct, frozen=True):
    """Hours in which nothing is sent but pages, in minutes of the local day; `begins` may be after `ends`."""

    begins: int
    ends: int
    timezone: str


class Notices(msgspec.Struct, frozen=True):
    """What a pool is told, on which channel, gathered for how long, and when not."""

    channel: str
    kinds: tuple[str, ...]
    digest: timedelta | None = None
    quiet: Quiet | None = None
