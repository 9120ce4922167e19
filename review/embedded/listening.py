"""The socket that the web process listens on, opened before anything is started."""

import errno
import socket

from review.embedded.errors import PortBusy


def listen(host: str, port: int) -> socket.socket:
    """Open the socket; port 0 takes any free one.

    Raises:
        PortBusy: another program has the port, or it is not ours to take.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as fault:
        listener.close()
        why = {
            errno.EADDRINUSE: "another program listens there",
            errno.EACCES: "ports below 1024 are for root",
            errno.EADDRNOTAVAIL: "this machine has no such address",
        }.get(fault.errno or 0, fault.strerror or str(fault))
        message = f"Port {port} on {host} cannot be used: {why}. Choose another with --port."
        raise PortBusy(message) from fault
    return listener


def address_of(listener: socket.socket) -> str:
    """Give the URL that a browser on this machine reaches the socket at."""
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - a comparison, nothing is bound here
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
