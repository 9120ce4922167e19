"""How somebody likes to work: kept, applied to every page, and refused in words where it cannot be."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.identity import preferences
from review.identity.preferences import DEFAULTS, Preferences
from review.web.pages.keymap import KEYS
from tests.make import World
from tests.web.test_pages import HTML, sign_in, token

CHOSEN = {
    "scheme": "dark",
    "density": "compact",
    "text_size": "125",
    "motion": "reduced",
    "zone": "Asia/Tokyo",
    "hours": "12",
    "break_after": "20",
    "single_keys": "on",
    "key-a": "y",
}


async def send(http: httpx.AsyncClient, path: str = "/preferences", **fields: str) -> httpx.Response:
    return await http.post(path, data={"_csrf": await token(http), **fields}, headers=HTML)


async def test_what_somebody_chose_is_on_every_page(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    assert (await send(http, **CHOSEN)).headers["location"] == "/preferences?done=kept"
    for path in ("/preferences", "/account", "/p/support"):
        html = (await http.get(path, headers=HTML)).text
        for said in ('data-scheme="dark"', 'data-density="compact"', 'data-text="125"', 'data-motion="reduced"'):
            assert said in html, (path, said)
        assert 'data-zone="Asia/Tokyo"' in html
        assert "{&#34;a&#34;: &#34;y&#34;}" in html
    account = (await http.get("/account", headers=HTML)).text
    assert "M JST</time>" in account, "12 hours, in Japan"
    stored = await world.db.hot.fetchval("SELECT preferences ->> 'break_after' FROM users WHERE email LIKE 'nora%'")
    assert stored == "20"


async def test_keys_go_back_and_the_rest_stays(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    await send(http, **CHOSEN)
    assert (await send(http, "/preferences/keys/reset")).headers["location"] == "/preferences?done=keys"
    html = (await http.get("/preferences?done=keys", headers=HTML)).text
    assert 'data-keys="{}"' in html
    assert 'data-scheme="dark"' in html


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"key-a": "r", "single_keys": "on"}, "R is already the key for: Approve what the model said."),
        ({"key-a": "1"}, "Choose one letter or sign; digits take choices"),
        ({"key-a": "?"}, "Choose one letter or sign"),
        ({"zone": "Middle/Earth"}, "This is no time zone."),
        ({"scheme": "plaid"}, "This is none of the choices."),
        ({"break_after": "9999"}, "This is none of the choices."),
        ({"text_size": "huge"}, "This is none of the choices."),
    ],
)
async def test_what_cannot_be_is_refused_beside_its_field(
    http: httpx.AsyncClient, world: World, fields: dict[str, str], said: str
) -> None:
    await sign_in(http, world)
    answer = await send(http, **fields)
    assert answer.status_code == 422
    assert said in answer.text
    assert "Nothing was kept" in answer.text
    assert await world.db.hot.fetchval("SELECT preferences::text FROM users WHERE email LIKE 'nora%'") == "{}"


async def test_two_keys_may_change_places(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    assert (await send(http, **{"key-a": "r", "key-r": "a", "single_keys": "on"})).status_code == 303
    assert 'value="R" maxlength="1"' in (await http.get("/preferences", headers=HTML)).text


async def test_times_are_told_in_the_zone_that_the_browser_named(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    assert " UTC</time>" in (await http.get("/account", headers=HTML)).text
    http.cookies.set("countersign-zone", "Asia/Tokyo")
    assert " JST</time>" in (await http.get("/account", headers=HTML)).text
    http.cookies.set("countersign-zone", "../../etc/passwd")
    assert " UTC</time>" in (await http.get("/account", headers=HTML)).text


def test_a_stored_field_that_is_no_longer_known_or_sound_is_left_out() -> None:
    stored = '{"scheme": "dark", "density": "airy", "hat": "red", "break_after": 20, "keys": {"a": "yy"}}'
    assert preferences.decode(stored) == Preferences(scheme="dark", break_after=20)
    assert preferences.decode("{}") is DEFAULTS


@given(st.dictionaries(st.sampled_from(list(KEYS)), st.text(max_size=2)))
def test_every_key_does_one_thing_or_the_choice_is_refused(chosen: dict[str, str]) -> None:
    own, faults = preferences.check_keys(chosen, KEYS)
    if not faults:
        pressed = [own.get(name, name) for name in KEYS]
        assert len(set(pressed)) == len(KEYS)
    assert all(len(key) == 1 and not key.isdigit() for key in own.values())
