"""What a provider's entry says, whom it lets in, and what their groups give them."""

from collections.abc import Iterable, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec

from review.identity.oidc.errors import AccountNotAllowed
from review.identity.rules import Role, is_email, normalise_email
from review.kernel.hosts import is_loopback
from review.kernel.sentences import say

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
LONGEST_SUBJECT = 255  # OpenID Connect Core 1.0, section 2
LONGEST_EMAIL, LONGEST_NAME, LONGEST_URL = 320, 200, 2_000
MOST_GROUPS = 2_000


class Grant(msgspec.Struct, frozen=True):
    """What somebody gets in one project."""

    role: Role
    pools: tuple[str, ...] = ()


class Allowed(msgspec.Struct, frozen=True):
    """For whom an account is made at their first sign-in; one match is enough, and empty lists match nobody."""

    domains: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """An identity provider as the operator describes it; its grants are in the order in which roles count.

    `groups_claim` is the way to the groups from the token's outermost claims inwards.
    """

    name: str
    title: str
    issuer: str
    client_id: str
    client_secret: str | None = None
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    allowed: Allowed = Allowed()
    emails_are_verified: bool = False
    plain_http: bool = False
    groups_claim: tuple[str, ...] = ()
    groups: tuple[tuple[str, dict[str, Grant]], ...] = ()
    everyone: dict[str, Grant] = {}

    def __repr__(self) -> str:
        """Leave the secret out."""
        return f"Provider({self.name!r}, {self.issuer!r})"

    @property
    def source(self) -> str:
        """Give the name under which memberships and pools of this provider's giving are stored."""
        return f"oidc:{self.name}"


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody as a provider describes them; `email` is normalised, and empty if there is none that can be used."""

    subject: str
    email: str = ""
    email_verified: bool = False
    name: str = ""
    groups: frozenset[str] = frozenset()


def person_of(provider: Provider, claims: Mapping[str, Any]) -> Person:
    """Read what a provider tells of somebody; claims of the wrong form count as not there."""
    email = normalise_email(_text(claims.get("email"), LONGEST_EMAIL))
    return Person(
        subject=str(claims["sub"]),
        email=email if is_email(email) else "",
        email_verified=provider.emails_are_verified or _is_true(claims.get("email_verified")),
        name=_text(claims.get("name"), LONGEST_NAME) or _text(claims.get("preferred_username"), LONGEST_NAME),
        groups=groups_in(claims, provider.groups_claim),
    )


def groups_in(claims: Mapping[str, Any], path: tuple[str, ...]) -> frozenset[str]:
    """Give the groups that claims name; one text counts as one group, and anything else as none."""
    value: Any = claims if path else None
    for step in path:
        value = cast("Mapping[str, Any]", value).get(step) if isinstance(value, dict) else None
    found: list[Any] = [value] if isinstance(value, str) else cast("Any", value) if isinstance(value, list) else []
    return frozenset(each for each in found[:MOST_GROUPS] if isinstance(each, str))


def check_admission(provider: Provider, person: Person) -> None:
    """Decide whether an account is made for somebody who has none.

    Raises:
        AccountNotAllowed: they have no verified e-mail, or the provider's entry does not allow them (403).
    """
    if not person.email or not person.email_verified:
        unverified = say(
            "You were not signed in: %(title)s did not say that your e-mail address is verified, and without that no "
            "account is made. Nothing was changed. Verify your address there and try again, or ask whoever runs this "
            "Countersign.",
            title=provider.title,
        )
        missing = say(
            "You were not signed in: %(title)s gave no e-mail address, and without that no account is made. Nothing "
            "was changed. Verify your address there and try again, or ask whoever runs this Countersign.",
            title=provider.title,
        )
        message = unverified if person.email else missing
        raise AccountNotAllowed(message)
    allowed = provider.allowed
    if not (
        person.email in allowed.emails
        or person.email.rpartition("@")[2] in allowed.domains
        or not person.groups.isdisjoint(allowed.groups)
    ):
        message = say(
            "You were not signed in: %(title)s knows you, and you are not among those for whom an account is "
            "made here. Nothing was changed. Ask whoever runs this Countersign.",
            title=provider.title,
        )
        raise AccountNotAllowed(message)


def grants_of(provider: Provider, groups: Iterable[str]) -> dict[str, Grant]:
    """Give what groups give, by project: the role of the first entry that fits, and the pools of all of them."""
    held = set(groups)
    found: dict[str, Grant] = {}
    for projects in [*(given for name, given in provider.groups if name in held), provider.everyone]:
        for project, grant in projects.items():
            before = found.get(project)
            pools = dict.fromkeys((*(before.pools if before else ()), *grant.pools))
            found[project] = Grant(before.role if before else grant.role, tuple(pools))
    return found


def is_endpoint(url: object, *, plain_http: bool) -> bool:
    """Tell whether an address may be called or shown: https and a host, no credentials, no fragment.

    Plain http only where the entry allows it, or to this very machine.
    """
    if not isinstance(url, str) or len(url) > LONGEST_URL or not url.isascii() or not url.isprintable():
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        usable = bool(host) and parts.port != 0
    except ValueError:
        return False
    if not usable or "@" in parts.netloc or parts.fragment or any(char in url for char in " \\\"'<>"):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and (plain_http or is_loopback(host)))


def _is_true(value: object) -> bool:
    return value is True or value == "true"  # some providers write it as a text


def _text(value: object, longest: int) -> str:
    if not isinstance(value, str) or not value.isprintable():
        return ""
    return value.strip() if len(value) <= longest else ""
