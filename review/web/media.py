"""Fetching the files that items name: from allowed hosts, within bounds, and never passed on as something else."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from uuid import UUID

from review.delivery.egress.service import Egress
from review.kernel.errors import NotFound, ReviewError
from review.kernel.sentences import say
from review.kernel.settings import Settings
from review.web.content import images, media, sniffing
from review.web.content.frames import host_of
from review.web.content.sniffing import MediaKind
from review.web.words.calls import REFUSED

AT_A_TIME = 4  # each may take its whole bound of memory
KEPT_FOR = 300.0  # seconds; somebody who plays a film asks for it part by part
KEPT_FILES = 4  # times the largest file, in bytes of all files kept


class MediaNotFound(NotFound):
    """The item neither carries nor names such a file."""

    code = "media_not_found"


class MediaNotAllowed(ReviewError):
    """The file is on a host that the operator does not let anything be fetched from."""

    code = "media_not_allowed"
    status = 403


class MediaUnusable(ReviewError):
    """The file could not be fetched, or is not what the item's view says it is."""

    code = "media_unusable"
    status = 502


@dataclass(frozen=True, slots=True)
class File:
    """A file that was looked at: what it is by its own bytes."""

    body: bytes
    type: str


class Media:
    """Fetches files and keeps each for five minutes, up to a bound of memory; who asks at the same time shares one."""

    def __init__(self, egress: Egress, *, hosts: frozenset[str], most_bytes: int, timeout: timedelta) -> None:
        self.hosts = hosts
        self._egress = egress
        self._most = most_bytes
        self._timeout = timeout
        self._turns = asyncio.Semaphore(AT_A_TIME)
        self._kept: OrderedDict[tuple[UUID, MediaKind, str], tuple[float, File]] = OrderedDict()
        self._asked: dict[tuple[UUID, MediaKind, str], asyncio.Task[File]] = {}

    @classmethod
    def of(cls, settings: Settings) -> "Media":
        """Make what the settings allow."""
        hosts = frozenset(each.removesuffix(".").lower() for each in settings.media_hosts)
        return cls(
            Egress.of(settings), hosts=hosts, most_bytes=settings.media_max_bytes, timeout=settings.media_timeout
        )

    async def get(self, project_id: UUID, kind: MediaKind, address: str) -> File:
        """Give a file that an item carries or names.

        Raises:
            MediaNotAllowed: its host is not among the allowed ones (403).
            MediaUnusable: it could not be fetched, is too large, or is not of this kind (502).
        """
        if media.is_carried(address):
            return _looked_at(kind, _carried(address))
        if host_of(address) not in self.hosts:
            message = say(
                "Nothing is fetched from %(host)s: REVIEW_MEDIA_HOSTS does not name it.", host=host_of(address)[:100]
            )
            raise MediaNotAllowed(message)
        key = (project_id, kind, address)
        kept = self._kept.get(key)
        if kept is not None and monotonic() - kept[0] < KEPT_FOR:
            self._kept.move_to_end(key)
            return kept[1]
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.create_task(self._fetch(key))
            task.add_done_callback(lambda ended: self._forget(key, ended))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Let go of what is under way, and close every connection."""
        tasks = list(self._asked.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._egress.close()

    async def _fetch(self, key: tuple[UUID, MediaKind, str]) -> File:
        _, kind, address = key
        async with self._turns:
            fetched = await self._egress.fetch(address, most_bytes=self._most, timeout=self._timeout)
        if fetched.error is not None:
            message = say(
                "The file could not be fetched from %(host)s: %(error)s.",
                host=host_of(address)[:100],
                error=REFUSED.of(fetched.error),
            )
            raise MediaUnusable(message)
        file = _looked_at(kind, fetched.body)
        self._keep(key, file)
        return file

    def _keep(self, key: tuple[UUID, MediaKind, str], file: File) -> None:
        self._kept[key] = (monotonic(), file)
        self._kept.move_to_end(key)
        while sum(len(each.body) for _, each in self._kept.values()) > KEPT_FILES * self._most:
            self._kept.popitem(last=False)

    def _forget(self, key: tuple[UUID, MediaKind, str], ended: asyncio.Task[File]) -> None:
        self._asked.pop(key, None)
        if not ended.cancelled():
            ended.exception()  # whoever still waits raises it; if nobody does, nobody need be told


def _carried(address: str) -> bytes:
    try:
        return media.carried(address)
    except media.NotShown as fault:
        raise MediaUnusable(str(fault)) from fault


def _looked_at(kind: MediaKind, body: bytes) -> File:
    """Believe a file only what its first bytes say, and a picture only if a browser can bear its size."""
    found = sniffing.type_of(body, kind)
    if found is None:
        message = say(
            "The file is no %(kind)s, going by its first bytes, so it is not shown.", kind=sniffing.NAMED[kind]
        )
        raise MediaUnusable(message)
    if kind == "image":
        try:
            images.size_of(body, found.removeprefix("image/"))
        except images.NotAPicture as fault:
            raise MediaUnusable(str(fault)) from fault
    return File(body, found)
