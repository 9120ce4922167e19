"""Splits that stay: into which part a record goes follows from its group alone; no I/O.

Hashing the group rather than shuffling keeps a record in its part when others come and go, and keeps the records of one
group together, so that no test set knows a training set's customer.
"""

import hashlib
from collections.abc import Mapping

import msgspec

from review.datasets.selections.rules import Circumstances, Record, Splitting, at_path
from review.kernel.sentences import Sentence, say

SLACK = 1e-9  # by how much shares may miss 1 through being written in decimals


def group_of(splitting: Splitting, record: Record, around: Circumstances) -> str:
    """Name the group of a record; the item itself where it belongs to none."""
    if splitting.by == "subject" and around.subject is not None:
        return f"subject\0{around.subject}"
    if splitting.by.startswith("input."):
        value = at_path(msgspec.json.decode(record.input), splitting.by.removeprefix("input."))
        if value is not None:
            return f"value\0{msgspec.json.encode(value, order='sorted').decode()}"
    return f"item\0{record.item_id}"


def part_of(splitting: Splitting, group: str) -> str:
    """Name the part that a group goes to: parts lie one behind the other between 0 and 1, in the order written."""
    digest = hashlib.sha256(f"{splitting.salt}\0{group}".encode("utf-8", "surrogatepass")).digest()
    place, end = int.from_bytes(digest[:8], "big") / 2**64, 0.0
    for name, share in splitting.parts.items():
        end += share
        if place < end:
            return name
    return list(splitting.parts)[-1]


def faults_of(parts: Mapping[str, float]) -> Sentence | None:
    """Say what is wrong with parts, or give None."""
    if abs(sum(parts.values()) - 1.0) > SLACK:
        return say("has shares that do not add up to 1")
    wrong = next((name for name in parts if not name.isidentifier() or not name.isascii()), None)
    if wrong is None:
        return None
    return say("has a part %(name)s: a name is letters, digits and underscores", name=repr(wrong))
