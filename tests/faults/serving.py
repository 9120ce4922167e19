"""The whole application on the test's loop, over settings of the test's own."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from review.kernel.settings import Settings
from review.web.services import Services
from tests.conftest import lent_app


@asynccontextmanager
async def serving(settings: Settings) -> AsyncGenerator[httpx.AsyncClient]:
    """Run the application on this loop."""
    with lent_app(settings) as app:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type]  # two ways to type one ASGI
        async with (
            app.lifespan(),
            httpx.AsyncClient(transport=transport, base_url="http://testserver.local") as client,
        ):
            yield client


def services_of(http: httpx.AsyncClient) -> Services:
    """Give the long-lived parts of the application that this client talks to."""
    transport: Any = http._transport
    services: Services = transport.app.state.services
    return services


def bearer(secret: str, **more: str) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {secret}"} | more}
