"""Following the feed of labelled records, and exporting them."""

from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import msgspec

from countersign_client.answers import Feedback, FeedbackPage, RawPage, WithdrawnFeedback
from countersign_client.calls.following import Walk
from countersign_client.errors import Unreadable
from countersign_client.files import Whole
from countersign_client.protocol import Patience, Route, Steps, delivered

LIST = Route(method="GET", path="/feedback", gives=RawPage, query=("type", "after", "limit"), is_repeatable=True)
EXPORT = Route(
    method="GET", path="/feedback/export", gives=bytes, query=("format", "type", "since"), is_repeatable=True
)
PAGE = 500
LONG_READ = 300.0  # seconds; the first piece of a Parquet file comes once all of it is there


class _Mark(msgspec.Struct):
    withdrawn: bool = False


def walk(*, type: str | None, after: str | None, limit: int, every: float | None) -> Walk[FeedbackPage]:
    """Begin a way through the feed."""
    return Walk(LIST, read, query={"type": type, "limit": limit}, after=after, every=every)


def read(page: RawPage) -> FeedbackPage:
    """Read records, and what is left of those whose item was erased.

    Raises:
        Unreadable: a row is neither.
    """
    records: list[Feedback] = []
    withdrawn: list[WithdrawnFeedback] = []
    try:
        for row in page.data:
            if msgspec.json.decode(row, type=_Mark).withdrawn:
                withdrawn.append(msgspec.json.decode(row, type=WithdrawnFeedback))
            else:
                records.append(msgspec.json.decode(row, type=Feedback))
    except msgspec.DecodeError as fault:
        message = f"A row of the feed cannot be read: {fault}."
        raise Unreadable(message) from fault
    return FeedbackPage(records, page.next, withdrawn)


def export(
    patience: Patience, into: Path | str, *, format: str, type: str | None, since: datetime | None
) -> Steps[Path]:
    """Bring an export here."""
    request = EXPORT.request(query={"format": format, "type": type, "since": since}, held_for=LONG_READ)
    with closing(Whole(Path(into))) as whole:
        yield from delivered(patience, replace(request, into=whole), is_repeatable=True)
        return whole.finish()
