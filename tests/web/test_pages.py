"""The pages over HTTP: who may see them, what a form must carry, and what every answer says about itself."""

import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from review.identity.rules import Role
from review.queueing import placing, queries
from tests.make import PASSWORD, World, unknown_id

HTML = {"accept": "text/html"}
HTMX = {"accept": "text/html", "hx-request": "true"}


async def sign_in(http: httpx.AsyncClient, world: World, name: str = "nora", role: Role = Role.REVIEWER) -> None:
    await world.add_person(name, role, password=PASSWORD)
    await world.db.hot.execute(
        "INSERT INTO pool_members VALUES ($1, 'triage', $2, 'direct')",
        world.service.project_id,
        f"{name}@example.com",
    )
    answer = await http.post("/sign-in", data={"email": f"{name}@example.com", "password": PASSWORD})
    assert answer.status_code == 303


async def token(http: httpx.AsyncClient) -> str:
    page = await http.get("/p/support", headers=HTML)
    found = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
    assert found is not None
    return found[1]


async def take(http: httpx.AsyncClient, world: World, **more: object) -> tuple[str, dict[str, str]]:
    """Put an item in the reader's hands; give its address and what each form must carry."""
    await world.submit(**more)  # type: ignore[arg-type]  # fields of a submission
    csrf = await token(http)
    answer = await http.post("/p/support/pools/triage/next", data={"_csrf": csrf})
    assert answer.status_code == 303
    return answer.headers["location"], {"_csrf": csrf, "fence": "1"}


async def test_strangers_are_sent_to_sign_in_and_back(http: httpx.AsyncClient, world: World) -> None:
    answer = await http.get("/p/support/pools/triage?after=x", headers=HTML)
    assert answer.status_code == 303
    where = urlsplit(answer.headers["location"])
    assert (where.path, parse_qs(where.query)) == ("/sign-in", {"next": ["/p/support/pools/triage?after=x"]})
    htmx = await http.get("/p/support", headers=HTMX | {"hx-current-url": "http://testserver.local/p/support"})
    assert (htmx.status_code, htmx.headers["hx-redirect"]) == (401, "/sign-in?next=%2Fp%2Fsupport")
    program = await http.get("/p/support")
    assert (program.status_code, program.json()["code"]) == (401, "not_authenticated")
    assert world.project == "support"


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/a\r\nx: y", "", "\t//evil"],
)
async def test_signing_in_never_leads_elsewhere(http: httpx.AsyncClient, world: World, target: str) -> None:
    await world.add_person("nora", Role.REVIEWER, password=PASSWORD)
    form = {"email": "nora@example.com", "password": PASSWORD, "next": target}
    answer = await http.post("/sign-in", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


async def test_a_wrong_password_is_told_without_telling_which_was_wrong(http: httpx.AsyncClient, world: World) -> None:
    await world.add_person("nora", Role.REVIEWER, password=PASSWORD)
    for email in ("nora@example.com", "nobody@example.com"):
        answer = await http.post("/sign-in", data={"email": email, "password": "wrong password"})
        assert answer.status_code == 401
        assert "do not belong together" in answer.text
        assert "set-cookie" not in answer.headers


async def test_a_form_without_its_token_or_from_another_site_changes_nothing(
    http: httpx.AsyncClient, world: World
) -> None:
    await sign_in(http, world)
    here, form = await take(http, world)
    for data, headers in (
        ({"fence": "1", "verdict": "approve"}, {}),
        ({**form, "_csrf": "x", "verdict": "approve"}, {}),
        ({**form, "verdict": "approve"}, {"sec-fetch-site": "cross-site"}),
        ({**form, "verdict": "approve"}, {"sec-fetch-site": "same-site", "origin": "https://evil.example"}),
    ):
        answer = await http.post(f"{here}/review", data=data, headers=HTML | headers)
        assert answer.status_code == 403
    assert await world.count("reviews") == 0


async def test_other_projects_pools_and_hands_look_as_if_they_were_not_there(
    http: httpx.AsyncClient, world: World
) -> None:
    await sign_in(http, world)
    await world.submit(tags=["vip"])
    (other,) = await world.claim("sam", pool="seniors")
    for path in (
        "/p/nowhere",
        "/p/support/pools/seniors",
        "/p/support/pools/none",
        f"/p/support/assignments/{other.id}",
        f"/p/support/assignments/{unknown_id()}",
        f"/p/support/items/{other.item.id}",
    ):
        answer = await http.get(path, headers=HTML)
        assert answer.status_code == 404, path
        assert "There is nothing here" in answer.text
    csrf = await token(http)
    answer = await http.post("/p/support/pools/seniors/next", data={"_csrf": csrf}, headers=HTML)
    assert answer.status_code == 404


async def test_roles_without_work_see_items_and_no_queue(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world, "vera", Role.AUDITOR)
    accepted = await world.submit(text="what happened here")
    assert (await http.get("/p/support/pools/triage", headers=HTML)).status_code == 403
    page = await http.get(f"/p/support/items/{accepted.item.id}", headers=HTML)
    assert page.status_code == 200
    assert "what happened here" in page.text
    assert "crm submitted it. Rule low-confidence sent it to triage." in page.text


async def test_the_front_page_leads_to_the_only_project_or_lists_them(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    only = await http.get("/", headers=HTML)
    assert (only.status_code, only.headers["location"]) == (303, "/p/support")
    other = await World.build(world.db, world.settings, project="lab")
    await other.add_person("nora", Role.REVIEWER)
    page = await http.get("/", headers=HTML)
    assert page.status_code == 200
    assert re.findall(r'href="(/p/[a-z]+)"', page.text) == ["/p/lab", "/p/support"]
    await world.db.hot.execute("DELETE FROM memberships")
    assert "You are in no project yet" in (await http.get("/", headers=HTML)).text


async def test_htmx_gets_the_next_item_alone_with_its_address(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    here, form = await take(http, world, text="first")
    await world.submit(text="second")
    answer = await http.post(f"{here}/review", data=form | {"verdict": "approve"}, headers=HTMX)
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith('<main class="desk"')
    assert "second" in answer.text
    assert answer.headers["hx-push-url"].startswith("/p/support/assignments/")
    assert answer.headers["hx-push-url"] != here


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"verdict": "maybe"}, "does not fit"),
        ({"verdict": "correct"}, "is the same as the AI output"),
        ({"verdict": "correct", "o/label": '"nonsense"'}, "Choose one of those listed."),
        ({"verdict": "approve", "o/label": '"refund"'}, "You changed the output"),
        ({"verdict": "reject", "reasons": "no_such_reason"}, "is not a reason code"),
        ({"verdict": "reject", "comment": "x" * 10_001}, "Expected `str` of length &lt;= 10000"),
    ],
)
async def test_what_stands_in_the_way_is_said_and_nothing_recorded(
    http: httpx.AsyncClient, world: World, data: dict[str, str], said: str
) -> None:
    await sign_in(http, world)
    here, form = await take(http, world)
    for headers in (HTML, HTMX):
        answer = await http.post(f"{here}/review", data=form | data, headers=headers)
        assert answer.status_code == 422
        assert said in answer.text
    assert await world.count("reviews") == 0


async def test_hostile_forms_get_an_answer(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    here, form = await take(http, world)
    many = "&".join(f"r/{number}=1" for number in range(25_000))
    bodies = {
        many: 400,
        "%ff%fe=%00&verdict=%f0": 403,
        f"_csrf={form['_csrf']}&fence=99999999999999999999&verdict=approve": 409,
        f"_csrf={form['_csrf']}&fence=-1&verdict=approve": 409,
        f"_csrf={form['_csrf']}&fence=1&verdict=correct&o/label=%22lost_card%22%00": 422,
    }
    for body, status in bodies.items():
        kind = {"content-type": "application/x-www-form-urlencoded"}
        answer = await http.post(f"{here}/review", content=body, headers=HTML | kind)
        assert answer.status_code == status, body[:60]
    assert await world.count("reviews") == 0


async def test_the_heartbeat_tells_how_long_and_a_lost_hold(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    here, form = await take(http, world)
    answer = await http.post(f"{here}/extend", data=form)
    assert answer.status_code == 200
    assert 590 <= answer.json()["seconds_left"] <= 600
    assert (await http.post(f"{here}/extend", data=form | {"fence": "2"})).status_code == 409
    late = await http.post(f"{here}/review", data=form | {"fence": "2", "verdict": "approve"}, headers=HTMX)
    assert (late.status_code, late.headers["hx-trigger"], late.headers["hx-reswap"]) == (409, "lease:lost", "none")


async def test_a_verdict_counts_even_if_its_reviewer_left_the_pool_meanwhile(
    http: httpx.AsyncClient, world: World
) -> None:
    await sign_in(http, world)
    here, form = await take(http, world)
    await world.submit()
    await world.db.hot.execute("DELETE FROM pool_members WHERE email = 'nora@example.com'")
    answer = await http.post(f"{here}/review", data=form | {"verdict": "approve"}, headers=HTMX)
    assert answer.status_code == 200
    assert "Nothing waits in triage" in answer.text
    assert await world.count("decisions") == 1
    gone = await http.get(here, headers=HTML)
    assert gone.status_code == 409
    assert "You no longer hold this item" in gone.text


async def test_whoever_had_an_item_that_went_to_others_is_told_so_and_keeps_what_they_typed(
    http: httpx.AsyncClient, world: World
) -> None:
    """They had it before their eyes, so that it is elsewhere is no secret; where, nobody tells them."""
    await sign_in(http, world)
    here, form = await take(http, world)
    given_back = await http.post(f"{here}/release", data=form, headers=HTML)
    assert given_back.status_code == 303
    lead = await world.add_person("lee", Role.LEAD)
    item_id = await world.db.hot.fetchval("SELECT item_id FROM assignments")
    async with world.db.transaction() as tx:
        seats = await queries.lock_seats(tx, lead.project_id, item_id)
        await placing.move(tx, who=lead, seats=seats, pool="seniors", told={})
    typed = form | {"verdict": "reject", "comment": "three lines of why"}
    told = await http.post(f"{here}/review", data=typed, headers=HTML)
    assert (told.status_code, "seniors" in told.text) == (404, False)
    for words in ("it went to a pool that you are not in", "nothing is lost", "three lines of why", "Go to my pools"):
        assert words in told.text
    quick = await http.post(f"{here}/review", data=typed, headers=HTMX)
    assert (quick.status_code, quick.headers["hx-trigger"]) == (404, "lease:lost"), "the page stays as it is"
    never = await http.get(f"/p/support/assignments/{unknown_id()}", headers=HTML)
    assert "no assignment" in never.text


async def test_a_skip_must_say_why(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    here, form = await take(http, world)
    for reason in ("", "   ", "x" * 2_001):
        answer = await http.post(f"{here}/skip", data=form | {"reason": reason}, headers=HTMX)
        assert (answer.status_code, answer.headers["hx-retarget"]) == (422, "#notices")
    done = await http.post(f"{here}/skip", data=form | {"reason": "not mine"}, headers=HTML)
    assert (done.status_code, done.headers["location"]) == (303, "/p/support/pools/triage?done=skip")


async def test_long_queues_are_read_page_by_page(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    for number in range(53):
        await world.submit(text=f"message {number:02}")
    page = (await http.get("/p/support/pools/triage", headers=HTML)).text
    assert page.count(">message ") == 50
    more = re.search(r'href="(/p/support/pools/triage\?after=[^"]+)"', page)
    assert more is not None
    rest = (await http.get(more[1], headers=HTMX)).text
    assert re.findall(r">message (\d\d)", rest) == ["50", "51", "52"]
    assert "<html" not in rest
    assert "Show more" not in rest


async def test_every_answer_carries_the_security_headers(http: httpx.AsyncClient, world: World) -> None:
    assert world.project == "support"
    for path in ("/sign-in", "/p/support", "/no/such/page", "/static/countersign.css", "/styleguide"):
        answer = await http.get(path, headers=HTML)
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        static = path.startswith("/static")
        assert ("immutable" if static else "no-store") in answer.headers["cache-control"]


async def test_a_page_that_is_not_there_is_a_page_for_people_and_a_problem_for_programs(
    http: httpx.AsyncClient,
) -> None:
    page = await http.get("/no/such/page", headers=HTML)
    assert page.status_code == 404
    assert "There is nothing here" in page.text
    program = await http.get("/no/such/page")
    assert (program.status_code, program.headers["content-type"]) == (404, "application/problem+json")


async def test_signing_out_ends_the_session_on_the_server(http: httpx.AsyncClient, world: World) -> None:
    await sign_in(http, world)
    cookies = dict(http.cookies)
    csrf = await token(http)
    assert (await http.post("/sign-out", data={"_csrf": csrf})).status_code == 303
    http.cookies.update(cookies)
    assert (await http.get("/p/support", headers=HTML)).status_code == 303


async def test_an_analyst_sees_the_project_and_is_offered_no_work(http: httpx.AsyncClient, world: World) -> None:
    await world.submit()
    await sign_in(http, world, "ada", Role.ANALYST)
    page = await http.get("/p/support")
    assert page.status_code == 200
    assert "Take the next" not in page.text
