"""A downloaded snapshot: Parquet files whose digests were checked, and ways to read them."""

import hashlib
import importlib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec

from countersign_client.errors import DigestMismatch, LibraryMissing, NothingToRead
from countersign_client.manifests import Manifest, SnapshotFile

if TYPE_CHECKING:
    import datasets
    import pandas as pd
    import polars as pl

MANIFEST = "manifest.json"
CHUNK = 1024 * 1024


class LocalSnapshot:
    """A snapshot in a folder of this machine; it has labelled data of people in it, so keep it no longer than needed.

    A folder that was made for it goes with it, once nothing refers to it any more.
    """

    def __init__(self, folder: Path, manifest: Manifest, *, temporary: TemporaryDirectory[str] | None = None) -> None:
        self.folder = folder
        self.manifest = manifest
        self._temporary = temporary

    @classmethod
    def open(cls, folder: Path | str) -> "LocalSnapshot":
        """Open a snapshot that was downloaded before, and check the digests of the files that are there.

        Raises:
            DigestMismatch: a file is not what it was.
            OSError: there is no snapshot.
        """
        place = Path(folder)
        manifest = msgspec.json.decode((place / MANIFEST).read_bytes(), type=Manifest)
        check_manifest(manifest)
        for file in manifest.files:
            path = place_of(place, file)
            if path.exists() and not is_whole(path, file):
                message = f"{path} is not the file that its manifest names; download the snapshot again."
                raise DigestMismatch(message)
        return cls(place, manifest)

    def close(self) -> None:
        """Remove the folder now if it was made for this snapshot."""
        if self._temporary is not None:
            self._temporary.cleanup()

    @property
    def splits(self) -> list[str]:
        """The parts that have records here."""
        there = {file.split for file in self.manifest.files if place_of(self.folder, file).exists()}
        return [split for split in self.manifest.parts if split in there]

    def paths(self, split: str | None = None) -> list[Path]:
        """Give the files of a part, or of all, in order.

        Raises:
            NothingToRead: there is none, or it was not downloaded.
        """
        files = [file for file in self.manifest.files if split in {None, file.split}]
        missing = [file.name for file in files if not place_of(self.folder, file).exists()]
        if not files or missing:
            what = f"no records in the part {split!r}" if not files else f"files that were not downloaded: {missing}"
            message = f"Snapshot {self.manifest.number} of {self.manifest.dataset} has {what}. Here are {self.splits}."
            raise NothingToRead(message)
        return [place_of(self.folder, file) for file in files]

    def to_arrow(self, split: str | None = None) -> Any:
        """Read a part, or all, as a `pyarrow.Table`, a library that carries no types."""
        arrow, parquet = _library("pyarrow"), _library("pyarrow.parquet")
        return arrow.concat_tables([parquet.read_table(path, partitioning=None) for path in self.paths(split)])

    def to_pandas(self, split: str | None = None) -> "pd.DataFrame":
        """Read a part, or all, as a pandas data frame."""
        pandas, _ = _library("pandas"), _library("pyarrow")
        frames = [pandas.read_parquet(path) for path in self.paths(split)]
        whole: pd.DataFrame = pandas.concat(frames, ignore_index=True)
        return whole

    def to_polars(self, split: str | None = None) -> "pl.DataFrame":
        """Read a part, or all, as a Polars data frame."""
        polars = _library("polars")
        whole: pl.DataFrame = polars.read_parquet(self.paths(split), hive_partitioning=False)
        return whole

    def to_dataset(self, split: str | None = None) -> "datasets.Dataset | datasets.DatasetDict":
        """Read a part as a dataset of Hugging Face's library, or all as a dictionary of one for each part.

        It is held in memory, so that nothing of it stays in that library's cache.
        """
        library, table = _library("datasets"), _library("datasets.table")
        if split is not None:
            return library.Dataset(table.InMemoryTable(self.to_arrow(split)))
        return library.DatasetDict({each: self.to_dataset(each) for each in self.splits})


class Whole:
    """A file while it arrives: it gets its name once all of it is there, and is gone otherwise."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path.with_name(f"{path.name}.part")
        self._out = self._part.open("wb")

    def restart(self) -> None:
        """Forget what came."""
        self._out.seek(0)
        self._out.truncate()

    def write(self, piece: bytes, /) -> None:
        """Take the next piece."""
        self._out.write(piece)

    def finish(self) -> Path:
        """Give the file its name."""
        self._out.close()
        return self._part.replace(self.path)

    def close(self) -> None:
        """Remove what is not finished."""
        self._out.close()
        self._part.unlink(missing_ok=True)


class Part:
    """A file while it arrives: it gets its name once its digest is right, and is gone otherwise."""

    def __init__(self, folder: Path, file: SnapshotFile) -> None:
        self._path = place_of(folder, file)
        self._file = file
        self._part = self._path.with_name(f"{self._path.name}.part")
        self._out = self._part.open("wb")
        self._digest = hashlib.sha256()

    def restart(self) -> None:
        """Forget what came."""
        self._out.seek(0)
        self._out.truncate()
        self._digest = hashlib.sha256()

    def write(self, piece: bytes, /) -> None:
        """Take the next piece."""
        self._out.write(piece)
        self._digest.update(piece)

    def finish(self) -> None:
        """Give the file its name.

        Raises:
            DigestMismatch: it is not the file that the manifest names.
        """
        self._out.close()
        if self._digest.hexdigest() != self._file.sha256:
            message = f"{self._file.name} came with other content than its manifest names, and was not kept."
            raise DigestMismatch(message)
        self._part.replace(self._path)

    def close(self) -> None:
        """Remove what is not finished."""
        self._out.close()
        self._part.unlink(missing_ok=True)


def check_manifest(manifest: Manifest) -> None:
    """Check that the files have plain names, and that the digest over all of them fits.

    Raises:
        DigestMismatch: it does not, or a name leads elsewhere.
    """
    named = sorted(({"name": each.name, "sha256": each.sha256} for each in manifest.files), key=_name)
    # For objects of such names and values this is their RFC 8785 canonical form.
    for each in manifest.files:
        place_of(Path(), each)
    if hashlib.sha256(msgspec.json.encode(named, order="sorted")).hexdigest() != manifest.sha256:
        message = f"The manifest of snapshot {manifest.number} of {manifest.dataset} does not fit its own digest."
        raise DigestMismatch(message)


def is_whole(path: Path, file: SnapshotFile) -> bool:
    """Say whether a file is the one that a manifest names."""
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while piece := content.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest() == file.sha256


def place_of(folder: Path, file: SnapshotFile) -> Path:
    """Give where a file is kept; a name that leads out of the folder is none.

    Raises:
        DigestMismatch: the manifest names no plain file.
    """
    if file.name in {"", ".", "..", MANIFEST} or any(each in file.name for each in "/\\:\0"):
        message = f"The manifest names a file {file.name!r}, which is no plain name; nothing was written."
        raise DigestMismatch(message)
    return folder / file.name


def _name(named: Mapping[str, str]) -> str:
    return named["name"]


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as fault:
        package = name.partition(".")[0]
        message = f"{package} is needed to read a snapshot this way, and is not installed: pip install {package}."
        raise LibraryMissing(message) from fault
