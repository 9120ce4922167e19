"""A FastAPI service: it answers at once, and is told by a webhook what people decided.

pip install fastapi uvicorn, then: uvicorn fastapi_service:make_app --factory
"""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from countersign_client import AsyncClient, Event, WebhookRefused, verify_webhook


class Handled:
    """Events that were acted on. Each comes at least once, so yours is a table with the id as its key."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def is_new(self, event: Event) -> bool:
        """Say whether an event comes for the first time, and keep that it did."""
        event_id = str(event.id)
        is_new = event_id not in self._seen
        self._seen.add(event_id)
        return is_new


def act_on(event: Event) -> None:
    """Do what a decision asks for."""
    if event.type in {"item.decided", "decision.revised"} and event.item is not None and event.item.may_go_out:
        pass  # send it on: event.item.external_id says which it is, event.item.outcome.output what may go out


def make_app() -> Any:
    """Put the application together."""
    from fastapi import FastAPI, HTTPException, Request, Response  # noqa: PLC0415  only this example needs it

    client = AsyncClient(os.environ["COUNTERSIGN_URL"], os.environ["COUNTERSIGN_KEY"])
    secret = os.environ["COUNTERSIGN_WEBHOOK_SECRET"]
    handled = Handled()

    @asynccontextmanager
    async def connected(_app: FastAPI) -> AsyncGenerator[None]:
        async with client:
            yield

    app = FastAPI(lifespan=connected)

    @app.post("/answers/{message_id}")
    async def propose(message_id: str, body: dict[str, Any]) -> dict[str, Any]:
        item = await client.submit(
            type="ticket_intent",
            external_id=message_id,
            input={"text": body["text"]},
            output={"label": body["label"]},
            confidence=body["confidence"],
        )
        return {"status": item.status, "output": item.decision.output if item.decision else None}

    @app.post("/hooks/countersign")
    async def receive(request: Request) -> Response:
        try:
            event = verify_webhook(await request.body(), request.headers, secret)
        except WebhookRefused as refused:
            raise HTTPException(401) from refused
        if handled.is_new(event):
            act_on(event)
        return Response(status_code=204)

    return app
