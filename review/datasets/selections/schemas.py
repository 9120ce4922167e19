"""What is shown of datasets."""

from datetime import datetime
from uuid import UUID

import msgspec

from review.datasets.selections.repeating import Conflict
from review.datasets.selections.rules import Definition


class DatasetView(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset; `last_snapshot` is the number of the newest one, 0 where there is none."""

    id: UUID
    name: str
    description: str
    definition: Definition
    last_snapshot: int
    created_by: str
    created_at: datetime
    changed_by: str
    changed_at: datetime


class ConflictView(Conflict, frozen=True, kw_only=True):
    """A conflict with the beginnings of the two texts."""

    text: str
    earlier_text: str


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a definition takes of the records looked at, the newest `seen`; all there are unless `is_part`.

    `left_out` counts by reason, `samples` are some of the records taken. Figures are of what is taken, but for
    `shares`, which is how much of each class sampling keeps, and `conflicts`: how many records repeat an earlier one,
    or nearly, and have another label. They are looked for where repetitions are.
    """

    seen: int
    is_part: bool
    taken: int
    left_out: dict[str, int]
    classes: dict[str, int]
    parts: dict[str, int]
    models: dict[str, int]
    verdicts: dict[str, int]
    shares: dict[str, float]
    samples: list[msgspec.Raw]
    conflicts: int
    conflict_samples: list[ConflictView]
