"""Where files of snapshots are kept: a folder, or a bucket of S3, Google Cloud Storage or Azure."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from review.datasets.errors import SnapshotNotFound, StoreRefused, StoreUnset
from review.kernel.sentences import say
from review.kernel.settings import Settings

FOLDER = "snapshots"
PIECE_BYTES = 1 << 20


class Store:
    """The place of files, by paths relative to the URL that names it.

    A file appears under its name whole or not at all; large ones go in parts, several at a time.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @classmethod
    def of(cls, settings: Settings) -> "Store":
        """Give the place that the settings name, which by default is in the data directory; nothing is reached yet.

        Raises:
            StoreUnset: neither is set (409); StoreRefused: the URL is of no known kind (503).
        """
        if settings.snapshot_store:
            parts = urlsplit(settings.snapshot_store)
            if parts.scheme == "file":
                return cls(LocalStore(parts.path, mkdir=True))
            try:
                return cls(from_url(settings.snapshot_store))
            except (BaseError, ValueError) as fault:
                message = say("REVIEW_SNAPSHOT_STORE cannot be used: %(fault)s", fault=_first_line(fault))
                raise StoreRefused(message) from fault
        if settings.data_dir is None:
            message = say(
                "Nobody has said where files of snapshots are kept. Nothing was made; "
                "have REVIEW_SNAPSHOT_STORE set to a folder (file:///…) or a bucket (s3://…), for web and workers."
            )
            raise StoreUnset(message)
        return cls(LocalStore(settings.data_dir.resolve() / FOLDER, mkdir=True))

    async def put(self, path: str, file: Path | bytes) -> None:
        """Store a file, in place of one that had the name.

        Raises:
            StoreRefused (503).
        """
        try:
            await obstore.put_async(self._store, path, file)
        except (BaseError, OSError) as fault:
            raise _refused(path, fault) from fault

    async def read(self, path: str) -> AsyncGenerator[bytes]:
        """Give a file, piece by piece.

        Raises:
            SnapshotNotFound: there is none (404); StoreRefused (503).
        """
        try:
            found = await obstore.get_async(self._store, path)
            async for piece in found.stream(min_chunk_size=PIECE_BYTES):
                yield bytes(piece)
        except FileNotFoundError as fault:
            message = say("The file %(path)s is no longer where snapshots are kept.", path=path)
            raise SnapshotNotFound(message) from fault
        except (BaseError, OSError) as fault:
            raise _refused(path, fault) from fault

    async def fetch(self, path: str, file: Path) -> None:
        """Copy a file to this machine.

        Raises:
            SnapshotNotFound: there is none (404); StoreRefused (503).
        """
        with file.open("wb") as taken:
            async with aclosing(self.read(path)) as pieces:
                async for piece in pieces:
                    await asyncio.to_thread(taken.write, piece)

    async def list_below(self, folder: str) -> list[str]:
        """List the files below a folder.

        Raises:
            StoreRefused (503).
        """
        try:
            listing = obstore.list(self._store, prefix=folder)  # pyright: ignore[reportUnknownMemberType]  its Arrow form is untyped
            found = await listing.collect_async()
        except FileNotFoundError:
            return []
        except (BaseError, OSError) as fault:
            raise _refused(folder, fault) from fault
        return [each["path"] for each in found]

    async def remove(self, path: str) -> None:
        """Remove a file; one that is not there is as good as removed.

        Raises:
            StoreRefused (503).
        """
        try:
            await obstore.delete_async(self._store, path)
        except FileNotFoundError:
            return
        except (BaseError, OSError) as fault:
            raise _refused(path, fault) from fault


def _refused(path: str, fault: Exception) -> StoreRefused:
    message = say(
        "The place where snapshots are kept refused %(path)s: %(fault)s Nothing is lost; try again later.",
        path=path,
        fault=_first_line(fault),
    )
    return StoreRefused(message)


def _first_line(fault: Exception) -> str:
    """Give what went wrong in short: the rest is a trace, and may hold addresses with signatures."""
    return str(fault).strip().split("\n", 1)[0][:300] or type(fault).__name__
