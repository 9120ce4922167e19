"""Signing out together: from here at the provider, and from the provider here."""

from time import time
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from review.audit.rules import OPERATOR
from review.identity.oidc import joining
from review.identity.oidc.tokens import LOGOUT_EVENT
from review.identity.rules import Role
from tests.identity.oidc.browsing import Idp, Surfer, query_of
from tests.make import PASSWORD

BACK = "/sign-out/back-channel/acme"


def logout_claims(idp: Idp, **more: Any) -> dict[str, Any]:
    now = int(time())
    claims = {"iss": idp.issuer, "aud": "countersign", "iat": now, "exp": now + 60, "jti": "jti-1", "sid": "sid-1"}
    claims = claims | {"sub": "nora-1", "events": {LOGOUT_EVENT: {}}} | more
    return {name: value for name, value in claims.items() if value is not None}


async def call(surfer: Surfer, token: str, path: str = BACK) -> httpx.Response:
    """Call as the provider's server does: without cookies, and without what a browser says of itself."""
    surfer.http.cookies.clear()
    return await surfer.http.post(path, data={"logout_token": token})


async def test_signing_out_goes_on_to_the_provider(surfer: Surfer, acme: Idp) -> None:
    await surfer.sign_in(acme)
    page = await surfer.send("GET", "/p/support")
    answer = await surfer.send("POST", "/sign-out", data={"_csrf": surfer.token_in(page)})
    assert (answer.status_code, surfer.has_session, await surfer.sessions()) == (200, False, 0)
    url = answer.headers["refresh"].removeprefix("0; url=")
    assert url.startswith(f"{acme.issuer}/end?")
    assert query_of(url) == {
        "client_id": "countersign",
        "post_logout_redirect_uri": "http://testserver.local/sign-in",
    }
    assert "signed out of Countersign" in answer.text


async def test_signing_out_ends_here_even_where_the_provider_has_no_such_page(surfer: Surfer, acme: Idp) -> None:
    await acme.tell(discovery={"end_session_endpoint": None})
    await surfer.sign_in(acme)
    page = await surfer.send("GET", "/p/support")
    answer = await surfer.send("POST", "/sign-out", data={"_csrf": surfer.token_in(page)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert await surfer.sessions() == 0


async def test_a_session_of_a_password_goes_nowhere_else(surfer: Surfer) -> None:
    await surfer.world.add_person("nora", Role.REVIEWER, password=PASSWORD)
    await surfer.send("POST", "/sign-in", data={"email": "nora@example.com", "password": PASSWORD})
    page = await surfer.send("GET", "/p/support")
    answer = await surfer.send("POST", "/sign-out", data={"_csrf": surfer.token_in(page)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


async def test_the_provider_ends_one_session_by_its_name(surfer: Surfer, acme: Idp) -> None:
    await surfer.sign_in(acme)
    second = Surfer(surfer.http, surfer.world)
    await acme.tell(claims={"sid": "sid-2"})
    await second.sign_in(acme)
    await acme.tell()
    answer = await call(surfer, await acme.sign(logout_claims(acme)))
    assert (answer.status_code, answer.text, answer.headers["cache-control"]) == (200, "", "no-store")
    assert [each["provider_session"] for each in await surfer.fetch("SELECT provider_session FROM sessions")] == [
        "sid-2"
    ]
    assert (await surfer.send("GET", "/p/support")).headers["location"].startswith("/sign-in")
    assert (await second.send("GET", "/p/support")).status_code == 200


async def test_the_provider_ends_every_session_of_a_person(surfer: Surfer, acme: Idp) -> None:
    await surfer.sign_in(acme)
    await Surfer(surfer.http, surfer.world).sign_in(acme)
    await acme.tell(person={"sub": "max-1", "email": "max@example.com"})
    await Surfer(surfer.http, surfer.world).sign_in(acme)
    await acme.tell()
    answer = await call(surfer, await acme.sign(logout_claims(acme, sid=None), typ="logout+jwt"))
    assert answer.status_code == 200
    rows = await surfer.fetch("SELECT u.email FROM sessions s JOIN users u ON u.id = s.user_id")
    assert [each["email"] for each in rows] == ["max@example.com"]


async def test_a_provider_ends_only_what_it_vouched_for(surfer: Surfer, acme: Idp, other: Idp) -> None:
    """A session by password, one of another provider under the same name, and one of somebody else."""
    await surfer.world.add_person("nora", Role.REVIEWER, password=PASSWORD)
    await surfer.send("POST", "/sign-in", data={"email": "nora@example.com", "password": PASSWORD})
    await surfer.link("nora@example.com", acme.issuer, "nora-1")
    await surfer.link("ana@example.com", other.issuer, "nora-1")
    assert (await Surfer(surfer.http, surfer.world).sign_in(other, "other")).status_code == 303
    for at, sid in enumerate(("sid-1", None)):
        answer = await call(surfer, await acme.sign(logout_claims(acme, sid=sid, jti=f"jti-{at}")))
        assert answer.status_code == 200
    assert await surfer.sessions() == 2
    await surfer.sign_in(acme)
    wrong = logout_claims(acme, sub="somebody-else", jti="jti-9")
    assert (await call(surfer, await acme.sign(wrong))).status_code == 200
    rows = await surfer.fetch("SELECT FROM sessions WHERE provider = 'acme'")
    assert len(rows) == 1, "a session and a person that do not belong together name nothing"


BENT: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("wrong iss", {"iss": "https://elsewhere.example"}, "JWT", {}),
    ("wrong aud", {"aud": "somebody-else"}, "JWT", {}),
    ("no aud", {"aud": None}, "JWT", {}),
    ("no iat", {"iat": None}, "JWT", {}),
    ("no jti", {"jti": None}, "JWT", {}),
    ("jti is a number", {"jti": 7}, "JWT", {}),
    ("expired", {"exp": 1}, "JWT", {}),
    ("made long ago", {"iat": 1}, "JWT", {}),
    ("made in the future", {"iat": 9_999_999_999}, "JWT", {}),
    ("a nonce", {"nonce": "x"}, "JWT", {}),
    ("no events", {"events": None}, "JWT", {}),
    ("other events", {"events": {"https://elsewhere.example": {}}}, "JWT", {}),
    ("events are a list", {"events": [LOGOUT_EVENT]}, "JWT", {}),
    ("the event is no object", {"events": {LOGOUT_EVENT: True}}, "JWT", {}),
    ("neither session nor person", {"sid": None, "sub": None}, "JWT", {}),
    ("sid is a list", {"sid": ["sid-1"]}, "JWT", {}),
    ("another kind", {}, "at+jwt", {}),
    ("alg none", {}, "JWT", {"sign": "none_signed"}),
    ("HS256 with the public key", {}, "JWT", {"sign": "hs256"}),
    ("a key of nobody's", {}, "JWT", {"sign": "stranger"}),
    ("a key in the header", {}, "JWT", {"sign": "jwk"}),
]


@pytest.mark.parametrize(("claims", "typ", "told"), [each[1:] for each in BENT], ids=[each[0] for each in BENT])
async def test_a_bent_logout_token_ends_nothing(
    surfer: Surfer, acme: Idp, claims: dict[str, Any], typ: str, told: dict[str, Any]
) -> None:
    """Promise 27, for the way out."""
    await surfer.sign_in(acme)
    await acme.tell(**told)
    answer = await call(surfer, await acme.sign(logout_claims(acme, **claims), typ))
    assert (answer.status_code, answer.json()["code"]) == (400, "logout_refused")
    assert await surfer.sessions() == 1


async def test_an_id_token_is_no_logout_token(surfer: Surfer, acme: Idp) -> None:
    await surfer.sign_in(acme)
    now = int(time())
    token = await acme.sign({"iss": acme.issuer, "aud": "countersign", "sub": "nora-1", "iat": now, "exp": now + 60})
    assert (await call(surfer, token)).status_code == 400
    assert await surfer.sessions() == 1


async def test_a_logout_token_counts_once(surfer: Surfer, acme: Idp) -> None:
    token = await acme.sign(logout_claims(acme))
    assert (await call(surfer, token)).status_code == 200
    await surfer.sign_in(acme)
    answer = await call(surfer, token)
    assert (answer.status_code, answer.json()["code"]) == (400, "logout_refused")
    assert await surfer.sessions() == 1


@pytest.mark.parametrize("size", [1_000_000, 200_000, 0])
async def test_what_is_no_token_costs_nothing(surfer: Surfer, acme: Idp, size: int) -> None:
    answer = await call(surfer, "x" * size)
    assert answer.status_code == (413 if size == 1_000_000 else 400)
    assert await acme.seen("/keys") == [], "keys are not even asked for"


async def test_the_back_channel_counts_the_token_alone_wherever_it_comes_from(surfer: Surfer, acme: Idp) -> None:
    """Servers say neither Origin nor Sec-Fetch-Site, and no cookie of a browser that is made to call counts."""
    await surfer.sign_in(acme)
    for headers in ({}, {"sec-fetch-site": "cross-site"}, {"origin": "https://elsewhere.example"}):
        answer = await surfer.http.post(BACK, data={"logout_token": "x"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "logout_refused")
    assert await surfer.sessions() == 1
    token = await acme.sign(logout_claims(acme))
    bare = {"cookie": ""}
    assert (await surfer.http.post(BACK, data={"logout_token": token}, headers=bare)).status_code == 200
    assert await surfer.sessions() == 0


async def test_an_unknown_provider_ends_nothing(surfer: Surfer, acme: Idp) -> None:
    answer = await call(surfer, await acme.sign(logout_claims(acme)), "/sign-out/back-channel/nobody")
    assert (answer.status_code, answer.json()["code"]) == (404, "provider_not_found")


async def test_a_frame_of_the_provider_ends_its_session(surfer: Surfer, acme: Idp) -> None:
    await surfer.sign_in(acme)
    front = "/sign-out/front-channel/acme"
    for wrong in (
        {"iss": "https://elsewhere.example", "sid": "sid-1"},
        {"iss": acme.issuer},
        {"sid": "sid-1"},
        {"iss": acme.issuer, "sid": "x" * 300},
    ):
        answer = await surfer.http.get(front, params=wrong)
        assert (answer.status_code, answer.json()["code"]) == (400, "logout_refused")
    assert await surfer.sessions() == 1
    answer = await surfer.http.get(front, params={"iss": acme.issuer, "sid": "sid-1"})
    assert answer.status_code == 200
    assert f"frame-ancestors {acme.issuer};" in answer.headers["content-security-policy"] + ";"
    assert answer.headers["cache-control"] == "no-store"
    assert await surfer.sessions() == 0


async def test_sessions_that_a_provider_ends_are_in_the_audit(surfer: Surfer, acme: Idp) -> None:
    """Issue 4 point 7: whoever ends a session, by token, by frame or by unlinking, leaves an entry."""
    await surfer.sign_in(acme)
    await call(surfer, await acme.sign(logout_claims(acme)))
    surfer.cookies.clear()
    await surfer.sign_in(acme)
    address = f"/sign-out/front-channel/acme?{urlencode({'iss': acme.issuer, 'sid': 'sid-1'})}"
    assert (await surfer.send("GET", address)).status_code == 200
    await surfer.sign_in(acme)
    async with surfer.world.db.transaction() as tx:
        assert await joining.unlink(tx, issuer=acme.issuer, subject="nora-1", actor=OPERATOR)
    told = await surfer.audit("session.ended")
    assert [(each["by"], each["sessions"]) for each in told] == [("back channel", 1), ("front channel", 1)]
    assert [each["provider"] for each in told] == ["acme"] * 2
    (unlinked,) = await surfer.audit("identity.unlinked")
    assert unlinked["sessions_ended"] == 1
    rows = await surfer.fetch("SELECT actor_name, origin FROM audit_entries WHERE action = 'session.ended'")
    assert [row["actor_name"] for row in rows] == ["nora@example.com"] * 2
    assert all(row["origin"] for row in rows), "the address that the call came from"


async def test_a_session_that_the_next_one_takes_the_place_of_is_told_to_have_ended(surfer: Surfer, acme: Idp) -> None:
    """Issue 4 point 7: also where somebody else signs in after whoever was here before."""
    await surfer.world.add_person("mia", Role.REVIEWER, password=PASSWORD)
    await surfer.send("POST", "/sign-in", data={"email": "mia@example.com", "password": PASSWORD})
    await surfer.sign_in(acme)
    rows = await surfer.fetch("SELECT actor_name, details FROM audit_entries WHERE action = 'session.ended'")
    assert [(row["actor_name"], row["details"]) for row in rows] == [("mia@example.com", '{"by": "another sign-in"}')]
