"""Webhooks on the pages: how endpoints fare, secrets shown once, the log of strangers' answers, and who may act."""

import re
from uuid import UUID

import httpx
import msgspec
import pytest

from review.delivery.webhooks import service as webhooks
from review.identity.rules import Role
from review.kernel.db import Database
from review.kernel.ids import new_id
from review.kernel.settings import Settings
from tests.make import CONFIG, PASSWORD, World
from tests.web.test_pages import HTML, HTMX, token

HOSTILE = '</pre><script>alert(1)</script><img src=x onerror="alert(1)">\u202e'
SOURCE = (
    CONFIG.format(project="support")
    + "webhooks: [{name: crm, url: 'https://crm.example/hook', events: [item.decided, item.escalated]}]\n"
)
HERE = "/p/support/webhooks"


@pytest.fixture
async def hooked(db: Database, settings: Settings) -> World:
    """A project with an endpoint."""
    return await World.build(db, settings, source=SOURCE)


async def sign_in(http: httpx.AsyncClient, world: World, name: str, role: Role) -> dict[str, str]:
    """Come in, and give what every form must carry."""
    await world.add_person(name, role, password=PASSWORD)
    answer = await http.post("/sign-in", data={"email": f"{name}@example.com", "password": PASSWORD})
    assert answer.status_code == 303
    return {"_csrf": await token(http)}


async def read(http: httpx.AsyncClient, path: str, status: int = 200) -> str:
    answer = await http.get(path, headers=HTML)
    assert answer.status_code == status, answer.text
    return re.sub(r"\s+", " ", answer.text)


async def owe(world: World, count: int = 1, state: str = "dead", body: str = "it is broken") -> list[UUID]:
    """Make deliveries that were tried once and answered so."""
    project_id, made = world.service.project_id, []
    async with world.db.transaction() as tx:
        await webhooks.sync(tx, project_id, world.config)
    endpoint_id = await world.db.hot.fetchval("SELECT id FROM webhook_endpoints")
    for _ in range(count):
        event_id, delivery_id = new_id(), new_id()
        await world.db.hot.execute(
            "INSERT INTO events (project_id, id, kind, payload, body) VALUES ($1, $2, 'item.decided', '{}', $3)",
            project_id,
            event_id,
            '{"type": "item.decided"}',
        )
        await world.db.hot.execute(
            "INSERT INTO deliveries (project_id, id, endpoint_id, event_id, state, attempts, reason)"
            " VALUES ($1, $2, $3, $4, $5, 1, $6)",
            *(project_id, delivery_id, endpoint_id, event_id, state, f"gave up {HOSTILE}"),
        )
        await world.db.hot.execute(
            "INSERT INTO delivery_attempts (project_id, delivery_id, number, started_at, seconds, status,"
            " request_headers, response_headers, response_body) VALUES ($1, $2, 1, now(), 0.812, 500, $3, $4, $5)",
            *(project_id, delivery_id, msgspec.json.encode({"webhook-id": str(event_id)}).decode()),
            *(msgspec.json.encode({f"x-{HOSTILE}": HOSTILE}).decode(), body),
        )
        made.append(delivery_id)
    return made


async def test_a_project_without_webhooks_is_told_what_to_write(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world, "lou", Role.LEAD)
    page = await read(http, HERE)
    assert "No webhook is declared yet" in page
    assert "webhooks: - name: crm" in page


async def test_endpoints_are_shown_with_how_they_fare(http: httpx.AsyncClient, hooked: World) -> None:
    await sign_in(http, hooked, "lou", Role.LEAD)
    assert "active" in await read(http, HERE)
    await owe(hooked, 2)
    change = "UPDATE webhook_endpoints SET "
    for statement, said in (
        ("failures = 3", "It failed 3 times in a row."),
        ("resting_until = now() + interval '10 minutes', resting_because = '<b>tired</b>'", "&lt;b&gt;tired"),
        ("state = 'disabled', reason = 'gone <i>'", "Nothing is sent to it: gone &lt;i&gt;."),
        ("state = 'removed'", "The configuration no longer has it"),
    ):
        await hooked.db.hot.execute(change + statement)
        for path in (HERE, f"{HERE}/crm"):
            assert said in await read(http, path), path
    assert re.search(r"2<small>given up", await read(http, HERE))


async def test_the_secret_is_shown_once(http: httpx.AsyncClient, hooked: World) -> None:
    csrf = await sign_in(http, hooked, "ada", Role.ADMIN)
    assert "Show the secret, once" in await read(http, f"{HERE}/crm")
    shown = await http.post(f"{HERE}/crm/secret", data=csrf, headers=HTML)
    assert shown.status_code == 200
    secret = re.search(r"whsec_[\w+/=]+", shown.text)
    assert secret is not None
    page = await read(http, f"{HERE}/crm")
    assert secret[0] not in page
    assert "Show the secret, once" not in page
    again = await http.post(f"{HERE}/crm/secret", data=csrf, headers=HTML)
    assert again.status_code == 409
    assert "was shown before" in again.text
    rotated = await http.post(
        f"{HERE}/crm/rotate", data=csrf | {"kind": "ed25519", "overlap_hours": "24"}, headers=HTML
    )
    assert "whpk_" in rotated.text
    assert "The one before it counts on until" in rotated.text
    assert await hooked.count("webhook_secrets") == 2


@pytest.mark.parametrize(
    ("act", "data", "said"),
    [
        ("rotate", {"kind": "rsa", "overlap_hours": "1"}, "of kind hmac or ed25519"),
        ("rotate", {"kind": "hmac", "overlap_hours": "-1"}, "whole number of hours"),
        ("rotate", {"kind": "hmac", "overlap_hours": "169"}, "cannot be had"),
        ("disable", {"reason": " "}, "Say why the endpoint is disabled"),
    ],
)
async def test_what_cannot_be_done_is_said_and_nothing_changes(
    http: httpx.AsyncClient, hooked: World, act: str, data: dict[str, str], said: str
) -> None:
    csrf = await sign_in(http, hooked, "ada", Role.ADMIN)
    await read(http, HERE)
    answer = await http.post(f"{HERE}/crm/{act}", data=csrf | data, headers=HTML)
    assert answer.status_code == 422
    assert said in answer.text
    assert await hooked.count("webhook_secrets") == 0
    assert await hooked.count("webhook_endpoints", state="active") == 1


async def test_an_endpoint_is_tested_disabled_and_enabled(http: httpx.AsyncClient, hooked: World) -> None:
    csrf = await sign_in(http, hooked, "ada", Role.ADMIN)
    await read(http, HERE)
    for act, data, said in (
        ("test", {}, "A test event is on its way."),
        ("disable", {"reason": "maintenance"}, "Nothing is sent to it: maintenance."),
        ("enable", {}, "The endpoint is sent to again."),
    ):
        done = await http.post(f"{HERE}/crm/{act}", data=csrf | data, headers=HTML)
        assert done.status_code == 303, done.text
        assert said in await read(http, done.headers["location"])
    assert await hooked.count("events", kind="webhook.test") == 1


async def test_what_a_stranger_answered_is_shown_and_does_nothing(http: httpx.AsyncClient, hooked: World) -> None:
    csrf = await sign_in(http, hooked, "ada", Role.ADMIN)
    (delivery_id,) = await owe(hooked, body=HOSTILE + "x" * 20_000)
    page = await read(http, f"{HERE}/crm")
    detail = await read(http, f"{HERE}/deliveries/{delivery_id}")
    for text in (page, detail):
        assert "<script>alert" not in text
        assert "<img" not in text
    assert "&lt;/pre&gt;&lt;script&gt;alert(1)" in detail
    assert "⟨U+202E⟩" in detail
    assert "characters more" in detail
    assert "took 812 ms" in detail
    assert "answered 500" in detail
    done = await http.post(f"{HERE}/deliveries/{delivery_id}/replay", data=csrf, headers=HTML)
    assert "Started again" in await read(http, done.headers["location"])
    assert await hooked.count("deliveries", state="pending") == 1


async def test_everything_given_up_is_replayed_at_once(http: httpx.AsyncClient, hooked: World) -> None:
    csrf = await sign_in(http, hooked, "ada", Role.ADMIN)
    await owe(hooked, 3)
    assert "Replay all given up" in await read(http, f"{HERE}/crm")
    done = await http.post(f"{HERE}/crm/replay", data=csrf, headers=HTML)
    assert done.status_code == 303
    assert await hooked.count("deliveries", state="pending") == 3
    assert "Replay all given up" not in await read(http, f"{HERE}/crm")


async def test_the_log_is_narrowed_and_read_page_by_page(http: httpx.AsyncClient, hooked: World) -> None:
    await sign_in(http, hooked, "lou", Role.LEAD)
    made = [str(each) for each in await owe(hooked, 53)]
    (delivered,) = await owe(hooked, state="delivered")
    page = await read(http, f"{HERE}/crm?state=dead")
    assert str(delivered) not in page
    more = re.search(r'href="([^"]+cursor=[^"]+)"', page)
    assert more is not None
    rest = (await http.get(more[1].replace("&amp;", "&"), headers=HTMX)).text
    seen = re.findall(r"deliveries/([0-9a-f-]{36})", page) + re.findall(r"deliveries/([0-9a-f-]{36})", rest)
    assert seen == made[::-1]
    assert str(delivered) in await read(http, f"{HERE}/crm?state=delivered")
    assert "Nothing is in this state." in await read(http, f"{HERE}/crm?state=sending")
    for query in ("state=nonsense", "cursor=nonsense"):
        await read(http, f"{HERE}/crm?{query}", status=422)


async def test_leads_look_and_admins_act(http: httpx.AsyncClient, hooked: World) -> None:
    csrf = await sign_in(http, hooked, "lou", Role.LEAD)
    (delivery_id,) = await owe(hooked)
    page = await read(http, f"{HERE}/crm")
    assert "What to do" not in page
    assert "Send it again" not in await read(http, f"{HERE}/deliveries/{delivery_id}")
    acts = [f"crm/{act}" for act in ("secret", "rotate", "test", "enable", "disable", "replay")]
    for act in (*acts, f"deliveries/{delivery_id}/replay"):
        answer = await http.post(f"{HERE}/{act}", data=csrf, headers=HTML)
        assert answer.status_code == 403, act
    assert await hooked.count("deliveries", state="dead") == 1
    await sign_in(http, hooked, "nora", Role.REVIEWER)
    for path in (HERE, f"{HERE}/crm", f"{HERE}/deliveries/{delivery_id}"):
        await read(http, path, status=403)


async def test_what_is_not_there_or_anothers_looks_the_same(http: httpx.AsyncClient, hooked: World) -> None:
    other = await World.build(hooked.db, hooked.settings, project="lab", source=SOURCE.replace("support", "lab"))
    (theirs,) = await owe(other)
    await sign_in(http, hooked, "ada", Role.ADMIN)
    for path in (f"{HERE}/none", f"{HERE}/%3Cb%3E", f"{HERE}/deliveries/{theirs}", f"{HERE}/deliveries/{new_id()}"):
        await read(http, path, status=404)
