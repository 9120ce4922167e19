"""Roles, permissions and the form of a key."""

import hashlib
import re
import secrets
import string
from collections.abc import Iterable
from enum import StrEnum
from uuid import UUID

import msgspec

from review.audit.rules import Actor


class Role(StrEnum):
    """What somebody is in a project; `service` is for programs only."""

    ADMIN = "admin"
    LEAD = "lead"
    REVIEWER = "reviewer"
    ANALYST = "analyst"
    AUDITOR = "auditor"
    SERVICE = "service"


class Permission(StrEnum):
    """What a route asks of its caller."""

    SUBMIT = "items:submit"
    READ_ITEMS = "items:read"
    WORK = "assignments:work"
    OVERRIDE = "decisions:override"
    READ_FEEDBACK = "feedback:read"
    READ_CONFIG = "config:read"
    WRITE_CONFIG = "config:write"
    PAUSE = "clocks:pause"
    READ_EVENTS = "events:read"
    READ_WEBHOOKS = "webhooks:read"
    WRITE_WEBHOOKS = "webhooks:write"
    READ_AUDIT = "audit:read"


_P = Permission
PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset(Permission),
    Role.LEAD: frozenset(
        {_P.READ_ITEMS, _P.WORK, _P.OVERRIDE, _P.READ_FEEDBACK, _P.READ_CONFIG, _P.PAUSE}
        | {_P.READ_EVENTS, _P.READ_WEBHOOKS}
    ),
    Role.REVIEWER: frozenset({_P.READ_ITEMS, _P.WORK, _P.PAUSE}),
    Role.ANALYST: frozenset({_P.READ_ITEMS, _P.READ_FEEDBACK, _P.READ_CONFIG}),
    Role.AUDITOR: frozenset(
        {_P.READ_ITEMS, _P.READ_FEEDBACK, _P.READ_CONFIG, _P.READ_EVENTS, _P.READ_WEBHOOKS, _P.READ_AUDIT}
    ),
    Role.SERVICE: frozenset({_P.SUBMIT, _P.READ_ITEMS, _P.READ_FEEDBACK, _P.PAUSE, _P.READ_EVENTS}),
}
PERSONAL_ROLES = tuple(role for role in Role if role is not Role.SERVICE)

KEY_MARK = "cs"
PREFIX_LENGTH = 12
SECRET_LENGTH = 43  # 43 base-62 characters carry 256 bits; ASVS 6.5.2 allows a plain hash from 112 bits on
_ALPHABET = string.ascii_letters + string.digits
# `@ana` or `@ana@example.com`, not inside another address; a full stop that ends a sentence is no part of it.
_MENTION = re.compile(r"(?<![\w.@+-])@([\w.+-]*\w(?:@[\w-]+(?:\.[\w-]+)+)?)")


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who is calling, in which project, and the configuration version that was active when they called.

    `kind` is `key` for a service key and `user` for a person, signed in or by personal token; `email` is empty
    for a key; `origin` is the address the call came from.
    """

    project_id: UUID
    project: str
    kind: str
    id: UUID
    name: str
    email: str
    role: Role
    config_version: int
    origin: str = ""

    def may(self, permission: Permission) -> bool:
        """Tell whether the role carries the permission."""
        return permission in PERMISSIONS[self.role]

    @property
    def is_reviewer_only(self) -> bool:
        """Tell whether this person sees only the pools they are in."""
        return self.role is Role.REVIEWER

    @property
    def actor(self) -> Actor:
        """Give the name this caller goes by in the audit."""
        return Actor(self.kind, self.id, self.email or self.name, self.origin, self.config_version)


class NewSecret(msgspec.Struct, frozen=True):
    """A key as it is handed over, once; only `prefix` and `sha256` are kept."""

    secret: str
    prefix: str
    sha256: bytes


def new_key() -> NewSecret:
    """Make a key: a mark that secret scanners recognise, a public prefix, a 256-bit secret."""
    prefix = "".join(secrets.choice(_ALPHABET) for _ in range(PREFIX_LENGTH))
    tail = "".join(secrets.choice(_ALPHABET) for _ in range(SECRET_LENGTH))
    secret = f"{KEY_MARK}_{prefix}_{tail}"
    return NewSecret(secret, prefix, hash_secret(secret))


def prefix_of(secret: str) -> str | None:
    """Give the public part of a key, or None if it does not have the form of one."""
    mark, _, rest = secret.partition("_")
    prefix, _, tail = rest.partition("_")
    well_formed = mark == KEY_MARK and len(prefix) == PREFIX_LENGTH and len(tail) == SECRET_LENGTH
    return prefix if well_formed and (prefix + tail).isascii() else None


def hash_secret(secret: str) -> bytes:
    """Give what is stored of a key or session: SHA-256, enough for 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()


def normalise_email(email: str) -> str:
    """Give the one spelling under which a person is known."""
    return email.strip().lower()


def mentioned_in(text: str, emails: Iterable[str]) -> list[str]:
    """List whom a text names as `@ana@example.com`, or as `@ana` where only one of them has that local part.

    In the order of `emails`, each once. A name that nobody or more than one person has names nobody.
    """
    names = {name.lower() for name in _MENTION.findall(text)}
    if not names:
        return []
    known = list(dict.fromkeys(emails))
    local = [email.partition("@")[0] for email in known]
    return [email for email, part in zip(known, local, strict=True) if email in names or _names(part, names, local)]


def _names(part: str, names: set[str], local: list[str]) -> bool:
    return part in names and local.count(part) == 1
