"""Queueing notifications from events, and keeping what people want to be told."""

import hashlib
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action
from review.configuration.outlets import Channel
from review.configuration.rules import ProjectConfig
from review.delivery.feed.rules import Relayed
from review.delivery.notifications import queries
from review.delivery.notifications.errors import ChannelNotFound, MailNotSet, PreferencesInvalid
from review.delivery.notifications.rules import (
    People,
    Planned,
    Standing,
    Surroundings,
    find_faults,
    is_told,
    plan,
    who_is_named,
)
from review.delivery.notifications.schemas import Facts, Preferences
from review.identity.rules import Principal
from review.kernel.db import Hot, driver_of, get_now
from review.kernel.sentences import say
from review.kernel.settings import Settings

log = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=90)
FORGET_AT_A_TIME = 5_000


class ChannelView(msgspec.Struct, frozen=True):
    """A channel as its project sees it: never with its URL, which is a secret."""

    name: str
    failures: int
    disabled_at: datetime | None
    reason: str


class Glance(msgspec.Struct, frozen=True, kw_only=True):
    """How it stands with one recipient's notifications."""

    waiting: int
    next_at: datetime | None
    last_state: str | None
    last_error: str | None
    last_at: datetime | None


async def queue(tx: AsyncSession, project_id: UUID, config: ProjectConfig, events: Sequence[Relayed]) -> None:
    """Store who is to be told of these events, in the relay's transaction; doing it twice stores nothing new.

    What the configuration names and nobody can be told is stored as dropped, with the reason. An event that cannot be
    understood is logged and told to nobody: it must hold up neither the others nor the relay.
    """
    told = [event for event in events if is_told(event, config)]
    if not told:
        return
    hot = await driver_of(tx)
    around = await _look_around(hot, project_id, config, told)
    planned: list[Planned] = []
    for event in told:
        try:
            planned += plan(event, around)
        except Exception:
            log.exception("event %s cannot be told to anybody", event.id)
    if planned:
        await queries.queue(hot, project_id, planned)


async def _look_around(hot: Hot, project_id: UUID, config: ProjectConfig, events: Sequence[Relayed]) -> Surroundings:
    items = [event.item_id for event in events if event.item_id is not None]
    rows = await queries.list_standings(hot, project_id, items)
    standings = {row["item_id"]: Standing(row["pool"], tuple(row["holders"])) for row in rows}
    emails, pools = who_is_named(events, standings)
    return Surroundings(
        config=config,
        now=await get_now(hot),
        standings=standings,
        people=await _people(hot, project_id, emails, pools),
        dead=await _dead_channels(hot, project_id, config),
    )


async def _people(hot: Hot, project_id: UUID, emails: Sequence[str], pools: Sequence[str]) -> People:
    rows = await queries.list_people(hot, project_id, emails, pools)
    able = [row for row in rows if not row["is_disabled"]]
    return People(
        leads=tuple(row["email"] for row in able if row["is_lead"] and row["sees_all"] and not row["is_admin"]),
        admins=tuple(row["email"] for row in able if row["is_admin"]),
        leads_of_pools=frozenset(row["email"] for row in able if row["is_lead"] and not row["sees_all"]),
        pools={pool: tuple(row["email"] for row in able if pool in row["pools"]) for pool in pools},
        disabled=frozenset(row["email"] for row in rows if row["is_disabled"]),
        preferences={row["email"]: queries.read_preferences(row["settings"]) for row in rows if row["settings"]},
    )


async def _dead_channels(hot: Hot, project_id: UUID, config: ProjectConfig) -> dict[str, str]:
    """Give the channels that are not used any more, with why; one whose URL has changed since starts afresh."""
    dead: dict[str, str] = {}
    for row in await queries.list_channels(hot, project_id):
        channel = config.channels.get(row["name"])
        if channel is None or row["url_sha256"] != digest_of(channel):
            await queries.forget_failures(hot, project_id, row["name"])
        elif row["disabled_at"] is not None:
            dead[row["name"]] = f"the channel is disabled: {row['reason']}"
    return dead


def digest_of(channel: Channel) -> bytes:
    """Give what tells one URL of a channel from another without keeping it: SHA-256 of it as it is configured."""
    return hashlib.sha256(channel.url.encode("utf-8", "replace")).digest()


async def forget_old(hot: Hot) -> int:
    """Delete what was settled over 90 days ago, in short statements; gives how much."""
    forgotten, before = 0, floor_of(await get_now(hot) - KEPT_FOR)
    while gone := await queries.forget(hot, before, FORGET_AT_A_TIME):
        forgotten += gone
    return forgotten


def floor_of(at: datetime) -> UUID:
    """Give the smallest id that could have been made at a moment (RFC 9562, section 5.7)."""
    return UUID(int=int(at.timestamp() * 1000) << 80)


async def get_preferences(hot: Hot, who: Principal) -> Preferences:
    """Give what the caller wants to be told in the project."""
    return await queries.find_preferences(hot, who.project_id, who.id)


async def save_preferences(tx: AsyncSession, who: Principal, wanted: Preferences) -> None:
    """Keep what the caller wants to be told in the project, from the next event on.

    Raises:
        PreferencesInvalid: with every fault found (422).
    """
    faults = find_faults(wanted)
    if faults:
        message = say("Your choices were not kept; what you had before still holds. Mend what is named below.")
        raise PreferencesInvalid(message, errors=tuple(faults))
    await queries.save_preferences(await driver_of(tx), who.project_id, who.id, wanted)


async def send_test(tx: AsyncSession, who: Principal, settings: Settings) -> bool:
    """Have a test mail sent to the caller; False where one is on its way already.

    Raises:
        MailNotSet: there is no mail server to send it by (409).
    """
    if not settings.smtp_url or not settings.smtp_sender:
        message = say(
            "No mail was sent: whoever runs this Countersign has not set REVIEW_SMTP_URL and REVIEW_SMTP_SENDER."
        )
        raise MailNotSet(message)
    hot = await driver_of(tx)
    facts = Facts(project=who.project, happened_at=await get_now(hot))
    return await queries.queue_test(hot, who.project_id, who.email, facts)


async def glance(hot: Hot, who: Principal) -> Glance:
    """Tell the caller how it stands with what is told them."""
    row = await queries.glance(hot, who.project_id, who.email)
    return Glance(
        waiting=row["waiting"],
        next_at=row["next_at"],
        last_state=row["last_state"],
        last_error=row["last_error"],
        last_at=row["last_at"],
    )


async def list_channels(hot: Hot, project_id: UUID, config: ProjectConfig) -> list[ChannelView]:
    """List the project's channels and how they fare."""
    found = {row["name"]: row for row in await queries.list_channels(hot, project_id)}
    views: list[ChannelView] = []
    for name, channel in config.channels.items():
        row = found.get(name)
        if row is None or row["url_sha256"] != digest_of(channel):
            views.append(ChannelView(name, 0, None, ""))
        else:
            views.append(ChannelView(name, row["failures"], row["disabled_at"], row["reason"] or ""))
    return views


async def enable_channel(tx: AsyncSession, who: Principal, config: ProjectConfig, name: str) -> None:
    """Use a channel again that was disabled; what was dropped meanwhile stays dropped.

    Raises:
        ChannelNotFound: the configuration has none of that name (404).
    """
    if name not in config.channels:
        message = say("There is no channel %(name)s in the configuration; nothing was changed.", name=repr(name))
        raise ChannelNotFound(message)
    if await queries.forget_failures(await driver_of(tx), who.project_id, name):
        details = {"channel": name, "enabled": True}
        audit.record(tx, who.project_id, who.actor, Action.CHANNEL_CHANGED, details=details)
