"""One turn of sending: write what came of the last attempts, see how endpoints fare, take what is due."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from time import monotonic
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action, Actor
from review.delivery.egress.rules import Answer
from review.delivery.webhooks import queries, rules
from review.delivery.webhooks.keyring import Keyring, make_secret
from review.delivery.webhooks.rules import Health, Standing, State
from review.delivery.webhooks.signing import Kind, Sign
from review.kernel.db import Hot, driver_of
from review.kernel.sealing import Sealer

DISPATCHER = Actor("timer", None, "webhooks")
ENDPOINTS_A_TURN = 100
LOST = "the worker that sent this ended before it had an answer"

Key = tuple[UUID, UUID]  # project, endpoint


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to be made. `now` is the database's time when `taken`, by this process's monotonic clock."""

    project_id: UUID
    endpoint_id: UUID
    id: UUID
    event_id: UUID
    fence: int
    tries: int
    number: int
    url: str
    body: str
    signers: tuple[Sign, ...]
    now: datetime
    taken: float

    @property
    def key(self) -> Key:
        """Give the endpoint's key."""
        return self.project_id, self.endpoint_id

    def time(self) -> datetime:
        """Tell the database's time, by what has passed here since."""
        return self.now + timedelta(seconds=monotonic() - self.taken)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an attempt; `counts` is false where it says nothing of the endpoint."""

    project_id: UUID
    endpoint_id: UUID
    id: UUID
    fence: int
    tries: int
    number: int
    started_at: datetime
    headers: dict[str, str]
    answer: Answer
    counts: bool = True

    @property
    def key(self) -> Key:
        """Give the endpoint's key."""
        return self.project_id, self.endpoint_id


class Terms(msgspec.Struct, frozen=True):
    """On what terms a turn takes more: how many at most, for how long, and with whose luck."""

    room: int
    lease: timedelta
    rng: Random
    keyring: Keyring
    sealer: Sealer


@dataclass
class _Look:
    """An endpoint under its lock, and what is becoming of it."""

    row: Any
    health: Health
    standing: Standing
    reason: str | None = None
    under_way: set[UUID] = field(default_factory=set[UUID])

    @property
    def has_room_for(self) -> int:
        """How many more it may be sent now."""
        if self.standing is not Standing.ACTIVE:
            return 0
        return rules.room_of(self.health, self.row["max_in_flight"], len(self.under_way), self.row["now"])


async def take_turn(tx: AsyncSession, outcomes: Sequence[Outcome], terms: Terms) -> tuple[list[Claimed], bool]:
    """Settle these outcomes and claim what is due; tell also whether more endpoints wait than one turn looks at."""
    taken = monotonic()
    hot = await driver_of(tx)
    looks = await _lock(hot, outcomes, ENDPOINTS_A_TURN if terms.room > 0 else 0)
    if not looks:
        return [], False
    await _settle(tx, hot, looks, outcomes, terms)
    claimed = await _claim(hot, looks, terms, taken)
    counts: dict[Key, int] = {}
    for each in claimed:
        counts[each.key] = counts.get(each.key, 0) + 1
    await queries.set_endpoints(hot, [_written(key, look, counts.get(key, 0)) for key, look in looks.items()])
    return claimed, len(looks) >= ENDPOINTS_A_TURN


async def _lock(hot: Hot, outcomes: Sequence[Outcome], limit: int) -> dict[Key, _Look]:
    keys = {each.key for each in outcomes}
    rows = await queries.lock_endpoints(hot, list(keys)) if keys else []
    rows += [row for row in await queries.lock_due(hot, limit) if _key(row) not in keys] if limit else []
    return {
        _key(row): _Look(
            row,
            Health(row["failures"], row["resting_until"], row["resting_because"]),
            Standing(row["state"]),
        )
        for row in rows
    }


async def _settle(
    tx: AsyncSession, hot: Hot, looks: dict[Key, _Look], outcomes: Sequence[Outcome], terms: Terms
) -> None:
    """Write outcomes, and those of attempts whose sender is gone; whatever else is under way stays so."""
    finished = {(each.id, each.fence) for each in outcomes}
    lapsed: list[Outcome] = []
    for row in await queries.list_sending(hot, list(looks)):
        if (row["id"], row["fence"]) in finished:
            continue
        if row["lapsed"]:
            lapsed.append(_lost(row, terms.lease))
        else:
            looks[row["project_id"], row["endpoint_id"]].under_way.add(row["id"])
    settled = [*outcomes, *lapsed]
    if not settled:
        return
    before = {key: look.standing for key, look in looks.items()}
    written = [_judge(looks[each.key], each, terms.rng) for each in settled]
    await queries.settle(hot, written)
    await queries.note_attempts(hot, [_noted(each) for each in settled])
    for (project_id, endpoint_id), look in looks.items():
        if look.standing is not before[project_id, endpoint_id]:
            reason = look.reason or ""
            await queries.give_up(hot, project_id, [endpoint_id], f"the endpoint was disabled: {reason}")
            was = before[project_id, endpoint_id].value
            details = {"endpoint": look.row["name"], "change": "disabled", "was": was, "reason": reason}
            audit.record(tx, project_id, DISPATCHER, Action.ENDPOINT_CHANGED, details=details)


def _judge(look: _Look, outcome: Outcome, rng: Random) -> tuple[UUID, UUID, int, str, datetime | None, str | None]:
    """Say what becomes of a delivery and note what its endpoint's health is now."""
    answer, now = outcome.answer, look.row["now"]
    state, again, reason = State.DELIVERED, None, None
    if outcome.counts:
        look.health = rules.after(look.health, answer, now)
    if not answer.accepted and answer.status == rules.GONE and look.standing is Standing.ACTIVE:
        look.standing, look.reason = Standing.DISABLED, "the receiver answered 410 Gone"
    if not answer.accepted:
        again = rules.next_attempt(outcome.tries, now, rng) if look.standing is Standing.ACTIVE else None
        state = State.PENDING if again is not None else State.DEAD
        if state is State.DEAD and look.standing is Standing.ACTIVE:
            reason = f"tried {outcome.tries} times, the last with: {rules.told(answer)}"
        elif state is State.DEAD:
            reason = f"the endpoint is {look.standing.value}; this attempt ended with: {rules.told(answer)}"
    return outcome.project_id, outcome.id, outcome.fence, state.value, again, reason


async def _claim(hot: Hot, looks: dict[Key, _Look], terms: Terms, taken: float) -> list[Claimed]:
    left, rooms = terms.room, list[tuple[UUID, UUID, int]]()
    for key, look in looks.items():
        room = min(look.has_room_for, left)
        if room > 0:
            rooms.append((*key, room))
            left -= room
    if not rooms:
        return []
    rows = await queries.claim(hot, rooms, terms.lease)
    signers = await _signers(hot, {(row["project_id"], row["endpoint_id"]) for row in rows}, looks, terms)
    return [
        Claimed(
            project_id=row["project_id"],
            endpoint_id=row["endpoint_id"],
            id=row["id"],
            event_id=row["event_id"],
            fence=row["fence"],
            tries=row["tries"],
            number=row["number"],
            url=looks[row["project_id"], row["endpoint_id"]].row["url"],
            body=row["body"] or "",
            signers=signers[row["project_id"], row["endpoint_id"]],
            now=row["now"],
            taken=taken,
        )
        for row in rows
    ]


async def _signers(hot: Hot, keys: Iterable[Key], looks: dict[Key, _Look], terms: Terms) -> dict[Key, tuple[Sign, ...]]:
    """Give each endpoint's signers; one that never had a secret gets its first."""
    ids: dict[Key, list[UUID]] = {}
    for project_id, endpoint_id in keys:
        known = list(looks[project_id, endpoint_id].row["secrets"])
        if not known:
            made, _ = await make_secret(hot, project_id, endpoint_id, kind=Kind.HMAC, sealer=terms.sealer, shown=False)
            known = [made]
        ids[project_id, endpoint_id] = known
    await terms.keyring.load(hot, [(project_id, each) for (project_id, _), known in ids.items() for each in known])
    return {key: terms.keyring.signers(known) for key, known in ids.items()}


def _written(key: Key, look: _Look, claimed: int) -> tuple[Any, ...]:
    health = look.health
    has_room = health.is_resting(look.row["now"]) or look.has_room_for > claimed
    return (
        *key,
        health.failures,
        health.resting_until,
        health.because,
        look.standing.value,
        look.reason,
        has_room,
    )


def _lost(row: Any, lease: timedelta) -> Outcome:
    return Outcome(
        project_id=row["project_id"],
        endpoint_id=row["endpoint_id"],
        id=row["id"],
        fence=row["fence"],
        tries=row["tries"],
        number=row["attempts"],
        started_at=row["lease_until"] - lease,
        headers={},
        answer=Answer(status=None, headers={}, excerpt="", seconds=lease.total_seconds(), error=LOST),
        counts=False,
    )


def _noted(outcome: Outcome) -> tuple[Any, ...]:
    answer = outcome.answer
    answered = answer.status is not None
    return (
        outcome.project_id,
        outcome.id,
        outcome.number,
        outcome.started_at,
        answer.seconds,
        answer.status,
        msgspec.json.encode(outcome.headers).decode(),
        msgspec.json.encode(answer.headers).decode() if answered else None,
        answer.excerpt if answered else None,
        answer.error,
    )


def _key(row: Any) -> Key:
    return row["project_id"], row["id"]
