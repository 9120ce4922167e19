"""Promise 25: pages of large items begin with a part, the rest comes when asked, and nothing in it acts."""

import re
from typing import Any

import httpx
import pytest

from review.identity.rules import Role
from tests import kinds
from tests.browser.hostile import DATA_URIS, LONG, SHORT
from tests.make import PASSWORD, World

MOST_BYTES_OF_A_PAGE = 600_000
HTMX = {"accept": "text/html", "hx-request": "true"}


async def enter(http: httpx.AsyncClient, world: World, name: str = "mia", role: str = Role.LEAD) -> None:
    await world.add_person(name, role, password=PASSWORD)
    answer = await http.post("/sign-in", data={"email": f"{name}@example.com", "password": PASSWORD})
    assert answer.status_code == 303


async def page_of(http: httpx.AsyncClient, world: World, name: str, **more: Any) -> tuple[str, str]:
    """Submit an item of a type, and give its address and its page."""
    item_id = (await world.submit(type=name, **more)).item.id
    address = f"/p/support/items/{item_id}"
    shown = await http.get(address, headers={"accept": "text/html"})
    assert shown.status_code == 200
    return address, shown.text


def rest_of(page: str) -> tuple[str, str]:
    """Give where the first link to more leads, and what it says."""
    found = re.search(r'<p class="more"><a class="button" href="([^"]+)"[^>]*>([^<]+)<', page)
    assert found
    return found[1].replace("&amp;", "&"), found[2]


LARGE: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "five megabytes of text": ({"letter": "0123456789abcde\n" * 312_500}, {}, "Show all (5.0 MB)"),
    "a thousand turns": (
        {"talk": [{"role": "user", "content": f"turn {at}."} for at in range(1_000)]},
        {},
        "Show 900 earlier turns",
    ),
    "a thousand rows": ({"rows": [{"at": at} for at in range(1_000)]}, {}, "Show 800 more rows"),
}


@pytest.mark.parametrize("name", LARGE)
async def test_a_page_begins_with_a_part_and_leads_to_the_rest(
    http: httpx.AsyncClient, world: World, name: str
) -> None:
    given, output, said = LARGE[name]
    await kinds.configure(world)
    await enter(http, world)
    _, page = await page_of(http, world, "mixture", input=given, output=output)
    assert len(page.encode()) < MOST_BYTES_OF_A_PAGE
    address, told = rest_of(page)
    assert told == said
    whole = await http.get(address, headers={"accept": "text/html"})
    alone = await http.get(address, headers=HTMX)
    assert "<html" in whole.text
    assert "<html" not in alone.text
    assert "content.css" in whole.text
    assert 'class="block"' in alone.text


async def test_part_by_part_every_character_of_a_text_arrives_once(http: httpx.AsyncClient, world: World) -> None:
    text = "".join(f"line {at:06}\n" for at in range(100_000))
    await kinds.configure(world)
    await enter(http, world)
    _, page = await page_of(http, world, "mixture", input={"letter": text}, output={})
    seen, parts = re.findall(r"line (\d{6})\n", page), 0
    while 'class="more"' in page:
        page = (await http.get(rest_of(page)[0], headers=HTMX)).text
        seen += re.findall(r"line (\d{6})(?=\n|</div>)", page)
        parts += 1
    assert parts == 3
    assert len(set(seen)) == len(seen)
    assert len(seen) >= 100_000 - 2 * parts, "a line may be cut where one part ends"


async def test_two_hundred_fields_are_all_on_the_page(http: httpx.AsyncClient, world: World) -> None:
    await kinds.configure(world)
    await enter(http, world)
    _, page = await page_of(
        http, world, "mixture", input={}, output={"fields": {f"field-{at}": at for at in range(200)}}
    )
    assert page.count('data-for="/fields/field-') == 200
    assert len(page.encode()) < MOST_BYTES_OF_A_PAGE


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 200),
        ({"at": "/input/letter", "from": "5"}, 200),
        ({"at": "/output", "as": "json"}, 200),
        ({"at": "/input/letter", "from": "99999"}, 404),
        ({"at": "/input/nowhere"}, 404),
        ({"at": "/signals"}, 404),
        ({"at": ""}, 404),
        ({"at": SHORT[0]}, 404),
        ({"at": "/input/~2/~"}, 404),
        ({"at": "/input/talk/99999999999999999999"}, 404),
        ({"at": "/input/talk", "as": "chat", "from": "0"}, 404),
        ({"at": "/input/rows", "as": "table", "from": "9007199254740992"}, 404),
        ({"at": "/input", "from": "-1"}, 400),
        ({"at": "/input", "from": "x"}, 400),
        ({"at": "/input", "from": "1e9999"}, 400),
        ({"at": "/input", "as": "<script>"}, 400),
    ],
)
async def test_a_part_is_what_the_item_has_there_or_a_refusal(
    http: httpx.AsyncClient, world: World, query: dict[str, str], status: int
) -> None:
    await kinds.configure(world)
    await enter(http, world)
    address, _ = await page_of(http, world, "mixture", **kinds.ITEMS["mixture"])
    for headers in ({"accept": "text/html"}, HTMX):
        answer = await http.get(f"{address}/part", params=query, headers=headers)
        assert answer.status_code == status
        assert SHORT[0] not in answer.text


async def test_parts_and_files_are_there_for_those_who_may_see_the_item(http: httpx.AsyncClient, world: World) -> None:
    """Promise 6: neither another pool's reviewer nor another project sees any of it."""
    await kinds.configure(world)
    item_id = (await world.submit(type="receipt", tags=["vip"], **kinds.ITEMS["receipt"])).item.id
    await enter(http, world)
    page = (await http.get(f"/p/support/items/{item_id}")).text
    picture = re.search(rf'src="(/p/support/items/{item_id}/media/\w+)"', page)
    assert picture
    part = f"/p/support/items/{item_id}/part"
    assert [(await http.get(at)).status_code for at in (picture[1], part)] == [200, 200]
    assert (await http.get(picture[1].replace("/support/", "/elsewhere/"))).status_code in {403, 404}
    await enter(http, world, "zoe", Role.REVIEWER)
    assert [(await http.get(at)).status_code for at in (f"/p/support/items/{item_id}", picture[1], part)] == [404] * 3


async def test_without_script_marks_are_drawn_and_listed_and_nothing_offers_what_only_script_does(
    http: httpx.AsyncClient, world: World
) -> None:
    await kinds.configure(world)
    await enter(http, world)
    _, page = await page_of(http, world, "mixture", **kinds.ITEMS["mixture"])
    assert re.search(r'<mark class="tone-\d" data-mark="s0-1"[^>]*title="name">Müller</mark>', page)
    assert '<polygon class="tone-1" points="83.3,125 500,125 500,375 83.3,375" data-mark="b0-0" />' in page
    assert page.count("data-mark=") >= 2 * 3
    assert re.search(r'class="tools"[^>]*aria-label="Size of the picture" data-waits', page)
    assert re.search(r'class="tools labels"[^>]* data-waits', page)
    assert page.count("data-pick=") == len(re.findall(r'data-pick="\d" hidden', page)) == 2


async def test_hostile_values_in_every_place_of_the_new_kinds_are_text(http: httpx.AsyncClient, world: World) -> None:
    """Promise 6: AI output never runs in a browser."""
    await kinds.configure(world)
    await enter(http, world)
    _, page = await page_of(
        http,
        world,
        "mixture",
        input={
            "letter": LONG,
            "photo": kinds.ITEMS["receipt"]["input"]["photo"],
            "talk": [{"role": each, "name": each, "at": each, "content": [{"text": each}]} for each in SHORT],
            "rows": [{each: each} for each in SHORT],
            "edit": [LONG, LONG[::-1]],
        },
        output={
            "spans": [{"start": at, "end": at + 5, "label": each} for at, each in enumerate(SHORT)],
            "boxes": [{"x": 0, "y": 0, "width": 1, "height": 1, "label": each} for each in SHORT],
            "fields": {each: {each: each} for each in SHORT},
            "pair": [LONG, SHORT[0]],
        },
    )
    for each in SHORT:
        assert "<" not in each or each not in page.replace("&quot;", '"'), each
    addresses = re.findall(r'<(?:img|audio|video|iframe|embed|object|link|script|a)\b[^>]*(?:src|href)="([^"]*)"', page)
    assert addresses
    assert all(address.startswith(("/", "#")) for address in addresses), addresses


@pytest.mark.parametrize("address", DATA_URIS)
@pytest.mark.parametrize("kind", ["call", "film", "contract"])
async def test_what_claims_to_be_a_file_and_is_none_is_never_sent(
    http: httpx.AsyncClient, world: World, kind: str, address: str
) -> None:
    await kinds.configure(world)
    await enter(http, world)
    at, page = await page_of(http, world, "recording", input={kind: address}, output={"intent": "order"})
    sources = re.findall(rf'src="({at}/media/\w+)"', page)
    assert "evil.example/pixel" not in "".join(re.findall(r'(?:src|href)="[^"]*"', page))
    for source in sources:
        answer = await http.get(source)
        assert (answer.status_code, answer.json()["code"]) == (502, "media_unusable")
