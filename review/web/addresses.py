"""Where a call comes from: the address that connects, or behind proxies of ours the one that they name."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from litestar.connection import ASGIConnection

MOST_HOPS = 20  # of those that a header names, the nearest
Address = IPv4Address | IPv6Address
Headers = Iterable[tuple[bytes, bytes]]


def client_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """Give the address of whoever is calling, or nothing where the server does not know it."""
    return connection.client.host if connection.client else ""


class Proxies:
    """The proxies whose word counts (`REVIEW_TRUSTED_PROXIES`); without any, the headers say nothing."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks: list[IPv4Network | IPv6Network] = [ip_network(each) for each in networks]

    def __bool__(self) -> bool:
        return bool(self._networks)

    def see_through(self, scope: dict[str, Any]) -> None:
        """Put the caller's address and scheme into the scope, where a proxy of ours has passed the call on.

        The caller is the rightmost address that is not a proxy of ours. What stands left of it the caller wrote.
        """
        peer = _read((scope.get("client") or ("",))[0])
        if peer is None or not self._trusts(peer):
            return
        caller = peer
        for hop in _hops(scope["headers"]):
            named = _read(hop)
            if named is None:
                break
            caller = named
            if not self._trusts(named):
                break
        scope["client"] = (str(caller), 0)
        proto = _values(scope["headers"], b"x-forwarded-proto")
        if proto and proto[-1].strip().lower() in {"http", "https"}:
            scope["scheme"] = proto[-1].strip().lower()

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _hops(headers: Headers) -> Iterator[str]:
    """Give the addresses that were passed on, nearest first; X-Forwarded-For goes before Forwarded (RFC 7239)."""
    passed = _values(headers, b"x-forwarded-for")
    if not passed:
        passed = [_for(element) for element in _values(headers, b"forwarded")]
    return reversed(passed[-MOST_HOPS:])


def _values(headers: Headers, name: bytes) -> list[str]:
    """Give the elements of all fields of a name, in order."""
    return [part for key, value in headers if key == name for part in value.decode("latin-1").split(",")]


def _for(element: str) -> str:
    pairs = (pair.partition("=") for pair in element.split(";"))
    return next((value.strip().strip('"') for name, _, value in pairs if name.strip().lower() == "for"), "")


def _read(text: str) -> Address | None:
    """Read an address, with or without a port."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
