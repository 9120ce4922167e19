"""Going through labelled records in feed order: what is taken, what is left out and why, and what a dataset adds to it.

It is gone through twice, because how much of a label is taken depends on how much of it there is: first to count, then
with the shares that follow, and with the repetitions that were found. Both times give the same, for the choice depends
on nothing but records and their order.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar
from uuid import UUID

import msgspec

from review.datasets.redaction.rules import NOTHING, Redacting
from review.datasets.selections import rules
from review.datasets.selections.repeating import Conflict, Found, Repetitions
from review.datasets.selections.rules import Circumstances, Definition, Record
from review.datasets.selections.schemas import ConflictView
from review.datasets.selections.splits import group_of, part_of

MOST_OF_A_TEXT: Final = 300
# Called with each record that is taken, and its class.
Witness: TypeAlias = Callable[[Record, Circumstances, str], None]
T = TypeVar("T")


class Left(msgspec.Struct, frozen=True):
    """What of a record may have been redacted and is read again."""

    input: msgspec.Raw
    label: Any


_record = msgspec.json.Decoder(Record)
_left = msgspec.json.Decoder(Left)
_around = msgspec.json.Decoder(Circumstances)


def _read(decoder: msgspec.json.Decoder[T], text: bytes) -> T:
    """Decode the JSON of a record, as far as it is asked for.

    Half of a surrogate pair, which intake refuses and old records may hold, reads as `?` here; the record keeps it.
    """
    try:
        return decoder.decode(text)
    except msgspec.DecodeError:
        return decoder.decode(json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8", "replace"))


def record_of(text: bytes) -> Record:
    """Read what the choice asks of a record."""
    return _read(_record, text)


class Counts(msgspec.Struct, kw_only=True):
    """What a reading has come to: taken by class, part, model and kind of decision, left out by reason.

    `type_versions` are those of the records taken, by which guidelines they were judged.
    """

    seen: int = 0
    taken: int = 0
    left_out: Counter[str] = msgspec.field(default_factory=Counter[str])
    classes: Counter[str] = msgspec.field(default_factory=Counter[str])
    parts: Counter[str] = msgspec.field(default_factory=Counter[str])
    models: Counter[str] = msgspec.field(default_factory=Counter[str])
    verdicts: Counter[str] = msgspec.field(default_factory=Counter[str])
    rulesets: Counter[int] = msgspec.field(default_factory=Counter[int])
    type_versions: Counter[tuple[str, int]] = msgspec.field(default_factory=Counter[tuple[str, int]])


class Added(msgspec.Struct, frozen=True, kw_only=True):
    """The columns that a dataset adds to a record; `weight` undoes what sampling, by rule and by label, did.

    `guidelines_sha256` names the guidelines that were in force, whose text the manifest has.
    """

    revision: int
    is_last: bool
    pool: str | None
    reviewers: Sequence[UUID]
    label_class: str
    guidelines_sha256: str | None
    split: str
    sampling_probability: float
    weight: float | None


class Taken(msgspec.Struct, frozen=True):
    """A line of JSON as a dataset has it, and the part that it goes to."""

    part: str
    line: bytes


class Choice:
    """One reading of the records under a definition; without `shares` it only counts, and takes what could be taken.

    `found` is what an earlier reading of the same has found to be repeated; without it this one looks itself.
    """

    def __init__(
        self,
        definition: Definition,
        shares: Mapping[str, float] | None = None,
        guidelines: Mapping[tuple[str, int], str] | None = None,
        found: Found | None = None,
        redactor: Redacting = NOTHING,
        witness: Witness | None = None,
    ) -> None:
        self._definition = definition
        self._shares = shares
        self._guidelines = guidelines or {}
        self._repetitions = Repetitions(definition) if found is None else None
        self.found = self._repetitions.found if self._repetitions else found or Found()
        self._redactor = redactor
        self._witness = witness
        self.counts = Counts()

    def take(self, lines: bytes) -> list[Taken]:
        """Go on with whole lines, each a record, a tab and its circumstances; gives what is taken, in their order."""
        return [taken for line in lines.splitlines() if (taken := self._look(line)) is not None]

    def shares(self) -> dict[str, float]:
        """Give the share of each class that is to be taken, from what has been counted."""
        return rules.shares_of(self._definition.sampling, self.counts.classes)

    def _look(self, line: bytes) -> Taken | None:
        text, _, beside = line.rpartition(b"\t")
        record, around = record_of(text), _around.decode(beside)
        self.counts.seen += 1
        reason = rules.why_left_out(self._definition.criteria, record, around)
        if reason is not None:
            self.counts.left_out[reason] += 1
            return None
        text, record = redacted(self._redactor, text, record)
        around = msgspec.structs.replace(around, subject=self._redactor.subject_of(record.type, around.subject))
        name = rules.class_of(self._redactor.label_of(record.type, record.label), self._definition.sampling.label_at)
        share = 1.0 if self._shares is None else self._shares.get(name, 0.0)
        reason, part = self._repeated(record, name, around)
        if reason is None and share < 1.0 and rules.place_of(record.item_id) >= share:
            reason = rules.SAMPLED_OUT
        if reason is not None:
            self.counts.left_out[reason] += 1
            return None
        self._count(record, name, part)
        if self._witness is not None:
            self._witness(record, around, name)
        if self._shares is None:
            return Taken(part, text)
        return Taken(part, self._with_added(text, record, around, (name, share, part)))

    def _repeated(self, record: Record, name: str, around: Circumstances) -> tuple[str | None, str]:
        """Say why a record is left out that says what an earlier one has said, and which part it would go to."""
        part = part_of(self._definition.splitting, group_of(self._definition.splitting, record, around))
        if self._repetitions is not None:
            self._repetitions.look(record, name, part)
        return self.found.left_out.get(record.id.int), self.found.parts.get(record.id.int, part)

    def _count(self, record: Record, name: str, part: str) -> None:
        self.counts.taken += 1
        self.counts.classes[name] += 1
        self.counts.parts[part] += 1
        self.counts.verdicts[record.verdict] += 1
        self.counts.models[rules.model_named(record.model)] += 1
        self.counts.rulesets[record.route.ruleset_version] += 1
        self.counts.type_versions[record.type, record.type_version] += 1

    def _with_added(self, text: bytes, record: Record, around: Circumstances, put: tuple[str, float, str]) -> bytes:
        name, share, part = put
        chance = record.route.inclusion_probability * share
        added = Added(
            revision=around.revision,
            is_last=around.is_last,
            pool=around.pool,
            reviewers=around.reviewers,
            label_class=name,
            guidelines_sha256=self._guidelines.get((record.type, record.type_version)),
            split=part,
            sampling_probability=share,
            weight=1.0 / chance if chance > 0 else None,
        )
        return text.rstrip()[:-1] + b"," + msgspec.json.encode(added)[1:]


def redacted(redactor: Redacting, text: bytes, record: Record) -> tuple[bytes, Record]:
    """Give a record as it leaves: nothing is told by what is not in it any more."""
    told = redactor.record(text)
    if told is text:
        return text, record
    left = _read(_left, told)
    return told, msgspec.structs.replace(record, input=left.input, label=left.label)


def with_texts(
    conflicts: Sequence[Conflict], lines: bytes, path: str, redactor: Redacting = NOTHING
) -> list[ConflictView]:
    """Put the beginnings of their texts to conflicts, as they leave, out of the lines in which they were found."""
    wanted = {str(each).encode() for one in conflicts for each in (one.item_id, one.earlier_item_id)}
    texts: dict[UUID, str] = {}
    for line in lines.splitlines() if wanted else ():
        if any(each in line for each in wanted):
            text = line.rpartition(b"\t")[0]
            _, record = redacted(redactor, text, record_of(text))
            texts[record.item_id] = rules.text_of(record.input, path)[:MOST_OF_A_TEXT]
    return [
        ConflictView(**msgspec.structs.asdict(each), text=texts[each.item_id], earlier_text=texts[each.earlier_item_id])
        for each in conflicts
    ]
