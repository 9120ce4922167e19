"""What a provider says of itself, its addresses and its keys: fetched when needed, kept for an hour, checked."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Any, cast

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OctKey, OKPKey, RSAKey

from review.identity.oidc.calls import Caller, unavailable
from review.identity.oidc.errors import ProviderUnavailable
from review.identity.oidc.rules import ALGORITHMS, Provider, is_endpoint
from review.kernel.sentences import say
from review.kernel.shapes import is_list

FRESH = timedelta(hours=1)
USABLE = timedelta(hours=24)  # while the provider's own description cannot be had anew
BETWEEN_FAILURES = timedelta(seconds=5)
BETWEEN_REFETCHES = timedelta(seconds=30)  # anybody can send a token with a key's name that nobody knows
MOST_KEYS = 100
RSA_BITS = range(2048, 8193)
KEY_PARTS = ("kty", "kid", "alg", "n", "e", "crv", "x", "y")  # nothing private, and no certificates

SigningKey = RSAKey | ECKey | OKPKey


class Metadata(msgspec.Struct, frozen=True):
    """The part of a discovery document that counts here (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False

    @property
    def algorithms(self) -> tuple[str, ...]:
        """Give those that the provider names and that are allowed here; all of them asymmetric."""
        return tuple(each for each in ALGORITHMS if each in self.id_token_signing_alg_values_supported)

    def secret_method(self, provider: Provider) -> str | None:
        """Give the way in which the client's secret is sent, or None where the provider takes none of ours."""
        if provider.client_secret is None:
            return "none"
        ways = ("client_secret_basic", "client_secret_post")
        return next((each for each in ways if each in self.token_endpoint_auth_methods_supported), None)


@dataclass
class _Entry:
    """What is known of one provider; times are monotonic seconds."""

    metadata: Metadata | None = None
    metadata_at: float = 0.0
    keys: tuple[SigningKey, ...] = ()
    keys_at: float | None = None
    refetched_at: float | None = None
    failure: str = ""
    failed_at: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Directory:
    """What is known of every provider, kept in this process; whoever asks while it is fetched waits for that."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._entries: dict[str, _Entry] = {}

    async def get_metadata(self, provider: Provider) -> Metadata:
        """Give what the provider says of itself.

        Raises:
            ProviderUnavailable: it cannot be had, or cannot be believed (503).
        """
        entry = self._entry(provider)
        async with entry.lock:
            return await self._metadata(provider, entry)

    async def get_keys(self, provider: Provider) -> Sequence[SigningKey]:
        """Give the keys that the provider signs with.

        Raises:
            ProviderUnavailable (503).
        """
        entry = self._entry(provider)
        async with entry.lock:
            if entry.keys_at is None or monotonic() - entry.keys_at > FRESH.total_seconds():
                await self._fetch_keys(provider, entry)
            return entry.keys

    async def get_newer_keys(self, provider: Provider) -> Sequence[SigningKey]:
        """Fetch the keys anew for a token that none of them fits, as after a rotation; twice a minute at most.

        Raises:
            ProviderUnavailable (503).
        """
        entry = self._entry(provider)
        async with entry.lock:
            at = entry.refetched_at
            if at is None or monotonic() - at >= BETWEEN_REFETCHES.total_seconds():
                entry.refetched_at = monotonic()
                await self._fetch_keys(provider, entry)
            return entry.keys

    def _entry(self, provider: Provider) -> _Entry:
        return self._entries.setdefault(provider.name, _Entry())

    async def _metadata(self, provider: Provider, entry: _Entry) -> Metadata:
        age = monotonic() - entry.metadata_at
        if entry.metadata is not None and age <= FRESH.total_seconds():
            return entry.metadata
        if entry.metadata is None or age > USABLE.total_seconds():
            self._give_up_if_failing(entry)
        elif self._is_failing(entry):
            return entry.metadata
        try:
            url = provider.issuer.rstrip("/") + "/.well-known/openid-configuration"
            entry.metadata = read_metadata(provider, await self._caller.get(provider, url))
            entry.metadata_at = monotonic()
        except ProviderUnavailable as refusal:
            self._note(entry, refusal)
            if entry.metadata is None or age > USABLE.total_seconds():
                raise
        return entry.metadata

    async def _fetch_keys(self, provider: Provider, entry: _Entry) -> None:
        metadata = await self._metadata(provider, entry)
        self._give_up_if_failing(entry)
        try:
            entry.keys = read_keys(provider, await self._caller.get(provider, metadata.jwks_uri))
        except ProviderUnavailable as refusal:
            self._note(entry, refusal)
            raise
        entry.keys_at = monotonic()

    def _note(self, entry: _Entry, refusal: ProviderUnavailable) -> None:
        entry.failure, entry.failed_at = refusal.sentence, monotonic()

    def _is_failing(self, entry: _Entry) -> bool:
        return bool(entry.failure) and monotonic() - entry.failed_at < BETWEEN_FAILURES.total_seconds()

    def _give_up_if_failing(self, entry: _Entry) -> None:
        """Keep those who wait from asking, one after the other, a provider that just failed."""
        if self._is_failing(entry):
            raise ProviderUnavailable(entry.failure)


def read_metadata(provider: Provider, document: bytes) -> Metadata:
    """Check a discovery document.

    Raises:
        ProviderUnavailable: it is none, or speaks for somebody else (503).
    """
    try:
        metadata = msgspec.json.decode(document, type=Metadata)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise unavailable(provider, say("what it says of itself is no discovery document")) from None
    if metadata.issuer != provider.issuer:
        raise unavailable(provider, say("what it says of itself names another issuer"))
    needed = (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri)
    offered = tuple(each for each in (metadata.userinfo_endpoint, metadata.end_session_endpoint) if each is not None)
    if not all(is_endpoint(each, plain_http=provider.plain_http) for each in needed + offered):
        raise unavailable(provider, say("one of its addresses is no https address"))
    if not metadata.algorithms:
        raise unavailable(provider, say("it signs with no algorithm that is accepted here"))
    return metadata


def read_keys(provider: Provider, document: bytes) -> tuple[SigningKey, ...]:
    """Give the public keys of a key set that are good for signatures; what is none of them is left out.

    Raises:
        ProviderUnavailable: it is no key set, or holds no such key (503).
    """
    try:
        entries = msgspec.json.decode(document, type=dict[str, Any]).get("keys")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        entries = None
    listed = entries if is_list(entries) else []
    keys = tuple(key for entry in listed[:MOST_KEYS] if (key := _key(entry)) is not None)
    if not keys:
        raise unavailable(provider, say("its key set holds no key that is accepted here"))
    return keys


def _key(entry: Any) -> SigningKey | None:
    if not isinstance(entry, dict):
        return None
    given = cast("dict[str, Any]", entry)
    if given.get("use", "sig") != "sig":
        return None
    public = {name: given[name] for name in KEY_PARTS if name in given}
    try:
        key = JWKRegistry.import_key(public)
        if isinstance(key, RSAKey):
            return key if key.raw_value.key_size in RSA_BITS else None
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return None if isinstance(key, OctKey) else key
