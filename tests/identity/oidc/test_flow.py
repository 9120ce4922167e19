"""Signing in with a provider, from the button to the session, over HTTP and against a provider of its own process."""

from typing import Any

import httpx

from tests.identity.oidc.browsing import Idp, Surfer, query_of

ISSUED = "SELECT email, source FROM pool_members WHERE email = 'nora@example.com' ORDER BY pool, source"


async def memberships(surfer: Surfer) -> list[tuple[str, str]]:
    rows = await surfer.fetch(
        "SELECT m.role, m.source FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = 'nora@example.com'"
    )
    return [(row["role"], row["source"]) for row in rows]


async def pools(surfer: Surfer) -> list[tuple[str, str]]:
    rows = await surfer.fetch(
        "SELECT pool, source FROM pool_members WHERE email = 'nora@example.com' ORDER BY pool, source"
    )
    return [(row["pool"], row["source"]) for row in rows]


async def audit(surfer: Surfer, action: str) -> list[dict[str, Any]]:
    rows = await surfer.fetch(
        "SELECT details::text AS details, actor_name FROM audit_entries WHERE action = $1 ORDER BY id", action
    )
    return [__import__("json").loads(row["details"]) for row in rows]


async def test_somebody_new_comes_in_with_what_their_groups_give(surfer: Surfer, acme: Idp) -> None:
    """Promise 27: a user is an issuer and a subject, and the browser asks with PKCE, a state and a nonce of its own."""
    url = await surfer.go(target="/p/support/pools/triage")
    asked = query_of(url)
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == "http://testserver.local/sign-in/with/acme/callback"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    answer = await surfer.come_back(await acme.authorize(url))
    assert (answer.status_code, answer.headers["location"]) == (303, "/p/support/pools/triage")
    assert surfer.has_session
    assert [name for name in surfer.cookies if "way" in name] == [], "the way's cookie is gone"
    page = await surfer.send("GET", "/p/support/pools/triage")
    assert page.status_code == 200
    (identity,) = await surfer.fetch(
        "SELECT i.issuer, i.subject, u.email, u.password_hash FROM user_identities i JOIN users u ON u.id = i.user_id"
    )
    assert identity == {"issuer": acme.issuer, "subject": "nora-1", "email": "nora@example.com", "password_hash": None}
    assert await memberships(surfer) == [("reviewer", "oidc:acme")]
    assert await pools(surfer) == [("triage", "oidc:acme")]
    (session,) = await surfer.fetch("SELECT method, provider, provider_session FROM sessions")
    assert session == {"method": "oidc", "provider": "acme", "provider_session": "sid-1"}
    assert await surfer.fetch("SELECT * FROM sign_in_attempts") == []


async def test_debug(surfer: Surfer, acme: Idp, http: httpx.AsyncClient) -> None:
    answer = await surfer.sign_in(acme)
    assert answer.status_code == 303, answer.text
