"""The audit page: who may open it, what it shows, its filters in the address, and hostile names made harmless."""

from pathlib import Path

import httpx
import pytest

from review.audit import queries
from review.identity.rules import Role
from tests.audit.logs import advance, verify_export
from tests.make import PASSWORD, World


@pytest.fixture
async def signed_in(http: httpx.AsyncClient, world: World) -> httpx.AsyncClient:
    await world.add_person("max", Role.AUDITOR, password=PASSWORD)
    await http.post("/sign-in", data={"email": "max@example.com", "password": PASSWORD})
    return http


async def page(http: httpx.AsyncClient, query: str = "", status: int = 200) -> str:
    answer = await http.get(f"/p/support/audit{query}", headers={"Accept": "text/html"})
    assert answer.status_code == status, answer.text
    return answer.text


async def test_the_page_says_what_it_is_for_and_how_far_it_is_vouched_for(
    signed_in: httpx.AsyncClient, world: World
) -> None:
    text = await page(signed_in)
    assert "nothing can be changed, removed or put in unseen" in text
    assert "No checkpoint has been signed yet" in text
    assert "new, no place yet" in text
    await advance(world)
    text = await page(signed_in)
    count = await world.count("audit_entries")
    assert f"vouches for {count} entries" in text
    assert f"countersign/support/{world.service.project_id}" in text
    assert "no. 0" in text
    assert 'href="/p/support/audit" aria-current="page"' in text


async def test_filters_stand_in_the_address_and_in_the_form(signed_in: httpx.AsyncClient, world: World) -> None:
    await world.submit("one")
    (held,) = await world.claim("ana")
    text = await page(signed_in, "?actor=ana@example.com&action=assignment.claimed&text=triage")
    assert 'value="ana@example.com"' in text
    assert '<option value="assignment.claimed" selected>' in text
    assert text.count("<tr>") == 2
    assert f"/p/support/items/{held.item.id}" in text
    assert text.count("<tr>") == (await page(signed_in, f"?item={held.item.id}&actor=ana@example.com")).count("<tr>")
    assert "No entry matches." in await page(signed_in, "?actor=nobody")
    assert "No entry matches." in await page(signed_in, "?until=2001-01-01")
    assert "No entry matches." not in await page(signed_in, "?since=2001-01-01&until=9999-12-31")


async def test_what_cannot_be_asked_for_is_said_beside_its_field(signed_in: httpx.AsyncClient) -> None:
    text = await page(signed_in, "?item=7&since=yesterday", 422)
    assert 'id="item-error"' in text
    assert "is no day" in text
    assert 'value="yesterday"' in text
    assert "is no action" in await page(signed_in, "?action=nothing", 422)


async def test_older_entries_are_a_link_away(
    signed_in: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await advance(world)
    monkeypatch.setattr(queries, "MOST_LOOKED_THROUGH", 3)
    text = await page(signed_in, "?action=config.applied")
    assert "there are older ones" in text
    assert "/p/support/audit?action=config.applied&amp;cursor=" in text


async def test_names_and_particulars_do_nothing_in_the_browser(signed_in: httpx.AsyncClient, world: World) -> None:
    """Promise 25: an actor's name and what an act carried are shown as text, control characters made visible."""
    await world.db.hot.execute(
        "INSERT INTO audit_entries (project_id, id, actor_kind, actor_name, origin, action, details)"
        " VALUES ($1, gen_random_uuid(), 'key', $2, $2, 'key.created', $3::text::json)",
        world.service.project_id,
        '<script>alert(1)</script>\u202e"',
        '{"name": "<img src=x onerror=alert(1)>"}',
    )
    text = await page(signed_in)
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "\u202e" not in text


async def test_everything_can_be_downloaded(signed_in: httpx.AsyncClient, world: World, tmp_path: Path) -> None:
    await advance(world, tmp_path)
    answer = await signed_in.get("/p/support/audit/export")
    assert answer.headers["content-disposition"] == 'attachment; filename="audit-support.ndjson"'
    file = tmp_path / "log.ndjson"
    file.write_bytes(answer.content)
    assert verify_export(file, tmp_path).fault is None
