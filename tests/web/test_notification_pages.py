"""The pages about notifications: what somebody wants, the channels, and the link of a mail."""

import re
from typing import Any

import httpx
import msgspec
import pytest

from review.audit.rules import OPERATOR
from review.configuration import service as configuration
from review.configuration.outlets import Channel
from review.delivery.notifications import service as notifications
from review.delivery.notifications.schemas import CHOSEN, Kind, Preferences
from review.identity.rules import Role
from review.kernel.settings import Settings
from review.web.pages.notifications import KINDS, read_preferences
from tests.make import CONFIG, PASSWORD, World, unknown_id

HTML = {"accept": "text/html"}
PAGE = "/p/support/notifications"
FORM: dict[str, Any] = {
    "where": "email",
    "kinds": ["sla_warning", "mentioned"],
    "digest": "daily",
    "digest_at": "08:30",
    "quiet_from": "22:00",
    "quiet_to": "07:00",
    "timezone": "Europe/Berlin",
}
KEPT = Preferences(
    kinds=(Kind.SLA_WARNING, Kind.MENTIONED),
    digest="daily",
    digest_at=510,
    quiet_from=1320,
    quiet_to=420,
    timezone="Europe/Berlin",
)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, smtp_url="smtp://mail.test", smtp_sender="noreply@review.example")


async def sign_in(http: httpx.AsyncClient, world: World, role: Role = Role.REVIEWER) -> str:
    """Sign somebody in; gives what their forms must carry."""
    await world.add_person("nora", role, password=PASSWORD)
    await world.db.hot.execute(
        "INSERT INTO pool_members VALUES ($1, 'triage', 'nora@example.com', 'direct')", world.service.project_id
    )
    await http.post("/sign-in", data={"email": "nora@example.com", "password": PASSWORD})
    found = re.search(r'name="csrf-token" content="([^"]+)"', (await http.get(PAGE, headers=HTML)).text)
    assert found is not None
    return found[1]


async def post(http: httpx.AsyncClient, csrf: str, path: str = PAGE, /, **form: Any) -> httpx.Response:
    return await http.post(path, data={"_csrf": csrf, **form}, headers=HTML)


async def kept(world: World) -> Preferences:
    return await notifications.get_preferences(world.db.hot, world.people["nora"])


async def test_somebody_chooses_and_finds_their_choices_again(http: httpx.AsyncClient, world: World) -> None:
    csrf = await sign_in(http, world)
    answer = await post(http, csrf, PAGE, **FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}?done=kept")
    assert await kept(world) == KEPT
    page = (await http.get(f"{PAGE}?done=kept", headers=HTML)).text
    assert "Kept. It holds from the next event on." in page
    for shown in ('value="22:00"', 'value="07:00"', 'value="08:30"', 'value="Europe/Berlin"', 'value="daily" checked'):
        assert shown in page
    assert await kept(world) == KEPT
    await post(http, csrf, PAGE, **(FORM | {"quiet_from": "", "quiet_to": "", "kinds": []}))
    assert (await kept(world)).manner.quiet is None
    assert (await kept(world)).kinds == ()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"timezone": ""}, "timezone"),
        ({"timezone": "\0" * 5}, "timezone"),
        ({"quiet_from": "25:00"}, "quiet_from"),
        ({"quiet_from": ""}, "quiet_to"),
        ({"digest_at": "٠٨:٣٠"}, "digest_at"),
        ({"digest_at": ""}, "digest_at"),
        ({"digest": "weekly"}, "digest"),
        ({"where": "pigeon"}, "where"),
        ({"kinds": ["page"]}, "kinds"),
        ({"kinds": ["nonsense"]}, "kinds"),
    ],
)
async def test_what_cannot_be_kept_is_named_beside_its_field_and_changes_nothing(
    http: httpx.AsyncClient, world: World, wrong: dict[str, Any], field: str
) -> None:
    csrf = await sign_in(http, world)
    await post(http, csrf, PAGE, **FORM)
    answer = await post(http, csrf, PAGE, **(FORM | wrong))
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert "what you had before still holds" in answer.text
    assert await kept(world) == KEPT


def test_every_kind_that_can_be_chosen_has_its_box() -> None:
    assert {kind for kind, _ in KINDS} == set(CHOSEN)
    assert read_preferences([])[1]


async def test_a_test_is_sent_once_at_a_time(http: httpx.AsyncClient, world: World) -> None:
    csrf = await sign_in(http, world)
    locations = [(await post(http, csrf, f"{PAGE}/test")).headers["location"] for _ in range(2)]
    assert locations == [f"{PAGE}?done=test", f"{PAGE}?done=waits"]
    assert await world.count("notifications", recipient="nora@example.com", kind="test") == 1
    assert "<dd>1, the next leaves" in (await http.get(PAGE, headers=HTML)).text


async def test_a_form_of_another_site_changes_nothing(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    for path in (PAGE, f"{PAGE}/test"):
        assert (await post(http, "wrong", path, **FORM)).status_code == 403
    assert await kept(world) == Preferences()
    assert await world.count("notifications") == 0


async def test_only_who_may_write_the_configuration_uses_a_channel_again(http: httpx.AsyncClient, world: World) -> None:
    csrf = await sign_in(http, world)
    assert (await post(http, csrf, f"{PAGE}/channels/room/enable")).status_code == 403
    await world.db.hot.execute("UPDATE memberships SET role = 'admin' WHERE user_id = $1", world.people["nora"].id)
    answer = await post(http, csrf, f"{PAGE}/channels/room/enable")
    assert answer.status_code == 404
    assert "There is no channel" in answer.text


async def test_a_disabled_channel_is_shown_with_its_reason_and_without_its_url_and_used_again(
    http: httpx.AsyncClient, world: World
) -> None:
    csrf = await sign_in(http, world, Role.ADMIN)
    source = CONFIG.format(project="support") + "channels: {room: {url: 'json://secret.example/token'}}"
    async with world.db.transaction() as tx:
        await configuration.apply(tx, source, actor=OPERATOR)
    digest = notifications.digest_of(Channel("room", "json://secret.example/token"))
    await world.db.hot.execute(
        "INSERT INTO channel_states (project_id, name, url_sha256, failures, disabled_at, reason)"
        " VALUES ($1, 'room', $2, 20, now(), 'the receiver answered 500')",
        world.service.project_id,
        digest,
    )
    page = (await http.get(PAGE, headers=HTML)).text
    assert "the receiver answered 500" in page
    assert "secret.example" not in page
    answer = await post(http, csrf, f"{PAGE}/channels/room/enable")
    assert answer.headers["location"] == f"{PAGE}?done=enabled"
    assert await world.count("channel_states") == 0
    assert await world.count("audit_entries", action="channel.changed") == 1
    assert "works" in (await http.get(PAGE, headers=HTML)).text


async def escalated(world: World) -> str:
    item = (await world.submit(external_id="<b>m1</b>\u202e")).item
    await world.db.hot.execute("UPDATE cases SET escalation_level = 1 WHERE item_id = $1", item.id)
    return f"/p/support/items/{item.id}"


async def acknowledged(world: World) -> Any:
    return await world.db.hot.fetchval(
        "SELECT acknowledged_by FROM cases WHERE project_id = $1", world.service.project_id
    )


async def test_opening_the_link_of_a_mail_changes_nothing_and_the_button_acknowledges(
    http: httpx.AsyncClient, world: World
) -> None:
    here = await escalated(world)
    strange = await http.get(f"{here}/acknowledge", headers=HTML)
    assert (strange.status_code, strange.headers["location"][:9]) == (303, "/sign-in?")
    csrf = await sign_in(http, world)
    page = await http.get(f"{here}/acknowledge", headers=HTML)
    assert page.status_code == 200
    assert "&lt;b&gt;m1&lt;/b&gt;" in page.text
    assert "<b>m1" not in page.text
    assert "\u202e" not in page.text
    assert f'action="{here}/acknowledge"' in page.text
    assert await acknowledged(world) is None
    assert (await post(http, "wrong", f"{here}/acknowledge")).status_code == 403
    assert await acknowledged(world) is None
    answer = await post(http, csrf, f"{here}/acknowledge")
    assert answer.status_code == 303
    assert await acknowledged(world) == "nora@example.com"


async def test_what_was_not_escalated_and_what_is_not_theirs(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    item = (await world.submit()).item
    page = await http.get(f"/p/support/items/{item.id}/acknowledge", headers=HTML)
    assert "has not been escalated" in page.text
    other = (await world.submit(tags=["vip"])).item
    for item_id in (other.id, unknown_id()):
        assert (await http.get(f"/p/support/items/{item_id}/acknowledge", headers=HTML)).status_code == 404
