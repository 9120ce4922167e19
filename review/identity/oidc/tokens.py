"""What a provider signs: ID tokens and logout tokens, believed only as far as its own published keys carry them."""

import re
import warnings
from base64 import urlsafe_b64decode
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NoReturn, cast

from authlib.oidc.core import CodeIDToken
from joserfc import jws
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry

from review.identity.oidc.discovery import Directory, Metadata, SigningKey
from review.identity.oidc.errors import LogoutRefused, TokenRefused
from review.identity.oidc.rules import LONGEST_SUBJECT, Provider
from review.kernel import strict_json
from review.kernel.errors import MalformedRequest
from review.kernel.sentences import Sentence, say

LONGEST_TOKEN = 64 * 1024  # with the names of some thousand groups in it
LONGEST_HEADER = 2 * 1024
LEEWAY = timedelta(seconds=60)  # by which clocks may differ
LOGOUT_WITHIN = timedelta(minutes=5)  # a logout token is sent when it is made
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
LONGEST_NAME = 255  # of a session or a token

# They would have the token say itself what it is to be checked with, or ask for what is not understood here.
REFUSED_IN_HEADER = ("jwk", "jku", "x5u", "crit", "b64", "zip", "enc")
KINDS = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}

_COMPACT = re.compile(r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")


class NotBelieved(Exception):
    """A token does not hold; the sentence says why, so that it fits behind a colon, and shows nothing of it."""

    def __init__(self, why: Sentence) -> None:
        super().__init__(str(why))
        self.why = why


class NoKeyFits(NotBelieved):
    """No known key of the provider made the signature."""


async def check_id_token(
    directory: Directory, provider: Provider, metadata: Metadata, tokens: dict[str, Any], *, nonce: str, now: datetime
) -> dict[str, Any]:
    """Give the claims of the ID token among what a code was exchanged for.

    Raises:
        TokenRefused: it is missing or does not hold (401); ProviderUnavailable: its keys cannot be had (503).
    """
    try:
        header, claims = await _open(directory, provider, metadata, tokens.get("id_token"))
        if str(header.get("typ", "JWT")).lower() not in {"jwt", "application/jwt"}:
            _refuse(say("it is a token of another kind"))
        options = {"iss": {"essential": True, "value": provider.issuer}, "aud": {"value": provider.client_id}}
        params = {"nonce": nonce, "client_id": provider.client_id, "access_token": tokens.get("access_token")}
        checked: Any = CodeIDToken(claims, header, options, params)
        _check_claims(checked, now)
        if not 0 < len(claims["sub"]) <= LONGEST_SUBJECT or "\0" in claims["sub"]:
            _refuse(say("its claim `sub` is empty or too long"))
    except NotBelieved as fault:
        message = say(
            "You were not signed in: what %(title)s vouched with does not hold: %(fault)s. Nothing was changed. "
            "Begin again; if it stays so, tell whoever runs this Countersign.",
            title=provider.title,
            fault=fault.why,
        )
        raise TokenRefused(message) from None
    return claims


async def check_logout_token(
    directory: Directory, provider: Provider, metadata: Metadata, token: str, *, now: datetime
) -> dict[str, Any]:
    """Give the claims of a logout token (OpenID Connect Back-Channel Logout 1.0, section 2.6).

    Raises:
        LogoutRefused: it does not hold (400); ProviderUnavailable: its keys cannot be had (503).
    """
    try:
        header, claims = await _open(directory, provider, metadata, token)
        if str(header.get("typ", "JWT")).lower() not in {"jwt", "logout+jwt", "application/logout+jwt"}:
            _refuse(say("it is a token of another kind"))
        wanted: dict[str, Any] = {name: {"essential": True} for name in ("iat", "jti")}
        wanted["iss"] = {"essential": True, "value": provider.issuer}
        wanted["aud"] = {"essential": True, "value": provider.client_id}
        registry = JWTClaimsRegistry(int(now.timestamp()), int(LEEWAY.total_seconds()), **wanted)
        _run(lambda: registry.validate(claims))
        _check_logout(claims, now)
    except NotBelieved as fault:
        message = say(
            "The logout token of %(name)s does not hold: %(fault)s. No session was ended.",
            name=provider.name,
            fault=fault.why,
        )
        raise LogoutRefused(message) from None
    return claims


def _check_logout(claims: dict[str, Any], now: datetime) -> None:
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(cast("dict[str, Any]", events).get(LOGOUT_EVENT), dict):
        _refuse(say("its claim `events` names no logout"))
    if "nonce" in claims:
        _refuse(say("it has a nonce, as ID tokens do"))
    if claims["iat"] < (now - LOGOUT_WITHIN - LEEWAY).timestamp():
        _refuse(say("it was made too long ago"))
    if not claims.get("sid") and not claims.get("sub"):
        _refuse(say("it names neither a session nor a person"))
    for name in ("jti", "sid", "sub"):
        value = claims.get(name, "-")
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST_NAME or "\0" in value:
            _refuse(say("its claim `%(name)s` is empty or too long", name=name))


async def _open(
    directory: Directory, provider: Provider, metadata: Metadata, token: object
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give header and claims of a token that one of the provider's keys has signed, fetched anew if need be."""
    header, algorithm = read_header(token, metadata.algorithms)
    try:
        claims = verify(str(token), header, algorithm, await directory.get_keys(provider))
    except NoKeyFits:
        claims = verify(str(token), header, algorithm, await directory.get_newer_keys(provider))
    return header, claims


def read_header(token: object, algorithms: Sequence[str]) -> tuple[dict[str, Any], str]:
    """Give a token's header, which nobody vouches for yet, and its algorithm, which is among these.

    Raises:
        NotBelieved: it is none that anything here would check.
    """
    if not isinstance(token, str) or not token:
        _refuse(say("there is no token"))
    if len(token) > LONGEST_TOKEN:
        _refuse(say("it is too large"))
    if not _COMPACT.match(token):
        _refuse(say("it is no signed token"))
    part = token.partition(".")[0]
    if len(part) > LONGEST_HEADER:
        _refuse(say("its header is too large"))
    try:
        header = _json(urlsafe_b64decode(part + "=" * (-len(part) % 4)), say("its header cannot be read"))
    except ValueError:
        _refuse(say("its header cannot be read"))
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        _refuse(say("it is signed in a way that is not accepted"))
    for name in REFUSED_IN_HEADER:
        if name in header:
            _refuse(say("its header has `%(name)s`, which is not accepted", name=name))
    return header, algorithm


def verify(token: str, header: dict[str, Any], algorithm: str, keys: Sequence[SigningKey]) -> dict[str, Any]:
    """Give the claims of a token that one of these keys has signed.

    Raises:
        NoKeyFits: none of them has; NotBelieved: what is signed is no set of claims.
    """
    for key in keys:
        if not _may_fit(key, header.get("kid"), algorithm):
            continue
        registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
        registry.max_header_length = LONGEST_HEADER
        try:
            with warnings.catch_warnings(action="ignore"):  # of the name EdDSA, which providers still write
                signed = jws.deserialize_compact(token, key, registry=registry)
        except (JoseError, ValueError, TypeError):
            continue
        return _json(signed.payload or b"", say("its content cannot be read"))
    message = say("its signature was made with none of the provider's keys")
    raise NoKeyFits(message)


def _may_fit(key: SigningKey, kid: object, algorithm: str) -> bool:
    given: dict[str, Any] = dict(key.dict_value)
    if kid is not None and given.get("kid", kid) != kid:
        return False
    return bool(given["kty"] == KINDS[algorithm[:2]] and given.get("alg", algorithm) == algorithm)


def _check_claims(checked: Any, now: datetime) -> None:
    _run(lambda: checked.validate(now=int(now.timestamp()), leeway=int(LEEWAY.total_seconds())))
    if checked["aud"] not in (checked.params["client_id"], [checked.params["client_id"]]) and "azp" not in checked:
        _refuse(say("its claim `azp` is missing"))


def _run(check: Callable[[], object]) -> None:
    try:
        check()
    except ExpiredTokenError:
        _refuse(say("it has expired"))
    except ClaimError as fault:
        named = re.sub(r"[^a-z_,]", "", fault.claim)[:40]
        _refuse(say("its claim `%(name)s` is missing or wrong", name=named))
    except (JoseError, ValueError, TypeError, AttributeError):
        _refuse(say("a claim has the wrong form"))


def _json(raw: bytes, unread: Sentence) -> dict[str, Any]:
    try:
        value = strict_json.decode(raw)
    except MalformedRequest:
        value = None
    if not isinstance(value, dict):
        _refuse(unread)
    return cast("dict[str, Any]", value)


def _refuse(why: Sentence) -> NoReturn:
    raise NotBelieved(why)
