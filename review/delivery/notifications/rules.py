"""Who is told of an event, where and when."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

import msgspec

from review.configuration.rules import ProjectConfig
from review.delivery.feed.rules import Relayed
from review.delivery.notifications.schemas import AT_ONCE, CHOSEN, Facts, Kind, Manner, Preferences
from review.delivery.notifications.timing import send_after, zone_of
from review.kernel.errors import FieldError
from review.kernel.events import EventKind
from review.kernel.sentences import say

CHANNEL, POOL, LEADS = "channel:", "pool:", "pool-leads"
KIND_OF_EVENT = {
    EventKind.QUEUED.value: Kind.ASSIGNED,
    EventKind.REOPENED.value: Kind.ASSIGNED,
    EventKind.RETURNED.value: Kind.RETURNED,
    EventKind.MENTIONED.value: Kind.MENTIONED,
    EventKind.MODEL_SEEN.value: Kind.MODEL_SEEN,
    EventKind.SLA_WARNING.value: Kind.SLA_WARNING,
    EventKind.SLA_BREACHED.value: Kind.SLA_BREACHED,
    EventKind.ESCALATED.value: Kind.ESCALATED,
    EventKind.ROLLOUT_ENDED.value: Kind.ROLLED_BACK,
}
MOST_TEXT = 300  # characters of any one fact; a message is read on a phone
LONGEST_RECIPIENT = 320  # RFC 5321: 64 for the local part, 255 for the domain

# After each failed attempt; then it has failed for good.
RETRIES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
FAILURES_THAT_DISABLE = 20


class Standing(msgspec.Struct, frozen=True):
    """Where an item's case stands: its pool, and who holds a seat of it."""

    pool: str
    holders: tuple[str, ...] = ()


class People(msgspec.Struct, frozen=True, kw_only=True):
    """The people whom a batch of events may concern, by e-mail; nobody who is disabled is in any but `disabled`.

    `leads` may override everywhere, `leads_of_pools` only in the pools they are in.
    """

    leads: tuple[str, ...] = ()
    admins: tuple[str, ...] = ()
    leads_of_pools: frozenset[str] = frozenset()
    pools: Mapping[str, tuple[str, ...]] = {}
    disabled: frozenset[str] = frozenset()
    preferences: Mapping[str, Preferences] = {}


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What planning knows besides the event; `dead` are channels that are not used any more, with why."""

    config: ProjectConfig
    now: datetime
    standings: Mapping[UUID, Standing]
    people: People
    dead: Mapping[str, str]


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """One notification to store; `dropped` says why it is only recorded and never sent."""

    event_id: UUID
    item_id: UUID | None
    recipient: str
    kind: Kind
    send_after: datetime
    facts: Facts
    dropped: str | None = None


def is_told(event: Relayed, config: ProjectConfig) -> bool:
    """Tell whether an event can concern anybody; of what arrives, only pools that ask for it are told."""
    kind = KIND_OF_EVENT.get(event.kind)
    if kind is not Kind.ASSIGNED:
        return kind is not None
    if event.payload.get("held"):
        return False  # nobody is handed it; its pool is told when somebody is
    return any(pool.notices is not None and kind.value in pool.notices.kinds for pool in config.pools.values())


def targets(event: Relayed, kind: Kind, standing: Standing) -> list[tuple[str, Kind]]:
    """List whom an event names, as configuration and payload write it, with why each is told; the pressing first."""
    payload = event.payload
    if kind is Kind.ESCALATED:
        paged = [(target, Kind.PAGE) for target in _texts(payload.get("page"))]
        return paged + [(target, kind) for target in _texts(payload.get("notify"))]
    if kind in {Kind.ROLLED_BACK, Kind.MENTIONED}:
        return [(each, kind) for each in _texts(payload.get("notify" if kind is Kind.ROLLED_BACK else "mentioned"))]
    if kind is Kind.MODEL_SEEN:
        return [(LEADS, kind)]
    if kind is Kind.RETURNED:
        told = [payload.get("to"), payload.get("holder")]
        return [(each, kind) for each in told if isinstance(each, str) and "@" in each and each != payload.get("by")]
    if kind in {Kind.SLA_WARNING, Kind.SLA_BREACHED}:
        return [(email, kind) for email in standing.holders]
    return []


def plan(event: Relayed, around: Surroundings) -> list[Planned]:
    """Say who is told of one event: each recipient once, by the most pressing reason, and the pool's own channel.

    What cannot be told is given too, with the reason, so that nobody wonders.
    """
    kind = KIND_OF_EVENT[event.kind]
    standing = around.standings.get(event.item_id, Standing("")) if event.item_id else Standing("")
    facts = facts_of(event, around.config, standing)
    found: dict[str, Planned] = {}

    def add(recipient: str, why: Kind, manner: Manner, dropped: str | None) -> None:
        planned = Planned(
            event_id=event.id,
            item_id=event.item_id,
            recipient=_clean(recipient)[:LONGEST_RECIPIENT],
            kind=why,
            send_after=send_after(around.now, why, manner),
            facts=facts,
            dropped=dropped,
        )
        known = found.get(planned.recipient)
        if known is None or (known.dropped and not dropped):
            found[planned.recipient] = planned

    for target, why in targets(event, kind, standing):
        recipients = resolve(target, standing, around.people)
        if not recipients:
            add(target, why, Manner(), "there is nobody to tell")
        for recipient in recipients:
            add(recipient, why, *_held_back(recipient, why, around))
    pool = around.config.pools.get(standing.pool)
    if pool is not None and pool.notices is not None and kind.value in pool.notices.kinds:
        notices, recipient = pool.notices, f"{CHANNEL}{pool.notices.channel}"
        manner = Manner(digest=notices.digest, quiet=notices.quiet)
        add(recipient, kind, manner, _held_back(recipient, kind, around)[1])
    return list(found.values())


def resolve(target: str, standing: Standing, people: People) -> tuple[str, ...]:
    """Give the recipients that a name stands for; empty where there are none.

    `pool-leads` are the leads in the item's pool, without such all leads, without any the admins.
    """
    if target == "holder":
        return standing.holders
    if target == LEADS:
        leading = people.leads_of_pools.union(people.leads)
        inside = tuple(member for member in people.pools.get(standing.pool, ()) if member in leading)
        return inside or people.leads or people.admins
    if target.startswith(POOL):
        return people.pools.get(target.removeprefix(POOL), ())
    return (target,) if target.startswith(CHANNEL) or "@" in target else ()


def _held_back(recipient: str, kind: Kind, around: Surroundings) -> tuple[Manner, str | None]:
    """Give when a recipient is told, and why not at all."""
    if recipient.startswith(CHANNEL):
        name = recipient.removeprefix(CHANNEL)
        known = name in around.config.channels
        return Manner(), around.dead.get(name) if known else "the configuration has no such channel"
    if recipient in around.people.disabled:
        return Manner(), "the account is disabled"
    wanted = around.people.preferences.get(recipient, Preferences())
    is_unchosen = kind in CHOSEN and kind not in wanted.kinds
    unwanted = kind not in AT_ONCE and (wanted.where == "nothing" or is_unchosen)
    return wanted.manner, "they do not want to be told of this" if unwanted else None


def facts_of(event: Relayed, config: ProjectConfig, standing: Standing) -> Facts:
    """Take from an event what a message says, cut to length and storable, whatever upstream put in it."""
    payload, item = event.payload, event.item
    pool, is_model = config.pools.get(standing.pool), event.kind == EventKind.MODEL_SEEN
    return Facts(
        project=config.project,
        happened_at=event.created_at,
        title=_model(payload) if is_model else _text(_title(event, config) or _version(payload)),
        external_id=_text(item.external_id if item else ""),
        pool=_text(pool.title if pool else standing.pool),
        due_at=item.sla.due_at if item and item.sla else None,
        target="waiting" if is_model and payload.get("waiting") is True else _text(payload.get("target")),
        by=_text(payload.get("by")),
        # What a comment says stays on the page: who judges the same case is not to read it before.
        reason=_text(payload.get("reason")) if event.kind != EventKind.MENTIONED else "",
    )


def _title(event: Relayed, config: ProjectConfig) -> str:
    if event.item is None:
        return ""
    item_type = config.item_types.get(event.item.type)
    return item_type.title if item_type else event.item.type


def retry_at(now: datetime, attempts: int) -> datetime | None:
    """Tell when to try again after so many attempts; None when it was the last."""
    return now + RETRIES[attempts - 1] if attempts <= len(RETRIES) else None


def find_faults(preferences: Preferences) -> list[FieldError]:
    """List what is wrong with somebody's wishes; empty when they can be kept."""
    faults: list[FieldError] = []
    if zone_of(preferences.timezone) is None:
        faults.append(FieldError("timezone", say("is no time zone; write one as Europe/Berlin")))
    if not {Kind.PAGE, Kind.TEST, Kind.ROLLED_BACK}.isdisjoint(preferences.kinds):
        faults.append(FieldError("kinds", say("holds one that is always told and cannot be chosen")))
    return faults


def who_is_named(events: Sequence[Relayed], standings: Mapping[UUID, Standing]) -> tuple[list[str], list[str]]:
    """Give the e-mails and the pools that a batch names, so that one look-up serves all of it."""
    emails: set[str] = set()
    pools = {standing.pool for standing in standings.values()}
    for event in events:
        standing = standings.get(event.item_id, Standing("")) if event.item_id else Standing("")
        for target, _ in targets(event, KIND_OF_EVENT[event.kind], standing):
            if target.startswith(POOL):
                pools.add(_clean(target.removeprefix(POOL)))
            elif "@" in target:
                emails.add(_clean(target))
        emails.update(standing.holders)
    return sorted(emails), sorted(pools)


def _version(payload: Mapping[str, object]) -> str:
    """Name the version that an event about no item tells of."""
    version = payload.get("version")
    return f"version {version}" if isinstance(version, int) else ""


def _texts(value: object) -> list[str]:
    listed = cast("list[object]", value) if isinstance(value, list) else []
    return list(dict.fromkeys(each for each in listed if isinstance(each, str)))


def _model(payload: Mapping[str, object]) -> str:
    """Give the name of the model version that an event tells of, in one text."""
    return " ".join(filter(None, (_text(payload.get(part)) for part in ("name", "version", "prompt_version"))))


def _text(value: object) -> str:
    return _clean(value)[:MOST_TEXT] if isinstance(value, str) else ""


def _clean(text: str) -> str:
    """Make text storable: no NUL and no half of a surrogate pair, which JSON may carry and PostgreSQL refuses."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
