"""Connecting to what was checked: a name is resolved once, and the connection goes to that very address."""

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import httpcore
from httpcore import SOCKET_OPTION, AsyncNetworkStream

from review.delivery.egress.errors import CallRefused
from review.delivery.egress.rules import Policy, as_address, check_address

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]

RESOLVING_AT_A_TIME = 16  # names that do not answer shall not keep the others waiting
NOT_THE_LAST_SECONDS = 4.0  # an address that does not answer leaves time for the next one


class Names:
    """Look-ups of names in threads of their own; who asks for the same name at the same time shares one."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(RESOLVING_AT_A_TIME, "resolve")
        self._asked: dict[tuple[str, int], asyncio.Task[Sequence[str]]] = {}

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Give every address of a name.

        Raises:
            OSError: it has none, or nobody knows.
        """
        key = (host, port)
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.create_task(self._look_up(host, port))
            task.add_done_callback(lambda ended: self._forget(key, ended))
        return await asyncio.shield(task)

    def close(self) -> None:
        """Let the threads end; what hangs in one is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _look_up(self, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return list(dict.fromkeys(str(each[4][0]) for each in found))

    def _forget(self, key: tuple[str, int], ended: asyncio.Task[Sequence[str]]) -> None:
        self._asked.pop(key, None)
        if not ended.cancelled():
            ended.exception()  # whoever still waits raises it; if nobody does, nobody need be told


class _Connection(httpcore.AsyncNetworkStream):
    """A connection over asyncio's own streams; whoever calls bounds the time, so timeouts are not used here."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.is_spoilt = False  # whoever knows that no further answer here can be believed

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002, ASYNC109  httpcore's signature
        try:
            return await self._reader.read(max_bytes)
        except OSError as fault:
            raise httpcore.ReadError(fault) from fault

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109  httpcore's signature
        try:
            self._writer.write(buffer)
            await self._writer.drain()
        except OSError as fault:
            raise httpcore.WriteError(fault) from fault

    async def aclose(self) -> None:
        """Drop the connection; by now all was read that is wanted."""
        self._writer.transport.abort()
        await asyncio.sleep(0)  # the loop closes the socket in its next round

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109  httpcore's signature
    ) -> AsyncNetworkStream:
        try:
            await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        except OSError as fault:  # an error of TLS is one too
            await self.aclose()
            raise httpcore.ConnectError(fault) from fault
        except BaseException:
            await self.aclose()
            raise
        return self

    def get_extra_info(self, info: str) -> object:
        """Tell what httpcore asks: of TLS, and whether an idle connection was closed from the other side, or worse."""
        if info == "is_readable":
            if self.is_spoilt or vars(self._reader)["_buffer"]:  # an answer to nothing that was asked
                return True
            return self._reader.at_eof() or self._reader.exception() is not None or self._writer.is_closing()
        return self._writer.get_extra_info(info)


def give_up_if_more_came(response: httpcore.Response) -> None:
    """Have a connection closed that holds more than the answer, which would pass for the answer to what is sent next.

    httpcore keeps such bytes, and its connection, to itself.
    """
    answer = vars(response.stream)["_stream"]
    beyond, _ = answer._connection._h11_state.trailing_data  # noqa: SLF001  there is no other way to see them
    stream: object = vars(response)["extensions"]["network_stream"]
    if beyond and isinstance(stream, _Connection):
        stream.is_spoilt = True


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """httpcore's way to the network, which lets no connection through to an address that the policy refuses.

    TLS comes on top of it in httpcore, with the URL's own host for SNI and for the certificate.
    """

    def __init__(self, policy: Policy, resolve: Resolve) -> None:
        self._policy = policy
        self._resolve = resolve

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109  httpcore's signature
        local_address: str | None = None,  # noqa: ARG002  httpcore's signature
        socket_options: Iterable[SOCKET_OPTION] | None = None,  # noqa: ARG002  httpcore's signature
    ) -> AsyncNetworkStream:
        """Resolve, check every address, and connect to one of those; a name is good only as a whole.

        Raises:
            CallRefused: one of its addresses is out of bounds, or it has none.
            httpcore.ConnectError: none of them answers.
        """
        *others, last = await self.list_addresses(host, port)
        for address in others:
            try:
                async with asyncio.timeout(NOT_THE_LAST_SECONDS):
                    return await _connect(address, port)
            except (httpcore.ConnectError, TimeoutError):
                continue
        return await _connect(last, port)

    async def list_addresses(self, host: str, port: int) -> Sequence[str]:
        """List the addresses of a host, each of them checked.

        Raises:
            CallRefused: one of them is out of bounds, or there is none.
        """
        literal = as_address(host)
        try:
            found = [str(literal)] if literal is not None else await self._resolve(host, port)
        except (OSError, UnicodeError) as fault:
            message = f"the name {host} does not resolve: {getattr(fault, 'strerror', None) or fault}"
            raise CallRefused(message) from fault
        for each in found:
            address = as_address(each)
            if address is None:
                message = f"the name {host} resolves to {each!r}, which is no address"
                raise CallRefused(message)
            check_address(address, host, self._policy)
        if not found:
            message = f"the name {host} has no address"
            raise CallRefused(message)
        return found


async def _connect(address: str, port: int) -> _Connection:
    """Connect to an address, of which nothing is looked up any more."""
    try:
        return _Connection(*await asyncio.open_connection(address, port))
    except OSError as fault:
        raise httpcore.ConnectError(fault) from fault


def explain(fault: BaseException) -> str:
    """Say in a line why a call came to nothing."""
    cause = fault.args[0] if fault.args and isinstance(fault.args[0], BaseException) else fault
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"bad certificate: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        return f"TLS failed: {cause.reason or cause}"
    if isinstance(fault, httpcore.ConnectError):
        return f"no connection: {_said(cause)}"
    if isinstance(fault, httpcore.ReadError | httpcore.WriteError) or "disconnected" in str(fault):
        return "the receiver closed the connection before it had answered"
    if isinstance(fault, httpcore.RemoteProtocolError):
        return f"the answer is not HTTP: {_said(cause)}"
    return f"{type(fault).__name__}: {_said(cause)}"


def _said(fault: BaseException) -> str:
    while isinstance(fault.__cause__, OSError):
        fault = fault.__cause__
    if isinstance(fault, OSError) and fault.errno is not None and fault.errno > 0:
        return os.strerror(fault.errno)
    return str(fault) or type(fault).__name__
