"""The datasets of a project, synchronous and asynchronous."""

from collections.abc import AsyncIterator, Awaitable, Collection, Iterator
from pathlib import Path
from typing import Protocol, TypeVar, Unpack
from uuid import UUID

from countersign_client.calls import datasets as calls
from countersign_client.definitions import Definition, FormatOptions
from countersign_client.files import LocalSnapshot
from countersign_client.manifests import Checked, Dataset, Difference, Holding, Manifest, Preview, Schedule, Snapshot
from countersign_client.protocol import Patience, Steps

T = TypeVar("T")


class Run(Protocol):
    """Drives a call to its result."""

    def __call__(self, steps: Steps[T], /) -> T:
        """Drive it."""
        ...


class RunAsync(Protocol):
    """Drives a call to its result on an event loop."""

    def __call__(self, steps: Steps[T], /) -> Awaitable[T]:
        """Drive it."""
        ...


class Datasets:
    """The datasets of a project, as `client.datasets`."""

    def __init__(self, run: Run, patience: Patience) -> None:
        self._run = run
        self._patience = patience

    def all(self) -> Iterator[Dataset]:
        """Iterate over the datasets, by name."""
        cursor: str | None = None
        while True:
            page = self._run(calls.page(self._patience, cursor))
            yield from page.data
            if page.next is None:
                return
            cursor = page.next

    def get(self, name: str) -> Dataset:
        """Read a dataset."""
        return self._run(calls.get(self._patience, name))

    def create(self, name: str, definition: Definition | None = None, *, description: str = "") -> Dataset:
        """Keep a definition under a name; what it does not say takes everything.

        Raises:
            Conflict: there is a dataset of this name (409).
        """
        return self._run(calls.create(self._patience, name, definition or {}, description))

    def change(self, name: str, definition: Definition, *, description: str = "") -> Dataset:
        """Replace definition and description; snapshots that were made keep theirs."""
        return self._run(calls.change(self._patience, name, definition, description))

    def preview(self, definition: Definition) -> Preview:
        """Try a definition on the newest records: what it takes, what it leaves out and why, with samples."""
        return self._run(calls.preview(self._patience, definition))

    def schedule(self, name: str) -> Schedule:
        """Read when a dataset takes snapshots by itself.

        Raises:
            NotFound: it never does (404).
        """
        return self._run(calls.schedule(self._patience, name))

    def set_schedule(
        self, name: str, *, cron: str = "", timezone: str = "UTC", new_records: int | None = None, paused: bool = False
    ) -> Schedule:
        """Have snapshots made by the clock, when so many records are new, or by whichever comes first; or pause that.

        `cron` has five fields, read in `timezone`: `0 6 * * mon-fri` is every working day at six.
        """
        asked = calls.set_schedule(
            self._patience, name, cron=cron, timezone=timezone, new_records=new_records, paused=paused
        )
        return self._run(asked)

    def begin_snapshot(self, name: str, *, cut_off: int | None = None) -> Snapshot:
        """Have a worker make the next snapshot, of all records or of those up to an earlier manifest's `cut_off`."""
        return self._run(calls.begin(self._patience, name, cut_off=cut_off))

    def make_snapshot(self, name: str, *, cut_off: int | None = None, timeout: float | None = None) -> Snapshot:
        """Have the next snapshot made, and wait until it is ready.

        Raises:
            SnapshotFailed: it could not be made, or was stopped.
            SnapshotLate: the seconds of `timeout` are up.
        """
        return self._run(calls.make(self._patience, name, cut_off=cut_off, timeout=timeout))

    def wait_ready(self, name: str, number: int, *, timeout: float | None = None) -> Snapshot:
        """Wait until a snapshot is ready; raises as `make_snapshot` does."""
        return self._run(calls.ready(self._patience, name, number, timeout=timeout))

    def snapshots(self, name: str) -> Iterator[Snapshot]:
        """Iterate over the snapshots of a dataset, the last first, without their manifests."""
        before: int | None = None
        while True:
            page = self._run(calls.snapshots(self._patience, name, before))
            yield from page.data
            if page.next is None:
                return
            before = page.next

    def snapshots_of(self, item_id: UUID | str) -> Iterator[Holding]:
        """Iterate over the snapshots that an item is in, the last first: its label there, and the part it went to."""
        cursor: str | None = None
        while True:
            page = self._run(calls.holding(self._patience, item_id, cursor))
            yield from page.data
            if page.next is None:
                return
            cursor = page.next

    def snapshot(self, name: str, number: int) -> Snapshot:
        """Read how far a snapshot is."""
        return self._run(calls.snapshot(self._patience, name, number))

    def stop_snapshot(self, name: str, number: int) -> Snapshot:
        """End the making of a snapshot."""
        return self._run(calls.change_making(calls.STOP, self._patience, name, number))

    def retry_snapshot(self, name: str, number: int) -> Snapshot:
        """Have a snapshot that failed or was stopped made after all, of the same records."""
        return self._run(calls.change_making(calls.RETRY, self._patience, name, number))

    def manifest(self, name: str, number: int | None = None) -> Manifest:
        """Read the manifest of a snapshot, of the newest one where none is said."""
        return self._run(calls.manifest(self._patience, name, number))

    def compare(self, name: str, number: int, *, since: int | None = None) -> Difference:
        """Tell how a snapshot differs from an earlier one, by default the one before it."""
        return self._run(calls.compare(self._patience, name, number, since=since))

    def export(
        self,
        name: str,
        into: Path | str,
        number: int | None = None,
        *,
        format: str = "jsonl",
        split: str | None = None,
        **options: Unpack[FormatOptions],
    ) -> Path:
        """Write a snapshot, the newest one where none is said, or a part of it to a file, in a trainer's format.

        The formats and their options are those of docs/datasets.md, such as `chat`, `preference` and `classification`.
        """
        steps = calls.export(self._patience, name, number, into, format=format, split=split, options=options)
        return self._run(steps)

    def check_export(
        self,
        name: str,
        number: int | None = None,
        *,
        format: str = "jsonl",
        split: str | None = None,
        **options: Unpack[FormatOptions],
    ) -> Checked:
        """Try a format on the first 10,000 records: how many it gives, what it leaves out and why, with samples."""
        steps = calls.check_export(self._patience, name, number, format=format, split=split, options=options)
        return self._run(steps)

    def download(
        self,
        name: str,
        number: int | None = None,
        *,
        into: Path | str | None = None,
        splits: Collection[str] | None = None,
    ) -> LocalSnapshot:
        """Bring a snapshot here, the newest one where none is said, and check the digest of every file.

        It goes to a folder of its own in `into`, where files that are there and whole are not brought again; without
        `into`, to a temporary one that goes with what is answered. `splits` names the parts that are wanted.

        Raises:
            DigestMismatch: a file is not the one that the manifest names.
            NothingToRead: no snapshot is ready.
        """
        return self._run(calls.download(self._patience, name, number, into=into, splits=splits))


class AsyncDatasets:
    """The datasets of a project, as `client.datasets`."""

    def __init__(self, run: RunAsync, patience: Patience) -> None:
        self._run = run
        self._patience = patience

    async def all(self) -> AsyncIterator[Dataset]:
        """Iterate over the datasets, by name."""
        cursor: str | None = None
        while True:
            page = await self._run(calls.page(self._patience, cursor))
            for each in page.data:
                yield each
            if page.next is None:
                return
            cursor = page.next

    async def get(self, name: str) -> Dataset:
        """Read a dataset."""
        return await self._run(calls.get(self._patience, name))

    async def create(self, name: str, definition: Definition | None = None, *, description: str = "") -> Dataset:
        """Keep a definition under a name; what it does not say takes everything.

        Raises:
            Conflict: there is a dataset of this name (409).
        """
        return await self._run(calls.create(self._patience, name, definition or {}, description))

    async def change(self, name: str, definition: Definition, *, description: str = "") -> Dataset:
        """Replace definition and description; snapshots that were made keep theirs."""
        return await self._run(calls.change(self._patience, name, definition, description))

    async def preview(self, definition: Definition) -> Preview:
        """Try a definition on the newest records: what it takes, what it leaves out and why, with samples."""
        return await self._run(calls.preview(self._patience, definition))

    async def schedule(self, name: str) -> Schedule:
        """Read when a dataset takes snapshots by itself.

        Raises:
            NotFound: it never does (404).
        """
        return await self._run(calls.schedule(self._patience, name))

    async def set_schedule(
        self, name: str, *, cron: str = "", timezone: str = "UTC", new_records: int | None = None, paused: bool = False
    ) -> Schedule:
        """Have snapshots made by the clock, when so many records are new, or by whichever comes first; or pause that.

        `cron` has five fields, read in `timezone`: `0 6 * * mon-fri` is every working day at six.
        """
        asked = calls.set_schedule(
            self._patience, name, cron=cron, timezone=timezone, new_records=new_records, paused=paused
        )
        return await self._run(asked)

    async def begin_snapshot(self, name: str, *, cut_off: int | None = None) -> Snapshot:
        """Have a worker make the next snapshot, of all records or of those up to an earlier manifest's `cut_off`."""
        return await self._run(calls.begin(self._patience, name, cut_off=cut_off))

    async def make_snapshot(self, name: str, *, cut_off: int | None = None, timeout: float | None = None) -> Snapshot:
        """Have the next snapshot made, and wait until it is ready.

        Raises:
            SnapshotFailed: it could not be made, or was stopped.
            SnapshotLate: the seconds of `timeout` are up.
        """
        return await self._run(calls.make(self._patience, name, cut_off=cut_off, timeout=timeout))

    async def wait_ready(self, name: str, number: int, *, timeout: float | None = None) -> Snapshot:
        """Wait until a snapshot is ready; raises as `make_snapshot` does."""
        return await self._run(calls.ready(self._patience, name, number, timeout=timeout))

    async def snapshots(self, name: str) -> AsyncIterator[Snapshot]:
        """Iterate over the snapshots of a dataset, the last first, without their manifests."""
        before: int | None = None
        while True:
            page = await self._run(calls.snapshots(self._patience, name, before))
            for each in page.data:
                yield each
            if page.next is None:
                return
            before = page.next

    async def snapshots_of(self, item_id: UUID | str) -> AsyncIterator[Holding]:
        """Iterate over the snapshots that an item is in, the last first: its label there, and the part it went to."""
        cursor: str | None = None
        while True:
            page = await self._run(calls.holding(self._patience, item_id, cursor))
            for each in page.data:
                yield each
            if page.next is None:
                return
            cursor = page.next

    async def snapshot(self, name: str, number: int) -> Snapshot:
        """Read how far a snapshot is."""
        return await self._run(calls.snapshot(self._patience, name, number))

    async def stop_snapshot(self, name: str, number: int) -> Snapshot:
        """End the making of a snapshot."""
        return await self._run(calls.change_making(calls.STOP, self._patience, name, number))

    async def retry_snapshot(self, name: str, number: int) -> Snapshot:
        """Have a snapshot that failed or was stopped made after all, of the same records."""
        return await self._run(calls.change_making(calls.RETRY, self._patience, name, number))

    async def manifest(self, name: str, number: int | None = None) -> Manifest:
        """Read the manifest of a snapshot, of the newest one where none is said."""
        return await self._run(calls.manifest(self._patience, name, number))

    async def compare(self, name: str, number: int, *, since: int | None = None) -> Difference:
        """Tell how a snapshot differs from an earlier one, by default the one before it."""
        return await self._run(calls.compare(self._patience, name, number, since=since))

    async def export(
        self,
        name: str,
        into: Path | str,
        number: int | None = None,
        *,
        format: str = "jsonl",
        split: str | None = None,
        **options: Unpack[FormatOptions],
    ) -> Path:
        """Write a snapshot, the newest one where none is said, or a part of it to a file, in a trainer's format.

        The formats and their options are those of docs/datasets.md, such as `chat`, `preference` and `classification`.
        """
        steps = calls.export(self._patience, name, number, into, format=format, split=split, options=options)
        return await self._run(steps)

    async def check_export(
        self,
        name: str,
        number: int | None = None,
        *,
        format: str = "jsonl",
        split: str | None = None,
        **options: Unpack[FormatOptions],
    ) -> Checked:
        """Try a format on the first 10,000 records: how many it gives, what it leaves out and why, with samples."""
        steps = calls.check_export(self._patience, name, number, format=format, split=split, options=options)
        return await self._run(steps)

    async def download(
        self,
        name: str,
        number: int | None = None,
        *,
        into: Path | str | None = None,
        splits: Collection[str] | None = None,
    ) -> LocalSnapshot:
        """Bring a snapshot here, the newest one where none is said, and check the digest of every file.

        It goes to a folder of its own in `into`, where files that are there and whole are not brought again; without
        `into`, to a temporary one that goes with what is answered. `splits` names the parts that are wanted.

        Raises:
            DigestMismatch: a file is not the one that the manifest names.
            NothingToRead: no snapshot is ready.
        """
        return await self._run(calls.download(self._patience, name, number, into=into, splits=splits))
