"""What a manifest says, and how two snapshots differ; no I/O."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from review.datasets.redaction.rules import Redaction
from review.datasets.selections.rules import Definition
from review.kernel.canonical import sha256_of

FORMAT_VERSION: Final = 1

EXPLAINED: Final[Mapping[str, str]] = {
    "id": "The labelled record; a revised decision leaves a new one.",
    "item_id": "The item that was judged.",
    "model_output": "What the model said.",
    "label": "The output that counts: the model's where approved, the correction where corrected, null where rejected.",
    "verdict": "What people decided: approve, correct or reject.",
    "source": "How the decision came about: review, consensus, adjudication or override.",
    "route": "The rule that sent the item to people, its rule set, and inclusion_probability: the chance, known when "
    "the item came, with which an item of this content is judged by people. Where figures are to hold for all items, "
    "a record counts 1/inclusion_probability.",
    "agreement": "The share of reviews that came to the decision; null where nobody reviewed.",
    "gold": "Whether the answer was known before anybody was asked; null in records from before that was kept.",
    "revision": "The decision's revision; 1 is the first.",
    "is_last": "Whether no later revision was there at the cut-off.",
    "pool": "The pool in which it was judged.",
    "reviewers": "Who reviewed it, by the ids of their accounts, in order.",
    "label_class": "The class of the label, by which sampling counts.",
    "guidelines_sha256": "The guidelines in force when it was judged; the manifest has their text.",
    "split": "The part that the record belongs to.",
    "sampling_probability": "The share of the record's class that the dataset takes, which is what balanced, weights, "
    "at_most and shares of its definition come to. A hash of the item decides, so it is the chance with which the "
    "record was taken. Repetitions that are left out do not count towards it.",
    "weight": "1 / (inclusion_probability × sampling_probability): weighs the record back to all items.",
}


class FileOf(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a snapshot; `sha256` is of its bytes, in hex."""

    name: str
    split: str
    rows: int
    bytes: int
    sha256: str


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is where snapshots are kept: the digest of its bytes, and the mark that the place put on it."""

    sha256: str
    mark: str


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column of every file: its Arrow type, and what it says where the name does not."""

    name: str
    type: str
    meaning: str


class Guidelines(msgspec.Struct, frozen=True, kw_only=True):
    """The guidelines of one version of an item type, and how many records were judged under them."""

    type: str
    version: int
    records: int
    sha256: str
    text: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """All that says what a snapshot is; written when every file is there.

    `sha256` is that of the canonical JSON of the files' names and digests: the same selection and cut-off give the
    same. Counts are of the records taken, `left_out` of those looked at and not taken, by reason; `conflicts` are
    records that repeat an earlier one, or nearly, and have another label. `classes` and `shares` are of the 10,000 most
    frequent classes. `redaction` is what was done to which field, of which type.
    """

    format_version: int
    project: str
    dataset: str
    number: int
    definition: Definition
    cut_off: int
    looked_at: int
    records: int
    sha256: str
    files: Sequence[FileOf]
    columns: Sequence[Column]
    json_columns: Sequence[str]
    parts: Mapping[str, int]
    classes: Mapping[str, int]
    verdicts: Mapping[str, int]
    models: Mapping[str, int]
    rulesets: Mapping[str, int]
    left_out: Mapping[str, int]
    shares: Mapping[str, float]
    guidelines: Sequence[Guidelines]
    code_version: str
    conflicts: int = 0
    redaction: Redaction = msgspec.field(default_factory=Redaction)


class Tombstone(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of a snapshot that held items which were erased: what it was, and nothing of what was in it.

    `sha256` is the digest over its files as its manifest had it; `items_erased` counts the items, at that time.
    """

    format_version: int
    project: str
    dataset: str
    number: int
    cut_off: int
    records: int
    sha256: str
    withdrawn_at: datetime
    items_erased: int
    state: str = "withdrawn"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """How a snapshot differs from an earlier one: counts, and some items of each kind.

    `relabelled` are items whose label is another, `revised` those with another record and the same label, `moved` those
    in another part.
    """

    earlier: int
    later: int
    added: int
    withdrawn: int
    relabelled: int
    revised: int
    moved: int
    same: int
    examples: Mapping[str, Sequence[str]]


def digest_of(files: Sequence[FileOf]) -> str:
    """Give the digest over all files."""
    return sha256_of([{"name": each.name, "sha256": each.sha256} for each in sorted(files, key=lambda each: each.name)])
