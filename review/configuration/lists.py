"""Storing long lists apart from the documents that name them, and loading each once for all versions that do."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID
from weakref import WeakValueDictionary

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit.rules import Actor
from review.configuration import list_queries as queries
from review.configuration.entries import Packed, Packing, digests_in, unpack
from review.configuration.errors import ListNotStored
from review.kernel.db import Hot, driver_of
from review.kernel.sentences import say
from review.routing.named import Entries

KEPT: Final = timedelta(days=7)  # without a version that names it
_FED_AT_ONCE = 64 * 1024

# Lists that some compiled version of this process holds, by project and digest.
_loaded: WeakValueDictionary[tuple[UUID, str], Entries] = WeakValueDictionary()


class StoredList(msgspec.Struct, frozen=True):
    """A list that is stored: `sha256` is what a document names it by."""

    sha256: str
    entries: int


async def pack(chunks: AsyncIterator[bytes], *, is_json: bool) -> Packed:
    """Read a list as it comes in, beside the event loop.

    Raises:
        ListInvalid: it is too large, or a line is no entry (422).
    """
    packing = Packing(is_json=is_json)
    async for chunk in chunks:
        for start in range(0, len(chunk), _FED_AT_ONCE):
            await asyncio.to_thread(packing.feed, chunk[start : start + _FED_AT_ONCE])
    return await asyncio.to_thread(packing.end)


async def store(tx: AsyncSession, *, project_id: UUID, packed: Packed, actor: Actor) -> None:
    """Store a list; one that no version names is forgotten after a week."""
    await queries.add(await driver_of(tx), project_id, packed, actor.name)


async def load(hot: Hot, project_id: UUID, data: Mapping[str, Any]) -> dict[str, Entries]:
    """Give the lists that a document names by digest, as far as they are stored, by digest."""
    found: dict[str, Entries] = {}
    for digest in dict.fromkeys(digests_in(data).values()):
        entries = _loaded.get((project_id, digest))
        if entries is None:
            pieces = await queries.find_pieces(hot, project_id, digest)
            entries = await asyncio.to_thread(unpack, pieces, digest) if pieces else None
        if entries is not None:
            found[digest] = _loaded[project_id, digest] = entries
    return found


async def keep_named(tx: AsyncSession, project_id: UUID, data: Mapping[str, Any]) -> None:
    """Keep for good what a version names that is about to be stored.

    Raises:
        ListNotStored: one is not there, or no more (409).
    """
    digests = set(digests_in(data).values())
    if not digests:
        return
    gone = digests.difference(await queries.name(await driver_of(tx), project_id, sorted(digests)))
    if gone:
        message = say(
            "The list %(list)s is not stored any more. Nothing was changed; send the list again, then this.",
            list=min(gone),
        )
        raise ListNotStored(message)


async def forget_unnamed(hot: Hot) -> int:
    """Forget lists that came a week ago and that no version names; gives how many."""
    forgotten = 0
    while some := await queries.forget_unnamed(hot, KEPT):
        forgotten += some
    return forgotten
