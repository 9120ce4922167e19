"""Where calls may go: what an address must look like, and which networks are out of bounds."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias
from urllib.parse import SplitResult, quote, urlsplit

import msgspec

from review.delivery.egress.errors import CallRefused
from review.kernel.settings import Settings

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

PORTS = {"http": 80, "https": 443}
ADVICE = "an operator can allow its network with REVIEW_WEBHOOK_ALLOW_NETWORKS"
# What `ipaddress` of some Python version calls global, and what is nobody's public server all the same.
NOT_PUBLIC: tuple[Network, ...] = tuple(
    ip_network(each)
    for each in (
        "100.64.0.0/10",  # carrier-grade NAT, RFC 6598
        "192.0.0.0/24",  # protocol assignments, RFC 6890
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "198.18.0.0/15",  # benchmarks, RFC 2544
        "2002::/16",  # 6to4: an IPv4 address in disguise, RFC 3056
        "2001::/23",  # Teredo among others, RFC 4380 and RFC 2928
        "64:ff9b:1::/48",  # local translation, RFC 8215
        "fec0::/10",  # site-local, RFC 3879
        "3fff::/20",  # documentation, RFC 9637
        "5f00::/16",  # segment routing, RFC 9602
        "::/96",  # IPv4-compatible, RFC 4291
    )
)
TRANSLATED = IPv6Network("64:ff9b::/96")  # NAT64: the last 32 bits are the IPv4 address, RFC 6052


class Policy(msgspec.Struct, frozen=True):
    """What an operator lets calls reach beyond public addresses over https."""

    networks: tuple[Network, ...] = ()
    plain_http: bool = False

    @classmethod
    def of(cls, settings: Settings) -> "Policy":
        """Take the policy from settings, whose networks were checked when they were read."""
        return cls(tuple(ip_network(each) for each in settings.webhook_allow_networks), settings.webhook_allow_http)


class Target(msgspec.Struct, frozen=True):
    """A URL taken apart; `host` is ASCII without brackets, `path` has the query with it."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """Give the host as the request names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a call; `status` is None if there was no answer, and `error` says why in words.

    `excerpt` is the beginning of the answer's body.
    """

    status: int | None
    headers: dict[str, str]
    excerpt: str
    seconds: float
    error: str | None

    @property
    def accepted(self) -> bool:
        """Tell whether the receiver took it: a whole answer of 200 to 299."""
        return self.error is None and self.status is not None and 200 <= self.status <= 299


class Fetched(msgspec.Struct, frozen=True):
    """What came of fetching a file: its bytes, or why there are none."""

    body: bytes
    error: str | None


def read_url(url: str, policy: Policy) -> Target:
    """Take a URL apart.

    Raises:
        CallRefused: it is none that may be called, and why.
    """
    if any(char <= " " or char in {"\x7f", "\\"} for char in url):
        message = "the URL holds a space, a backslash or a control character"
        raise CallRefused(message)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as fault:
        message = f"the URL cannot be read: {fault}"
        raise CallRefused(message) from fault
    if parts.scheme not in PORTS:
        message = f"the URL begins with {parts.scheme or 'nothing'}:, not with https:"
        raise CallRefused(message)
    if parts.scheme == "http" and not policy.plain_http:
        message = "the URL is plain http; use https, or an operator can allow it with REVIEW_WEBHOOK_ALLOW_HTTP"
        raise CallRefused(message)
    if "@" in parts.netloc:
        message = "the URL carries a user name or password, which is not allowed"
        raise CallRefused(message)
    if port == 0 or not parts.hostname:
        message = "the URL names no host, or port 0"
        raise CallRefused(message)
    return Target(parts.scheme, _host(parts.hostname), port or PORTS[parts.scheme], _path(parts))


def _host(name: str) -> str:
    """Give a host as it is looked up; a name in other scripts becomes its ASCII form."""
    if ":" in name:
        return name
    try:
        ascii_name = name.removesuffix(".").encode("idna").decode()
    except UnicodeError as fault:
        message = f"{name!r} is no host name"
        raise CallRefused(message) from fault
    if not ascii_name or any(not (char.isalnum() or char in "-._") for char in ascii_name):
        message = f"{name!r} is no host name"
        raise CallRefused(message)
    return ascii_name


def _path(parts: SplitResult) -> str:
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    return f"{path}?{quote(parts.query, safe='/?%:@!$&()*+,;=~-._')}" if parts.query else path


def as_address(host: str) -> Address | None:
    """Read a host that is an address as it stands; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def check_address(address: Address, host: str, policy: Policy) -> None:
    """Let an address pass that is public, or in a network that the operator allows.

    Raises:
        CallRefused: it is neither.
    """
    face = _face(address)
    if _is_in(face, policy.networks) or is_public(face):
        return
    named = f"{host} is" if as_address(host) is not None else f"the name {host} resolves to {address}, which is"
    message = f"{named} not a public address; {ADVICE}"
    raise CallRefused(message)


def is_public(address: Address) -> bool:
    """Tell whether an address, taken by itself, is one of the public internet."""
    if address.is_multicast or address.is_reserved or address.is_unspecified or not address.is_global:
        return False
    return not _is_in(address, NOT_PUBLIC)


def _is_in(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _face(address: Address) -> Address:
    """Give the address that packets to this one end at: its own, or the IPv4 address that it wraps."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in TRANSLATED:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
