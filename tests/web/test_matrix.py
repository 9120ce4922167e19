"""Promise 22: every route by every role, in one's own project and pools, in foreign ones, and without a credential."""

import re
from uuid import uuid4

import httpx
import pytest

from review.identity.rules import Permission
from review.kernel.db import Database
from review.kernel.settings import Settings
from tests.web import matrix
from tests.web.matrix import API, OF_A_POOL, PAGE, ROLES, Route, is_pool_bound, routes
from tests.web.rows import HTMX, PLAIN, ROWS, Way
from tests.web.scene import FOREIGN, HIDDEN, OWN, Scene, addressed, said, unknown

pytestmark = pytest.mark.usefixtures("unhurried")

BOUND = [role for role in ROLES if is_pool_bound(role)]
GUARDED = [route for route in routes() if not route.is_public]
OF_A_PROJECT = [route for route in GUARDED if route.permission is not None]


@pytest.fixture
async def scene(request: pytest.FixtureRequest, http: httpx.AsyncClient, db: Database, settings: Settings) -> Scene:
    """Both projects, and a caller of the role that the test is about."""
    return await Scene.build(http, db, settings, request.param)


def ways_of(route: Route, *, refused: bool) -> list[Way]:
    """List the ways to ask; one that would wait for ever, or finds nothing a second time, only where it is refused."""
    if (route.row.ends or route.row.leaves) and not refused:
        return [PLAIN]
    fragment = [] if route.is_api or route.is_public else [HTMX]
    return [PLAIN, *fragment, *(way for way in route.row.also if refused or not way.is_open)]


def test_every_route_has_a_row() -> None:
    for route in routes():
        assert route.row is not None
        if route.path.startswith((API, matrix.PAGES)):
            assert route.permission in set(Permission), f"{route.name} is a project's and must ask for a permission"


def test_every_row_has_its_route() -> None:
    assert set(ROWS) == {route.name for route in routes()}
    assert len(routes()) > 80


def test_the_page_shows_the_matrix_as_it_is() -> None:
    text = PAGE.read_text()
    assert matrix.written(text) == text, "write it anew with `python -m tests.web.matrix`"
    for line in matrix.tables().values():
        assert line in text


def wrong_with(scene: Scene, route: Route, way: Way, answer: httpx.Response) -> str:
    """Say what is wrong with an answer about the caller's own things; nothing where all is well."""
    role, status = scene.caller.role, answer.status_code
    if status >= 500:
        return "broke"
    if FOREIGN in answer.text or (is_pool_bound(role) and HIDDEN in answer.text):
        return "tells of what is not theirs"
    if route.lets(role):
        is_kept_blind = route.row.keeps_blind and status == 403 and "to judge" in answer.text
        if status in {401, 403} and not route.row.is_door and not is_kept_blind:
            return "is refused and should not be"
        return "finds nothing" if status == 404 and not route.row.finds_nothing else ""
    expected = 401 if role == "service" and not route.is_api else 403
    if status != expected:
        return f"should be {expected}"
    return (
        "" if way is HTMX or answer.json()["code"] in {"not_permitted", "not_authenticated"} else "has the wrong code"
    )


@pytest.mark.parametrize("scene", ROLES, indirect=True)
async def test_every_role_may_do_what_it_carries_and_nothing_else(scene: Scene) -> None:
    wrong: list[str] = []
    for route in sorted(routes(), key=lambda each: (each.row.leaves, each.row.ends)):
        for way in ways_of(route, refused=not route.lets(scene.caller.role)):
            answer = await scene.call(route, scene.own, way)
            if fault := wrong_with(scene, route, way, answer):
                wrong.append(f"{route.name}{way.query} {fault}: {answer.status_code} {answer.text[-300:]}")
    assert not wrong, "\n".join(wrong)


async def test_there_is_something_to_leave_out(http: httpx.AsyncClient, db: Database, settings: Settings) -> None:
    """Feeds, exports and lists hold what is the caller's own, so that nothing foreign in them says something."""
    scene = await Scene.build(http, db, settings, "admin")
    lists = ("items", "feedback", "feedback/export", "events")
    for route in (each for each in routes() if each.name in {f"GET {API}/{name}" for name in lists}):
        for way in ways_of(route, refused=False):
            if way.query not in {"?pool=seniors", "?status=queued", "?format=parquet"}:
                assert OWN in (await scene.call(route, scene.own, way)).text, f"{route.name}{way.query}"
    seniors = next(each for each in routes() if each.name == f"GET {API}/items")
    assert HIDDEN in (await scene.call(seniors, scene.own, Way("?pool=seniors"))).text


@pytest.mark.parametrize("scene", ROLES, indirect=True)
async def test_what_is_another_projects_looks_like_nothing(scene: Scene) -> None:
    before = await scene.other.count("audit_entries")
    for route in OF_A_PROJECT:
        if not route.names or (scene.caller.role == "service" and not route.is_api):
            continue
        for way in ways_of(route, refused=True):
            nothing = unknown()
            theirs = said(await scene.call(route, scene.foreign, way), scene.foreign)
            none = said(await scene.call(route, nothing, way), nothing)
            assert theirs == none, f"{scene.caller.role} {route.name}{way.query}"
            assert theirs[0] == (404 if route.lets(scene.caller.role) else 403), f"{route.name}: {theirs}"
    assert await scene.other.count("audit_entries") == before


@pytest.mark.parametrize("scene", [role for role in ROLES if role != "service"], indirect=True)
async def test_another_projects_pages_look_like_no_project(scene: Scene) -> None:
    for route in matrix.page_routes():
        for way in ways_of(route, refused=True):
            there = await scene.call(route, scene.foreign, way, project="elsewhere")
            nowhere = await scene.call(route, scene.foreign, way, project="nowhere")
            assert said(there, {"p": "elsewhere"}) == said(nowhere, {"p": "nowhere"}), route.name
            assert there.status_code == 404, route.name


@pytest.mark.parametrize("scene", BOUND, indirect=True)
async def test_what_is_another_pools_looks_like_nothing_to_whoever_is_bound_to_theirs(scene: Scene) -> None:
    before = await scene.world.count("audit_entries")
    tried = 0
    for route in OF_A_PROJECT:
        if not set(route.names) & set(OF_A_POOL) or not route.lets(scene.caller.role):
            continue
        for way in ways_of(route, refused=True):
            nothing, tried = unknown(), tried + 1
            theirs = said(await scene.call(route, unknown() | scene.hidden, way), scene.hidden)
            assert theirs == said(await scene.call(route, nothing, way), nothing), f"{route.name}{way.query}"
            assert theirs[0] == 404, f"{route.name}{way.query}: {theirs}"
    assert tried > 30
    assert await scene.world.count("audit_entries") == before


@pytest.mark.parametrize("scene", BOUND, indirect=True)
async def test_no_list_and_no_count_tells_of_another_pool_or_project(scene: Scene) -> None:
    """What grows where somebody may not look changes no answer that they get."""
    of_one = {"item_id", "assignment_id"}
    asked = [
        route
        for route in OF_A_PROJECT
        if route.method == "GET" and route.lets(scene.caller.role) and not of_one & set(route.names)
    ]

    async def answers() -> dict[str, str]:
        found: dict[str, str] = {}
        for route in asked:
            for way in ways_of(route, refused=False):
                text = (await scene.call(route, scene.own, way)).text
                text = re.sub(r"<time.*?</time>|data-left=\S+|delay:\d+s|data-seconds=.*?</", "", text, flags=re.DOTALL)
                found[f"{route.name} {way.query} {sorted(way.headers)}"] = text
        return found

    await answers()  # being seen by the first call is no news to the second
    before = await answers()
    for _ in range(3):
        await scene.world.submit(HIDDEN, tags=["vip"])
        await scene.other.submit(FOREIGN)
    assert await answers() == before
    assert len(before) > 12


async def test_without_a_credential_of_the_right_kind_nothing_answers(
    http: httpx.AsyncClient, db: Database, settings: Settings
) -> None:
    scene = await Scene.build(http, db, settings, "admin")
    http.cookies.clear()
    session, key = f"countersign={scene.caller.cookie}", f"Bearer {scene.caller.secret}"
    of_the_api = [
        "",
        "Bearer",
        "Bearer ",
        "Basic abc",
        "Bearer cs_x_y",
        "Bearer \x00",
        "é",
        f"Bearer {scene.caller.cookie}",
    ]
    wrong: dict[bool, list[dict[str, bytes]]] = {
        True: [{}, {"cookie": session.encode()}, *({"authorization": each.encode("latin-1")} for each in of_the_api)],
        False: [
            {},
            {"authorization": key.encode()},
            {"cookie": b"countersign="},
            {"cookie": b"countersign=" + b"x" * 43},
        ],
    }
    wrong[False].append({"cookie": f"countersign={scene.caller.secret}".encode()})
    for route in GUARDED:
        for headers in wrong[route.is_api]:
            raw = [(name.encode(), value) for name, value in headers.items()]
            answer = await http.request(route.method, addressed(route, scene.own), headers=raw)
            told = f"{route.name} {headers}: {answer.text[:200]}"
            assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated"), told
            assert answer.headers["content-type"] == "application/problem+json"
            if route.is_api:
                assert answer.headers["www-authenticate"] == "Bearer"


async def test_somebody_elses_token_looks_like_nothing(
    http: httpx.AsyncClient, db: Database, settings: Settings
) -> None:
    scene = await Scene.build(http, db, settings, "admin")
    hers = await db.hot.fetchrow("SELECT id FROM api_keys WHERE user_id = $1", scene.world.people["lea"].id)
    assert hers is not None
    for route in (each for each in routes() if "token_id" in each.names):
        nothing = uuid4()
        theirs = said(await scene.call(route, {"token_id": hers["id"]}), {"id": hers["id"]})
        assert theirs == said(await scene.call(route, {"token_id": nothing}), {"id": nothing})
        assert theirs[0] == 404
