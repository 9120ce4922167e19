"""Telling two snapshots of a dataset apart by reading their files: what is new, gone, judged anew or moved."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from uuid import UUID

from review.datasets.formats.arrow import Table, compute, pa, parquet
from review.datasets.pipeline import in_thread
from review.datasets.snapshots.fetching import fetch
from review.datasets.snapshots.rules import Difference, Manifest
from review.datasets.snapshots.service import get_manifest
from review.datasets.snapshots.store import Store
from review.kernel.db import Hot

EXAMPLES: Final = 20
_KEYS: Final = ["item_id", "id", "split", "revision"]


async def compare(hot: Hot, store: Store, *, project_id: UUID, dataset: str, earlier: int, later: int) -> Difference:
    """Compare the last record of every item in two snapshots.

    Raises:
        SnapshotNotFound (404); SnapshotNotReady (409); StoreRefused (503).
    """
    new = await get_manifest(hot, project_id=project_id, dataset=dataset, number=later)
    old = await get_manifest(hot, project_id=project_id, dataset=dataset, number=earlier)
    with tempfile.TemporaryDirectory(prefix="countersign-compare-") as folder:
        before = await _fetch(store, project_id, old, Path(folder) / "earlier")
        after = await _fetch(store, project_id, new, Path(folder) / "later")
        return await in_thread(_compare, (earlier, later), before, after)


async def _fetch(store: Store, project_id: UUID, manifest: Manifest, folder: Path) -> list[Path]:
    await in_thread(folder.mkdir)
    return [await fetch(store, project_id, manifest, each, folder) for each in manifest.files]


def _compare(numbers: tuple[int, int], before: Sequence[Path], after: Sequence[Path]) -> Difference:
    joined = _keys(before).join(_keys(after), "item_id", join_type="full outer", right_suffix="_later")
    was, became = joined["id"], joined["id_later"]
    new, gone = compute.is_null(was), compute.is_null(became)
    both = compute.and_(compute.is_valid(was), compute.is_valid(became))
    other = compute.and_(both, compute.fill_null(compute.not_equal(was, became), fill_value=False))
    moved = compute.and_(
        both, compute.fill_null(compute.not_equal(joined["split"], joined["split_later"]), fill_value=False)
    )
    revised: list[str] = joined.filter(other)["item_id"].to_pylist()
    relabelled = _relabelled(before, after, revised)
    ids = {
        "added": joined.filter(new)["item_id"].to_pylist(),
        "withdrawn": joined.filter(gone)["item_id"].to_pylist(),
        "relabelled": relabelled,
        "revised": sorted(set(revised) - set(relabelled)),
        "moved": joined.filter(moved)["item_id"].to_pylist(),
    }
    stay = int(compute.sum(both).as_py() or 0)
    return Difference(
        earlier=numbers[0],
        later=numbers[1],
        same=stay - len(revised),
        examples={kind: sorted(found)[:EXAMPLES] for kind, found in ids.items()},
        **{kind: len(found) for kind, found in ids.items()},
    )


def _keys(files: Sequence[Path]) -> Table:
    """Give the last record of every item."""
    table = pa.concat_tables([parquet.read_table(file, columns=_KEYS) for file in files])
    last = table.group_by("item_id").aggregate([("revision", "max")])
    found = table.join(last, "item_id").filter(compute.field("revision") == compute.field("revision_max"))
    return found.select(["item_id", "id", "split"])


def _relabelled(before: Sequence[Path], after: Sequence[Path], items: list[str]) -> list[str]:
    """Give those items whose label is another."""
    old, new = _labels(before, items), _labels(after, items)
    return sorted(item for item, label in old.items() if label != new.get(item))


def _labels(files: Sequence[Path], items: list[str]) -> dict[str, object]:
    chosen = compute.field("item_id").isin(pa.array(items, pa.string()))
    columns = ["item_id", "label", "verdict", "revision"]
    rows = [row for file in files for row in parquet.read_table(file, columns=columns, filters=chosen).to_pylist()]
    rows.sort(key=lambda row: row["revision"])
    return {row["item_id"]: (row["label"], row["verdict"] == "reject") for row in rows}
