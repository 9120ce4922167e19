"""Sending what is due: taken in a short statement, sent outside any transaction, and recorded behind a fence."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from review.configuration.rules import ProjectConfig
from review.configuration.service import ConfigCache
from review.delivery.notifications import queries
from review.delivery.notifications.channels import CHILDREN, Channels, resolve_url
from review.delivery.notifications.mail import THREADS, Mail
from review.delivery.notifications.messages import write
from review.delivery.notifications.rules import CHANNEL, FAILURES_THAT_DISABLE, retry_at
from review.delivery.notifications.schemas import Kind, Told
from review.delivery.notifications.sending import SendFailed
from review.delivery.notifications.service import digest_of
from review.identity import preferences
from review.kernel import catalogue
from review.kernel.db import Database
from review.kernel.settings import Settings

log = logging.getLogger(__name__)

MOST_IN_A_MESSAGE = 200
LEASE = timedelta(minutes=3)  # well over the longest a channel or the mail server is given
OUTLIVE_THE_ITEM = frozenset({Kind.MENTIONED, Kind.RETURNED, Kind.TEST})  # told also when the item is closed by then
STOP_WITHIN_SECONDS = 3.0  # less than the worker gives its loops
WAYS = (False, True)  # mail, channels: each with hands of its own, so that neither waits for the other


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What one recipient is told together: one project's, either pages or the rest."""

    project_id: UUID
    recipient: str
    config_version: int
    now: datetime
    notices: tuple[Told, ...]

    @property
    def key(self) -> str:
        """Give the name under which the recipient counts as busy."""
        return f"{self.project_id} {self.recipient}"


class Dispatcher:
    """Sends due notifications, many recipients at a time and each recipient's in one message."""

    def __init__(
        self,
        db: Database,
        configs: ConfigCache,
        settings: Settings,
        environ: Mapping[str, str],
        *,
        mail: Mail | None = None,
        channels: Channels | None = None,
    ) -> None:
        self._db = db
        self._base_url = settings.public_url
        self._language = settings.language
        self._configs = configs
        self._environ = environ
        self._mail = mail or Mail(settings)
        self._channels = channels or Channels(settings.webhook_allow_networks)
        self._under_way: dict[bool, dict[asyncio.Task[None], str]] = {way: {} for way in WAYS}

    async def turn(self) -> int:
        """Begin to send what is due and does not wait for somebody busy; gives how many messages it began.

        It does not wait for them: a channel that hangs keeps one of its way's hands and nothing else.
        """
        begun = 0
        for is_channel, hands in ((False, THREADS), (True, CHILDREN)):
            under_way = self._under_way[is_channel]
            free = hands - len(under_way)
            if free <= 0:
                continue
            for batch in await self._take(list(under_way.values()), free, is_channel=is_channel):
                task = asyncio.create_task(self._tell(batch))
                under_way[task] = batch.key
                task.add_done_callback(under_way.pop)
                begun += 1
        return begun

    async def settle(self) -> None:
        """Wait until everything under way has been sent or has failed."""
        while tasks := [task for under_way in self._under_way.values() for task in under_way]:
            await asyncio.wait(tasks)

    async def close(self) -> None:
        """Stop, within a few seconds; what is still under way comes due again when its lease ends."""
        tasks = [task for under_way in self._under_way.values() for task in under_way]
        if tasks:
            _done, late = await asyncio.wait(tasks, timeout=STOP_WITHIN_SECONDS)
            for task in late:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._channels.close()
        self._mail.close()

    async def _take(self, busy: Sequence[str], recipients: int, *, is_channel: bool) -> list[Batch]:
        rows = await queries.take(self._db.hot, busy, recipients, MOST_IN_A_MESSAGE, LEASE, is_channel=is_channel)
        grouped: defaultdict[tuple[UUID, str, bool], list[Told]] = defaultdict(list)
        for row in rows:
            told = Told(
                id=row["id"],
                attempts=row["attempts"],
                kind=Kind(row["kind"]),
                item_id=row["item_id"],
                facts=queries.read_facts(row["facts"]),
                created_at=row["created_at"],
            )
            grouped[row["project_id"], row["recipient"], row["is_page"]].append(told)
        versions = {row["project_id"]: row["config_version"] for row in rows}
        return [
            Batch(
                project_id=project_id,
                recipient=recipient,
                config_version=versions[project_id],
                now=rows[0]["now"],
                notices=tuple(notices),
            )
            for (project_id, recipient, _), notices in grouped.items()
        ]

    async def _tell(self, batch: Batch) -> None:
        """Send one recipient's message and record what became of it; never raises."""
        try:
            notices = await self._leave_out_closed(batch)
            if not notices:
                return
            rest = msgspec.structs.replace(batch, notices=notices)
            if batch.recipient.startswith(CHANNEL):
                await self._tell_channel(rest, batch.recipient.removeprefix(CHANNEL))
            else:
                await self._tell_person(rest)
        except Exception:
            log.exception("notifications could not be sent; they come due again")
            await self._put_off_quietly(batch)

    async def _leave_out_closed(self, batch: Batch) -> tuple[Told, ...]:
        """Drop what is about items that were decided or withdrawn while it waited."""
        hot = self._db.hot
        items = [told.item_id for told in batch.notices if told.item_id and told.kind not in OUTLIVE_THE_ITEM]
        closed = await queries.list_closed(hot, batch.project_id, items) if items else set[UUID]()
        late = [told for told in batch.notices if told.item_id in closed and told.kind not in OUTLIVE_THE_ITEM]
        if late:
            why = "the item was closed before it was sent"
            await queries.settle(hot, batch.project_id, _held(late), "dropped", error=why)
        return tuple(told for told in batch.notices if told not in late)

    async def _tell_person(self, batch: Batch) -> None:
        hot, held = self._db.hot, _held(batch.notices)
        reader = await queries.find_reader(hot, batch.project_id, batch.recipient)
        if not self._mail.is_set or (reader is not None and reader["is_disabled"]):
            why = "the account is disabled" if self._mail.is_set else "there is no mail server (REVIEW_SMTP_URL)"
            await queries.settle(hot, batch.project_id, held, "dropped", error=why)
            return
        own = preferences.decode(reader["own"] if reader is not None else None)
        stored = reader["settings"] if reader is not None else None
        timezone = queries.read_preferences(stored).timezone if stored else str(preferences.zone_of(own))
        with catalogue.speaking(own.language or self._language):
            message = write(batch.notices, base_url=self._base_url, now=batch.now, timezone=timezone, hours=own.hours)
        try:
            await self._mail.send(batch.recipient, message, batch.notices[0].id.hex)
        except SendFailed as fault:
            log.warning("a mail was not sent: %s", fault.reason)
            await self._put_off(batch, fault)
        else:
            await queries.settle(hot, batch.project_id, held, "sent")

    async def _tell_channel(self, batch: Batch, name: str) -> None:
        hot, config = self._db.hot, await self._configs.get(batch.project_id, batch.config_version)
        channel = config.channels.get(name)
        if channel is None:
            why = "the configuration has no such channel"
            await queries.settle(hot, batch.project_id, _held(batch.notices), "dropped", error=why)
            return
        with catalogue.speaking(self._language):
            message = write(batch.notices, base_url=self._base_url, now=batch.now, timezone=_zone_of(name, config))
        try:
            await self._channels.send(resolve_url(channel.url, self._environ), message, batch.notices[0].id.hex)
        except SendFailed as fault:
            log.warning("channel %s of project %s failed: %s", name, config.project, fault.reason)
            state = await queries.note_failure(
                hot,
                batch.project_id,
                name,
                url_sha256=digest_of(channel),
                reason=fault.reason,
                is_final=fault.is_final,
                most=FAILURES_THAT_DISABLE,
            )
            is_disabled = state["disabled_at"] is not None
            await self._put_off(batch, SendFailed(fault.reason, is_final=is_disabled))
            if is_disabled:
                why = f"the channel is disabled: {fault.reason}"
                await queries.drop_waiting(hot, batch.project_id, batch.recipient, why)
        else:
            await queries.settle(hot, batch.project_id, _held(batch.notices), "sent")
            await queries.forget_failures(hot, batch.project_id, name)

    async def _put_off_quietly(self, batch: Batch) -> None:
        try:
            await self._put_off(batch, SendFailed("it failed inside; the worker's log says more"))
        except Exception:
            log.exception("not even that could be recorded; the lease ends by itself")

    async def _put_off(self, batch: Batch, fault: SendFailed) -> None:
        """Plan the next attempt, each notification by how often it was tried, or record that it has failed."""
        hot, by_attempts = self._db.hot, defaultdict[int, list[Told]](list)
        for told in batch.notices:
            by_attempts[told.attempts].append(told)
        again: list[datetime] = []
        for attempts, notices in by_attempts.items():
            at = None if fault.is_final else retry_at(batch.now, attempts)
            state = "failed" if at is None else "waiting"
            await queries.settle(hot, batch.project_id, _held(notices), state, error=fault.reason, send_after=at)
            again += [] if at is None else [at]
        if again:
            await queries.hold_back(hot, batch.project_id, batch.recipient, min(again))


def _held(notices: Sequence[Told]) -> list[tuple[UUID, int]]:
    return [(told.id, told.attempts) for told in notices]


def _zone_of(channel: str, config: ProjectConfig) -> str:
    """Give the zone that a channel's readers live in, as far as a pool's quiet hours tell."""
    notices = [pool.notices for pool in config.pools.values() if pool.notices and pool.notices.channel == channel]
    return next((each.quiet.timezone for each in notices if each.quiet), "UTC")
