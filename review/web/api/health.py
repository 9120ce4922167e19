"""Whether the process lives, whether it can work, and what it has done."""

import asyncio
import time
from typing import Any, cast

from litestar import Response, get
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from redis.exceptions import RedisError

from review.kernel.hints import PATIENCE_SECONDS
from review.web.api.openapi import gives
from review.web.guards import PUBLIC
from review.web.services import Svc

ANYBODY = {PUBLIC: True}

REGISTRY = CollectorRegistry()
REQUESTS = Counter("countersign_requests", "Requests answered.", ["method", "route", "status"], registry=REGISTRY)
SECONDS = Histogram("countersign_request_seconds", "Time to answer.", ["method", "route"], registry=REGISTRY)
WAITERS = Gauge("countersign_waiters", "Callers parked until an item is decided.", registry=REGISTRY)
STREAMS = Gauge("countersign_streams", "Event streams that are open.", registry=REGISTRY)


@get("/healthz", opt=ANYBODY, sync_to_thread=False)
def get_health() -> dict[str, str]:
    """Tell that the process is alive."""
    return {"status": "alive"}


@get("/readyz", opt=ANYBODY | gives({"application/json": dict[str, Any]}, 503))
async def get_readiness(services: Svc) -> Response[dict[str, Any]]:
    """Tell whether the database answers and is migrated far enough for this program.

    Of Redis it is only told: its loss costs time. A database that is ahead is fine, for migrations only expand.
    """
    found: dict[str, Any] = {"database": False, "migrated": None, "behind": True, "redis": False}
    try:
        found["migrated"] = await services.db.hot.fetchval("SELECT version_num FROM alembic_version")
        found["database"] = True
        found["behind"] = services.migrations.is_behind(found["migrated"])
    except Exception as fault:  # noqa: BLE001  whatever is wrong, the answer is: not ready
        found["reason"] = type(fault).__name__
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            found["redis"] = bool(await cast("Any", services.redis).ping())
    except (RedisError, OSError):
        found["redis"] = False
    ready = found["database"] and not found["behind"]
    return Response({"status": "ready" if ready else "not ready", **found}, status_code=200 if ready else 503)


@get("/metrics", opt=ANYBODY, include_in_schema=False)
async def get_metrics(services: Svc) -> Response[bytes]:
    """Give the metrics of this process for Prometheus."""
    WAITERS.set(services.hints.waiters)
    STREAMS.set(services.tail.streams)
    # As a header, because to a media type of text the framework adds a second charset, which Prometheus refuses.
    return Response(generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})


def measured(app: ASGIApp) -> ASGIApp:
    """Count and time every request by its route, so that ids do not multiply the series."""

    async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
        status = "500"
        started = time.perf_counter()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await app(scope, receive, watch)
        finally:
            known = cast("dict[str, Any]", scope)
            method, route = str(known.get("method", "")), str(known.get("path_template") or "unknown")
            REQUESTS.labels(method, route, status).inc()
            SECONDS.labels(method, route).observe(time.perf_counter() - started)

    return middleware
