"""Promise 19: a safe stop of a project, source, item type, model or rule, in two ways, for as long as one says."""

import httpx
import pytest

from review.identity import keys
from review.identity.rules import Principal
from tests.intake.test_stops import SURE, post
from tests.make import World, submission

MODEL = {"name": "intent-clf", "version": "7"}
STOPPED = SURE | {"model": MODEL}


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("project", "support"),
        ("source", "-"),
        ("item_type", "ticket_intent"),
        ("model", "intent-clf"),
        ("model", "intent-clf@7"),
        ("rule", "rest"),
    ],
)
async def test_each_subject_is_stopped_and_resumed_by_one_call(
    http: httpx.AsyncClient, world: World, kind: str, subject: str
) -> None:
    lead = world.tokens["lea"]
    subject = {"source": str(world.service.id), "project": world.project}.get(kind, subject)
    stopped = await post(http, "stops", lead, {"kind": kind, "subject": subject, "reason": "wild", "expires_in": "1h"})
    assert (stopped.status_code, stopped.json()["way"]) == (200, "approvals"), stopped.text
    held = await post(http, "items", world.service_key, STOPPED)
    assert held.json()["status"] == "queued"
    assert held.json()["route"]["evaluations"][-1] == {"rule": "rest", "matched": True, "stopped": True}
    refused = await post(http, "items", world.service_key, submission(tags=["blocked"], model=MODEL))
    assert refused.json()["decision"]["verdict"] == "reject"
    if kind == "model":
        other = SURE | {"model": {"name": "intent-clf-2", "version": "7"}}
        assert (await post(http, "items", world.service_key, other)).json()["status"] == "decided"
    resumed = await post(http, f"stops/{stopped.json()['id']}/resume", lead, {"reason": "mended"})
    assert resumed.json()["resumed_by"] == "lea@example.com"
    assert (await post(http, "items", world.service_key, STOPPED)).json()["status"] == "decided"
    again = await post(http, f"stops/{stopped.json()['id']}/resume", lead, {"reason": "mended"})
    assert (again.status_code, again.json()["code"]) == (409, "not_stopped")


async def test_the_way_everything_keeps_rules_from_rejecting_too(http: httpx.AsyncClient, world: World) -> None:
    lead, wish = world.tokens["lea"], {"kind": "project", "subject": world.project, "reason": "all of it"}
    first = await post(http, "stops", lead, wish)
    stricter = await post(http, "stops", lead, wish | {"way": "everything"})
    assert stricter.json()["id"] != first.json()["id"]
    weaker = await post(http, "stops", lead, wish | {"expires_in": "1m"})
    assert weaker.json()["id"] == stricter.json()["id"], "a second call never weakens what stands"
    held = await post(http, "items", world.service_key, submission(tags=["blocked"]))
    assert held.json()["status"] == "queued"
    who: Principal = await keys.authenticate_key(world.db.hot, world.service_key)
    assert who.stops == (f"everything/project:{world.project}",)
    assert await world.count("stops") == 2


async def test_a_stop_ends_by_itself_and_another_may_stand(http: httpx.AsyncClient, world: World) -> None:
    lead, wish = world.tokens["lea"], {"kind": "rule", "subject": "rest", "reason": "wild", "expires_in": "1h"}
    first = (await post(http, "stops", lead, wish)).json()
    longer = (await post(http, "stops", lead, wish | {"expires_in": "2h"})).json()
    assert longer["expires_at"] > first["expires_at"]
    await world.db.hot.execute("UPDATE stops SET expires_at = now() - interval '1 second' WHERE resumed_at IS NULL")
    assert (await post(http, "items", world.service_key, SURE)).json()["status"] == "decided"
    answer = await post(http, f"stops/{longer['id']}/resume", lead, {"reason": "late"})
    assert answer.json()["code"] == "not_stopped"
    heading = {"Authorization": f"Bearer {lead}"}
    assert (await http.get("/api/v1/stops", headers=heading)).json()["data"] == []
    past = (await http.get("/api/v1/stops?past=true", headers=heading)).json()["data"]
    assert [each["resumed_by"] for each in past if each["id"] == longer["id"]] == [None]
    anew = (await post(http, "stops", lead, wish)).json()
    assert anew["id"] not in {first["id"], longer["id"]}
    assert (await post(http, "items", world.service_key, SURE)).json()["status"] == "queued"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"kind": "rule", "subject": "none"}, "source_not_found"),
        ({"kind": "project", "subject": "elsewhere"}, "source_not_found"),
        ({"kind": "model", "subject": "a\0b"}, None),
        ({"kind": "everything"}, None),
        ({"way": "nothing"}, None),
        ({"expires_in": "soon"}, "invalid"),
        ({"expires_in": "99999d"}, "invalid"),
    ],
)
async def test_what_cannot_be_stopped_is_refused(
    http: httpx.AsyncClient, world: World, change: dict[str, str], code: str | None
) -> None:
    wish = {"kind": "rule", "subject": "rest", "reason": "wild"} | change
    answer = await post(http, "stops", world.tokens["lea"], wish)
    assert answer.status_code in {400, 404, 422}, answer.text
    assert code is None or answer.json()["code"] == code
    assert await world.count("stops") == 0
