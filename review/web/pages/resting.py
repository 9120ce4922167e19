"""Telling somebody calmly that they have seen enough of what is sensitive for now, and get other items meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from review.configuration.rules import ProjectConfig
from review.queueing.exposure_rules import HOUR, Rest
from review.web.pages import desk, words


@dataclass(frozen=True, slots=True, kw_only=True)
class Resting:
    """Item types that somebody is handed no more of until a moment, and of how many in which span that comes."""

    titles: str
    most: int
    is_hourly: bool
    until: datetime
    said: str


def tell(rests: Sequence[Rest], config: ProjectConfig, zone: tzinfo) -> list[Resting]:
    """Say what rests, the longest last."""
    return [
        Resting(
            titles=", ".join(sorted(desk.title_in(config, name) for name in rest.types)),
            most=rest.most,
            is_hourly=rest.span == HOUR,
            until=rest.until,
            said=words.brief(rest.until, zone),
        )
        for rest in sorted(rests, key=lambda each: each.until)
    ]
