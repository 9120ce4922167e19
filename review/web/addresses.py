"""Where a call comes from."""

from typing import Any

from litestar.connection import ASGIConnection


def client_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """Give the address of whoever is calling, or nothing where the server does not know it."""
    return connection.client.host if connection.client else ""
