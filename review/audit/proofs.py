"""Proofs from the log: an item's entries stand in it, and one checkpoint is an earlier state of another."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from review.audit import log_queries, tree
from review.audit.errors import LogBroken, NoCheckpoint, NoEntries, SizesInvalid
from review.audit.schemas import CheckpointView, Consistency, ItemProof, Proven
from review.audit.tree import Subtree
from review.kernel.db import Hot

MOST_ENTRIES = 200  # of one item, whose proofs read up to 100,000 hashes; the answer says how many more there are


async def get_checkpoint(hot: Hot, project_id: UUID) -> CheckpointView:
    """Give the newest checkpoint.

    Raises:
        NoCheckpoint: none was signed yet (404).
    """
    found = await find_signed(hot, project_id)
    if found is None:
        raise NoCheckpoint
    return found


async def find_signed(hot: Hot, project_id: UUID) -> CheckpointView | None:
    """Give the newest checkpoint, or None if there is none yet."""
    row = await log_queries.find_checkpoint(hot, project_id)
    return None if row is None else _view(row)


async def prove_item(hot: Hot, project_id: UUID, item_id: UUID) -> ItemProof:
    """Prove that an item's entries stand in the log that the newest checkpoint signs.

    Raises:
        NoCheckpoint, NoEntries: there is nothing to prove it by, or nothing to prove (404).
        LogBroken: hashes that it takes are gone (409).
    """
    checkpoint = await get_checkpoint(hot, project_id)
    lines = await log_queries.list_lines_of_item(hot, project_id, item_id, checkpoint.size, MOST_ENTRIES)
    count = await log_queries.count_of_item(hot, project_id, item_id)
    if not count:
        message = f"The audit of this project has no entry about an item {item_id}."
        raise NoEntries(message)
    stretches = {position: tree.inclusion_path(position, checkpoint.size) for position, _ in lines}
    wanted = {each for path in stretches.values() for each in tree.needed(path)}
    found = await log_queries.get_hashes(hot, project_id, wanted)
    proven = [
        Proven(
            index=position,
            entry=line or "",
            proof=_hex(_build(stretches[position], found)),
        )
        for position, line in lines
    ]
    return ItemProof(checkpoint=checkpoint, data=proven, more=count - len(lines))


async def prove_consistency(hot: Hot, project_id: UUID, first: int, second: int) -> Consistency:
    """Prove that the log at one size is the beginning of the log at another.

    Raises:
        SizesInvalid: it has not had these sizes, or not in this order (422). LogBroken: hashes are gone (409).
    """
    size = await log_queries.get_size(hot, project_id)
    if not 0 < first <= second <= size:
        raise SizesInvalid(size)
    roots = [(0, first), (0, second)]
    path = tree.consistency_path(first, second)
    found = await log_queries.get_hashes(hot, project_id, tree.needed([*roots, *path]))
    first_root, second_root, *proof = _hex(_build([*roots, *path], found))
    return Consistency(first=first, second=second, first_root=first_root, second_root=second_root, proof=proof)


def _view(row: Any) -> CheckpointView:
    return CheckpointView(size=row["size"], root=row["root"].hex(), signed_at=row["signed_at"], checkpoint=row["note"])


def _build(stretches: Sequence[tuple[int, int]], found: Mapping[Subtree, bytes]) -> list[bytes]:
    try:
        return tree.build(stretches, found.__getitem__)
    except KeyError as fault:
        raise LogBroken from fault


def _hex(hashes: Sequence[bytes]) -> list[str]:
    return [each.hex() for each in hashes]
