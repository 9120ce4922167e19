"""Signatures by the Standard Webhooks specification: HMAC-SHA256 as `v1`, ed25519 as `v1a`, one for each secret."""

import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeAlias

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks import Webhook

SECRET_BYTES = 32  # the specification asks for 24 to 64
SEED_BYTES = 32

Sign: TypeAlias = Callable[[str, int, str], str]  # event id, Unix time, body


class Kind(StrEnum):
    """How a secret signs."""

    HMAC = "hmac"
    ED25519 = "ed25519"


class NewSecret(msgspec.Struct, frozen=True):
    """A secret as it is made; `public_key` is what a receiver verifies ed25519 with."""

    kind: Kind
    secret: str
    public_key: str | None = None


def new_secret(kind: Kind) -> NewSecret:
    """Make a secret: `whsec_…`, or a pair of `whsk_…` (seed and public key) and `whpk_…`."""
    if kind is Kind.HMAC:
        return NewSecret(kind, f"whsec_{_text(secrets.token_bytes(SECRET_BYTES))}")
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    return NewSecret(kind, f"whsk_{_text(key.private_bytes_raw() + public)}", f"whpk_{_text(public)}")


def signer(secret: str) -> Sign:
    """Give what signs with a secret, prepared once."""
    if secret.startswith("whsk_"):
        key = Ed25519PrivateKey.from_private_bytes(b64decode(secret.removeprefix("whsk_"))[:SEED_BYTES])
        return lambda event_id, at, body: f"v1a,{_text(key.sign(f'{event_id}.{at}.{body}'.encode()))}"
    hook = Webhook(secret)
    return lambda event_id, at, body: hook.sign(event_id, datetime.fromtimestamp(at, UTC), body)


def headers(event_id: str, at: int, body: str, signers: Sequence[Sign]) -> dict[str, str]:
    """Give the three headers of an attempt made at this Unix time."""
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(sign(event_id, at, body) for sign in signers),
    }


def _text(data: bytes) -> str:
    return b64encode(data).decode()
