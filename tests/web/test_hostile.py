"""Promises 21, 23, 28: whatever is sent, every call answers with a problem that names it, and never breaks."""

import json
from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from review.identity.rules import Role
from review.web.parameters import DECLARED
from tests.make import World, submission
from tests.web.matrix import OF_ONE, ROUTES, filled
from tests.web.test_access import PREFIX, bearer

T = TypeVar("T")
PROBLEM = "application/problem+json"
LONG = "x" * 5_000
ODD_VALUES = [
    "",
    "%00",
    "%FF%FE",
    "%ED%A0%80",
    "nan",
    "inf",
    "-1",
    "0",
    "1e400",
    "99999999999999999999",
    "null",
    "[]",
    LONG,
]
PARAMETERS = [
    "limit",
    "cursor",
    "after",
    "wait",
    "status",
    "type",
    "pool",
    "external_id",
    "version",
    "dry_run",
    "since",
    "format",
    "unknown",
]
TAKING = [(method, path) for method, path, _ in ROUTES if method in {"POST", "PUT"}]
KINDS = ["application/json", "text/plain", "application/x-ndjson", "multipart/form-data", "", "é"]
BODIES: list[tuple[str, bytes]] = [
    ("nothing", b""),
    ("half", b'{"fence": 1'),
    ("null", b"null"),
    ("list", b"[]"),
    ("text", b'"x"'),
    ("number", b"1"),
    ("not UTF-8", b"\xff\xfe{}"),
    ("deep", b'{"a":' * 101 + b"1" + b"}" * 101),
    ("bottomless", b"[" * 200_000),
    ("NaN", b'{"fence": NaN}'),
    ("huge integer", b'{"fence": ' + b"9" * 400 + b"}"),
    ("huge digits", b'{"items": [1], "items": ' + b"9" * 6_000 + b"}"),
    ("beyond 32 bits", b'{"fence": 2147483648, "verdict": "approve"}'),
    ("negative", b'{"fence": -1, "limit": -1, "verdict": "approve"}'),
    ("boolean fence", b'{"fence": true}'),
    ("fractional fence", b'{"fence": 1.5}'),
    ("doubled key", b'{"fence": 1, "fence": 1}'),
    ("surrogate", b'{"fence": 1, "reason": "\\ud800", "comment": "\\ud800"}'),
    ("NUL", b'{"fence": 1, "reason": "\\u0000", "verdict": "approve", "comment": "\\u0000"}'),
    ("privileged", b'{"fence": 1, "project_id": "x", "state": "open", "role": "admin"}'),
    ("unknown verdict", b'{"fence": 1, "verdict": "maybe", "reason": "x"}'),
    ("many keys", b"{" + b",".join(b'"k%d":1' % at for at in range(5_000)) + b"}"),
    ("batch in a batch", b'{"items": [{"items": [[], null, 1, "x", {"items": []}]}]}'),
    ("broken items", b'{"items": [{"items": 1, "items": 2}, {"n": ' + b"9" * 6_000 + b'}, "\\ud800"]}'),
    ("bad text below", b'{"items": [{"items": "\xff"}]}'),
]


def check_problem(answer: httpx.Response, told: str) -> None:
    """Anything that is not a success is a problem that says what to do, and none is our fault."""
    told = f"{told}: {answer.status_code} {answer.text[:300]}"
    assert answer.status_code < 500, told
    if not answer.is_success:
        assert answer.headers["content-type"] == PROBLEM, told
        problem = answer.json()
        assert problem["status"] == answer.status_code, told
        assert {"type", "title", "code", "detail"} <= set(problem), told
        assert problem["code"] not in {"unavailable", "internal"}, told


def turned(among: Sequence[T], at: int) -> T:
    """Give what stands at a place of a list that goes round."""
    return among[at % len(among)]


@pytest.fixture
async def admin(world: World) -> str:
    await world.add_person("the-admin", Role.ADMIN)
    return world.tokens["the-admin"]


async def test_odd_query_values(http: httpx.AsyncClient, admin: str) -> None:
    """Every value of what a call takes; of what it refuses by name alone one each, another for the next call."""
    transport: Any = http._transport
    for at, (method, path, _) in enumerate(ROUTES):
        taken = transport.app.state[DECLARED][path, method]
        for name, value in [
            *((name, value) for name in taken for value in ODD_VALUES),
            *((name, turned(ODD_VALUES, at + place)) for place, name in enumerate(PARAMETERS) if name not in taken),
        ]:
            address = f"{filled(path)}?{name}={value}"
            answer = await http.request(method, address, headers=bearer(admin))
            check_problem(answer, f"{method} {address[:200]}")
            assert name in taken or answer.status_code == 400, address[:200]


@pytest.mark.parametrize(
    "odd",
    ["nope", "%00", "..%2f..%2fetc", "%ED%A0%80", LONG, "0197e5a4-0000-7000-8000-00000000000", "'", "%2e%2e"],
    ids=lambda odd: odd[:12],
)
async def test_odd_ids(http: httpx.AsyncClient, admin: str, odd: str) -> None:
    for method, path in [*OF_ONE, ("POST", f"{PREFIX}/pools/{{pool}}/claims")]:
        answer = await http.request(
            method, filled(path, item_id=odd, assignment_id=odd, pool=odd), headers=bearer(admin)
        )
        check_problem(answer, f"{method} {path} {odd[:40]}")
        assert answer.status_code in {400, 404, 405, 422}


async def test_odd_bodies_leave_nothing(http: httpx.AsyncClient, world: World, admin: str) -> None:
    """Every body as JSON to every call, in turn a fifth as another kind too; all as all to the one that looks."""
    await world.submit()
    (held,) = await world.claim("ana")
    item_id = held.item.id
    before = [await world.count(table) for table in ("items", "reviews", "decisions", "config_versions", "events")]
    for at, (method, path) in enumerate(TAKING):
        for place, (name, body) in enumerate(BODIES):
            others = KINDS[1:] if path.endswith("/batch") else KINDS[1:][(at + place) % len(BODIES) :][:1]
            for kind in [KINDS[0], *(others if len(body) < 5_000 else [])]:
                headers: dict[str, Any] = bearer(admin) | ({"Content-Type": kind.encode()} if kind else {})
                address = filled(path, assignment_id=held.id)
                answer = await http.request(method, address, content=body, headers=headers)
                check_problem(answer, f"{method} {path} {name} as {kind}")
                told = answer.json() if "batch" in path and answer.is_success else {"results": []}
                assert all(each["status"] in {400, 422} for each in told["results"]), name
    after = [await world.count(table) for table in ("items", "reviews", "decisions", "config_versions", "events")]
    assert after == before
    assert (await http.get(f"{PREFIX}/items/{item_id}", headers=bearer(admin))).json()["status"] == "in_review"


async def test_other_methods_and_addresses(http: httpx.AsyncClient, admin: str) -> None:
    taken = {path: {method for method, each, _ in ROUTES if each == path} for _, path, _ in ROUTES}
    for path, known in {
        **{filled(path): known for path, known in taken.items()},
        "/healthz": {"GET"},
        "/api/openapi.json": {"GET"},
    }.items():
        for method in {"HEAD", "DELETE", "PATCH", "TRACE", "OPTIONS", "PROPFIND"} - known:
            answer = await http.request(method, path, headers=bearer(admin))
            if method == "OPTIONS":
                assert answer.status_code == 204, f"{path}: {answer.text}"
                assert answer.headers["allow"]
                continue
            assert answer.status_code == 405, f"{method} {path}: {answer.status_code}"
            assert answer.headers["content-type"] == PROBLEM
            assert answer.headers["allow"]
    for path in ("/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v2/items", "/nothing", "/api/v1/items/x/y/z"):
        answer = await http.get(path, headers=bearer(admin))
        assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM), path


async def test_a_body_on_a_get_changes_nothing(http: httpx.AsyncClient, admin: str) -> None:
    for method, path, _ in ROUTES:
        if method == "GET":
            plain = await http.request("GET", filled(path, item_id=uuid4()), headers=bearer(admin))
            laden = await http.request("GET", filled(path), content=b"{" * 1_000, headers=bearer(admin))
            assert laden.status_code == plain.status_code, path
            check_problem(laden, path)


@pytest.mark.parametrize(
    "key", ["", "x" * 201, "a\tb", "\x7f", "é" * 10, "ключ".encode().decode("latin-1")], ids=lambda key: f"{key[:8]!r}"
)
async def test_odd_idempotency_keys(http: httpx.AsyncClient, world: World, key: str) -> None:
    headers: dict[str, Any] = bearer(world.service_key) | {"Idempotency-Key": key.encode("latin-1")}
    for path, body in (("items", submission()), ("items/batch", {"items": [submission()]})):
        answer = await http.post(f"{PREFIX}/{path}", json=body, headers=headers)
        check_problem(answer, f"{path} {key!r}")


KEYS = st.sampled_from(
    [
        *("fence", "verdict", "output", "reasons", "comment", "reason", "limit", "items", "type", "input"),
        *("external_id", "confidence", "tags", "model", "metadata", "respond_by", "cost", "alternatives"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["approve", "ticket_intent"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
OVERLAYS = st.dictionaries(KEYS, VALUES, max_size=5)


@settings(
    max_examples=30,
    deadline=None,
    # The fixture is one database for all examples: what they leave behind is part of the search.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(overlay=OVERLAYS, valid=st.booleans())
async def test_any_json_is_answered(
    http: httpx.AsyncClient, world: World, admin: str, overlay: dict[str, Any], valid: bool
) -> None:
    """Valid bodies with parts of anything laid over them."""
    base = submission() | {"fence": 1, "verdict": "approve"}
    body = {key: base[key] for key in ("type", "input", "output")} | overlay if valid else overlay
    raw = json.dumps(body).encode("utf-8", "surrogatepass")
    for method, path in TAKING:
        answer = await http.request(method, filled(path), content=raw, headers=bearer(admin))
        check_problem(answer, f"{method} {path}")
    assert await world.count("config_versions") == 1
