"""Signing in with a provider, from the button to the session, over HTTP and against a provider of its own process."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from review.audit.rules import OPERATOR
from review.identity import people
from review.identity.oidc import service as oidc
from review.identity.rules import Role
from review.identity.service import get_project
from review.queueing import departures
from review.web import limits
from tests.identity.oidc.browsing import Idp, Surfer, query_of
from tests.make import PASSWORD

IDENTITIES = "SELECT i.issuer, i.subject, u.email FROM user_identities i JOIN users u ON u.id = i.user_id ORDER BY 1, 2"


async def test_somebody_new_comes_in_with_what_their_groups_give(surfer: Surfer, acme: Idp) -> None:
    """Promise 27: a user is an issuer and a subject, and the browser asks with PKCE, a state and a nonce of its own."""
    url = await surfer.go(target="/p/support/pools/triage")
    asked = query_of(url)
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert asked["redirect_uri"] == "http://testserver.local/sign-in/with/acme/callback"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    answer = await surfer.come_back(await acme.authorize(url))
    assert (answer.status_code, answer.headers["location"]) == (303, "/p/support/pools/triage")
    assert surfer.has_session
    assert [name for name in surfer.cookies if "way" in name] == [], "the way's cookie is gone"
    assert (await surfer.send("GET", "/p/support/pools/triage")).status_code == 200
    assert await surfer.fetch(IDENTITIES) == [{"issuer": acme.issuer, "subject": "nora-1", "email": "nora@example.com"}]
    assert await surfer.fetch("SELECT password_hash FROM users WHERE email = 'nora@example.com'") == [
        {"password_hash": None}
    ]
    assert await surfer.memberships() == [("reviewer", "oidc:acme")]
    assert await surfer.pools() == [("triage", "oidc:acme")]
    (session,) = await surfer.fetch("SELECT method, provider, provider_session FROM sessions")
    assert session == {"method": "oidc", "provider": "acme", "provider_session": "sid-1"}
    assert await surfer.fetch("SELECT FROM sign_in_attempts") == []
    (told,) = await surfer.audit("session.opened")
    assert told == {"method": "oidc", "provider": "acme"}
    assert [each["subject"] for each in await surfer.audit("user.created") if "subject" in each] == ["nora-1"]


async def test_the_cookie_of_the_way_is_nobody_elses_to_read_or_to_send(surfer: Surfer) -> None:
    answer = await surfer.send("POST", "/sign-in/with/acme")
    (cookie,) = answer.headers.get_list("set-cookie")
    assert cookie.startswith("countersign-way-")
    for part in ("httponly", "samesite=lax", "path=/", "max-age=600"):
        assert part in cookie.lower()
    assert "domain" not in cookie.lower()


async def test_signing_in_again_is_the_same_account_even_under_another_address(surfer: Surfer, acme: Idp) -> None:
    await surfer.sign_in(acme)
    first = dict(surfer.cookies)
    await acme.tell(person={"email": "nora.married@example.com", "email_verified": False})
    assert (await surfer.sign_in(acme)).status_code == 303
    assert surfer.cookies["countersign"] != first["countersign"], "a session gets a new name at each sign-in"
    assert await surfer.sessions() == 1, "and the one before it ends"
    assert [each["email"] for each in await surfer.fetch(IDENTITIES)] == ["nora@example.com"]


async def test_two_sign_ins_at_the_same_time_make_one_account(surfer: Surfer, acme: Idp) -> None:
    others = [Surfer(surfer.http, surfer.world) for _ in range(4)]
    backs = [await acme.authorize(await each.go()) for each in others]
    answers = await asyncio.gather(*(each.come_back(back) for each, back in zip(others, backs, strict=True)))
    assert [each.status_code for each in answers] == [303] * 4
    assert len(await surfer.fetch(IDENTITIES)) == 1
    assert await surfer.sessions() == 4


async def test_groups_give_and_take_at_each_sign_in_and_leave_alone_what_came_from_elsewhere(
    surfer: Surfer, acme: Idp
) -> None:
    await acme.tell(person={"groups": ["seniors"]})
    await surfer.sign_in(acme)
    assert await surfer.pools() == [("seniors", "oidc:acme"), ("triage", "oidc:acme")]
    project = surfer.world.service.project_id
    await surfer.world.db.hot.execute(
        "INSERT INTO pool_members VALUES ($1, 'seniors', 'nora@example.com', 'direct')", project
    )
    await acme.tell(person={"groups": ["leads"]})
    await surfer.sign_in(acme)
    assert await surfer.memberships() == [("lead", "oidc:acme")]
    assert await surfer.pools() == [("seniors", "direct")]
    await acme.tell(person={"groups": []})
    await surfer.sign_in(acme)
    assert await surfer.memberships() == []
    assert await surfer.pools() == [("seniors", "direct")]
    told = [(each.get("role_before"), each.get("role_after")) for each in await surfer.audit("membership.changed")]
    assert told == [(None, "reviewer"), ("reviewer", "lead"), ("lead", None)]
    changed = (await surfer.audit("membership.changed"))[1]
    assert changed["pools_taken"] == ["seniors", "triage"]
    await acme.tell(person={"groups": []})
    before = len(await surfer.audit("membership.changed"))
    await surfer.sign_in(acme)
    assert len(await surfer.audit("membership.changed")) == before, "nothing changed, so nothing is told"


async def test_a_role_given_by_hand_is_not_the_providers_to_change(surfer: Surfer, acme: Idp) -> None:
    await surfer.world.add_person("nora", Role.ADMIN)
    await surfer.link("nora@example.com", acme.issuer, "nora-1")
    assert (await surfer.sign_in(acme)).status_code == 303
    assert await surfer.memberships() == [("admin", "direct")]
    assert await surfer.pools() == [("triage", "oidc:acme")], "pools come beside it"
    await acme.tell(person={"groups": []})
    await surfer.sign_in(acme)
    assert await surfer.memberships() == [("admin", "direct")]
    assert await surfer.pools() == []


async def test_a_role_changed_by_hand_stays_and_the_pools_of_groups_are_shown(surfer: Surfer, acme: Idp) -> None:
    """Promise 26: the next sign-in does not undo what an admin decided."""
    await surfer.sign_in(acme)
    project = surfer.world.service.project_id
    async with surfer.world.db.transaction() as tx:
        owner = await get_project(tx, surfer.world.project)
        nora = await people.get_member_id(tx, owner, "nora@example.com")
        person = await people.change(tx, project, nora, actor=OPERATOR, role="analyst")
    assert (person.pools, person.configured_pools, person.given_pools) == ([], [], ["triage"])
    assert (await surfer.sign_in(acme)).status_code == 303
    assert await surfer.memberships() == [("analyst", "direct")]


@pytest.mark.parametrize(
    ("person", "comes_in"),
    [
        ({}, True),
        ({"email": "NORA@Example.com "}, True),
        ({"email": "ada@elsewhere.example"}, True),
        ({"email": "bob@elsewhere.example"}, False),
        ({"email": "bob@elsewhere.example", "groups": ["guests"]}, True),
        ({"email": "bob@evil-example.com"}, False),
        ({"email": "bob@example.com.evil.example"}, False),
        ({"email": "bob@evil.example@example.com"}, False),
        ({"email": ""}, False),
        ({"email": 7}, False),
        ({"email_verified": "true"}, True),
        ({"email_verified": 1}, False),
        ({"email_verified": ["true"]}, False),
        ({"email_verified": None}, False),
    ],
)
async def test_an_account_is_made_for_those_whom_the_entry_allows(
    surfer: Surfer, acme: Idp, person: dict[str, Any], comes_in: bool
) -> None:
    await acme.tell(person=person)
    answer = await surfer.sign_in(acme)
    assert answer.status_code == (303 if comes_in else 403)
    assert surfer.has_session == comes_in
    assert await surfer.sessions() == int(comes_in)
    if not comes_in:
        assert "You may not come in" in answer.text
        assert await surfer.fetch(IDENTITIES) == []


async def test_what_the_token_leaves_out_is_asked_for(surfer: Surfer, acme: Idp) -> None:
    await acme.tell(only_userinfo=["email", "email_verified", "groups"])
    assert (await surfer.sign_in(acme)).status_code == 303
    (asked,) = await acme.seen("/userinfo")
    assert asked["headers"]["Authorization"] == "Bearer access"
    assert await surfer.pools() == [("triage", "oidc:acme")]


async def test_an_answer_about_somebody_else_is_refused(surfer: Surfer, acme: Idp) -> None:
    await acme.tell(only_userinfo=["email", "email_verified"], userinfo={"sub": "somebody-else"})
    answer = await surfer.sign_in(acme)
    assert (answer.status_code, surfer.has_session) == (401, False)


async def test_nested_groups_and_a_second_provider(surfer: Surfer, other: Idp) -> None:
    await other.tell(person={"realm": {"roles": ["staff", 7, None]}})
    assert (await surfer.sign_in(other, "other")).status_code == 303
    assert await surfer.memberships() == [("analyst", "oidc:other")]
    assert await surfer.pools() == [("seniors", "oidc:other")]


async def test_whoever_is_disabled_stays_out(surfer: Surfer, acme: Idp) -> None:
    await surfer.sign_in(acme)
    await surfer.world.db.hot.execute("UPDATE users SET disabled_at = now() WHERE email = 'nora@example.com'")
    await surfer.world.db.hot.execute("DELETE FROM sessions")
    surfer.cookies.clear()
    answer = await surfer.sign_in(acme)
    assert (answer.status_code, surfer.has_session, await surfer.sessions()) == (403, False, 0)
    assert "disabled" in answer.text


async def test_the_owner_links_an_identity_from_their_own_session(surfer: Surfer, acme: Idp) -> None:
    await surfer.world.add_person("nora", Role.REVIEWER, password=PASSWORD)
    taken = await surfer.sign_in(acme)
    assert taken.status_code == 409
    assert "review users link" in taken.text
    assert "/sign-in?next=/sign-in/linked" in taken.text
    await surfer.send("POST", "/sign-in", data={"email": "nora@example.com", "password": PASSWORD})
    page = await surfer.send("GET", "/sign-in/linked")
    assert "Link Acme" in page.text
    assert (await surfer.send("POST", "/sign-in/with/acme/link")).status_code == 403, "it carries the form's token"
    back = await acme.authorize(await surfer.go(path="/link", _csrf=surfer.token_in(page)))
    answer = await surfer.come_back(back)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in/linked")
    assert "nora-1" in (await surfer.send("GET", "/sign-in/linked")).text
    (told,) = await surfer.audit("identity.linked")
    assert told["subject"] == "nora-1"
    surfer.cookies.clear()
    assert (await surfer.sign_in(acme)).status_code == 303
    assert surfer.has_session


async def test_linking_is_finished_by_whoever_began_it_or_by_nobody(surfer: Surfer, acme: Idp) -> None:
    await surfer.world.add_person("nora", Role.REVIEWER, password=PASSWORD)
    await surfer.send("POST", "/sign-in", data={"email": "nora@example.com", "password": PASSWORD})
    page = await surfer.send("GET", "/sign-in/linked")
    back = await acme.authorize(await surfer.go(path="/link", _csrf=surfer.token_in(page)))
    await surfer.world.db.hot.execute("DELETE FROM sessions")
    assert (await surfer.come_back(back)).status_code == 400
    assert await surfer.fetch(IDENTITIES) == []


async def test_an_identity_is_linked_with_one_account(surfer: Surfer, acme: Idp) -> None:
    await surfer.link("ana@example.com", acme.issuer, "nora-1")
    await surfer.world.add_person("nora", Role.REVIEWER, password=PASSWORD)
    await surfer.send("POST", "/sign-in", data={"email": "nora@example.com", "password": PASSWORD})
    page = await surfer.send("GET", "/sign-in/linked")
    answer = await surfer.come_back(await acme.authorize(await surfer.go(path="/link", _csrf=surfer.token_in(page))))
    assert answer.status_code == 409
    assert [each["email"] for each in await surfer.fetch(IDENTITIES)] == ["ana@example.com"]


async def test_what_never_came_back_is_forgotten(surfer: Surfer) -> None:
    await surfer.go()
    await surfer.go()
    await surfer.world.db.hot.execute(
        "UPDATE sign_in_attempts SET expires_at = now() WHERE state_sha256 = (SELECT min(state_sha256) FROM"
        " sign_in_attempts)"
    )
    async with surfer.world.db.transaction() as tx:
        assert await oidc.forget_stale(tx) == 1
    assert len(await surfer.fetch("SELECT FROM sign_in_attempts")) == 1


async def test_the_sign_in_page_has_a_button_for_each_provider(surfer: Surfer) -> None:
    page = await surfer.send("GET", "/sign-in?next=/p/support")
    assert "Sign in with Acme" in page.text
    assert "Sign in with The other one" in page.text
    assert page.text.count('name="next" value="/p/support"') == 4, "two providers, a passkey, a password"
    unknown = await surfer.send("POST", "/sign-in/with/nobody")
    assert (unknown.status_code, "There is no such provider" in unknown.text) == (404, True)


async def test_another_site_cannot_begin_a_sign_in(surfer: Surfer) -> None:
    answer = await surfer.send("POST", "/sign-in/with/acme", headers={"sec-fetch-site": "cross-site"})
    assert (answer.status_code, surfer.cookies) == (403, {})


async def test_whoever_is_removed_leaves_the_pools_that_a_provider_gave(surfer: Surfer, acme: Idp) -> None:
    """Issue 4 point 2: being added anew by hand gives none of them back."""
    await surfer.sign_in(acme)
    world = surfer.world
    (nora,) = await surfer.fetch("SELECT id FROM users WHERE email = 'nora@example.com'")
    async with world.db.transaction() as tx:
        await departures.remove(tx, world.service.project_id, nora["id"], actor=OPERATOR)
        await people.create_user(tx, project="support", email="nora@example.com", role="reviewer", actor=OPERATOR)
    assert await surfer.pools() == []


async def test_linking_needs_a_session_that_is_still_good(
    surfer: Surfer, acme: Idp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 26: one that lay idle too long for a page links nothing either."""
    state = surfer.http._transport.app.state  # type: ignore[attr-defined]  # the application's own
    shorter = msgspec.structs.replace(state.services.settings, session_idle=timedelta(hours=2))
    monkeypatch.setattr(state, "services", replace(state.services, settings=shorter))
    await surfer.world.add_person("nora", Role.REVIEWER, password=PASSWORD)
    await surfer.send("POST", "/sign-in", data={"email": "nora@example.com", "password": PASSWORD})
    page = await surfer.send("GET", "/sign-in/linked")
    back = await acme.authorize(await surfer.go(path="/link", _csrf=surfer.token_in(page)))
    await surfer.world.db.hot.execute("UPDATE sessions SET last_seen_at = now() - interval '3 hours'")
    assert (await surfer.send("GET", "/sign-in/linked")).status_code == 303, "that session is over"
    assert (await surfer.come_back(back)).status_code == 400
    assert await surfer.fetch(IDENTITIES) == []


async def test_beginning_again_and_again_fills_nothing_up(surfer: Surfer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 28: what is kept for each sign-in under way is bounded by address; nobody is signed in to be counted."""
    monkeypatch.setattr(limits, "GUESSES_AT_ONCE", 3)
    monkeypatch.setattr(limits, "GUESSES_A_SECOND", 0.001)  # none comes back while this lasts, however slow it is here
    answers = [await surfer.send("POST", "/sign-in/with/acme") for _ in range(6)]
    assert [each.status_code for each in answers] == [200] * 3 + [429] * 3
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert len(await surfer.fetch("SELECT FROM sign_in_attempts")) == 3
