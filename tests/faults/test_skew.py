"""Promise 12: processes whose clocks are ten minutes off, each in its own direction, change nothing that counts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.faults.processes import running
from tests.faults.serving import bearer
from tests.faults.test_downtime import BRISK
from tests.make import World, submission

TEN_MINUTES = 600.0
TOLERANCE = timedelta(seconds=2)  # what passes between two statements on a busy machine


async def test_leases_and_clocks_go_by_the_database(world: World) -> None:
    brisk = await World.build(world.db, world.settings, "brisk", BRISK.format(project="brisk"))
    async with (
        running(world.settings, "web", "--port", "0", skew_seconds=TEN_MINUTES) as web,
        running(world.settings, "worker", skew_seconds=-TEN_MINUTES),
        httpx.AsyncClient(base_url=await web.listening(), timeout=30) as http,
    ):
        held = await _submit_and_hold(http, world)
        at = await world.db.hot.fetchval("SELECT now()")
        assert abs(_instant(held["lease_expires_at"]) - at - timedelta(minutes=10)) < TOLERANCE
        assert abs(_instant(held["item"]["sla"]["due_at"]) - at - timedelta(hours=4)) < TOLERANCE
        assert held["item"]["sla"]["state"] == "on_track"

        answer = await http.post("/api/v1/items?wait=60", json=submission("soon over"), **bearer(brisk.service_key))
        decision = answer.json()["decision"]
        assert (decision["source"], decision["verdict"]) == ("timeout", "reject")
        assert _instant(decision["decided_at"]) - _instant(answer.json()["created_at"]) >= timedelta(seconds=4)

        path = f"/api/v1/assignments/{held['id']}/review"
        done = await http.post(path, json={"fence": held["fence"], "verdict": "approve"}, **bearer(world.tokens["ana"]))
        assert done.status_code == 200
    steps = await world.db.hot.fetch(
        "SELECT a.action, a.at - c.clock_started_at AS after"
        " FROM audit_entries a JOIN cases c USING (project_id, item_id)"
        " WHERE a.project_id = $1 AND a.actor_kind = 'timer' ORDER BY a.id",
        brisk.service.project_id,
    )
    seconds = {"case.warned": 1, "case.breached": 1, "escalation.step_taken": 2, "item.decided": 4}
    assert {row["action"] for row in steps} >= seconds.keys()
    for row in steps:
        assert row["after"] >= timedelta(seconds=seconds[row["action"]])
        assert row["after"] < timedelta(minutes=1)
    assert await world.db.hot.fetchval(
        "SELECT max(at) <= now() AND min(at) > now() - interval '5 min' FROM audit_entries WHERE item_id IS NOT NULL"
    )


async def _submit_and_hold(http: httpx.AsyncClient, world: World) -> dict[str, Any]:
    await http.post("/api/v1/items", json=submission(), **bearer(world.service_key))
    claimed = await http.post("/api/v1/pools/triage/claims", **bearer(world.tokens["ana"]))
    held: dict[str, Any] = claimed.json()["data"][0]
    return held


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
