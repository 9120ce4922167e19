"""Promise 22, issue 4 point 4: whoever is still to judge hears no earlier answer, by whatever way."""

from typing import Any

import httpx
import pytest

from review.escalation import clocks
from review.escalation import service as escalation
from review.escalation.clocks import Watch
from review.identity.rules import Role
from review.kernel.settings import Settings
from tests import limited
from tests.audit.logs import advance
from tests.delivery.feed.relaying import relay
from tests.limited import build, refund, skip, take
from tests.make import BASE_URL, PASSWORD, World
from tests.web.test_pages import token

SECRET = "surely a refund"


async def test_a_reviewer_learns_what_others_said_only_when_all_are_in(http: httpx.AsyncClient, world: World) -> None:
    item_id = (await world.submit(tags=["panel"])).item.id
    (first,) = await world.claim("ana")
    (second,) = await world.claim("ben")
    await world.judge("ana", first, "correct", {"label": "refund"}, comment=SECRET)

    async def told(name: str) -> list[str]:
        headers = {"Authorization": f"Bearer {world.tokens[name]}"}
        answer = await http.get(f"/api/v1/items/{item_id}/history", headers=headers)
        return [entry["actor"] for entry in answer.json()["data"] if entry["action"] == "review.submitted"]

    assert await told("ben") == []
    assert await told("ana") == ["ana@example.com"]
    assert await told("lea") == ["ana@example.com"]
    await world.judge("ben", second, "correct", {"label": "refund"})
    assert await told("ben") == ["ana@example.com", "ben@example.com"]


async def test_a_lead_on_the_panel_is_as_blind_as_the_others(http: httpx.AsyncClient, world: World) -> None:
    item_id = (await world.submit(tags=["panel"])).item.id
    (first,) = await world.claim("ana")
    await world.judge("ana", first, "correct", {"label": "refund"}, comment=SECRET)
    headers = {"Authorization": f"Bearer {world.tokens['lea']}"}
    (second,) = await world.claim("lea")
    held = await http.get(f"/api/v1/items/{item_id}/history", headers=headers)
    assert SECRET not in held.text
    await world.judge("lea", second, "reject")
    judged = await http.get(f"/api/v1/items/{item_id}/history", headers=headers)
    assert SECRET in judged.text


async def everything(http: httpx.AsyncClient, world: World, name: str, item_id: object, assignment_id: object) -> str:
    """Read whatever the API and the pages show somebody of an item, by every way there is."""
    headers = {"Authorization": f"Bearer {world.tokens[name]}"}
    project = f"/p/{world.project}"
    read: list[str] = []
    for path in (
        *(f"items/{item_id}", f"items/{item_id}/history", f"items/{item_id}/clock", f"items/{item_id}/override"),
        *("items", "events?after=0", "feedback", "stops", "reviewers", "config"),
    ):
        answer = await http.get(f"/api/v1/{path}", headers=headers)
        assert answer.status_code in {200, 403, 404}, path
        read.append(answer.text)
    await http.post("/sign-in", data={"email": f"{name}@example.com", "password": PASSWORD})
    assert await token(http)
    for path in (
        *("", "/due", "/clocks", "/notifications", "/pools/any", "/reviewers", "/stops"),
        *(f"/items/{item_id}", f"/assignments/{assignment_id}"),
    ):
        page = await http.get(project + path, headers={"Accept": "text/html"})
        assert page.status_code in {200, 403, 404}, path
        read.append(page.text)
    return "\n".join(read)


@pytest.mark.parametrize("name", ["dan", "lea"])
async def test_no_way_leads_from_one_who_is_to_judge_to_what_others_said(
    http: httpx.AsyncClient, settings: Settings, name: str
) -> None:
    """Reviews, comments, mentions, and the words of skips, escalations, pauses and proposed overrides."""
    database = http._transport.app.state.services.db  # type: ignore[attr-defined]  # the application's own
    world = await build(database, settings)
    await _give_password(world, name)
    item = (await refund(world, tags=["timed", "panel"], metadata={})).item
    await world.db.hot.execute("UPDATE cases SET reviews_required = 3 WHERE item_id = $1", item.id)
    await world.db.hot.execute(
        "INSERT INTO assignments (project_id, id, case_id, item_id, kind, pool, priority, due_at, state)"
        " SELECT project_id, gen_random_uuid(), case_id, item_id, kind, pool, priority, due_at, state FROM assignments,"
        " generate_series(1, 2) WHERE item_id = $1",
        item.id,
    )
    ana = await take(world, "ana")
    await world.judge("ana", ana, "correct", {"amount": 31}, comment=f"{SECRET} comment @{name} @lea")
    await skip(world, "ben", await take(world, "ben"), f"{SECRET} skip @{name}")
    cleo = await take(world, "cleo")
    key: dict[str, Any] = {"who": world.people["cleo"], "item_id": item.id}
    watch = Watch(world.configs, BASE_URL)
    async with world.db.transaction() as tx:
        await clocks.pause(tx, watch, **key, reason=f"{SECRET} pause, as ana says")
    async with world.db.transaction() as tx:
        await clocks.resume(tx, watch, **key)
    async with world.db.transaction() as tx:
        await clocks.pause(tx, watch, **key, reason=f"{SECRET} second pause")
    async with world.db.transaction() as tx:
        held: dict[str, Any] = {"who": world.people["cleo"], "assignment_id": cleo.id, "fence": cleo.fence}
        await escalation.escalate(tx, world.configs, **held, reason=f"{SECRET} escalation @{name}")
    mine = await take(world, name)
    await relay(world)
    shown = await everything(http, world, name, item.id, mine.id)
    assert "ana@example.com" in shown, "that others had it is no secret"
    assert ("item.returned" in shown) == (name == "lea"), "only a lead reads events, and those are among them"
    assert "What the model said" in shown, "the review page was among what was read"
    around = [shown[max(0, at - 200) : at + 60] for at in range(len(shown)) if shown.startswith(SECRET, at)]
    assert not around, around[0]
    await world.judge(name, mine, "correct", {"amount": 31})
    lead = {"Authorization": f"Bearer {world.tokens['max']}"}
    told = (await http.get(f"/api/v1/items/{item.id}/history", headers=lead)).text
    for kind in ("comment", "skip", "pause", "escalation"):
        assert f"{SECRET} {kind}" in told, "who has not to judge it can read it"


@pytest.mark.parametrize(("kind", "sees"), [("refund", False), ("note", True)])
async def test_an_adjudicator_sees_earlier_answers_only_where_the_item_type_says_so(
    http: httpx.AsyncClient, settings: Settings, kind: str, sees: bool
) -> None:
    database = http._transport.app.state.services.db  # type: ignore[attr-defined]  # the application below
    world = await build(database, settings)
    item = (await limited.send(world, kind, {"amount": 1}, tags=["panel"])).item
    await world.judge("ana", await take(world, "ana"), "approve", comment=SECRET)
    await world.judge("ben", await take(world, "ben"), "reject")
    for name in ("sam", "lea"):
        await _give_password(world, name)
        held = await take(world, name, "seniors")
        assert held.kind == "adjudication"
        assert (held.answers is not None) == sees
        shown = await everything(http, world, name, item.id, held.id)
        assert (SECRET in shown) == sees
        await world.db.hot.execute(
            "UPDATE assignments SET state = 'open', holder_id = NULL, lease_until = NULL WHERE id = $1", held.id
        )
        await world.db.hot.execute("DELETE FROM case_reviewers WHERE assignment_id = $1", held.id)
        await http.post("/sign-out", data={"_csrf": await token(http)})


async def test_where_one_judges_alone_a_reason_to_escalate_reaches_the_next(
    http: httpx.AsyncClient, world: World
) -> None:
    item = (await world.submit()).item
    (held,) = await world.claim("ana")
    async with world.db.transaction() as tx:
        key: dict[str, Any] = {"who": world.people["ana"], "assignment_id": held.id, "fence": held.fence}
        await escalation.escalate(tx, world.configs, **key, reason="needs somebody who reads Greek")
    await world.claim("ben")
    headers = {"Authorization": f"Bearer {world.tokens['ben']}"}
    answer = await http.get(f"/api/v1/items/{item.id}/history", headers=headers)
    assert "needs somebody who reads Greek" in answer.text


async def _give_password(world: World, name: str) -> None:
    from review.identity import passwords  # noqa: PLC0415  argon2 takes its time to load

    hashed = passwords.hash_password(PASSWORD)
    await world.db.hot.execute("UPDATE users SET password_hash = $1 WHERE email = $2", hashed, f"{name}@example.com")


async def test_the_audit_keeps_from_an_admin_on_the_panel_what_others_said(
    http: httpx.AsyncClient, world: World
) -> None:
    item_id = (await world.submit(tags=["panel"])).item.id
    (first,) = await world.claim("ana")
    await world.judge("ana", first, "correct", {"label": "refund"}, comment=SECRET)
    await world.add_person("adi", Role.ADMIN, password=PASSWORD)
    await advance(world)
    headers = {"Authorization": f"Bearer {world.tokens['adi']}"}
    await http.post("/sign-in", data={"email": "adi@example.com", "password": PASSWORD})
    ways = ["/api/v1/audit", "/api/v1/audit?text=surely", "/api/v1/audit/export", f"/api/v1/items/{item_id}/proof"]
    ways += [f"/p/{world.project}/audit", f"/p/{world.project}/audit/export"]

    async def told() -> list[tuple[int, bool]]:
        answers = [await http.get(way, headers=headers) for way in ways]
        return [(each.status_code, SECRET in each.text) for each in answers]

    assert await told() == [(200, True)] * 6, "who has nothing in hand reads all of it"
    (second,) = await world.claim("adi")
    assert await told() == [(200, False), (200, False), (403, False), (403, False), (200, False), (403, False)]
    listed = (await http.get("/api/v1/audit?action=review.submitted", headers=headers)).json()["data"]
    assert [each["actor"]["name"] for each in listed] == ["ana@example.com"], "that others had it is no secret"
    await world.judge("adi", second, "reject")
    assert await told() == [(200, True)] * 6
