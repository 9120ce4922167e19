"""Formats of a whole snapshot on a real server and store: folders, many files, faults, and what is left behind."""

import io
import json
import tarfile
import tempfile
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from review.datasets.errors import RenderingInvalid, StoreRefused
from review.datasets.formats import decoding, huggingface
from review.datasets.formats.rendering import Options
from review.datasets.selections.rules import Definition, Sampling
from review.datasets.snapshots import folders, rendering, writing
from review.datasets.snapshots.rendering import Exported
from review.datasets.snapshots.service import path_of
from review.datasets.snapshots.store import Store
from review.kernel.db import Database
from tests.datasets.snapshot_files import snapshot_record, write
from tests.datasets.test_export import leave
from tests.datasets.test_formats import huggingface as datasets_library
from tests.datasets.test_snapshots import SPLIT, Place, place

__all__ = ["place"]
LABELS: Final = ("a", "<b>|`", "=c")


async def exported(place: Place, name: str, split: str = "", **options: str) -> Exported:
    return await rendering.export(
        place.db.hot,
        Store.of(place.settings),
        project_id=place.project_id,
        dataset="d",
        number=1,
        name=name,
        split=split,
        options=msgspec.convert(options, Options),
    )


async def content(place: Place, name: str, split: str = "", **options: str) -> bytes:
    return b"".join([piece async for piece in (await exported(place, name, split, **options)).pieces])


async def made(db: Database, place: Place, count: int = 12) -> None:
    for at in range(count):
        await leave(db, place.project_id, label=LABELS[at % 3], input={"text": f"=text {at}", "at": at})
    assert (await place.make()).state == "ready"


async def test_a_hugging_face_folder_is_loaded_with_its_splits(db: Database, place: Place, tmp_path: Path) -> None:
    """Promise 32: `datasets` loads the folder, and the card tells where the records come from."""
    await made(db, place)

    archive = await content(place, "huggingface")

    assert archive == await content(place, "huggingface")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(tmp_path / "out", filter="data")
    manifest = await place.manifest(1)
    root = tmp_path / "out" / "d-1"
    assert json.loads((root / "manifest.json").read_text()) == msgspec.to_builtins(manifest)
    library = datasets_library()
    loaded: Any = library.load_dataset(str(root), cache_dir=str(tmp_path / "cache"))
    assert {name: len(split) for name, split in loaded.items()} == {k: n for k, n in manifest.parts.items() if n}
    rows = [row for split in loaded.values() for row in split]
    assert sorted(row["input"]["at"] for row in rows) == list(range(12))
    card = (root / "README.md").read_text()
    assert manifest.sha256 in card
    assert "<b>" not in card.partition("\n---\n")[2]


def test_the_features_of_the_card_are_what_datasets_makes_of_the_file(tmp_path: Path) -> None:
    nested = {"l": [{"a": 1, "b": [1.5]}], "x": {"y": True}, "n": [["a"]], "mixed": [1, "a"]}
    columns = decoding.schema_of(write(tmp_path / "f.parquet", snapshot_record(input=nested)))

    library: Any = datasets_library()
    assert huggingface.features(columns) == library.Features.from_arrow_schema(columns)._to_yaml_list()


def test_a_part_called_all_becomes_a_split_that_can_be_loaded() -> None:
    assert [huggingface.split_of(part, parts) for part, parts in (("all", ["all"]), ("all", ["all", "train"]))] == [
        "train",
        "all_records",
    ]


async def test_files_come_one_after_the_other_and_a_part_alone(
    db: Database, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "ROWS_PER_FILE", 2)
    await place.define(Definition(splitting=SPLIT, sampling=Sampling(text_at="text")))
    await made(db, place)

    whole = [json.loads(line) for line in (await content(place, "classification")).splitlines()]
    parts = [[json.loads(line) for line in (await content(place, "jsonl", part)).splitlines()] for part in SPLIT.parts]

    assert sorted(each["text"] for each in whole) == sorted(f"=text {at}" for at in range(12))
    assert [{each["split"] for each in part} <= {name} for part, name in zip(parts, SPLIT.parts, strict=True)] == [
        True,
        True,
    ]
    assert sum(map(len, parts)) == 12
    assert json.loads(await content(place, "label_studio"))[0]["data"]["text"].startswith("=text")


async def test_what_is_checked_is_bounded_and_counts_what_is_left_out(
    db: Database, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await made(db, place)
    monkeypatch.setattr(rendering, "LOOKED_AT", 7)

    found = await rendering.check(
        db.hot,
        Store.of(place.settings),
        project_id=place.project_id,
        dataset="d",
        number=1,
        name="template",
        split="",
        options=Options(template="{{ input.text }}{% if label.label == 'a' %}{{ '\n-' }}{% endif %}"),
    )

    assert (found.looked_at, found.of) == (7, 12)
    assert found.given + sum(found.left_out.values()) == 7
    assert list(found.left_out) == ["more than one line from the template"]
    assert all(each.startswith("=text") for each in found.samples)


async def test_a_file_that_was_changed_in_the_store_breaks_the_archive_off(db: Database, place: Place) -> None:
    await made(db, place)
    (file, *_) = (await place.manifest(1)).files
    stored = place.folder / path_of(place.project_id, "d", 1, file.name)
    stored.write_bytes(stored.read_bytes()[:-4] + b"\0\0\0\0")
    manifest = await place.manifest(1)
    columns = decoding.schema_of(write(place.folder.parent / "f.parquet", snapshot_record()))

    with pytest.raises(StoreRefused, match="SHA-256"):
        _ = [
            piece
            async for piece in folders.folder(
                Store.of(place.settings), place.project_id, manifest, manifest.files, columns
            )
        ]


async def test_nothing_stays_on_the_disk_whether_it_is_read_to_the_end_or_not(
    db: Database, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await made(db, place)
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))

    await content(place, "jsonl")
    left = await exported(place, "jsonl")
    await anext(left.pieces)
    await left.pieces.aclose()
    with pytest.raises(RenderingInvalid):
        await exported(place, "template", template="{{ input.none }}")

    assert list((tmp_path / "scratch").iterdir()) == []
