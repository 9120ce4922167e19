"""From a ladder in the configuration to a chat, through the worker's own loops; and what is forgotten."""

import asyncio
import logging
import os
import signal
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest

from review.delivery.notifications import service as notifications
from review.kernel.db import Database
from review.kernel.settings import Settings
from tests.delivery.notifications.receivers import chat, mail_server, rows
from tests.make import CONFIG, World
from workers import main as worker

LADDER = """
channels:
  room: {{url: 'env:REVIEW_CHANNEL_ROOM'}}
calendars: {{}}
escalation_policies:
  quick:
    - {{after: 1s, notify: [room, pool-leads], page: ana@example.com}}
"""


def configured() -> str:
    source = CONFIG.replace("standard: {{decide: 4h}}", "standard: {{decide: 4h, escalation: quick}}") + LADDER
    notify = "lease: 10m, notify: {{channel: room, kinds: [assigned]}},"
    return source.replace("triage: {{lease: 10m,", f"triage: {{{{{notify}").format(project="support")


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")  # by arq, of redis-py
async def test_a_ladder_reaches_a_chat_a_lead_and_a_mailbox(
    settings: Settings, db: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    world = await World.build(db, settings, source=configured())
    async with chat() as room, mail_server() as mail:
        monkeypatch.setenv("REVIEW_CHANNEL_ROOM", room.url)
        chosen = msgspec.structs.replace(
            settings,
            sweep_interval=timedelta(seconds=0.05),
            relay_interval=timedelta(seconds=0.05),
            webhook_allow_networks=("127.0.0.0/8",),
            smtp_url=f"smtp://127.0.0.1:{mail.port}",
            smtp_sender="noreply@review.example",
        )
        await world.submit(external_id="m1")
        running = asyncio.create_task(worker.run(chosen))
        async with asyncio.timeout(60):
            while len(room.messages) < 2 or len(mail.letters) < 2:
                await asyncio.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(running, 15)
    assert [each["title"] for each in room.messages] == [
        "[support] New: Ticket intent m1",
        "[support] Escalated: Ticket intent m1",
    ]
    assert {(letter["To"], letter["Subject"]) for letter in mail.letters} == {
        ("lea@example.com", "[support] Escalated: Ticket intent m1"),
        ("ana@example.com", "[support] Needs you now: Ticket intent m1"),
    }
    assert "secret-path" not in caplog.text
    assert {row["state"] for row in await rows(world)} == {"sent"}


async def test_what_was_settled_long_ago_is_forgotten_and_nothing_else(world: World) -> None:
    statement = """
    INSERT INTO notifications (project_id, id, recipient, kind, event_id, facts, state, send_after)
    VALUES ($1, $2, $3, 'test', $2, '{}', $4, now())
    """
    now = await world.db.hot.fetchval("SELECT now()")
    for at, (days, state) in enumerate([(91, "sent"), (91, "dropped"), (91, "waiting"), (89, "sent")]):
        made = UUID(int=notifications.floor_of(now - timedelta(days=days)).int + at)
        await world.db.hot.execute(statement, world.service.project_id, made, f"r{at}", state)
    assert await notifications.forget_old(world.db.hot) == 2
    assert [row["recipient"] for row in await rows(world)] == ["r2", "r3"]
