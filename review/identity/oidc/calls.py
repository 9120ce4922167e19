"""Calls to a provider: bounded in time and bytes, no redirects, no cookies, no proxy from the environment."""

import asyncio
import logging
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from functools import cached_property
from typing import Any, TypeVar, cast

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.client import OAuth2Client

from review.identity.oidc.errors import ProviderUnavailable, SignInNotCompleted
from review.identity.oidc.rules import Provider
from review.kernel.sentences import say

T = TypeVar("T")

log = logging.getLogger(__name__)

CALL_WITHIN = timedelta(seconds=5)  # a person waits for it
MOST_BYTES = 256 * 1024  # the largest documents of providers, key sets with their certificates, have some 20 KB
CALLS_AT_A_TIME = 8  # strangers can cause them
MOST_CONNECTIONS = 1

_ERROR_CODE = re.compile(r"^[a-z_]{1,40}\Z")  # RFC 6749, section 5.2


class Oversized(Exception):
    """The answer is larger than any that a provider has reason to send, or comes compressed, which nobody asked for."""


class _Capped(httpx2.AsyncByteStream):
    """A body that ends in a refusal where it grows too large."""

    def __init__(self, body: httpx2.AsyncByteStream) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        count = 0
        async for part in self._body:
            count += len(part)
            if count > MOST_BYTES:
                raise Oversized
            yield part

    async def aclose(self) -> None:
        await self._body.aclose()


class _Bounded(httpx2.AsyncBaseTransport):
    """The way to the network that refuses what is too large before it is taken in."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["accept-encoding"] = "identity"
        answer = await self._inner.handle_async_request(request)
        if answer.headers.get("content-encoding", "identity") != "identity":
            await answer.aclose()
            raise Oversized
        body = cast("httpx2.AsyncByteStream", answer.stream)
        return httpx2.Response(answer.status_code, headers=answer.headers, stream=_Capped(body))

    async def aclose(self) -> None:
        await self._inner.aclose()


class Caller:
    """What speaks to providers; each call has a connection of its own."""

    def __init__(self, trust: ssl.SSLContext | None = None) -> None:
        self._given_trust = trust
        self._turns = asyncio.Semaphore(CALLS_AT_A_TIME)

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return self._given_trust or ssl.create_default_context()  # reading them takes 40 ms, which few processes need

    async def get(self, provider: Provider, url: str, *, bearer: str | None = None) -> bytes:
        """Fetch a document.

        Raises:
            ProviderUnavailable: it did not come, and why (503).
        """
        headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})

        async def fetch() -> bytes:
            async with httpx2.AsyncClient(**self._options()) as client:
                answer = await client.get(url, headers=headers)
            if answer.status_code != 200:
                raise unavailable(provider, say("it answered %(status)s", status=answer.status_code))
            return answer.content

        return await self._bounded(provider, fetch)

    async def redeem(
        self, provider: Provider, endpoint: str, *, method: str, code: str, verifier: str, redirect_uri: str
    ) -> dict[str, Any]:
        """Exchange a code for tokens, with the secret in the way the provider takes it.

        Raises:
            ProviderUnavailable (503); SignInNotCompleted: it does not take the code (400).
        """

        async def exchange() -> dict[str, Any]:
            known = _registered(provider, redirect_uri)
            client: Any = AsyncOAuth2Client(token_endpoint_auth_method=method, **known, **self._options())
            async with client:
                return dict(
                    await client.fetch_token(
                        endpoint, grant_type="authorization_code", code=code, code_verifier=verifier
                    )
                )

        try:
            return await self._bounded(provider, exchange)
        except OAuthError as refusal:
            told = str(refusal.error)
            shown = f" ({told})" if _ERROR_CODE.match(told) else ""
            message = say(
                "The sign-in was not completed: %(title)s did not take the code it had given%(shown)s. Nothing "
                "was changed. Begin again.",
                title=provider.title,
                shown=shown,
            )
            raise SignInNotCompleted(message) from None

    async def _bounded(self, provider: Provider, call: Callable[[], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(CALL_WITHIN.total_seconds()), self._turns:
                return await call()
        except TimeoutError:
            raise unavailable(
                provider,
                say("it did not answer within %(seconds)s s", seconds=format(CALL_WITHIN.total_seconds(), "g")),
            ) from None
        except Oversized:
            raise unavailable(provider, say("its answer is too large, or compressed")) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as fault:
            raise unavailable(provider, type(fault).__name__) from None
        except (ValueError, TypeError, KeyError, RecursionError):
            raise unavailable(provider, say("its answer cannot be read")) from None

    def _options(self) -> dict[str, Any]:
        inner = httpx2.AsyncHTTPTransport(
            verify=self._trust, trust_env=False, limits=httpx2.Limits(max_connections=MOST_CONNECTIONS)
        )
        timeout = CALL_WITHIN.total_seconds()
        return {"transport": _Bounded(inner), "trust_env": False, "follow_redirects": False, "timeout": timeout}


def authorization_url(
    provider: Provider, endpoint: str, *, redirect_uri: str, state: str, nonce: str, verifier: str
) -> str:
    """Give the address at which somebody signs in, with everything that binds the answer to this asking."""
    client: Any = OAuth2Client(None, **_registered(provider, redirect_uri))
    url, _ = client.create_authorization_url(endpoint, state=state, nonce=nonce, code_verifier=verifier)
    return str(url)


def _registered(provider: Provider, redirect_uri: str) -> dict[str, Any]:
    """Give what the provider knows of us, in Authlib's names."""
    return {
        "client_id": provider.client_id,
        "client_secret": provider.client_secret,
        "scope": " ".join(provider.scopes),
        "redirect_uri": redirect_uri,
        "code_challenge_method": "S256",
    }


def unavailable(provider: Provider, why: str) -> ProviderUnavailable:
    """Make the refusal that a provider's failing leads to; the log says why."""
    log.warning("the identity provider %s cannot be used: %s", provider.name, why)
    message = say(
        "%(title)s cannot be used to sign in just now: %(why)s. Nothing was changed. Try again in a moment; if "
        "it stays so, tell whoever runs this Countersign.",
        title=provider.title,
        why=why,
    )
    return ProviderUnavailable(message)
