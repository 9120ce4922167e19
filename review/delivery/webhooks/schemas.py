"""Webhooks as the API and the pages show them."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec


class SecretView(msgspec.Struct, frozen=True, kw_only=True):
    """A secret without itself: how it signs, since when, whether it was shown, until when it counts."""

    kind: str
    created_at: datetime
    shown_at: datetime | None
    expires_at: datetime | None
    public_key: str | None


class ShownSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A secret as it is handed over, once: what a receiver verifies with.

    `secret` is `whsec_…`, or for ed25519 the public `whpk_…`. Those before it count until `previous_until`.
    """

    endpoint: str
    kind: str
    secret: str
    previous_until: datetime | None = None


class EndpointView(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint and how it fares; `pending` and `dead` count to 10,000 at most."""

    name: str
    url: str
    events: list[str]
    max_in_flight: int
    state: str
    reason: str | None
    failures: int
    resting_until: datetime | None
    resting_because: str | None
    created_at: datetime
    pending: int
    dead: int
    secrets: list[SecretView]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a receiver was told of an item's outcome (`state` is delivered or dead), after how many attempts."""

    endpoint: str
    kind: str
    state: str
    attempts: int
    at: datetime


class EndpointList(msgspec.Struct, frozen=True):
    """Every endpoint of a project, by name; those that the configuration no longer has come last."""

    data: list[EndpointView]
    next: str | None = None


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt: what was sent, what came back, how long it took."""

    number: int
    started_at: datetime
    seconds: float
    status: int | None
    error: str | None
    request_headers: dict[str, Any]
    response_headers: dict[str, Any] | None
    response_body: str | None


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """One event owed to one endpoint, with what came of its last attempt.

    `tries` counts since it was last started, and `attempts` since ever.
    """

    id: UUID
    endpoint: str
    event_id: UUID
    type: str
    item_id: UUID | None
    state: str
    reason: str | None
    tries: int
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None
    finished_at: datetime | None
    last_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None


class DeliveryDetail(DeliveryView, frozen=True, kw_only=True):
    """A delivery with its body, as text exactly as it is sent, and its attempts, oldest first."""

    url: str
    body: str | None
    log: list[AttemptView]


class DeliveryPage(msgspec.Struct, frozen=True):
    """Deliveries, newest first."""

    data: list[DeliveryView]
    next: str | None


class Replayed(msgspec.Struct, frozen=True):
    """How many deliveries were started again; `more` tells that there are others like them."""

    replayed: int
    more: bool = False
