"""The whole application on the test's loop, over settings of the test's own."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from review.kernel.settings import Settings
from review.web.app import create_app
from review.web.services import Services


@asynccontextmanager
async def serving(settings: Settings) -> AsyncGenerator[httpx.AsyncClient]:
    """Run the application on this loop."""
    app = create_app(settings)
    async with app.lifespan():
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type]  # two ways to type one ASGI
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver.local") as client:
            yield client


def services_of(http: httpx.AsyncClient) -> Services:
    """Give the long-lived parts of the application that this client talks to."""
    transport: Any = http._transport
    services: Services = transport.app.state.services
    return services


def bearer(secret: str, **more: str) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {secret}"} | more}
