"""The names that this service answers to, so that no foreign name can be pointed at it (DNS rebinding)."""

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from review.kernel.errors import ReviewError
from review.kernel.sentences import say
from review.kernel.settings import Settings

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
WATCHED = frozenset({"/healthz", "/readyz", "/metrics"})  # asked for by whatever address a machine has


class HostNotAllowed(ReviewError):
    """The request names a host that this service does not answer to, or none."""

    code = "host_not_allowed"
    status = 400


class Hosts:
    """The allowed names: of `REVIEW_BASE_URL`, `REVIEW_HOST` and `REVIEW_ALLOWED_HOSTS`, and loopback.

    A name can be made to point here by whoever owns it, an address cannot. So addresses are allowed too while there is
    no `REVIEW_BASE_URL` to say better, and to the health checks always; those may also come without a Host.
    """

    def __init__(self, settings: Settings) -> None:
        named = {name_of(urlsplit(settings.public_url).netloc), name_of(settings.host)}
        self._names = frozenset(LOOPBACK | named | {name_of(each) for each in settings.allowed_hosts}) - {None}
        self._takes_addresses = not settings.base_url

    def check(self, scope: dict[str, Any]) -> None:
        """Let a request pass that names one of ours.

        Raises:
            HostNotAllowed (400).
        """
        given = [value for key, value in scope["headers"] if key == b"host"]
        watched = scope["path"] in WATCHED
        if not given and watched:
            return
        name = name_of(given[0].decode("latin-1")) if len(given) == 1 else None
        if name in self._names or (name and (watched or self._takes_addresses) and _is_address(name)):
            return
        message = say(
            "This service does not answer to the host that the request names; nothing was done. Use the address in"
            " REVIEW_BASE_URL, or have the operator add the name to REVIEW_ALLOWED_HOSTS."
        )
        raise HostNotAllowed(message)


def name_of(host: str) -> str | None:
    """Give the host without its port, in lower case; nothing where it is none."""
    host = host.strip().lower()
    if host.startswith("["):
        name, closed, port = host[1:].partition("]")
        ported = not port or (port[0] == ":" and port[1:].isdigit())
        return name if closed and ported else None
    if host.count(":") > 1:  # an IPv6 address as REVIEW_HOST has it
        return host
    name, colon, port = host.partition(":")
    if colon and not (port.isascii() and port.isdigit()):
        return None
    name = name.removesuffix(".")
    fine = name.isascii() and all(each.isalnum() or each in "-._" for each in name)
    return name if name and fine else None


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
