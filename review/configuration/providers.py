"""The file of identity providers, which REVIEW_OIDC_FILE names: read once at start-up, each fault with its place."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from review.configuration.checks import Checks, list_of, mapping_of
from review.configuration.document import parse
from review.configuration.errors import ConfigError, ConfigurationInvalid
from review.identity.oidc.rules import Allowed, Grant, Provider, is_endpoint
from review.identity.rules import PERSONAL_ROLES, Role, normalise_email
from review.kernel.errors import FieldError
from review.kernel.settings import SettingInvalid

MAX_PROVIDERS = 20
LONGEST_SECRET = 2_000
REQUIRED = ("name", "issuer", "client_id")
KEYS = (
    *("name", "title", "issuer", "client_id", "client_secret", "scopes", "allow", "emails_are_verified", "allow_http"),
    *("groups_claim", "groups", "everyone"),
)
SECRET_IN_ENVIRONMENT = re.compile(r"^env:(REVIEW_OIDC_[A-Z0-9_]{1,80})\Z")
DOMAIN = re.compile(r"^[a-z0-9.-]{1,253}\Z")
SCOPE = re.compile(r"^[\x21\x23-\x5b\x5d-\x7e]{1,200}\Z")  # RFC 6749, section 3.3


def load_providers(path: Path | None, environ: Mapping[str, str]) -> dict[str, Provider]:
    """Read the providers, by name; no file means none.

    Raises:
        SettingInvalid: the file cannot be read, or says something that cannot be; no fault shows a secret.
    """
    if path is None:
        return {}
    try:
        source = path.read_bytes()
    except OSError as fault:
        message = f"REVIEW_OIDC_FILE names {path}, which cannot be read: {fault.strerror}."
        raise SettingInvalid(message) from fault
    try:
        return read_providers(source, environ)
    except ConfigurationInvalid as refusal:
        message = (
            f"REVIEW_OIDC_FILE names {path}, which has {len(refusal.faults)} fault(s); nothing was started. "
            "Mend what is named below."
        )
        raise SettingInvalid(message, errors=tuple(_placed(fault) for fault in refusal.faults)) from None


def read_providers(source: bytes, environ: Mapping[str, str]) -> dict[str, Provider]:
    """Check and compile the file.

    Raises:
        ConfigurationInvalid: with every fault and its place.
    """
    document = parse(source, wanted="`providers`")
    checks = Checks(document)
    checks.keys("", document.data, ("providers",), required=("providers",))
    values = list_of(document.data.get("providers"))
    if values is None or not 0 < len(values) <= MAX_PROVIDERS:
        checks.add("providers", f"must be a list of 1 to {MAX_PROVIDERS} entries such as {{name, issuer, client_id}}")
    found: dict[str, Provider] = {}
    for at, value in enumerate(values or []):
        provider = _read_provider(checks, f"providers[{at}]", value, environ)
        if provider is None:
            continue
        if provider.name in found:
            checks.add(f"providers[{at}].name", f"`{provider.name}` is the name of an earlier provider")
        if provider.issuer in {each.issuer for each in found.values()}:
            checks.add(f"providers[{at}].issuer", "is the issuer of an earlier provider")
        found[provider.name] = provider
    if checks.faults:
        raise ConfigurationInvalid(checks.faults)
    return found


def _placed(fault: ConfigError) -> FieldError:
    return FieldError(fault.path, f"line {fault.line} column {fault.column}: {fault.message}")


def _read_provider(checks: Checks, path: str, value: object, environ: Mapping[str, str]) -> Provider | None:
    entry = mapping_of(value)
    if entry is None:
        checks.add(path, "must be a provider: {name, issuer, client_id, …}")
        return None
    checks.keys(path, entry, KEYS, required=REQUIRED)
    if any(entry.get(key) is None for key in REQUIRED):
        return None
    name = checks.name(f"{path}.name", entry["name"])
    plain_http = _flag(checks, f"{path}.allow_http", entry.get("allow_http"))
    groups_claim = _claim(checks, f"{path}.groups_claim", entry.get("groups_claim"))
    allowed = _allowed(checks, f"{path}.allow", entry.get("allow"))
    groups = checks.mapping(f"{path}.groups", entry.get("groups"))
    if (groups or allowed.groups) and not groups_claim:
        checks.add(path, "`groups_claim` is missing: where the groups stand in the token, such as `groups`")
    return Provider(
        name=name,
        title=checks.text(f"{path}.title", entry.get("title")).strip() or name,
        issuer=_issuer(checks, f"{path}.issuer", entry["issuer"], plain_http=plain_http),
        client_id=_plain(checks, f"{path}.client_id", entry["client_id"]),
        client_secret=_secret(checks, f"{path}.client_secret", entry.get("client_secret"), environ),
        scopes=_scopes(checks, f"{path}.scopes", entry.get("scopes")),
        allowed=allowed,
        emails_are_verified=_flag(checks, f"{path}.emails_are_verified", entry.get("emails_are_verified")),
        plain_http=plain_http,
        groups_claim=groups_claim,
        groups=tuple((group, _grants(checks, f"{path}.groups.{group}", given)) for group, given in groups.items()),
        everyone=_grants(checks, f"{path}.everyone", entry.get("everyone")),
    )


def _issuer(checks: Checks, path: str, value: object, *, plain_http: bool) -> str:
    if not is_endpoint(value, plain_http=plain_http) or "?" in str(value):
        checks.add(
            path,
            "must be an https address without a query, exactly as the provider writes it; plain http is for this "
            "machine alone, or with `allow_http: true`",
        )
    return str(value)


def _plain(checks: Checks, path: str, value: object) -> str:
    if not _is_plain(value):
        checks.add(path, f"must be 1 to {LONGEST_SECRET} printable ASCII characters; quote what looks like a number")
    return str(value)


def _is_plain(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_SECRET and value.isascii() and value.isprintable()


def _secret(checks: Checks, path: str, value: object, environ: Mapping[str, str]) -> str | None:
    """Give the secret itself; None for a public client, which PKCE alone protects."""
    if value is None:
        return None
    secret, where = value, "it"
    if isinstance(value, str) and value.startswith("env:"):
        named = SECRET_IN_ENVIRONMENT.match(value)
        if named is None:
            checks.add(path, "must name a variable that begins with REVIEW_OIDC_, such as env:REVIEW_OIDC_SECRET")
            return None
        secret, where = environ.get(named[1]), f"the variable {named[1]}"
    elif isinstance(value, str) and value.startswith("file:"):
        file = Path(value.removeprefix("file:"))
        where = f"the file {file}"
        try:
            secret = file.read_text(encoding="utf-8").rstrip("\r\n") if file.is_absolute() else None
        except (OSError, ValueError):
            secret = None
    if not _is_plain(secret):
        told = "is missing, or holds no" if where != "it" else "must be a"
        checks.add(path, f"{where} {told} secret of 1 to {LONGEST_SECRET} printable ASCII characters; it is not shown")
        return None
    return str(secret)


def _scopes(checks: Checks, path: str, value: object) -> tuple[str, ...]:
    if value is None:
        return ("openid", "email", "profile")
    found = checks.texts(path, value)
    for at, each in enumerate(found):
        if not SCOPE.match(each):
            checks.add(f"{path}[{at}]", "is no scope: one word of printable ASCII characters")
    if "openid" not in found:
        checks.add(path, "must hold `openid`, without which it is no sign-in")
    return found


def _allowed(checks: Checks, path: str, value: object) -> Allowed:
    given = checks.mapping(path, value)
    checks.keys(path, given, ("domains", "groups", "emails"))
    domains = tuple(each.lower() for each in checks.texts(f"{path}.domains", given.get("domains")))
    for at, each in enumerate(domains):
        if not DOMAIN.match(each) or "." not in each:
            checks.add(f"{path}.domains[{at}]", f"`{each}` is no domain; write it like example.com")
    groups = checks.texts(f"{path}.groups", given.get("groups"))
    emails = checks.emails(f"{path}.emails", given.get("emails"))
    return Allowed(domains, groups, tuple(normalise_email(each) for each in emails))


def _claim(checks: Checks, path: str, value: object) -> tuple[str, ...]:
    return checks.texts(path, [value] if isinstance(value, str) else value)


def _grants(checks: Checks, path: str, value: object) -> dict[str, Grant]:
    found: dict[str, Grant] = {}
    for project, given in checks.mapping(path, value).items():
        here, grant = f"{path}.{project}", mapping_of(given)
        checks.name(here, project)
        if grant is None:
            checks.add(here, "must be a mapping: {role: reviewer, pools: [triage]}")
            continue
        checks.keys(here, grant, ("role", "pools"), required=("role",))
        roles = [role.value for role in PERSONAL_ROLES]
        role = checks.known(f"{here}.role", grant["role"], roles, "role of a person") if grant.get("role") else ""
        pools = checks.texts(f"{here}.pools", grant.get("pools"))
        for at, pool in enumerate(pools):
            checks.name(f"{here}.pools[{at}]", pool)
        found[project] = Grant(Role(role) if role else Role.REVIEWER, pools)
    return found


def _flag(checks: Checks, path: str, value: Any) -> bool:
    if value is not None and not isinstance(value, bool):
        checks.add(path, "must be true or false")
    return value is True
