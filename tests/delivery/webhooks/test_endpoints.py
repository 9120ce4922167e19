"""Endpoints as the configuration has them, how they fare, and their secrets."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from review.audit.rules import OPERATOR
from review.configuration.outlets import Webhook
from review.delivery.webhooks import log, service
from review.delivery.webhooks.dispatch import UNREADABLE, Dispatcher
from review.delivery.webhooks.errors import (
    DeliveryUnderWay,
    EndpointNotActive,
    EndpointNotFound,
    SecretAlreadyShown,
)
from review.delivery.webhooks.signing import Kind
from review.kernel.errors import Invalid
from review.kernel.sealing import new_sealing_key
from review.kernel.settings import Settings
from tests.delivery.webhooks.post import KINDS, Event, Post
from tests.delivery.webhooks.receiver import Receiver, receiving
from tests.make import unknown_id


async def standing(post: Post, name: str = "crm") -> tuple[str, str | None]:
    endpoint = await post.endpoint(name)
    return endpoint.state, endpoint.reason


async def states(post: Post) -> list[str]:
    return [each.state for each in await post.deliveries()]


async def test_endpoints_follow_the_configuration_and_never_go_back(post: Post) -> None:
    first = await post.declare(
        Webhook("crm", "https://a.example.com/", KINDS), Webhook("bi", "https://b.example.com/", KINDS)
    )
    await post.declare(Webhook("crm", "https://a.example.com/v2", ("item.queued",), 3))
    async with post.world.db.transaction() as tx:
        await service.sync(tx, post.project_id, first)
        found = await service.list_endpoints(tx, post.project_id)
    assert [(each.name, each.state) for each in found] == [("crm", "active"), ("bi", "removed")]
    assert (found[0].url, found[0].events, found[0].max_in_flight) == ("https://a.example.com/v2", ["item.queued"], 3)


async def test_what_a_removed_endpoint_was_owed_is_dead_and_comes_back_with_it(
    post: Post, dispatcher: Dispatcher
) -> None:
    async with receiving() as receiver:
        await post.connect(receiver)
        await post.happen(2)
        await post.declare()
        await dispatcher.drain()
        assert (await states(post), receiver.requests) == (["dead", "dead"], [])
        assert (await post.delivery_reasons()) == {"the endpoint was taken out of the configuration"}
        await post.happen(1)
        assert len(await states(post)) == 2, "it is owed nothing any more"
        async with post.world.db.transaction() as tx:
            with pytest.raises(EndpointNotActive, match="Put it back into the configuration"):
                await log.replay_dead(tx, post.project_id, "crm", actor=OPERATOR)
        await post.declare(Webhook("crm", receiver.url, KINDS))
        async with post.world.db.transaction() as tx:
            assert (await log.replay_dead(tx, post.project_id, "crm", actor=OPERATOR)).replayed == 2
        await dispatcher.drain()
    assert await states(post) == ["delivered", "delivered"]


async def test_events_from_before_an_endpoint_was_there_are_not_owed(post: Post) -> None:
    await post.declare(Webhook("crm", "https://a.example.com/", KINDS))
    at = await post.world.db.hot.fetchval("SELECT now() - interval '1 h'")
    old = Event(id=unknown_id(), kind="item.decided", payload={}, created_at=at)
    async with post.world.db.transaction() as tx:
        assert await service.queue(tx, post.project_id, [old]) == 0


async def test_a_test_goes_to_the_endpoint_it_names_alone(post: Post, dispatcher: Dispatcher) -> None:
    async with receiving() as receiver, receiving() as other:
        await post.declare(Webhook("crm", receiver.url, ("item.queued",)), Webhook("bi", other.url, KINDS))
        receiver.secrets.append(await post.secret("crm"))
        await post.happen(1, "webhook.test", endpoint="crm", by="ana")
        await dispatcher.drain()
    assert [each["type"] for each in receiver.taken] == ["webhook.test"]
    assert other.requests == []


async def test_410_disables_an_endpoint_until_somebody_enables_it(post: Post, dispatcher: Dispatcher) -> None:
    async with receiving() as receiver:
        await post.connect(receiver, limit=1)
        receiver.status = "410 Gone"
        await post.happen(3)
        await dispatcher.drain()
        assert await standing(post) == ("disabled", "the receiver answered 410 Gone")
        assert len(receiver.requests) == 1
        await post.happen(2)
        await dispatcher.drain()
        assert await states(post) == ["dead"] * 5
        assert len(receiver.requests) == 1
        receiver.status = "200 OK"
        async with post.world.db.transaction() as tx:
            with pytest.raises(EndpointNotActive, match="Enable it first"):
                await service.test_endpoint(tx, post.project_id, "crm", actor=OPERATOR)
            await service.enable(tx, post.project_id, "crm", actor=OPERATOR)
            await log.replay_dead(tx, post.project_id, "crm", actor=OPERATOR)
        await dispatcher.drain()
        assert await states(post) == ["delivered"] * 5, "what it missed was kept for it"
    assert await post.world.count("audit_entries", action="webhook.changed") == 2


async def test_a_new_address_is_a_new_chance(post: Post, dispatcher: Dispatcher) -> None:
    async with receiving() as receiver:
        await post.connect(receiver)
        async with post.world.db.transaction() as tx:
            await service.disable(tx, post.project_id, "crm", reason="it moves", actor=OPERATOR)
        await post.declare(Webhook("crm", receiver.url, ("item.decided",)))
        assert await standing(post) == ("disabled", "it moves")
        await post.declare(Webhook("crm", f"{receiver.url}/v2", KINDS))
        assert await standing(post) == ("active", None)
        await post.happen()
        await dispatcher.drain()
        assert len(receiver.taken) == 1, "the secret is the one it had"


async def test_the_breaker_leaves_a_failing_endpoint_alone_and_tries_one_at_a_time(
    post: Post, dispatcher: Dispatcher
) -> None:
    async with receiving() as receiver:
        await post.connect(receiver, limit=5)
        receiver.status = "500 Oops"
        await post.happen(20)
        await dispatcher.drain()
        tried = len(receiver.requests)
        assert 5 <= tried <= 9, "five, and those that were under way by then"
        endpoint = await post.endpoint()
        assert endpoint.resting_because is not None
        assert "deliveries failed in a row, the last with: status 500" in endpoint.resting_because
        await post.pass_time(timedelta(seconds=31))
        await dispatcher.drain()
        assert len(receiver.requests) == tried + 1, "one probe"
        await post.pass_time(timedelta(seconds=31))
        await dispatcher.drain()
        assert len(receiver.requests) == tried + 1, "the rest has doubled"
        receiver.status = "200 OK"
        await post.pass_time(timedelta(seconds=31))
        await dispatcher.drain()
        await post.pass_time(timedelta(minutes=6))
        await dispatcher.drain()
    assert set(await states(post)) == {"delivered"}
    assert ((await post.endpoint()).failures, (await post.endpoint()).resting_until) == (0, None)


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Unavailable"])
async def test_a_receiver_that_throttles_is_left_alone_for_as_long_as_it_asks(
    post: Post, dispatcher: Dispatcher, status: str
) -> None:
    async with receiving() as receiver:
        await post.connect(receiver, limit=1)
        receiver.status, receiver.headers = status, {"Retry-After": "600"}
        await post.happen(3)
        await dispatcher.drain()
        assert len(receiver.requests) == 1
        assert "asked for a rest" in ((await post.endpoint()).resting_because or "")
        receiver.status = "200 OK"
        await post.pass_time(timedelta(minutes=9))
        await dispatcher.drain()
        assert len(receiver.requests) == 1
        await post.pass_time(timedelta(minutes=2))
        await dispatcher.drain()
    assert await states(post) == ["delivered"] * 3


async def test_what_egress_refuses_is_an_attempt_with_its_reason(
    post: Post, settings: Settings, dispatchers: Callable[[], Dispatcher]
) -> None:
    post.settings = settings
    await post.declare(Webhook("crm", "https://10.0.0.5/hook", KINDS))
    await post.happen()
    await dispatchers().drain()
    (attempt,) = (await post.delivery()).log
    assert attempt.status is None
    assert attempt.error is not None
    assert attempt.error.startswith("10.0.0.5 is not a public address; an operator can allow")


async def test_a_secret_is_shown_once_and_kept_sealed(post: Post) -> None:
    post.settings = msgspec.structs.replace(post.settings, secret_key=new_sealing_key())
    await post.declare(Webhook("crm", "https://a.example.com/", KINDS))
    shown = await post.secret()
    assert shown.startswith("whsec_")
    with pytest.raises(SecretAlreadyShown, match="rotate it"):
        await post.secret()
    stored = bytes(await post.world.db.hot.fetchval("SELECT sealed FROM webhook_secrets"))
    assert stored.startswith(b"fernet:")
    assert shown.encode() not in stored
    assert shown not in str(await post.world.db.hot.fetch("SELECT details::text FROM audit_entries"))
    (told,) = (await post.endpoint()).secrets
    assert (told.kind, told.public_key, told.shown_at is not None) == ("hmac", None, True)


async def test_a_secret_that_was_never_shown_can_be_shown_after_it_has_signed(
    post: Post, dispatcher: Dispatcher
) -> None:
    async with receiving() as receiver:
        await post.declare(Webhook("crm", receiver.url, KINDS))
        await post.happen()
        await dispatcher.drain()
        assert receiver.refused == 1
        receiver.secrets.append(await post.secret())
        assert receiver.verifies(receiver.requests[0])


async def rotate(post: Post, kind: Kind = Kind.HMAC, hours: int = 24) -> str:
    async with post.world.db.transaction() as tx:
        return (
            await service.rotate_secret(
                tx, post.sealer, post.project_id, "crm", kind=kind, overlap_hours=hours, actor=OPERATOR
            )
        ).secret


async def test_through_a_rotation_both_secrets_verify_until_the_overlap_ends(
    post: Post, dispatcher: Dispatcher
) -> None:
    async with receiving() as receiver:
        await post.connect(receiver)
        new = Receiver(await rotate(post))
        await post.happen()
        await dispatcher.drain()
        assert len(receiver.taken) == 1, "the receiver still has the old one"
        assert new.verifies(receiver.requests[0])
        await post.pass_time(timedelta(hours=25))
        await post.happen()
        await dispatcher.drain()
        assert receiver.refused == 1
        assert new.verifies(receiver.requests[1])
        assert len((await post.endpoint()).secrets) == 1


async def test_ed25519_signs_beside_hmac_and_then_alone(post: Post, dispatcher: Dispatcher) -> None:
    async with receiving() as receiver:
        await post.connect(receiver)
        public = await rotate(post, Kind.ED25519)
        assert public.startswith("whpk_")
        asymmetric = Receiver(public)
        await post.happen()
        await dispatcher.drain()
        assert len(receiver.taken) == 1
        assert asymmetric.verifies(receiver.requests[0])
        await rotate(post, Kind.ED25519, hours=0)
        await post.happen()
        await dispatcher.drain()
        versions = [each.partition(",")[0] for each in receiver.requests[-1].headers["webhook-signature"].split(" ")]
    assert versions == ["v1a"]


async def test_secrets_that_pile_up_end_with_the_oldest(post: Post) -> None:
    await post.declare(Webhook("crm", "https://a.example.com/", KINDS))
    for _ in range(8):
        await rotate(post)
    assert len((await post.endpoint()).secrets) == service.MOST_SECRETS + 1
    with pytest.raises(Invalid, match="nothing was changed"):
        await rotate(post, hours=169)


async def test_a_worker_without_the_sealing_key_sends_nothing_unsigned(
    post: Post, dispatchers: Callable[[], Dispatcher]
) -> None:
    sealed = msgspec.structs.replace(post.settings, secret_key=new_sealing_key())
    async with receiving() as receiver:
        without, post.settings = dispatchers(), sealed
        await post.connect(receiver)
        await post.happen()
        await without.drain()
        assert ((await post.delivery()).last_error, receiver.requests) == (UNREADABLE, [])
        await post.pass_time(timedelta(seconds=6))
        await dispatchers().drain()
    assert (await post.delivery()).state == "delivered"


async def test_replays_of_one_and_of_a_span(post: Post, dispatcher: Dispatcher) -> None:
    async with receiving() as receiver:
        await post.connect(receiver)
        await post.happen(3)
        await dispatcher.drain()
        (first, *_) = await post.deliveries()
        later = first.created_at + timedelta(hours=1)
        async with post.world.db.transaction() as tx:
            await log.replay(tx, post.world.service, first.id)
        await dispatcher.drain()
        assert receiver.ids.count(str(first.event_id)) == 2
        async with post.world.db.transaction() as tx:
            some = await log.replay_range(tx, post.project_id, "crm", first.created_at, later, actor=OPERATOR)
            none = await log.replay_range(tx, post.project_id, "crm", later, later + timedelta(1), actor=OPERATOR)
        assert (some.replayed, none.replayed) == (3, 0)
        receiver.open.clear()
        sending = asyncio.create_task(dispatcher.drain())
        while len(receiver.requests) < 7:
            await asyncio.sleep(0.01)
        async with post.world.db.transaction() as tx:
            with pytest.raises(DeliveryUnderWay):
                await log.replay(tx, post.world.service, first.id)
        receiver.open.set()
        await sending
    assert await post.world.count("audit_entries", action="webhook.replayed") == 3


async def test_pages_of_the_log_follow_one_another(post: Post) -> None:
    await post.declare(Webhook("crm", "https://a.example.com/", KINDS))
    events = await post.happen(5)
    seen, cursor = list[object](), None
    async with post.world.db.transaction() as tx:
        while True:
            page = await log.list_deliveries(tx, post.project_id, "crm", state="pending", cursor=cursor, limit=2)
            seen += [each.event_id for each in page.data]
            if (cursor := page.next) is None:
                break
        assert seen == events[::-1]
        assert (await log.list_deliveries(tx, post.project_id, "crm", state="dead")).data == []
        with pytest.raises(Invalid, match="There is no state 'odd'"):
            await log.list_deliveries(tx, post.project_id, "crm", state="odd")
        with pytest.raises(EndpointNotFound):
            await log.list_deliveries(tx, post.project_id, "other")
