"""Webhooks: that they come from Countersign, unchanged and just now, in one call."""

import binascii
import hashlib
import hmac
import time
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeAlias

import msgspec

from countersign_client.answers import Event
from countersign_client.errors import LibraryMissing, WebhookRefused

TOLERANCE = timedelta(minutes=5)  # as the Standard Webhooks specification advises
SHARED, PUBLIC = "whsec_", "whpk_"

Fits: TypeAlias = Callable[[bytes, bytes], bool]  # whether a signature is one of what was signed


def verify(
    body: bytes | str,
    headers: Mapping[str, str],
    secret: str | Sequence[str],
    *,
    tolerance: timedelta = TOLERANCE,
    now: float | None = None,
) -> Event:
    """Give the event of a webhook, once a signature on it fits a secret of yours.

    `body` is what came, before anything parsed it. `secret` is `whsec_…`, or `whpk_…` for ed25519; several where one is
    replaced. Each event comes at least once, so act on an `event.id` only once.

    Raises:
        WebhookRefused: no signature fits, the time is off by more than `tolerance`, or it is no event.
        ValueError: what was given as a secret is none.
    """
    raw = body.encode() if isinstance(body, str) else bytes(body)
    given = {name.lower(): value for name, value in headers.items()}
    event_id, at, signatures = (given.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not (event_id and at and signatures):
        message = "A header is missing: webhook-id, webhook-timestamp and webhook-signature must all be there."
        raise WebhookRefused(message)
    _check_time(at, tolerance, time.time() if now is None else now)
    signed = f"{event_id}.{at}.".encode() + raw
    secrets = [secret] if isinstance(secret, str) else list(secret)
    if not any(_fits(each, one, signed) for each in secrets for one in signatures.split()):
        message = "No signature fits a secret: it is another endpoint's, or the body was changed or parsed on its way."
        raise WebhookRefused(message)
    try:
        return msgspec.json.decode(raw, type=Event)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        message = f"The body is signed and still no event: {fault}."
        raise WebhookRefused(message) from fault


def _check_time(said: str, tolerance: timedelta, now: float) -> None:
    at = int(said[:15]) if said.isascii() and said.isdigit() else None
    if at is None or abs(now - at) > tolerance.total_seconds():
        message = f"The webhook-timestamp {said[:20]!r} is too far from now; refuse it, or set this machine's clock."
        raise WebhookRefused(message)


def _fits(secret: str, one: str, signed: bytes) -> bool:
    version, _, text = one.partition(",")
    signature = _bytes_of(text)
    if secret.startswith(PUBLIC):
        return version == "v1a" and signature is not None and _ed25519(secret)(signature, signed)
    if secret.startswith("whsk_"):
        message = "That is the private half of a pair, which only Countersign needs; give the public one, whpk_…"
        raise ValueError(message)
    key = _bytes_of(secret.removeprefix(SHARED))
    if not key:
        message = "The secret is none: it looks like whsec_… or whpk_…, and `review webhooks secret` prints it."
        raise ValueError(message)
    return version == "v1" and hmac.compare_digest(hmac.digest(key, signed, hashlib.sha256), signature or b"")


def _bytes_of(text: str) -> bytes | None:
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _ed25519(secret: str) -> Fits:
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  an extra, needed for such keys alone
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415  only these keys need the extra
    except ImportError as fault:
        message = "cryptography is needed for a whpk_ key, and is not installed: pip install cryptography."
        raise LibraryMissing(message) from fault
    key: Any = ed25519.Ed25519PublicKey.from_public_bytes(_bytes_of(secret.removeprefix(PUBLIC)) or b"")

    def fits(signature: bytes, signed: bytes) -> bool:
        try:
            key.verify(signature, signed)
        except InvalidSignature:
            return False
        return True

    return fits
