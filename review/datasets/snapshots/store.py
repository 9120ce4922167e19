"""Where files of snapshots are kept: a folder, or a bucket of S3, Google Cloud Storage or Azure."""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from review.datasets.errors import SnapshotNotFound, StoreRefused, StoreUnset
from review.kernel.sentences import say
from review.kernel.settings import Settings

FOLDER = "snapshots"
PIECE_BYTES = 1 << 20
PART_BYTES: Final = 8 << 20  # what is larger goes in parts of this size
PARTS_AT_ONCE: Final = 4
BUCKETS: Final = ("s3", "s3a", "gs", "az", "azure", "adl", "abfs", "abfss")
# Whoever waits for a page or holds a lease is told within a minute that the place is away; a worker tries again anyhow.
MOST_RETRIES: Final = 4
RETRIED_FOR: Final = timedelta(seconds=30)
_TOLD = re.compile(r"<Code>([^<]{1,100})</Code>\s*<Message>([^<]{0,300})</Message>")
_UNFINISHED = re.compile(r"#\d+")

Keep = Callable[[], Awaitable[None]]


class Store:
    """The place of files, by paths relative to the URL that names it.

    A file appears under its name whole or not at all; large ones go in parts, several at a time.
    """

    def __init__(self, store: ObjectStore, folder: Path | None = None) -> None:
        self._store = store
        self._folder = folder

    @classmethod
    def of(cls, settings: Settings) -> "Store":
        """Give the place that the settings name, which by default is in the data directory; nothing is reached yet.

        Raises:
            StoreUnset: neither is set (409); StoreRefused: the URL is of no known kind (503).
        """
        if settings.snapshot_store:
            parts = urlsplit(settings.snapshot_store)
            if parts.scheme == "file":
                return cls._in(Path(parts.path))
            if parts.scheme not in BUCKETS:
                message = say(
                    "REVIEW_SNAPSHOT_STORE cannot be used: %(fault)s",
                    fault="it begins with none of file:///, s3://, gs://, az:// and abfss://.",
                )
                raise StoreRefused(message)
            try:
                return cls(
                    from_url(
                        settings.snapshot_store,
                        retry_config={"max_retries": MOST_RETRIES, "retry_timeout": RETRIED_FOR},
                    )
                )
            except (BaseError, ValueError) as fault:
                message = say("REVIEW_SNAPSHOT_STORE cannot be used: %(fault)s", fault=_in_short(fault))
                raise StoreRefused(message) from fault
        if settings.data_dir is None:
            message = say(
                "Nobody has said where files of snapshots are kept. Nothing was made; "
                "have REVIEW_SNAPSHOT_STORE set to a folder (file:///…) or a bucket (s3://…), for web and workers."
            )
            raise StoreUnset(message)
        return cls._in(settings.data_dir.resolve() / FOLDER)

    @classmethod
    def _in(cls, folder: Path) -> "Store":
        return cls(LocalStore(folder, mkdir=True), folder)

    async def put(self, path: str, file: Path | bytes, keep: Keep | None = None) -> str:
        """Store a file, in place of one that had the name; gives the mark that the place has put on it.

        A file in parts has `keep` called before each of them: what that raises ends the upload, and its parts are
        taken away.

        Raises:
            StoreRefused (503).
        """
        try:
            if isinstance(file, Path) and (await asyncio.to_thread(file.stat)).st_size <= PART_BYTES:
                file = await asyncio.to_thread(file.read_bytes)
            pieces = file if isinstance(file, bytes) else _pieces(file, keep)
            put = await obstore.put_async(
                self._store, path, pieces, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE
            )
        except (BaseError, OSError) as fault:
            raise _refused(path, fault) from fault
        return put["e_tag"] or ""

    async def find(self, path: str) -> tuple[int, str] | None:
        """Find the size of a file and the mark that the place has put on it.

        Raises:
            StoreRefused (503).
        """
        try:
            found = await obstore.head_async(self._store, path)
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as fault:
            raise _refused(path, fault) from fault
        return found["size"], found["e_tag"] or ""

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
            if "NoSuchBucket" in str(fault):
                raise _refused(path, fault) from fault
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
        except FileNotFoundError as fault:
            if "NoSuchBucket" in str(fault):
                raise _refused(folder, fault) from fault
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

    async def remove_unfinished(self, folder: str) -> None:
        """Remove what uploads that were killed have left in a folder of this machine.

        Of a bucket nothing can be seen of them, and a rule of the bucket removes them (docs/datasets.md).

        Raises:
            StoreRefused (503).
        """
        if self._folder is None:
            return
        try:
            await asyncio.to_thread(_remove_unfinished, self._folder / folder)
        except OSError as fault:
            raise _refused(folder, fault) from fault


def _remove_unfinished(folder: Path) -> None:
    for each in folder.glob("*#*"):
        if _UNFINISHED.fullmatch(each.name[each.name.rindex("#") :]):
            each.unlink(missing_ok=True)


async def _pieces(file: Path, keep: Keep | None) -> AsyncGenerator[bytes]:
    with await asyncio.to_thread(file.open, "rb") as taken:
        while piece := await asyncio.to_thread(taken.read, PART_BYTES):
            if keep is not None:
                await keep()
            yield piece


def _refused(path: str, fault: Exception) -> StoreRefused:
    message = say(
        "The place where snapshots are kept refused %(path)s: %(fault)s Nothing is lost; try again later.",
        path=path,
        fault=_in_short(fault),
    )
    return StoreRefused(message)


def _in_short(fault: Exception) -> str:
    """Give what went wrong in short: the rest is a trace, and may hold addresses with signatures."""
    text = str(fault).strip()
    if told := _TOLD.search(text):
        return f"{told[1]}: {told[2].strip()}"
    return text.split("\n", 1)[0][:300] or type(fault).__name__
