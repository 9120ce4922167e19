"""Personal fields through every way an item is read: seen by those who need to, by nobody else, and no way to guess."""

from typing import Any

import httpx
import msgspec
import pytest

from review.audit.rules import OPERATOR
from review.configuration import service as configuration
from review.datasets.snapshots import running
from review.delivery.feed import service as relay
from review.delivery.feed.tail import Follower, Told
from review.feedback import service as feedback
from review.identity.rules import Role
from review.insight import learning
from review.items.personal import HIDDEN
from review.kernel.db import Database
from review.kernel.ids import new_id
from review.kernel.settings import Settings
from tests.intake.test_stops import bearer
from tests.make import BASE_URL, OF_A_PAGE, World
from tests.web.matrix import routes
from tests.web.rows import HTMX, PLAIN
from tests.web.scene import Scene, configured, enter

MARK = "zq7marker"
CONFIG = """
project: letters
item_types:
  letter:
    title: Letters
    input_schema:
      type: object
      properties: {text: {type: string}, email: {type: string}, people: {type: array, items: {type: object}}}
    output_schema: {type: object, properties: {label: {type: string}, name: {type: string}}}
    view: {input.text: text, output.label: text}
    personal: [input.email, 'input.people[].phone', output.name, metadata.phone, subject, explanation]
    undo: 0s
pools:
  triage: {lease: 10m, members: [ana@example.com]}
roles:
  watcher: {title: Watchers, may: [items:read, events:read, webhooks:read, feedback:read, pools:all]}
rules:
  - {name: broken, when: 'double(item.input.email) > 3', then: {review: triage}}
  - {name: rest, when: 'true', then: {review: triage}}
"""


def letter(text: str, name: str = MARK) -> dict[str, Any]:
    return {
        "type": "letter",
        "input": {"text": text, "email": f"{MARK}@example.com", "people": [{"phone": MARK, "kind": "home"}]},
        "output": {"label": "refund", "name": name},
        "alternatives": [{"output": {"label": "other", "name": MARK}}],
        "explanation": f"written by {MARK}",
        "subject": f"subject-{MARK}",
        "metadata": {"phone": MARK, "kept": "kept-here"},
        "confidence": 0.5,
    }


@pytest.fixture
async def letters(db: Database, settings: Settings) -> World:
    """A project whose letters have personal fields, two of them decided, and one whose output was corrected."""
    world = await World.build(db, settings, "letters", CONFIG)
    for text in ("the parcel never came to my door", "the parcel never came to my house"):
        await world.submit(**letter(text))
        (seat,) = await world.claim("ana")
        await world.judge("ana", seat, "correct", {"label": "lost", "name": f"corrected {MARK}"})
    await relay.relay(relay.Post(db, world.configs, lambda _: None, BASE_URL))
    await feedback.sequence_everything(db)
    await learning.follow(db)
    return world


async def texts_of(http: httpx.AsyncClient, headers: dict[str, str], paths: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in paths:
        answer = await http.get(path, headers=headers)
        assert answer.status_code == 200, (path, answer.text[:300])
        found[path] = answer.text
    return found


async def test_who_need_not_see_personal_fields_never_receives_them(http: httpx.AsyncClient, letters: World) -> None:
    """Issue 7, point 8: item, lists, history, feed, export, events and pages alike; what is not personal is there."""
    item_id = await letters.db.hot.fetchval("SELECT id FROM items ORDER BY id LIMIT 1")
    for role in (Role.ANALYST.value, Role.AUDITOR.value, "watcher"):
        await letters.add_person(role, role)
    api = ["/items?limit=5", f"/items/{item_id}", f"/items/{item_id}/history", "/queue?status=any", "/feedback"]
    told = {Role.AUDITOR.value: ["/events?after=0"], "watcher": ["/events?after=0"], Role.ANALYST.value: []}
    for role, more in told.items():
        paths = [
            f"/api/v1{path}" for path in [*api, *more, "/feedback/export?format=jsonl", "/feedback/export?format=csv"]
        ]
        for path, text in (await texts_of(http, bearer(letters.tokens[role]), paths)).items():
            assert MARK not in text, (role, path)
        detail = (await http.get(f"/api/v1/items/{item_id}", headers=bearer(letters.tokens[role]))).json()
        assert detail["input"]["email"] == detail["input"]["people"][0]["phone"] == detail["output"]["name"] == HIDDEN
        assert detail["decision"]["output"] == {"label": "lost", "name": HIDDEN}
        assert detail["decision"]["output_sha256"] is None, "a digest is a way to try guesses"
        assert detail["details"]["metadata"] == {"phone": HIDDEN, "kept": "kept-here"}
        assert (detail["details"]["subject"], detail["details"]["explanation"]) == (HIDDEN, HIDDEN)
        assert "input.email" in detail["hidden"]
    ours = (await http.get(f"/api/v1/items/{item_id}", headers=bearer(letters.tokens["ana"]))).json()
    assert (ours["input"]["email"], ours["hidden"]) == (f"{MARK}@example.com", []), "who judges sees what they judge"
    service = (await http.get(f"/api/v1/items/{item_id}", headers=bearer(letters.service_key))).json()
    assert service["decision"]["output"]["name"] == f"corrected {MARK}"


async def test_pages_say_that_something_is_hidden_and_never_what(http: httpx.AsyncClient, letters: World) -> None:
    """Issue 7, point 8: the placeholder is shown where the value stood, also of what is similar and of the subject."""
    item_id = await letters.db.hot.fetchval("SELECT id FROM items ORDER BY id DESC LIMIT 1")
    for role in (Role.ANALYST, Role.AUDITOR):
        caller = await enter(http, letters, role)
        headers = {"Cookie": f"countersign={caller.cookie}", **OF_A_PAGE}
        paths = [
            f"/items/{item_id}",
            "/queue?status=any",
            "/queue?status=any&text=parcel",
            "/find?q=subject",
            "/datasets",
        ]
        paths += ["/audit"] if role is Role.AUDITOR else []
        pages = await texts_of(http, headers, [f"/p/letters{path}" for path in paths])
        for path, text in pages.items():
            assert MARK not in text, (role, path)
        assert HIDDEN in pages[f"/p/letters/items/{item_id}"]
        assert "Nothing of Letters is found this way" in pages["/p/letters/queue?status=any&text=parcel"]
    lead = await enter(http, letters, Role.LEAD)
    page = await http.get(f"/p/letters/items/{item_id}", headers={"Cookie": f"countersign={lead.cookie}", **OF_A_PAGE})
    assert MARK in page.text


async def test_a_search_is_no_way_to_try_what_is_hidden(http: httpx.AsyncClient, letters: World) -> None:
    """Issue 7, point 8: a filter finds nothing for whoever does not see where it looks, whatever they try."""
    await letters.add_person("analyst", Role.ANALYST)
    for query in (f"text={MARK}", "text=parcel", f"subject=subject-{MARK}", "subject=nobody"):
        found = (await http.get(f"/api/v1/queue?status=any&{query}", headers=bearer(letters.tokens["analyst"]))).json()
        assert (found["count"], found["data"]) == (0, []), query
        seen = (await http.get(f"/api/v1/queue?status=any&{query}", headers=bearer(letters.tokens["lea"]))).json()
        assert bool(seen["data"]) == (query != "subject=nobody"), query
    await letters.add_person("auditor", Role.AUDITOR)
    for path in ("input.people.0.phone", "input.people", "output.name", "input.email"):
        asked = {"type": "letter", "path": path}
        answer = await http.get("/api/v1/assurance/seen", params=asked, headers=bearer(letters.tokens["auditor"]))
        assert answer.status_code == 422, path


async def test_a_token_narrowed_to_reading_sees_no_more_than_it_needs(http: httpx.AsyncClient, letters: World) -> None:
    item_id = await letters.db.hot.fetchval("SELECT id FROM items LIMIT 1")
    shown: list[str] = []
    for scopes in ("{items:read}", "{items:read,personal:read}"):
        await letters.db.hot.execute("UPDATE api_keys SET scopes = $1::text::text[] WHERE user_id IS NOT NULL", scopes)
        answer = await http.get(f"/api/v1/items/{item_id}", headers=bearer(letters.tokens["ana"]))
        shown.append(answer.json()["input"]["email"])
    assert shown == [HIDDEN, f"{MARK}@example.com"]


async def test_datasets_leave_personal_fields_out_and_only_who_sees_them_keeps_them(
    http: httpx.AsyncClient, letters: World, settings: Settings
) -> None:
    """Promise 32: snapshots drop them by default, hash and mask what is named, say so, and keep nothing unasked."""
    await letters.add_person("analyst", Role.ANALYST)
    analyst, lead = bearer(letters.tokens["analyst"]), bearer(letters.tokens["lea"])
    hashed = {"redaction": [{"path": "output.name", "how": "hash"}, {"path": "comment"}]}
    kept = {"redaction": [{"path": "input.email", "how": "keep"}]}
    made = await http.post("/api/v1/datasets", json={"name": "plain", "definition": hashed}, headers=analyst)
    assert made.status_code == 201, made.text
    refused = await http.post("/api/v1/datasets", json={"name": "whole", "definition": kept}, headers=analyst)
    assert (refused.status_code, refused.json()["code"]) == (403, "personal_withheld")
    assert (await http.post("/api/v1/datasets", json={"name": "whole", "definition": kept}, headers=lead)).is_success
    unknown = {"redaction": [{"path": "output.nmae", "how": "drop"}]}
    refused = await http.post("/api/v1/datasets", json={"name": "typo", "definition": unknown}, headers=lead)
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, "definition.redaction[0].path")
    split = {"splitting": {"by": "input.email"}}
    refused = await http.post("/api/v1/datasets/preview", json={"definition": split}, headers=lead)
    assert refused.json()["errors"][0]["path"] == "definition.splitting.by", "nothing is told apart by what is dropped"
    preview = await http.post("/api/v1/datasets/preview", json={"definition": hashed}, headers=analyst)
    assert (preview.status_code, preview.json()["taken"], MARK in preview.text) == (200, 2, False)

    for name in ("plain", "plain", "whole"):
        begun = await http.post(f"/api/v1/datasets/{name}/snapshots", json={}, headers=lead)
        snapshot_id = begun.json().get("id")
        assert await running.work(letters.db, settings, letters.service.project_id, snapshot_id), begun.text
    manifests = [
        (await http.get(f"/api/v1/datasets/{path}/manifest", headers=analyst)).json()
        for path in ("plain/snapshots/1", "plain/snapshots/2", "whole/snapshots/1")
    ]
    assert manifests[0]["sha256"] == manifests[1]["sha256"], "the same records and the same key give the same bytes"
    done = {each["path"]: (each["how"], each["because"]) for each in manifests[0]["redaction"]["fields"]}
    assert done["output.name"] == ("hash", "definition")
    assert done["input.people[].phone"] == ("drop", "personal")
    key = await letters.db.hot.fetchval("SELECT sealed FROM redaction_keys")
    assert manifests[0]["redaction"]["key"]
    assert key.decode().rpartition(":")[2] not in str(manifests)

    plain = await http.get("/api/v1/datasets/plain/snapshots/1/export?format=jsonl", headers=analyst)
    names = {msgspec.json.decode(line)["label"]["name"] for line in plain.content.splitlines()}
    assert len(names) == 1, "equal values stay equal"
    assert MARK not in plain.text
    files = (await http.get("/api/v1/datasets/whole/snapshots/1", headers=lead)).json()["manifest"]["files"]
    whole = "/api/v1/datasets/whole/snapshots/1"
    for path in ("/export?format=jsonl", "/export/check?format=csv", f"/files/{files[0]['name']}"):
        refused = await http.get(f"{whole}{path}", headers=analyst)
        assert (refused.status_code, refused.json()["code"]) == (403, "personal_withheld"), path
        assert (await http.get(f"{whole}{path}", headers=lead)).status_code == 200, path
    assert f"{MARK}@example.com" in (await http.get(f"{whole}/export?format=jsonl", headers=lead)).text


async def test_an_export_redacts_what_is_named_for_whoever_asks(http: httpx.AsyncClient, letters: World) -> None:
    lead = bearer(letters.tokens["lea"])
    query = "format=jsonl&drop=input.people&hash=output.name&mask=input.email&keep_last=4"
    answer = await http.get(f"/api/v1/feedback/export?{query}", headers=lead)
    assert answer.status_code == 200, answer.text
    records = [msgspec.json.decode(line) for line in answer.content.splitlines()]
    assert MARK not in answer.text
    assert [sorted(each["input"]) for each in records] == [["email", "text"]] * 2
    assert {each["input"]["email"] for each in records} == {"***.com"}
    assert {each["label"]["name"][:5] for each in records} == {"hmac:"}
    refused = await http.get("/api/v1/feedback/export?drop=input.emial", headers=lead)
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, "redaction[0].path")


def test_a_stream_tells_each_reader_what_is_theirs() -> None:
    """Issue 7, point 8: of streams over one feed, the one whose reader does not see a field gets it hidden."""
    body = msgspec.json.encode(
        {
            "data": {
                "item": {"type": "letter", "route": {}, "decision": {"output": {"name": MARK}, "output_sha256": "x"}}
            }
        }
    ).decode()
    told = Told(1, new_id(), "item.decided", body, f"data: {body}\n\n".encode())
    seeing, other = Follower(new_id(), 0, None, {}), Follower(new_id(), 0, None, {"letter": ("output.name",)})
    assert MARK.encode() in seeing.frame_of(told)
    assert MARK.encode() not in other.frame_of(told)
    assert HIDDEN.encode() in other.frame_of(told)


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("role", [Role.ANALYST, Role.AUDITOR])
async def test_no_route_of_all_tells_a_personal_field(
    http: httpx.AsyncClient, db: Database, settings: Settings, role: Role
) -> None:
    """Issue 7, point 8: whatever may be read is read, so that a new way of reading items is held to it as well."""
    scene = await Scene.build(http, db, settings, role)
    world = scene.world
    await world.submit(f"{MARK} and my card", subject="customer-42", confidence=0.6, tags=["vip"])
    (seat,) = await world.claim("sam", pool="seniors")
    await world.judge("sam", seat, "correct", {"label": "refund"})
    item_id = (await world.submit(f"{MARK} and my card", subject="customer-42")).item.id
    flagged = configured("support", "crm").replace("    undo: 0s\n", "    undo: 0s\n    personal: [input.text]\n")
    async with db.transaction() as tx:
        await configuration.apply(tx, flagged, actor=OPERATOR)
    await relay.relay(relay.Post(db, world.configs, lambda _: None, BASE_URL))
    await feedback.sequence_everything(db)
    await learning.follow(db)
    await running.advance(db, settings)
    told: set[str] = set()
    for route in routes():
        is_read = route.method == "GET" and route.lets(role) and not (route.row.leaves or route.row.ends)
        for way in (each for each in (PLAIN, HTMX, *route.row.also) if is_read and not each.is_open):
            answer = await scene.call(route, scene.own | {"item_id": item_id}, way)
            assert MARK not in answer.text, f"{role} {route.name}{way.query}"
            if HIDDEN in answer.text:
                told.add(route.name)
    assert {"GET /p/{project}/queue", "GET /p/{project}/due", "GET /api/v1/items/{item_id}"} <= told
