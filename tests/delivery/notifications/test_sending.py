"""From an event to a mailbox or a chat, over real sockets, and what happens when those misbehave."""

import asyncio
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from review.configuration.outlets import Notices
from review.delivery.notifications import service as notifications
from review.delivery.notifications.channels import Channels
from review.delivery.notifications.mail import Mail
from review.delivery.notifications.schemas import Message, Preferences
from review.delivery.notifications.sending import SendFailed
from review.identity import preferences
from review.kernel import catalogue
from review.kernel.events import EventKind
from review.kernel.settings import Settings
from tests.delivery.notifications.receivers import (
    LOOPBACK,
    chat,
    emit,
    mail_server,
    make_due,
    rows,
    send_all,
    sending,
    summary,
    tell,
    with_channels,
)
from tests.make import BASE_URL, World
from tests.web.made_up import install

WARNED = {"policy": "standard", "mark": "warn:0.8", "due_at": "2026-11-20T12:00:00Z"}


async def prefer(world: World, name: str, wanted: Preferences) -> None:
    async with world.db.transaction() as tx:
        await notifications.save_preferences(tx, world.people[name], wanted)


async def test_the_holder_is_told_of_a_warning_by_mail_once(world: World) -> None:
    item = (await world.submit(external_id="msg-7")).item
    await world.claim("ana")
    await emit(world, item.id, EventKind.SLA_WARNING, **WARNED)
    await tell(world)
    await tell(world)  # a relay that repeats itself tells nobody twice
    async with mail_server() as mail, sending(world, mail=mail) as dispatcher:
        await send_all(dispatcher)
        await send_all(dispatcher)
    (letter,) = mail.letters
    assert mail.recipients == ["ana@example.com"]
    assert letter["Subject"] == "[support] Due soon: Ticket intent msg-7"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["List-Id"] == "<support.countersign.testserver.local>"
    assert f"  {BASE_URL}/p/support/items/{item.id}" in letter.get_content().splitlines()
    assert letter.get_content_type() == "text/plain"
    assert await summary(world) == [("ana@example.com", "sla_warning", "sent")]


async def test_a_mail_is_in_its_readers_language_and_zone_or_in_that_of_the_operator(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Issue 5, point 7: the language and zone of one's preferences; REVIEW_LANGUAGE for who chose none."""
    monkeypatch.setattr(catalogue, "_installed", install(tmp_path))
    world.settings = msgspec.structs.replace(world.settings, language="qps")
    chosen = preferences.Preferences(language="en", zone="Asia/Kolkata", hours=12)
    async with world.db.transaction() as tx:
        await preferences.keep(tx, world.people["ana"].id, chosen)
    item = (await world.submit(external_id="msg-7")).item
    await world.db.hot.execute("UPDATE cases SET due_at = '2026-11-20T12:00:00Z'")
    await emit(world, item.id, EventKind.ESCALATED, notify=["ana@example.com", "lea@example.com"])
    await tell(world)
    async with mail_server() as mail, sending(world, mail=mail) as dispatcher:
        await send_all(dispatcher)
    letters = {letter["To"]: letter for letter in mail.letters}
    ana, lea = letters["ana@example.com"], letters["lea@example.com"]
    assert ana["Subject"] == "[support] Escalated: Ticket intent msg-7"
    assert "Due 20 November 2026, 5:30 PM Asia/Kolkata." in ana.get_content()
    assert lea["Subject"] == "[support] [Éšçálátéd: Ticket intent msg-7]"
    assert "[Dúé [20 [Nóvémbér] 2026, 12:00 UTC].]" in lea.get_content()


async def test_seven_items_make_one_message(world: World) -> None:
    for number in range(7):
        await world.submit(external_id=f"m{number}")
    held = await world.claim("ana", limit=7)
    for each in held:
        await emit(world, each.item.id, EventKind.SLA_WARNING, **WARNED)
    await world.db.hot.execute("UPDATE cases SET due_at = now() + interval '50 min'")
    await tell(world)
    async with mail_server() as mail, sending(world, mail=mail) as dispatcher:
        await send_all(dispatcher)
    (letter,) = mail.letters
    assert letter["Subject"] == "[support] 7 items due within the hour"
    for each in held:
        assert f"/items/{each.item.id}" in letter.get_content()


async def test_a_digest_waits_and_a_page_does_not(world: World) -> None:
    item = (await world.submit()).item
    await world.claim("ana")
    quiet = Preferences(digest="1h", quiet_from=0, quiet_to=1439)
    await prefer(world, "ana", quiet)
    await emit(world, item.id, EventKind.SLA_BREACHED, policy="standard", target="decide", due_at=WARNED["due_at"])
    await emit(world, item.id, EventKind.ESCALATED, level=1, notify=["holder"], page=["ana@example.com"])
    await tell(world)
    found = {row["kind"]: row for row in await rows(world, of="ana@example.com")}
    assert set(found) == {"sla_breached", "page"}  # whoever is paged is not told of the same escalation twice
    assert found["sla_breached"]["send_after"] > found["page"]["send_after"]
    async with mail_server() as mail, sending(world, mail=mail) as dispatcher:
        await send_all(dispatcher)
        assert [each["Subject"] for each in mail.letters] == ["[support] Needs you now: Ticket intent"]
        assert f"/items/{item.id}/acknowledge" in mail.letters[0].get_content()
        await make_due(world)
        await send_all(dispatcher)
    assert mail.letters[1]["Subject"] == "[support] Overdue: Ticket intent"


async def test_what_was_decided_meanwhile_is_not_told_any_more(world: World) -> None:
    item = (await world.submit()).item
    (held,) = await world.claim("ana")
    await emit(world, item.id, EventKind.SLA_WARNING, **WARNED)
    await tell(world)
    await world.judge("ana", held, "approve", comment="as @ben said")
    await tell(world)
    async with mail_server() as mail, sending(world, mail=mail) as dispatcher:
        await send_all(dispatcher)
    assert mail.recipients == ["ben@example.com"]
    assert mail.letters[0]["Subject"] == "[support] ana@example.com mentioned you: Ticket intent"
    assert "as @ben said" not in mail.letters[0].get_content()
    assert await summary(world) == [
        ("ana@example.com", "sla_warning", "dropped"),
        ("ben@example.com", "mentioned", "sent"),
    ]


async def test_a_channel_gets_what_its_pool_asks_for(world: World) -> None:
    async with chat() as room:
        config = with_channels(
            world.config, {"room": "env:REVIEW_CHANNEL_ROOM"}, triage=Notices("room", ("assigned", "escalated"))
        )
        item = (await world.submit(external_id="m1")).item
        await emit(world, item.id, EventKind.SLA_WARNING, **WARNED)
        await tell(world, config)
        async with sending(world, config, environ={"REVIEW_CHANNEL_ROOM": room.url}) as dispatcher:
            await send_all(dispatcher)
        (message,) = room.messages
        assert message["title"] == "[support] New: Ticket intent m1"
        assert f"{BASE_URL}/p/support/items/{item.id}" in message["message"]
    assert await summary(world) == [("channel:room", "assigned", "sent")]


async def escalate_to(world: World, *channels: str, count: int = 1) -> None:
    for _ in range(count):
        item = (await world.submit()).item
        notify = [f"channel:{name}" for name in channels]
        await emit(world, item.id, EventKind.ESCALATED, level=1, notify=notify, page=[])


async def test_a_channel_that_hangs_delays_neither_the_others_nor_items(world: World) -> None:
    """A failing channel never blocks an item."""
    async with chat() as good, chat() as bad, mail_server() as mail:
        bad.hangs = True
        config = with_channels(world.config, {"good": good.url, "bad": bad.url})
        await escalate_to(world, "bad")
        await tell(world, config)
        async with sending(world, config, mail=mail, within_seconds=60) as dispatcher:
            await dispatcher.turn()
            await asyncio.wait_for(bad.asked.wait(), 30)
            await escalate_to(world, "good", "bad")
            (held,) = await world.claim("ana")
            await emit(world, held.item.id, EventKind.SLA_WARNING, **WARNED)
            await tell(world, config)
            while not good.messages or not mail.letters:
                await dispatcher.turn()
                await asyncio.sleep(0.02)
            in_flight = [row["state"] for row in await rows(world, of="channel:bad")]
            assert (await world.judge("ana", held, "approve")).item.status == "decided"
            assert in_flight.count("sending") == 1
            bad.hangs = False  # what it sent till now is no answer
            await dispatcher.settle()
        late = await rows(world, of="channel:bad")
    assert {(row["state"], row["attempts"], row["error"]) for row in late} == {
        ("waiting", 1, "the receiver cannot be reached"),
        ("waiting", 0, None),  # waits with the first
    }


async def test_the_process_of_a_channel_that_drips_is_killed() -> None:
    async with chat() as room:
        room.hangs = True
        channels = Channels(LOOPBACK, within_seconds=0.5)
        with pytest.raises(SendFailed, match=r"within 0\.5 seconds"):
            await channels.send(room.url, Message("p", "s", "t"), "r")
        assert channels._all == set()
        room.hangs = False
        channels._within_seconds = 20
        await channels.send(room.url, Message("p", "s", "t"), "r")
        (child,) = channels._all
        child.kill()
        await child.wait()
        await channels.send(room.url, Message("p", "again", "t"), "r")
        assert [each["title"] for each in room.messages] == ["s", "again"]
        await channels.close()


async def states(world: World) -> Any:
    return await world.db.hot.fetchrow("SELECT * FROM channel_states WHERE project_id = $1", world.service.project_id)


async def test_a_channel_that_goes_on_failing_is_disabled_until_its_url_changes(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with chat() as room:
        room.status = 500
        config = with_channels(world.config, {"room": room.url})
        async with sending(world, config) as dispatcher:
            for _ in range(20):
                assert await states(world) is None or (await states(world))["disabled_at"] is None
                await escalate_to(world, "room")
                await tell(world, config)
                await make_due(world)
                await dispatcher.turn()
                await dispatcher.settle()
            state = await states(world)
            assert (state["failures"], state["reason"]) == (20, "the receiver answered 500")
            assert state["disabled_at"] is not None
            await escalate_to(world, "room")
            await tell(world, config)
            assert await world.count("notifications", state="waiting") == 0
            reasons = {row["error"] for row in await rows(world) if row["state"] == "dropped"}
            assert "the channel is disabled: the receiver answered 500" in reasons
            room.status = 200
            changed = with_channels(config, {"room": f"{room.url}/new"})
            dispatcher._configs.config = changed  # type: ignore[attr-defined]  # the test's own cache
            await escalate_to(world, "room")
            await tell(world, changed)
            await send_all(dispatcher)
        assert len(room.messages) == 1
    assert await states(world) is None
    assert "secret-path" not in caplog.text
    assert all("secret-path" not in str(dict(row)) for row in await rows(world))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("file:///etc/passwd", "its URL begins with a scheme that is not allowed"),
        ("syslog://", "its URL begins with a scheme that is not allowed"),
        ("slack://not-a-token", "its URL cannot be read"),
        ("nonsense", "its URL begins with a scheme that is not allowed"),
        ("env:PATH", "its URL may only be read from variables whose names begin with REVIEW_CHANNEL_"),
    ],
)
async def test_a_channel_whose_url_is_of_no_use_is_disabled_at_once(world: World, url: str, reason: str) -> None:
    config = with_channels(world.config, {"room": url})
    await escalate_to(world, "room")
    await tell(world, config)
    async with sending(world, config) as dispatcher:
        await send_all(dispatcher)
    state = await states(world)
    assert (state["failures"], state["reason"]) == (1, reason)
    assert state["disabled_at"] is not None
    assert await summary(world) == [("channel:room", "escalated", "failed")]


async def test_a_failed_attempt_is_tried_again_later_and_at_last_given_up(world: World) -> None:
    item = (await world.submit()).item
    await world.claim("ana")
    await emit(world, item.id, EventKind.SLA_WARNING, **WARNED)
    await tell(world)
    async with mail_server() as mail, sending(world, mail=mail) as dispatcher:
        mail.refuse = "451"
        for minutes in (1, 5, 30, 120):
            await make_due(world)
            await send_all(dispatcher)
            (row,) = await rows(world)
            assert row["state"] == "waiting"
            assert row["error"] == "the mail server refused the recipient (451)"
            late = await world.db.hot.fetchval("SELECT send_after - now() FROM notifications")
            assert timedelta(minutes=minutes - 1) < late <= timedelta(minutes=minutes)
        await make_due(world)
        await send_all(dispatcher)
        assert [row["state"] for row in await rows(world)] == ["failed"]
        assert mail.letters == []


async def test_a_recipient_refused_for_good_is_not_tried_again(world: World) -> None:
    item = (await world.submit()).item
    await world.claim("ana")
    await emit(world, item.id, EventKind.SLA_WARNING, **WARNED)
    await tell(world)
    async with mail_server() as mail, sending(world, mail=mail) as dispatcher:
        mail.refuse = "550"
        await send_all(dispatcher)
    assert [(row["state"], row["attempts"]) for row in await rows(world)] == [("failed", 1)]


async def test_without_a_mail_server_it_is_said_and_nothing_waits(world: World) -> None:
    item = (await world.submit()).item
    await world.claim("ana")
    await emit(world, item.id, EventKind.SLA_WARNING, **WARNED)
    await tell(world)
    async with sending(world) as dispatcher:
        await send_all(dispatcher)
    assert [(row["state"], row["error"]) for row in await rows(world)] == [
        ("dropped", "there is no mail server (REVIEW_SMTP_URL)")
    ]


async def test_a_worker_that_died_leaves_its_message_to_another(world: World) -> None:
    """Whoever was too slow records nothing: its attempt is not the last any more."""
    item = (await world.submit()).item
    await world.claim("ana")
    await emit(world, item.id, EventKind.SLA_WARNING, **WARNED)
    await tell(world)
    async with mail_server() as mail, sending(world, mail=mail) as slow, sending(world, mail=mail) as other:
        (batch,) = await slow._take([], 10, is_channel=False)
        assert await other._take([], 10, is_channel=False) == []
        await make_due(world)  # the lease has ended
        await send_all(other)
        await slow._put_off_quietly(batch)
        assert [(row["state"], row["attempts"]) for row in await rows(world)] == [("sent", 2)]


async def test_many_workers_send_each_message_once(world: World) -> None:
    for name in ("ana", "ben", "cleo", "dan"):
        for _ in range(5):
            item = (await world.submit()).item
            await emit(world, item.id, EventKind.MENTIONED, mentioned=[f"{name}@example.com"], by="lea", comment="")
    await tell(world)
    async with mail_server() as mail, sending(world, mail=mail) as one, sending(world, mail=mail) as two:
        await asyncio.gather(*(send_all(each) for each in (one, two)))
    told = [link for letter in mail.letters for link in letter.get_content().split() if "/items/" in link]
    assert len(told) == len(set(told)) == 20


async def test_a_mail_server_that_hangs_is_hung_up_on() -> None:
    async with mail_server() as mail:
        mail.hangs = True
        settings = Settings(smtp_url=f"smtp://127.0.0.1:{mail.port}", smtp_sender="a@b.example")
        way = Mail(settings, within_seconds=0.3)
        with pytest.raises(SendFailed, match="did not take it within"):
            await way.send("ana@example.com", Message("p", "s", "t"), "r")
        way.close()
        await asyncio.to_thread(way._threads.shutdown, wait=True)  # its thread has ended
