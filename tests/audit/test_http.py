"""The audit over HTTP: who may see it, what can be searched for, what leaves a trace, and proofs that hold."""

import json
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from review.audit import queries, tree
from review.audit.notes import is_signed, read_notes
from review.audit.rules import OPERATOR, Action
from review.configuration import service as configuration
from review.decisions.rules import Verdict
from review.escalation import service as escalation
from review.identity.rules import Role
from review.reviewing import service as reviewing
from review.reviewing.schemas import JudgementIn
from tests.audit.logs import SIGNER, advance, verify_export
from tests.make import BASE_URL, CONFIG, World


@pytest.fixture
async def auditor(world: World) -> dict[str, str]:
    await world.add_person("max", Role.AUDITOR)
    return {"Authorization": f"Bearer {world.tokens['max']}"}


async def decided_item(world: World) -> UUID:
    item = (await world.submit("where is my card")).item
    (held,) = await world.claim("ana")
    await world.judge("ana", held, "correct", {"label": "refund"}, comment="surely a café refund")
    return item.id


async def test_an_entry_says_who_from_where_what_and_by_which_configuration(
    http: httpx.AsyncClient, world: World, auditor: dict[str, str]
) -> None:
    """ASVS 16.2: when, where, who, what."""
    sent = {"type": "ticket_intent", "input": {"text": "x"}, "output": {"label": "refund"}, "confidence": 0.1}
    item = await http.post("/api/v1/items", json=sent, headers={"Authorization": f"Bearer {world.service_key}"})
    ana = {"Authorization": f"Bearer {world.tokens['ana']}"}
    claimed = await http.post("/api/v1/pools/triage/claims", headers=ana)
    (held,) = claimed.json()["data"]
    done = await http.post(
        f"/api/v1/assignments/{held['id']}/review", json={"fence": held["fence"], "verdict": "approve"}, headers=ana
    )
    assert done.status_code == 200
    answer = await http.get("/api/v1/audit", params={"item": item.json()["id"]}, headers=auditor)
    entries = answer.json()["data"]
    assert [entry["action"] for entry in entries] == [
        "item.decided", "review.submitted", "assignment.claimed", "item.submitted",
    ]  # fmt: skip  # one line each
    assert {entry["origin"] for entry in entries} == {"127.0.0.1"}
    assert {entry["config_version"] for entry in entries} == {1}
    assert [entry["actor"]["name"] for entry in entries] == ["ana@example.com"] * 3 + ["crm"]
    assert entries[1]["details"]["held_seconds"] >= 0
    assert {entry["position"] for entry in entries} == {None}, "no worker runs here"


async def test_an_act_that_changes_something_says_what_was_before(world: World) -> None:
    item_id = await decided_item(world)
    async with world.db.transaction() as tx:
        bench = reviewing.Bench(world.item_types, lambda _ids: None, BASE_URL, world.configs)
        submitted = JudgementIn(verdict=Verdict.REJECT, comment="policy")
        await reviewing.override(tx, bench, who=world.people["lea"], item_id=item_id, submitted=submitted)
        changed = CONFIG.format(project="support").replace("lease: 10m", "lease: 15m")
        await configuration.apply(tx, changed, actor=OPERATOR)
    await world.submit("another")
    (held,) = await world.claim("ana")
    async with world.db.transaction() as tx:
        who = world.people["ana"]
        await escalation.escalate(
            tx, world.configs, who=who, assignment_id=held.id, fence=held.fence, reason="too hard"
        )
    rows = await world.db.hot.fetch("SELECT action, details, config_version FROM audit_entries ORDER BY at, id")
    last = {row["action"]: json.loads(row["details"]) for row in rows}
    was = last["decision.overridden"]["was"]
    assert (was["verdict"], was["revision"], was["decided_by"]) == ("correct", 1, "ana@example.com")
    assert (last["config.applied"]["was"], last["config.applied"]["version"]) == (1, 2)
    assert last["config.applied"]["differences"]
    escalated = last["case.escalated"]
    assert escalated["was"]["priority"] < escalated["priority"]
    assert (escalated["was"]["level"], escalated["level"]) == (0, 1)
    assert escalated["held_seconds"] >= 0


async def test_filters_narrow_the_list_and_pages_continue(
    http: httpx.AsyncClient, world: World, auditor: dict[str, str]
) -> None:
    item_id = await decided_item(world)
    await advance(world)
    await world.submit("later, without a place")

    async def found(**wanted: str) -> list[str]:
        actions: list[str] = []
        cursor: str | None = None
        while True:
            params = wanted | {"limit": "3"} | ({"cursor": cursor} if cursor else {})
            answer = await http.get("/api/v1/audit", params=params, headers=auditor)
            assert answer.status_code == 200, answer.text
            actions += [entry["action"] for entry in answer.json()["data"]]
            cursor = answer.json()["next"]
            if cursor is None:
                return actions

    assert len(await found()) == await world.count("audit_entries")
    assert (await found())[:2] == ["item.submitted", "item.decided"]
    assert await found(item=str(item_id)) == [
        "item.decided", "review.submitted", "assignment.claimed", "item.submitted",
    ]  # fmt: skip  # one line each
    assert set(await found(actor="ANA@example.com")) == {"item.decided", "review.submitted", "assignment.claimed"}
    assert set(await found(actor="operator")) == {"config.applied", "key.created", "user.created"}
    assert await found(actor=str(world.service.id)) == ["item.submitted", "item.submitted"]
    assert await found(action="item.submitted") == ["item.submitted", "item.submitted"]
    assert await found(text="café") == ["item.decided", "review.submitted"]
    assert await found(text="CAFÉ", action="review.submitted") == ["review.submitted"]
    assert await found(text="100%_\\") == []
    at = await world.db.hot.fetchval("SELECT at FROM audit_entries WHERE action = 'review.submitted'")
    assert await found(since=at.isoformat(), until=at.isoformat()) == []
    assert "review.submitted" in await found(since=at.isoformat())
    assert "review.submitted" not in await found(until=at.isoformat())


async def test_a_search_that_matches_little_ends_and_goes_on_behind_its_cursor(
    http: httpx.AsyncClient, world: World, auditor: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await advance(world)
    monkeypatch.setattr(queries, "MOST_LOOKED_THROUGH", 4)
    pages, cursor, actions = 0, None, list[str]()
    while pages == 0 or cursor:
        params = {"action": "config.applied"} | ({"cursor": cursor} if cursor else {})
        answer = (await http.get("/api/v1/audit", params=params, headers=auditor)).json()
        actions += [entry["action"] for entry in answer["data"]]
        pages, cursor = pages + 1, answer["next"]
    assert actions == ["config.applied"]
    assert pages > 3


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ({"action": "no.such"}, "action"),
        ({"since": "2026-11-21T12:00:00"}, "since"),
        ({"cursor": "AAAAAAAAAAAAAAAAAAAAAA"}, "cursor"),
        ({"cursor": "no"}, "cursor"),
    ],
)
async def test_what_cannot_be_searched_for_is_refused(
    http: httpx.AsyncClient, auditor: dict[str, str], wanted: dict[str, str], path: str
) -> None:
    answer = await http.get("/api/v1/audit", params=wanted, headers=auditor)
    assert answer.status_code == 422
    assert [each["path"] for each in answer.json()["errors"]] == [path]


async def test_an_export_is_an_act_and_verifies_offline(
    http: httpx.AsyncClient, world: World, auditor: dict[str, str], tmp_path: Path
) -> None:
    await decided_item(world)
    await advance(world, tmp_path)
    answer = await http.get("/api/v1/audit/export", headers=auditor)
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    file = tmp_path / "log.ndjson"
    file.write_bytes(answer.content)
    report = verify_export(file, tmp_path)
    assert (report.fault, report.records) == (None, await world.count("audit_entries"))
    assert b'"action":"audit.exported"' in answer.content.splitlines()[-2]


async def test_exporting_feedback_is_an_act(http: httpx.AsyncClient, world: World, auditor: dict[str, str]) -> None:
    await decided_item(world)
    answer = await http.get("/api/v1/feedback/export?format=csv&type=ticket_intent", headers=auditor)
    assert answer.status_code == 200
    (entry,) = (await http.get("/api/v1/audit?action=feedback.exported", headers=auditor)).json()["data"]
    assert (entry["actor"]["name"], entry["details"]) == (
        "max@example.com", {"format": "csv", "type": "ticket_intent", "since": None},
    )  # fmt: skip  # one line each


async def test_every_entry_of_an_item_is_proven_against_the_checkpoint(
    http: httpx.AsyncClient, world: World, auditor: dict[str, str]
) -> None:
    """Promise 31: proofs per item."""
    early = await http.get("/api/v1/audit/checkpoint", headers=auditor)
    assert (early.status_code, early.json()["code"]) == (404, "checkpoint_not_found")
    for number in range(70):
        await world.submit(f"text {number}")
    item_id = await decided_item_of_many(world)
    await advance(world)
    await world.db.hot.execute(
        "INSERT INTO audit_entries (project_id, id, actor_kind, actor_name, action, item_id, details)"
        " VALUES ($1, gen_random_uuid(), 'operator', 'x', 'clock.moved', $2, '{}')",
        world.service.project_id, item_id,
    )  # fmt: skip  # one line each
    checkpoint = (await http.get("/api/v1/audit/checkpoint", headers=auditor)).json()
    answer = (await http.get(f"/api/v1/items/{item_id}/proof", headers=auditor)).json()
    assert answer["checkpoint"] == checkpoint
    assert answer["more"] == 1
    (note,) = read_notes(checkpoint["checkpoint"])
    assert is_signed(note, [SIGNER.public_key])
    assert note.root.hex() == checkpoint["root"]
    assert [json.loads(each["entry"])["bound"]["action"] for each in answer["data"]] == [
        "item.submitted", "assignment.claimed", "review.submitted", "item.decided",
    ]  # fmt: skip  # one line each
    for each in answer["data"]:
        path = [bytes.fromhex(digest) for digest in each["proof"]]
        leaf = bytes.fromhex(json.loads(each["entry"])["leaf"])
        tree.check_inclusion(leaf, each["index"], note.size, path, note.root)
    unknown = await http.get(f"/api/v1/items/{world.service.id}/proof", headers=auditor)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "audit_entries_not_found")


async def decided_item_of_many(world: World) -> UUID:
    (held,) = await world.claim("ana")
    await world.judge("ana", held, "approve")
    return held.item.id


async def test_one_checkpoint_is_proven_to_be_an_earlier_state_of_another(
    http: httpx.AsyncClient, world: World, auditor: dict[str, str]
) -> None:
    await advance(world)
    for number in range(70):
        await world.submit(f"text {number}")
    await advance(world)
    older, newer = await world.db.hot.fetch("SELECT size, root FROM audit_checkpoints ORDER BY size")
    sizes = {"from": older["size"], "to": newer["size"]}
    answer = await http.get("/api/v1/audit/consistency", params=sizes, headers=auditor)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["from_root"], told["to_root"]) == (older["root"].hex(), newer["root"].hex())
    path = [bytes.fromhex(each) for each in told["proof"]]
    tree.check_consistency(older["size"], newer["size"], older["root"], newer["root"], path)
    for wrong in ({"from": 9, "to": 3}, {"from": 1, "to": 10**9}):
        refused = await http.get("/api/v1/audit/consistency", params=wrong, headers=auditor)
        assert (refused.status_code, refused.json()["code"]) == (422, "audit_sizes_invalid")
    await world.db.hot.execute("DELETE FROM audit_nodes")
    broken = await http.get("/api/v1/audit/consistency", params=sizes, headers=auditor)
    assert (broken.status_code, broken.json()["code"]) == (409, "audit_log_broken")


async def test_the_words_for_acts_are_many_and_each_once() -> None:
    assert len({each.value for each in Action}) == len(Action) > 30
