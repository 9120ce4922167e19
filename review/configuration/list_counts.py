"""How many entries a plan adds to lists and removes from them; no I/O."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from review.configuration.checks import list_of, mapping_of
from review.configuration.plans import Difference
from review.routing.named import Entries, entries_of

_AT_ONCE = 10_000


def with_counts(
    differences: Sequence[Difference], before: Mapping[str, Any], after: Mapping[str, Any], known: Mapping[str, Entries]
) -> tuple[Difference, ...]:
    """Say of each list that differs how many entries are added and removed; of a long one that is new, how many it has.

    `known` are the lists that stand apart, by digest.
    """
    return tuple(
        msgspec.structs.replace(each, keys=_counts(each, _listed(before, each, known), _listed(after, each, known)))
        if each.kind == "list"
        else each
        for each in differences
    )


def _counts(difference: Difference, old: Entries | None, new: Entries | None) -> tuple[str, ...]:
    if difference.change == "changed" and old is not None and new is not None:
        counts = ((_missing(new, old), "added"), (_missing(old, new), "removed"))
        return tuple(f"{count:,} {what}" for count, what in counts if count)
    one = new if difference.change == "added" else old
    return (f"{len(one):,} entries",) if one is not None and len(one) > 1 else ()


def _missing(of: Entries, other: Entries) -> int:
    """Count what the other one lacks, a little at a time: in one go it would hold up the whole process."""
    entries, count = iter(of), 0
    while some := list(islice(entries, _AT_ONCE)):
        count += sum(each not in other for each in some)
    return count


def _listed(data: Mapping[str, Any], difference: Difference, known: Mapping[str, Entries]) -> Entries | None:
    given = (mapping_of(data.get("lists")) or {}).get(difference.name)
    values = list_of(given)
    if values is not None:
        return entries_of(values)
    return known.get(str((mapping_of(given) or {}).get("sha256")))
