"""Promise 19: versions are registered as they come, and wait until somebody clears them where a project asks so."""

import asyncio
from typing import Any

import httpx
import msgspec
import pytest

from review.audit import sequencing
from review.audit.rules import OPERATOR
from review.audit.sequencing import Keeper
from review.configuration import service as configuration
from review.identity import keys
from review.registry import noticing, queries
from review.registry import service as registry
from review.registry.rules import BEFORE
from review.registry.service import VersionView
from review.sla.ladders import Fallback, Step
from tests.escalation.ladders import climb, noted, pass_time, sweep
from tests.intake.test_stops import SURE, bearer, post
from tests.make import CONFIG, World, submission

SEEN = {"name": "intent-clf", "version": "7", "prompt_version": "p1"}
NEXT = SEEN | {"version": "8"}


async def notice(world: World) -> int:
    """What a worker does."""
    await sequencing.advance(Keeper.of(world.db, world.settings))
    return await noticing.follow(world.db)


async def ask(world: World, models: str = "{clear_new: true}") -> None:
    """Apply the configuration with this models section."""
    source = CONFIG.format(project=world.project) + f"models: {models}\n"
    async with world.db.transaction() as tx:
        await configuration.apply(tx, source, actor=OPERATOR)


async def send(http: httpx.AsyncClient, world: World, model: object) -> dict[str, Any]:
    answer = await post(http, "items", world.service_key, SURE | ({"model": model} if model else {}))
    assert answer.status_code == 201, answer.text
    sent: dict[str, Any] = answer.json()
    return sent


async def versions(world: World) -> dict[str, VersionView]:
    found = await registry.list_versions(world.db.hot, who=world.people["lea"])
    return {str(each.called): each for each in found}


async def test_versions_are_counted_once_each_however_often_and_by_whomever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In steps of two entries, by several at once, what came before the register was there too."""
    monkeypatch.setattr(queries, "STEP", 2)
    for model in (SEEN, SEEN, NEXT, {"name": "other"}):
        await world.submit(model=model)
    await world.submit()
    await sequencing.advance(Keeper.of(world.db, world.settings))
    await asyncio.gather(*(noticing.follow(world.db) for _ in range(3)))
    await notice(world)
    found = await versions(world)
    assert {name: (each.items, each.state) for name, each in found.items()} == {
        "intent-clf@7, prompt p1": (2, "seen"),
        "intent-clf@8, prompt p1": (1, "seen"),
        "other": (1, "seen"),
        "no model named": (1, "seen"),
    }
    first = found["intent-clf@7, prompt p1"]
    assert first.first_seen_at is not None
    assert first.last_seen_at is not None
    assert first.first_seen_at < first.last_seen_at
    assert await world.count("events", kind="model.seen") == 3, "that no model is named is no news"
    assert await world.count("audit_entries", action="model.seen") == 3
    assert await world.count("model_registers", position=(await size(world))) == 1


async def size(world: World) -> int:
    found: int = await world.db.hot.fetchval(
        "SELECT size FROM audit_logs WHERE project_id = $1", world.service.project_id
    )
    return found


async def test_of_what_was_stored_before_the_register_nobody_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MOST", 2)
    await world.submit(model=SEEN)
    await world.db.hot.execute(
        "INSERT INTO model_registers (project_id, told_from) VALUES ($1, now())", world.service.project_id
    )
    for version in ("8", "9"):
        await world.submit(model=SEEN | {"version": version})
        await notice(world)
    assert sorted(await versions(world)) == ["intent-clf@7, prompt p1", "intent-clf@8, prompt p1"], "a full one stays"
    told = await world.db.hot.fetch("SELECT payload ->> 'version' AS version FROM events WHERE kind = 'model.seen'")
    assert [row["version"] for row in told] == ["8"]


async def test_a_new_version_waits_until_it_is_cleared_and_again_once_that_is_taken_back(
    http: httpx.AsyncClient, world: World
) -> None:
    """From the next call on, and versions from before clearing was asked for go on as they did."""
    lead = world.tokens["lea"]
    assert (await send(http, world, SEEN))["status"] == "decided"
    assert (await send(http, world, None))["status"] == "decided"
    await ask(world)  # nothing has been noticed yet
    assert (await send(http, world, SEEN))["status"] == "decided"
    assert (await send(http, world, None))["status"] == "decided"
    held = await send(http, world, NEXT)
    assert (held["status"], held["route"]["rule"], held["route"]["pool"]) == ("queued", "rest", "triage")
    assert held["route"]["evaluations"][-1] == {"rule": "rest", "matched": True, "uncleared": True}
    blocked = await post(http, "items", world.service_key, submission(tags=["blocked"], model=NEXT))
    assert blocked.json()["status"] == "queued", "nor is anything rejected by rule"
    await notice(world)
    listed = (await http.get("/api/v1/models?name=intent-clf", headers=bearer(lead))).json()["data"]
    assert [(each["version"], each["state"], each["reason"], each["items"]) for each in listed] == [
        ("8", "waiting", "", 2),
        ("7", "cleared", BEFORE, 2),
    ]
    (told,) = await world.db.hot.fetch("SELECT payload::text AS said FROM events WHERE kind = 'model.seen'")
    assert msgspec.json.decode(told["said"])["waiting"] is True
    cleared = await post(http, "models/clear", lead, NEXT | {"reason": "its figures are good"})
    assert (cleared.status_code, cleared.json()["state"], cleared.json()["changed_by"]) == (
        200,
        "cleared",
        "lea@example.com",
    )
    assert (await send(http, world, NEXT))["status"] == "decided"
    again = await post(http, "models/clear", lead, NEXT | {"reason": "again"})
    assert (again.status_code, again.json()["code"]) == (409, "already_cleared")
    revoked = await post(http, "models/revoke", lead, NEXT | {"reason": "it drifts"})
    assert revoked.json()["state"] == "revoked"
    assert (await send(http, world, NEXT))["status"] == "queued"
    assert (await post(http, "models/revoke", lead, NEXT | {"reason": "x"})).json()["code"] == "not_cleared"
    assert await world.count("audit_entries", action="model.cleared") == 2
    assert await world.count("audit_entries", action="model.revoked") == 1


async def test_what_waited_or_was_revoked_is_not_cleared_by_asking_anew(http: httpx.AsyncClient, world: World) -> None:
    await ask(world)
    await send(http, world, SEEN)
    await send(http, world, NEXT)
    await notice(world)
    lead = world.tokens["lea"]
    await post(http, "models/clear", lead, NEXT | {"reason": "good"})
    await post(http, "models/revoke", lead, NEXT | {"reason": "bad"})
    await ask(world, "{clear_new: false}")
    assert (await send(http, world, SEEN))["status"] == "decided"
    assert (await send(http, world, NEXT | {"version": "9"}))["status"] == "decided"
    await notice(world)
    await ask(world)
    states = {name: each.state for name, each in (await versions(world)).items()}
    assert states == {
        "intent-clf@7, prompt p1": "waiting",
        "intent-clf@8, prompt p1": "revoked",
        "intent-clf@9, prompt p1": "cleared",
    }
    assert [(await send(http, world, SEEN | {"version": each}))["status"] for each in ("7", "8", "9")] == [
        "queued",
        "queued",
        "decided",
    ]


async def test_a_version_is_cleared_ahead_of_its_first_item_by_whoever_may(
    http: httpx.AsyncClient, world: World
) -> None:
    await ask(world)
    ahead = NEXT | {"reason": "tried in staging"}
    assert (await post(http, "models/clear", world.tokens["ana"], ahead)).status_code == 403
    cleared = await post(http, "models/clear", world.tokens["lea"], ahead)
    assert (cleared.status_code, cleared.json()["first_seen_at"]) == (200, None)
    assert (await send(http, world, NEXT))["status"] == "decided"
    await notice(world)
    assert await world.count("events", kind="model.seen") == 1
    found = (await versions(world))["intent-clf@8, prompt p1"]
    assert (found.items, found.first_seen_at is None, found.state) == (1, False, "cleared")
    lead = world.tokens["lea"]
    for body, code in (
        ({"version": "8", "reason": "x"}, "model_version_invalid"),
        ({"name": "a\0b", "reason": "x"}, "malformed"),
        ({"name": "m", "reason": " "}, "model_version_invalid"),
        ({"name": "m" * 201, "reason": "x"}, "invalid"),
    ):
        assert (await post(http, "models/clear", lead, body)).json()["code"] == code, body
    unknown = await post(http, "models/revoke", lead, {"name": "unheard", "reason": "x"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "model_version_not_found")


async def test_what_was_counted_too_late_for_the_switch_is_cleared_when_it_is_noticed(world: World) -> None:
    """The register lags: what came before the switch and is found after it was seen before it all the same."""
    await world.submit(model=SEEN)
    await ask(world)
    await world.db.hot.execute("DELETE FROM model_versions")  # as if it had not been among the newest items
    before = (await keys.authenticate_key(world.db.hot, world.service_key)).models_stamp
    await notice(world)
    found = (await versions(world))["intent-clf@7, prompt p1"]
    assert (found.state, found.reason) == ("cleared", BEFORE)
    assert (await keys.authenticate_key(world.db.hot, world.service_key)).models_stamp > before


async def test_time_alone_lets_nothing_through_that_an_uncleared_version_made(
    http: httpx.AsyncClient, world: World
) -> None:
    """An escalation policy that would is passed over, as for what is stopped, until somebody clears the version."""
    await ask(world)
    await climb(world, Step(after=0.5, decide=Fallback.MODEL_OUTPUT))
    decided: list[int] = []
    for _ in range(2):
        item = (await world.submit(model=NEXT)).item.id
        await pass_time(world, 3, item)
        await sweep(world)
        decided.append(await world.count("decisions", item_id=item))
        if not decided[-1]:
            (skipped,) = await noted(world, "escalation.step_skipped", item)
            assert "nobody has cleared what made it" in skipped["why"][0]
            await post(http, "models/clear", world.tokens["lea"], NEXT | {"reason": "good"})
    assert decided == [0, 1]
