"""Looking at a version before it is applied: the plan at once, and a backtest from its form to what it found."""

import re

import httpx

from review.identity.rules import Role
from review.rehearsal import running
from tests.make import OF_A_PAGE, PASSWORD, World
from tests.rehearsal.worlds import LOOSER, NOTHING, arrivals, propose

HTML = {"Accept": "text/html", **OF_A_PAGE}
RULES = "/p/support/rules"


async def _sign_in(http: httpx.AsyncClient, world: World, name: str, role: Role) -> None:
    await world.add_person(name, role, password=PASSWORD)
    answer = await http.post("/sign-in", data={"email": f"{name}@example.com", "password": PASSWORD})
    assert answer.status_code == 303


async def _read(http: httpx.AsyncClient, path: str, status: int = 200) -> str:
    answer = await http.get(path, headers=HTML)
    assert answer.status_code == status, answer.text
    return re.sub(r"\s+", " ", answer.text)


async def _send(http: httpx.AsyncClient, world: World, path: str, **fields: str) -> httpx.Response:
    csrf = await world.db.hot.fetchval("SELECT csrf_token FROM sessions ORDER BY created_at DESC LIMIT 1")
    return await http.post(path, data={"_csrf": csrf, **fields}, headers=HTML)


async def test_an_admin_looks_at_a_version_and_has_it_tried_on_everything(
    http: httpx.AsyncClient, world: World
) -> None:
    await arrivals(world)
    to = await propose(world, LOOSER)
    await _sign_in(http, world, "ada", Role.ADMIN)
    plan = await _read(http, f"{RULES}/plan/{to}?compare=1&minutes=3&cost=40")
    for told in (
        "3 of 7 items would go elsewhere",
        "66.7 % was wrong",
        "Rule panel matches nothing: of the 6 items that came as far as it",
        "3.0 minutes each are assumed",
        "0.0042 USD",
        "<title>triage → let through: 3</title>",
    ):
        assert told in plan, told
    begun = await _send(http, world, f"{RULES}/backtests", version=str(to), compare="1", days="3", minutes="3")
    assert begun.status_code == 303, begun.text
    there = begun.headers["location"]
    assert 'hx-trigger="load delay:1s"' in await _read(http, there)
    await running.advance(world.db, world.configs, NOTHING)
    done = await _read(http, there)
    assert "3 of 7 items would go elsewhere" in done
    assert "hx-trigger" not in done
    assert f"1 → {to}" in await _read(http, f"{RULES}/backtests")
    assert (await _send(http, world, f"{there}/stop")).status_code == 409
    refused = await http.get(f"{RULES}/plan/{to}?days=many&currency=money", headers=HTML)
    assert refused.status_code == 422
    await _read(http, f"{RULES}/plan/99", status=404)


async def test_an_analyst_reads_and_begins_nothing(http: httpx.AsyncClient, world: World) -> None:
    await _sign_in(http, world, "ann", Role.ANALYST)
    assert "There is none yet" in await _read(http, f"{RULES}/backtests")
    plan = await _read(http, f"{RULES}/plan/1")
    assert "No item came in this time" in plan
    assert f'action="{RULES}/backtests"' not in plan
    assert (await _send(http, world, f"{RULES}/backtests", version="1")).status_code == 403


async def test_programs_begin_follow_and_stop_a_backtest(http: httpx.AsyncClient, world: World) -> None:
    await arrivals(world)
    to = await propose(world, LOOSER)
    await world.add_person("ada", Role.ADMIN)
    bearer = {"Authorization": f"Bearer {world.tokens['ada']}"}
    body = {"from_version": 1, "to_version": to, "days": 7, "cost_per_hour": 30}
    begun = await http.post("/api/v1/backtests", json=body, headers=bearer)
    assert begun.status_code == 201, begun.text
    there = f"/api/v1/backtests/{begun.json()['id']}"
    stopped = await http.post(f"{there}/stop", headers=bearer)
    assert stopped.json()["state"] == "stopped"
    again = (await http.post("/api/v1/backtests", json=body, headers=bearer)).json()
    await running.advance(world.db, world.configs, NOTHING)
    done = (await http.get(f"/api/v1/backtests/{again['id']}", headers=bearer)).json()
    assert (done["state"], done["items_done"], done["result"]["moved"]) == ("done", 7, 3)
    page = (await http.get("/api/v1/backtests?limit=1", headers=bearer)).json()
    assert [each["id"] for each in page["data"]] == [again["id"]]
    rest = (await http.get(f"/api/v1/backtests?cursor={page['next']}", headers=bearer)).json()
    assert [each["state"] for each in rest["data"]] == ["stopped"]
    for wrong in ({"to_version": 0}, {"to_version": to, "days": 367}, {"to_version": to, "color": "red"}):
        assert (await http.post("/api/v1/backtests", json=wrong, headers=bearer)).status_code == 422
