"""Which records say what an earlier one has said: left out, or kept in its part, and what their labels say of that.

What is found in the first reading is told to the second by the ids of records, so that it is looked for once, and a
record that is gone meanwhile changes nothing for others.
"""

from array import array
from typing import Final
from uuid import UUID

import msgspec

from review.datasets.selections import rules
from review.datasets.selections.near import Neighbours, likeness, plain, signature_of
from review.datasets.selections.rules import Definition, Record

MOST_SAMPLES: Final = 10


class Conflict(msgspec.Struct, frozen=True, kw_only=True):
    """Two records that say the same, or nearly, and have other labels; `similarity` is estimated."""

    item_id: UUID
    label_class: str
    earlier_item_id: UUID
    earlier_label_class: str
    similarity: float


class Found(msgspec.Struct, kw_only=True):
    """What repeats an earlier record, by the id of the record: why it is left out, or the part in which it is kept."""

    left_out: dict[int, str] = msgspec.field(default_factory=dict[int, str])
    parts: dict[int, str] = msgspec.field(default_factory=dict[int, str])
    conflicts: int = 0
    samples: list[Conflict] = msgspec.field(default_factory=list[Conflict])


class Repetitions:
    """What has come, without the texts: 150 bytes of each where `distinct` is asked, and what `near` says besides."""

    def __init__(self, definition: Definition) -> None:
        self._sampling = definition.sampling
        self._part_names = list(definition.splitting.parts)
        similarity = self._sampling.similarity_at_least
        self._near = None if similarity is None else Neighbours(similarity)
        self._places: dict[bytes, int] = {}
        self._class_numbers: dict[str, int] = {}
        self._classes = array("I")
        self._items = bytearray()
        self._parts = bytearray()
        self.found = Found()

    def look(self, record: Record, name: str, part: str) -> None:
        """Add to what has been found if the text of a record, of this class and part, has come before."""
        sampling = self._sampling
        if not sampling.distinct and self._near is None:
            return
        text = plain(rules.text_of(record.input, sampling.text_at))
        digest = rules.digest_of(text) if sampling.distinct else b""
        place = self._places.get(digest)
        if place is not None:
            self._note(record, name, place, 1.0)
            self.found.left_out[record.id.int] = rules.REPEATED
            return
        if self._near is not None and self._is_near(self._near, record, name, text):
            return
        if sampling.distinct:
            self._places[digest] = len(self._classes)
        self._keep(record, name, self.found.parts.get(record.id.int, part))

    def _is_near(self, near: Neighbours, record: Record, name: str, text: str) -> bool:
        """Tell whether a record is to be left out as a near duplicate; one that is kept goes where the earliest is."""
        is_kept = self._sampling.near == "keep_together"
        signature = signature_of(text)
        place = near.meet(signature, keep_alike=is_kept)
        if place is None:
            return False
        self._note(record, name, place, round(likeness(signature, near.signature(place)), 2))
        if is_kept:
            self.found.parts[record.id.int] = self._part_names[self._parts[place]]
        else:
            self.found.left_out[record.id.int] = rules.NEAR
        return not is_kept

    def _keep(self, record: Record, name: str, part: str) -> None:
        self._classes.append(self._class_numbers.setdefault(name, len(self._class_numbers)))
        self._items += record.item_id.bytes
        self._parts.append(self._part_names.index(part))

    def _note(self, record: Record, name: str, place: int, similarity: float) -> None:
        """Count a conflict if the labels are not the same; revisions of one decision have theirs for a reason."""
        number, item_id = self._classes[place], UUID(bytes=bytes(self._items[16 * place : 16 * (place + 1)]))
        if number == self._class_numbers.get(name) or item_id == record.item_id:
            return
        self.found.conflicts += 1
        if len(self.found.samples) < MOST_SAMPLES:
            earlier = list(self._class_numbers)[number]
            self.found.samples.append(
                Conflict(
                    item_id=record.item_id,
                    label_class=name,
                    earlier_item_id=item_id,
                    earlier_label_class=earlier,
                    similarity=similarity,
                )
            )
