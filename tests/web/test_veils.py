"""What is sensitive is veiled on the page of its item, and in no list at all, whoever reads it."""

import re

import httpx
import pytest

from review.audit.rules import OPERATOR
from review.configuration import service as configuration
from review.configuration.document import parse
from review.configuration.rules import compile_config
from review.identity.preferences import Preferences
from review.identity.rules import Role
from review.kernel.resources import static_dir, templates_dir
from review.web import content
from review.web.pages import specimen_kinds, veils, words
from review.web.pages.environment import build_environment
from review.web.pages.veils import Veil
from tests.make import CONFIG, World
from tests.web.test_pages import HTML, sign_in, token

SECRET = "a word that wounds"
TURNED = CONFIG.format(project="support").replace("    reasons:", "    sensitive: KIND\n    reasons:")


async def mark(world: World, covers: str, more: str = "") -> None:
    """Have the world's items be sensitive from now on."""
    async with world.db.transaction() as tx:
        await configuration.apply(tx, TURNED.replace("KIND", covers) + more, actor=OPERATOR)


async def read(http: httpx.AsyncClient, path: str) -> str:
    answer = await http.get(f"/p/support{path}", headers=HTML)
    assert answer.status_code == 200, answer.text
    return answer.text


async def post(http: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    answer = await http.post(path, data=fields | {"_csrf": await token(http)}, headers=HTML)
    assert answer.status_code == 303, answer.text
    return answer


@pytest.fixture
async def lead(http: httpx.AsyncClient, world: World) -> httpx.AsyncClient:
    await sign_in(http, world, role=Role.LEAD)
    return http


async def test_no_list_shows_what_is_sensitive(lead: httpx.AsyncClient, world: World) -> None:
    """Queue, due, what is put aside, the palette, similar items, the subject's earlier ones; marked afterwards too."""
    for place in range(3):
        await world.submit(text=SECRET, external_id=f"msg-{place}", subject="customer-1")
    held = (await world.claim("nora"))[0]
    await world.judge("nora", held, "correct", {"label": "refund"})
    shown = await read(lead, "/pools/triage")
    assert SECRET in shown
    await mark(world, "text")
    for path in ("", "/pools/triage", "/due?within=168", "/find?q=msg", "/find?q=customer"):
        page = await read(lead, path)
        assert SECRET not in page, path
    assert "not shown in lists" in await read(lead, "/pools/triage")
    last = (await world.claim("nora"))[0]
    beside = await lead.get(f"/p/support/items/{last.item.id}/beside", headers=HTML | {"hx-request": "true"})
    assert SECRET not in beside.text
    assert "Refund" not in beside.text
    assert "refund" not in beside.text


async def test_the_page_of_a_sensitive_item_is_veiled_until_it_is_asked_for(
    lead: httpx.AsyncClient, world: World
) -> None:
    """The box stands outside the form and unchecked; whatever says what the item says wears the veil."""
    await mark(world, "all")
    await world.submit(text=SECRET, explanation=SECRET, alternatives=[{"output": {"label": "refund"}}])
    held = (await world.claim("nora"))[0]
    for path in (f"/assignments/{held.id}", f"/items/{held.item.id}"):
        page = await read(lead, path)
        assert re.search(r'<main[^>]*class="[^"]* veils blurs greys veils-words"', page)
        (box,) = re.findall(r'<input type="checkbox" id="veil"[^>]*>', page)
        assert "checked" not in box.replace("checkbox", "")
        form = page.find('id="judge"')
        assert form < 0 or page.index('id="veil"') < form
        for before in page.split(SECRET)[:-1]:
            assert before.rfind("veiled") > before.rfind("</div>"), before[-300:]
    assert await world.count("exposures") == 1


async def test_what_somebody_chose_counts_more_than_the_project(lead: httpx.AsyncClient, world: World) -> None:
    await mark(world, "media", "veil: {blur: false}\n")
    await world.submit(text=SECRET)
    held = (await world.claim("nora"))[0]
    assert 'class="desk veils greys"' in await read(lead, f"/assignments/{held.id}")
    chosen = {"blur": "yes", "greyscale": "no", "mute": "no", "break_after": "50"}
    await post(lead, "/preferences", **chosen)
    assert 'class="desk veils blurs"' in await read(lead, f"/assignments/{held.id}")
    await post(lead, "/preferences", **chosen | {"blur": "no"})
    assert "veil" not in (await read(lead, f"/assignments/{held.id}")).replace("veil.js", "")


@pytest.mark.parametrize(
    ("covers", "over", "not_over"),
    [
        ("text", "chat pair extraction", "image video"),
        ("media", "image pdf pair", "text json"),
        ("all", "text image", ""),
    ],
)
def test_a_veil_lies_over_what_it_names_and_over_what_it_does_not_know(covers: str, over: str, not_over: str) -> None:
    veil = Veil(covers=covers, is_blurred=True, is_grey=True, is_muted=True)
    assert all(veil.is_over(kind) for kind in over.split())
    assert not any(veil.is_over(kind) for kind in not_over.split())


def test_a_type_that_is_gone_is_not_shown_in_lists() -> None:
    config = compile_config(parse(CONFIG.format(project="support")))
    assert veils.brief(config, "ticket_intent", "hello") == "hello"
    assert veils.brief(config, "long_gone", "hello") == veils.unshown()


def test_players_start_without_sound_and_what_only_looks_like_one_is_left() -> None:
    environment = build_environment(templates_dir(), static_dir())
    piece_of = environment.get_template("components/veil.html").module.piece_of  # type: ignore[attr-defined]  # Jinja types no macro
    pieces = [*specimen_kinds.players()[:2], *content.blocks("input", {"x": "<audio controls"}, {})]
    for is_muted in (True, False):
        veil = Veil(covers="all", is_blurred=True, is_grey=True, is_muted=is_muted)
        made = "".join(piece_of(piece, veil) for piece in pieces)
        started = "<{} muted controls" if is_muted else "<{} controls"
        assert all(started.format(name) in made for name in ("audio", "video"))
        assert "&lt;audio controls" in made


def test_the_item_types_own_version_counts_where_the_configuration_has_lost_it() -> None:
    words.write_for(Preferences())
    config = compile_config(parse(CONFIG.format(project="support")))
    old = compile_config(parse(TURNED.replace("KIND", "text"))).item_types["ticket_intent"]
    assert veils.veil_of(config, old) is None
    gone = compile_config(parse(CONFIG.format(project="support").replace("ticket_intent:", "other:")))
    found = veils.veil_of(gone, old)
    assert found is not None
    assert found.is_of_text


async def test_home_and_queue_say_calmly_what_rests_and_leads_see_who_saw_how_much(
    lead: httpx.AsyncClient, world: World
) -> None:
    """Opening an item by its address counts as well."""
    await mark(world, "text", "exposure: {per_hour: 2}\n")
    items = [(await world.submit(text=SECRET, external_id=f"msg-{place}")).item for place in range(3)]
    for item in items[:2]:
        assert "for now" not in await read(lead, "")
        await read(lead, f"/items/{item.id}")
    for path in ("", "/pools/triage"):
        page = await read(lead, path)
        assert "You have been shown 2 of these in an hour, which is enough for now: Ticket intent." in await read(
            lead, path
        )
    answer = await post(lead, "/p/support/pools/triage/next")
    assert answer.headers["location"] == "/p/support/pools/triage", "nothing else is there to claim"
    page = await read(lead, "/reviewers")
    assert "Sensitive items shown" in page
    row = page[page.index("nora@example.com") :]
    assert "Ticket intent" in row
    assert "from <time" in row
