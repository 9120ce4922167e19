"""Checkpoints: signed tree heads in the text of a signed note, as witnesses of transparency logs read them."""

import re
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from review.audit.errors import CheckpointUnreadable, PublicKeyInvalid

ED25519 = b"\x01"  # the algorithm's number in a signed note's key
KEY_BYTES, HASH_BYTES, ID_BYTES = 32, 32, 4
_NOTE = re.compile(r"(?P<text>(?:[^\n]+\n)+)\n(?P<signatures>(?:— [^\n]+\n)+)")


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A tree head: whose log, how many entries, their root, when it was signed, and the note that says so."""

    origin: str
    size: int
    root: bytes
    signed_at: datetime
    note: str
    signatures: tuple[tuple[str, bytes], ...] = ()


class Signer:
    """Signs tree heads with the operator's key."""

    def __init__(self, secret: str) -> None:
        """Take the private key, 32 bytes in URL-safe base64; it was checked when the settings were read."""
        self._key = Ed25519PrivateKey.from_private_bytes(urlsafe_b64decode(secret))
        self.public_key = self._key.public_key().public_bytes_raw()

    def sign(self, origin: str, size: int, root: bytes, at: datetime) -> str:
        """Write the note of a tree head."""
        text = f"{origin}\n{size}\n{b64encode(root).decode()}\n{at.isoformat()}\n"
        signature = key_id(origin, self.public_key) + self._key.sign(text.encode())
        return f"{text}\n— {origin} {b64encode(signature).decode()}\n"


def origin_of(project: str, project_id: UUID) -> str:
    """Name a project's log; the name is also that of the key which signs it."""
    return f"countersign/{project}/{project_id}"


def key_id(name: str, public_key: bytes) -> bytes:
    """Give the four bytes by which a note names the key that signed it."""
    return sha256(name.encode() + b"\n" + ED25519 + public_key).digest()[:ID_BYTES]


def verifier_key(name: str, public_key: bytes) -> str:
    """Write a public key as tools for signed notes take it."""
    return f"{name}+{key_id(name, public_key).hex()}+{b64encode(ED25519 + public_key).decode()}"


def show_key(public_key: bytes) -> str:
    """Write a public key as this product takes it."""
    return urlsafe_b64encode(public_key).decode()


def read_key(text: str) -> bytes:
    """Read a public key: what `show_key` or `verifier_key` wrote.

    Raises:
        PublicKeyInvalid: it is neither.
    """
    try:
        raw = b64decode(text.strip().split("+", 2)[-1].replace("-", "+").replace("_", "/"), validate=True)
    except ValueError:
        raw = b""
    raw = raw.removeprefix(ED25519) if len(raw) == len(ED25519) + KEY_BYTES else raw
    if len(raw) != KEY_BYTES:
        raise PublicKeyInvalid(text)
    return raw


def read_notes(text: str) -> list[Checkpoint]:
    """Read every checkpoint in a text, one behind the other; what stands between them is passed over.

    Raises:
        CheckpointUnreadable: a note is no tree head.
    """
    return [_read(match[0], match["text"], match["signatures"]) for match in _NOTE.finditer(text)]


def is_signed(checkpoint: Checkpoint, keys: Iterable[bytes]) -> bool:
    """Tell whether one of the keys signed the checkpoint."""
    ids: Mapping[bytes, bytes] = {key_id(checkpoint.origin, key): key for key in keys}
    text = checkpoint.note.partition("\n\n")[0] + "\n"
    for name, signature in checkpoint.signatures:
        key = ids.get(signature[:ID_BYTES]) if name == checkpoint.origin else None
        if key is None:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature[ID_BYTES:], text.encode())
        except InvalidSignature:
            continue
        return True
    return False


def _read(note: str, text: str, signatures: str) -> Checkpoint:
    try:
        origin, size, root, at, *_ = text.splitlines()
        digest = b64decode(root, validate=True)
        if len(digest) != HASH_BYTES or not size.isdecimal():
            raise CheckpointUnreadable(text)
        return Checkpoint(
            origin=origin,
            size=int(size),
            root=digest,
            signed_at=datetime.fromisoformat(at),
            note=note,
            signatures=tuple(_signature(line) for line in signatures.splitlines()),
        )
    except ValueError as fault:
        raise CheckpointUnreadable(text) from fault


def _signature(line: str) -> tuple[str, bytes]:
    _dash, name, encoded = line.split(" ", 2)
    return name, b64decode(encoded, validate=True)
