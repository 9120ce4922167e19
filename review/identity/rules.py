"""Roles, permissions and the form of a key."""

import hashlib
import re
import secrets
import string
import zlib
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from review.audit.rules import OPERATOR, Actor


class Role(StrEnum):
    """What somebody is in a project; `service` is for programs only. A project's configuration may add others."""

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
    COMMENT = "comments:write"
    OVERRIDE = "decisions:override"
    READ_FEEDBACK = "feedback:read"
    WRITE_DATASETS = "datasets:write"
    READ_CONFIG = "config:read"
    WRITE_CONFIG = "config:write"
    PAUSE = "clocks:pause"
    READ_EVENTS = "events:read"
    READ_WEBHOOKS = "webhooks:read"
    WRITE_WEBHOOKS = "webhooks:write"
    READ_PEOPLE = "people:read"
    WRITE_PEOPLE = "people:write"
    READ_KEYS = "keys:read"
    WRITE_KEYS = "keys:write"
    OWN_TOKENS = "tokens:own"
    ALL_POOLS = "pools:all"
    STOP = "sources:stop"
    READ_REVIEWERS = "reviewers:read"
    READ_AUDIT = "audit:read"
    CLEAR_MODELS = "models:clear"
    ERASE = "items:erase"
    READ_PERSONAL = "personal:read"
    IMPORT = "items:import"


_P = Permission
PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset(Permission),
    Role.LEAD: frozenset(
        {_P.READ_ITEMS, _P.WORK, _P.COMMENT, _P.OVERRIDE, _P.READ_FEEDBACK, _P.WRITE_DATASETS, _P.READ_CONFIG}
        | {_P.PAUSE, _P.READ_EVENTS, _P.READ_WEBHOOKS, _P.READ_PEOPLE, _P.OWN_TOKENS, _P.ALL_POOLS, _P.STOP}
        | {_P.READ_REVIEWERS, _P.CLEAR_MODELS, _P.READ_PERSONAL, _P.IMPORT}
    ),
    Role.REVIEWER: frozenset({_P.READ_ITEMS, _P.WORK, _P.COMMENT, _P.PAUSE, _P.OWN_TOKENS, _P.READ_PERSONAL}),
    Role.ANALYST: frozenset(
        {_P.READ_ITEMS, _P.READ_FEEDBACK, _P.WRITE_DATASETS, _P.READ_CONFIG, _P.OWN_TOKENS, _P.ALL_POOLS} | {_P.IMPORT}
    ),
    Role.AUDITOR: frozenset(
        {_P.READ_ITEMS, _P.READ_FEEDBACK, _P.READ_CONFIG, _P.READ_EVENTS, _P.READ_WEBHOOKS}
        | {_P.READ_PEOPLE, _P.READ_KEYS, _P.OWN_TOKENS, _P.ALL_POOLS, _P.READ_REVIEWERS, _P.READ_AUDIT}
    ),
    Role.SERVICE: frozenset(
        {_P.SUBMIT, _P.READ_ITEMS, _P.COMMENT, _P.READ_FEEDBACK, _P.PAUSE, _P.READ_EVENTS, _P.ALL_POOLS}
        | {_P.READ_PERSONAL}
    ),
}
PERSONAL_ROLES = tuple(role for role in Role if role is not Role.SERVICE)
# What can be kept to single pools. Everything else is about the whole project, and asks for `pools:all` as well.
WITHIN_POOLS = frozenset(
    {_P.READ_ITEMS, _P.WORK, _P.COMMENT, _P.OVERRIDE, _P.PAUSE, _P.OWN_TOKENS, _P.ALL_POOLS, _P.READ_PERSONAL}
)
# Whoever judges must see what they judge, and whoever sends it has it already.
SEES_PERSONAL = frozenset({_P.READ_PERSONAL, _P.WORK, _P.OVERRIDE, _P.SUBMIT})
# Whoever may change the configuration may change what every role carries, so this is the admin's alone.
ADMIN_ONLY = frozenset({_P.WRITE_CONFIG})

KEY_MARK = "cs"
PREFIX_LENGTH = 12
SECRET_LENGTH = 43  # 43 base-62 characters carry 256 bits; ASVS 6.5.2 allows a plain hash from 112 bits on
CHECK_LENGTH = 6  # base 62 of a CRC-32, by which a scanner tells a key from what only looks like one
KEY_FORM = r"\bcs_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}\b"
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
# `@ana` or `@ana@example.com`, not inside another address; a full stop that ends a sentence is no part of it.
_MENTION = re.compile(r"(?<![\w.@+-])@([\w.+-]*\w(?:@[\w-]+(?:\.[\w-]+)+)?)")


WAYS = ("everything", "fallback", "hold")  # before a stop, with a `/`, unless it keeps rules from approving alone


class StandingStop(msgspec.Struct, frozen=True):
    """A stop as every page of the project tells of it; `until` is null where somebody must end it."""

    kind: str
    name: str
    way: str
    reason: str
    by: str
    until: datetime | None = None


class LiveRollout(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate version of the rules that routes a share of the new items, and those that carry its tag."""

    id: UUID
    version: int
    share: float
    tag: str | None = None


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who is calling, in which project, and the configuration version that was active when they called.

    `kind` is `key` for a service key and `user` for a person, signed in or by personal token; `email` is empty
    for a key; `key_id` is the key or token they called with, if it was one; `origin` is the address the call came
    from. `permissions` are those of the role, narrowed to the scopes of the key or token. `stops` and `rollout` are
    known of who calls by a key, for what they submit, and so is `models_stamp`, which says which model versions are
    cleared; `standing`, the stops for reading, are of who is signed in, and so are their `pools`, None where they were
    not looked up. `hides` are the paths of personal fields, by item type, that are not for them to see.
    """

    project_id: UUID
    project: str
    kind: str
    id: UUID
    name: str
    email: str
    role: str
    permissions: frozenset[Permission]
    config_version: int
    key_id: UUID | None = None
    origin: str = ""
    stops: tuple[str, ...] = ()
    models_stamp: int = 0
    rollout: LiveRollout | None = None
    standing: tuple[StandingStop, ...] = ()
    pools: frozenset[str] | None = None
    hides: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict[str, tuple[str, ...]])

    def may(self, permission: Permission) -> bool:
        """Tell whether the caller carries the permission, and reaches far enough to use it."""
        return permission in self.permissions and permission not in beyond_reach(self.permissions)

    @property
    def sees_personal(self) -> bool:
        """Tell whether the caller sees fields that item types call personal."""
        return not SEES_PERSONAL.isdisjoint(self.permissions)

    def hidden_of(self, item_type: str) -> tuple[str, ...]:
        """Give the paths of an item type that are not for the caller to see."""
        return self.hides.get(item_type, ())

    def types_hiding(self, root: str) -> list[str]:
        """List the item types that hide something below a root from the caller, so that it must not be searched."""
        return [
            name for name, paths in self.hides.items() if any(path.split(".")[0].startswith(root) for path in paths)
        ]

    @property
    def is_pool_bound(self) -> bool:
        """Tell whether the caller sees and touches only what is in the pools they are in."""
        return Permission.ALL_POOLS not in self.permissions

    @property
    def is_blind(self) -> bool:
        """Tell whether an open item is shown without what others have judged, or who has it in hand.

        A narrower key or token shows less and never more, so this goes by what is carried, not by what is not.
        """
        return self.is_pool_bound and Permission.OVERRIDE not in self.permissions

    @property
    def actor(self) -> Actor:
        """Give the name this caller goes by in the audit."""
        known_as = None if self.kind == OPERATOR.kind else self.id
        return Actor(self.kind, known_as, self.email or self.name, self.origin, self.config_version)


def parted(stops: Iterable[str]) -> dict[str, dict[str, str]]:
    """Part stops by their way: each is `kind:subject`, with the stop's id where it holds, and nothing where not."""
    found: dict[str, dict[str, str]] = {way: {} for way in ("approvals", *WAYS)}
    for each in stops:
        way, slash, rest = each.partition("/")
        if not slash or way not in WAYS:
            found["approvals"][each] = ""
        elif way == "hold":
            stop, _, subject = rest.partition("/")
            found[way].setdefault(subject, stop)
        else:
            found[way][rest] = ""
    return found


def permissions_of(role: str, stored: Iterable[str] | None, scopes: Collection[str] | None) -> frozenset[Permission]:
    """Give what a role carries: of the built-in ones as above, of others as stored; narrowed to scopes if there are.

    A role that is not known carries nothing, and neither does a permission that this program does not know.
    """
    if role in set(Role):
        carried = PERMISSIONS[Role(role)]
    else:
        carried = frozenset(permission for permission in Permission if permission in set(stored or ()))
    return carried if scopes is None else frozenset(each for each in carried if each.value in scopes)


def beyond_reach(permissions: Collection[Permission]) -> frozenset[Permission]:
    """Give those of these permissions that cannot be used without `pools:all`, where that is not among them."""
    if Permission.ALL_POOLS in permissions:
        return frozenset()
    return frozenset(permissions) - WITHIN_POOLS


class NewSecret(msgspec.Struct, frozen=True):
    """A key as it is handed over, once; only `prefix` and `sha256` are kept."""

    secret: str
    prefix: str
    sha256: bytes


def new_key() -> NewSecret:
    """Make a key: a mark that secret scanners recognise, a public prefix, a 256-bit secret, and a checksum."""
    prefix = "".join(secrets.choice(_DIGITS) for _ in range(PREFIX_LENGTH))
    tail = "".join(secrets.choice(_DIGITS) for _ in range(SECRET_LENGTH))
    secret = f"{KEY_MARK}_{prefix}_{tail}"
    secret += checksum_of(secret)
    return NewSecret(secret, prefix, hash_secret(secret))


def checksum_of(text: str) -> str:
    """Give the end of a key: CRC-32 of what stands before it, in base 62 with the digits first, six long."""
    number, found = zlib.crc32(text.encode()), ""
    for _ in range(CHECK_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        found = _DIGITS[digit] + found
    return found


def prefix_of(secret: str) -> str | None:
    """Give the public part of a key, or None if it cannot be one; keys of the first form have no checksum."""
    mark, _, rest = secret.partition("_")
    prefix, _, tail = rest.partition("_")
    if mark != KEY_MARK or len(prefix) != PREFIX_LENGTH or not (prefix + tail).isascii():
        return None
    if len(tail) == SECRET_LENGTH + CHECK_LENGTH:
        return prefix if checksum_of(secret[:-CHECK_LENGTH]) == secret[-CHECK_LENGTH:] else None
    return prefix if len(tail) == SECRET_LENGTH else None


def hash_secret(secret: str) -> bytes:
    """Give what is stored of a key or session: SHA-256, enough for 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()


def normalise_email(email: str) -> str:
    """Give the one spelling under which a person is known."""
    return email.strip().lower()


def is_email(email: str) -> bool:
    """Tell whether this can be an e-mail address at all."""
    local, _, domain = email.partition("@")
    return bool(local) and bool(domain) and "@" not in domain and not any(char.isspace() for char in email)


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


def names_somebody(text: str) -> bool:
    """Tell whether a text could name somebody, whoever there is."""
    return _MENTION.search(text) is not None


def _names(part: str, names: set[str], local: list[str]) -> bool:
    return part in names and local.count(part) == 1
