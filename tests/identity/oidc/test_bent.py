"""Promise 27: login cannot be bent. Each way of trying is refused with a page, and leaves no session."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from review.identity.oidc import calls, discovery
from tests.identity.oidc.browsing import Idp, Surfer, query_of


async def refused(surfer: Surfer, answer: httpx.Response, status: int, *words: str) -> None:
    """Check that nobody came in, and that the page says why and nothing that is secret."""
    assert (answer.status_code, surfer.has_session, await surfer.sessions()) == (status, False, 0), answer.text
    assert await surfer.fetch("SELECT FROM user_identities") == []
    assert "eyJ" not in answer.text, "a page shows no token"
    assert "a secret of the tests" not in answer.text
    assert "Nothing was changed" in answer.text or status == 404
    for each in words:
        assert each in answer.text


BENT: list[tuple[str, dict[str, Any], str]] = [
    ("wrong iss", {"claims": {"iss": "https://elsewhere.example"}}, "`iss`"),
    ("no iss", {"without": ["iss"]}, "`iss`"),
    ("wrong aud", {"claims": {"aud": "somebody-else"}}, "`aud`"),
    ("no aud", {"without": ["aud"]}, "`aud`"),
    ("aud among others, no azp", {"claims": {"aud": ["countersign", "somebody-else"]}}, "`azp`"),
    ("wrong azp", {"claims": {"azp": "somebody-else"}}, "`azp`"),
    ("aud is a number", {"claims": {"aud": 7}}, "`aud`"),
    ("no nonce", {"without": ["nonce"]}, "`nonce`"),
    ("wrong nonce", {"claims": {"nonce": "another"}}, "`nonce`"),
    ("nonce is a list", {"claims": {"nonce": ["another"]}}, "`nonce`"),
    ("expired", {"times": {"exp": -61}}, "expired"),
    ("no exp", {"without": ["exp"]}, "`exp`"),
    ("exp is a text", {"claims": {"exp": "tomorrow"}}, "`exp`"),
    ("issued in the future", {"times": {"iat": 120, "exp": 400}}, "`iat`"),
    ("no iat", {"without": ["iat"]}, "`iat`"),
    ("not before later", {"times": {"nbf": 120}}, "`nbf`"),
    ("no sub", {"without": ["sub"]}, "`sub`"),
    ("sub is a number", {"claims": {"sub": 7}}, "`sub`"),
    ("sub is empty", {"claims": {"sub": ""}}, "`sub`"),
    ("sub is endless", {"claims": {"sub": "x" * 300}}, "`sub`"),
    ("another access token", {"claims": {"at_hash": "x"}}, "`at_hash`"),
    ("alg none", {"sign": "none"}, "no signed token"),
    ("alg none with a signature", {"sign": "none_signed"}, "not accepted"),
    ("HS256 with the public key", {"sign": "hs256"}, "not accepted"),
    ("a key of nobody's", {"sign": "stranger"}, "none of the provider’s keys"),
    ("a key in the header", {"sign": "jwk"}, "`jwk`"),
    ("a key's address in the header", {"sign": "jku"}, "`jku`"),
    ("a certificate's address in the header", {"sign": "x5u"}, "`x5u`"),
    ("crit", {"header": {"crit": ["exp"], "exp": 1}}, "`crit`"),
    ("unencoded payload", {"header": {"b64": False}}, "`b64`"),
    ("a logout token", {"typ": "logout+jwt"}, "another kind"),
    ("an endless header", {"header": {"kid": "x" * 3_000}}, "header is too large"),
    ("a megabyte", {"padding": 1_000_000}, "too large"),
    ("100 KB", {"padding": 100_000}, "too large"),
    ("no token", {"omit": ["id_token"]}, "no token"),
    ("no text", {"raw_token": 7}, "no token"),
    ("no JSON", {"raw_token": "eA.eA.eA"}, "header cannot be read"),
    ("encrypted", {"raw_token": "eA.eA.eA.eA.eA"}, "no signed token"),
]


@pytest.mark.parametrize(("told", "word"), [each[1:] for each in BENT], ids=[each[0] for each in BENT])
async def test_a_bent_token_lets_nobody_in(surfer: Surfer, acme: Idp, told: dict[str, Any], word: str) -> None:
    await acme.tell(**told)
    answer = await surfer.sign_in(acme)
    status = 503 if told.get("padding", 0) > 200_000 else 401
    await refused(surfer, answer, status, word.replace("’", "&#39;"))
    assert await acme.seen("/stray") == [], "no address out of a token is ever asked"


@pytest.mark.parametrize(
    "told", [{"sign": "es256"}, {"times": {"exp": -30}}, {"times": {"iat": 30}}, {"header": {"kid": None}}]
)
async def test_what_holds_lets_them_in(surfer: Surfer, acme: Idp, told: dict[str, Any]) -> None:
    """The cases above are refused for what is bent, not for what they share; clocks may differ by a minute."""
    await acme.tell(**told)
    assert (await surfer.sign_in(acme)).status_code == 303
    assert surfer.has_session


async def test_a_second_copy_of_a_claim_is_refused(surfer: Surfer, acme: Idp) -> None:
    """Two readers of one token could otherwise see two people."""
    await acme.tell(doubled='"sub": "ana-1"')
    await refused(surfer, await surfer.sign_in(acme), 401, "content cannot be read")


async def test_a_megabyte_costs_little(surfer: Surfer, acme: Idp) -> None:
    await acme.tell(padding=1_000_000)
    back = await acme.authorize(await surfer.go())
    began = monotonic()
    await refused(surfer, await surfer.come_back(back), 503, "too large")
    assert monotonic() - began < 2


@pytest.mark.parametrize("state", [None, "", "x", "x" * 5_000], ids=["absent", "empty", "wrong", "endless"])
async def test_an_answer_without_its_state_lets_nobody_in(surfer: Surfer, acme: Idp, state: str | None) -> None:
    await acme.tell(back={"state": state})
    await refused(surfer, await surfer.sign_in(acme), 400, "under way in this browser")
    assert await acme.seen("/token") == [], "the code is not even asked for"


async def test_an_answer_is_taken_once(surfer: Surfer, acme: Idp) -> None:
    """State and code replayed, by the same browser with all that it has."""
    url = await surfer.go()
    way = dict(surfer.cookies)
    back = await acme.authorize(url)
    assert (await surfer.come_back(back)).status_code == 303
    await surfer.world.db.hot.execute("DELETE FROM sessions")
    surfer.cookies = way
    answer = await surfer.come_back(back)
    assert (answer.status_code, surfer.has_session, await surfer.sessions()) == (400, False, 0)
    assert len(await acme.seen("/token")) == 1


async def test_what_was_refused_once_is_not_tried_again(surfer: Surfer, acme: Idp) -> None:
    await acme.tell(claims={"aud": "somebody-else"})
    url = await surfer.go()
    way = dict(surfer.cookies)
    back = await acme.authorize(url)
    await refused(surfer, await surfer.come_back(back), 401)
    await acme.tell()
    surfer.cookies = way
    await refused(surfer, await surfer.come_back(back), 400)


async def test_of_two_at_the_same_time_one_is_taken(surfer: Surfer, acme: Idp) -> None:
    url = await surfer.go()
    back = await acme.authorize(url)
    twins = [Surfer(surfer.http, surfer.world, dict(surfer.cookies)) for _ in range(5)]
    answers = await asyncio.gather(*(each.come_back(back) for each in twins))
    assert sorted(each.status_code for each in answers) == [303, 400, 400, 400, 400]
    assert await surfer.sessions() == 1


async def test_the_state_of_another_browser_is_nobody_elses(surfer: Surfer, acme: Idp) -> None:
    """An attacker's own answer, code and all, in a victim's browser would sign the victim in as the attacker."""
    attacker = Surfer(surfer.http, surfer.world)
    back = await acme.authorize(await attacker.go())
    await refused(surfer, await surfer.come_back(back), 400)
    await surfer.go()
    mine = dict(surfer.cookies)
    (name,) = mine
    (theirs,) = attacker.cookies
    surfer.cookies = {theirs: mine[name]}
    await refused(surfer, await surfer.come_back(back), 400)
    assert (await attacker.come_back(back)).status_code == 303, "it was theirs, and still is"


async def test_a_sign_in_runs_out(surfer: Surfer, acme: Idp) -> None:
    back = await acme.authorize(await surfer.go())
    (left,) = await surfer.fetch("SELECT expires_at - now() AS left FROM sign_in_attempts")
    assert timedelta(minutes=9) < left["left"] <= timedelta(minutes=10)
    await surfer.world.db.hot.execute("UPDATE sign_in_attempts SET expires_at = now()")
    await refused(surfer, await surfer.come_back(back), 400)


async def test_a_code_of_somebody_elses_sign_in_is_refused(surfer: Surfer, acme: Idp) -> None:
    """PKCE: a stolen code is worth nothing without the verifier of the sign-in it was given for."""
    victim = Surfer(surfer.http, surfer.world)
    stolen = query_of(await acme.authorize(await victim.go()))["code"]
    await acme.tell(back={"code": stolen})
    await refused(surfer, await surfer.sign_in(acme), 400, "did not take the code")
    assert "invalid_grant" in (await surfer.sign_in(acme)).text


@pytest.mark.parametrize("iss", [None, "", "https://elsewhere.example"])
async def test_an_answer_must_name_the_provider_where_it_says_it_does(
    surfer: Surfer, acme: Idp, iss: str | None
) -> None:
    """RFC 9207."""
    await acme.tell(back={"iss": iss})
    await refused(surfer, await surfer.sign_in(acme), 400, "does not come from Acme")
    assert await acme.seen("/token") == []


async def test_a_wrong_name_is_refused_even_where_none_is_asked_for(surfer: Surfer, acme: Idp) -> None:
    await acme.tell(
        discovery={"authorization_response_iss_parameter_supported": False}, back={"iss": "https://elsewhere.example"}
    )
    await refused(surfer, await surfer.sign_in(acme), 400)
    await acme.tell(discovery={"authorization_response_iss_parameter_supported": False}, back={"iss": None})
    assert (await surfer.sign_in(acme)).status_code == 303


async def test_providers_are_not_mixed_up(surfer: Surfer, acme: Idp, other: Idp) -> None:
    """An answer of one provider at the other's address: its code would be handed to the wrong one."""
    back = await acme.authorize(await surfer.go("acme"))
    crossed = back.replace("/with/acme/", "/with/other/")
    await refused(surfer, await surfer.come_back(crossed), 400)
    assert await other.seen("/token") == []
    assert await acme.seen("/token") == []


async def test_the_same_subject_at_another_issuer_is_somebody_else(surfer: Surfer, acme: Idp, other: Idp) -> None:
    await acme.tell(person={"sub": "1"})
    await surfer.sign_in(acme)
    surfer.cookies.clear()
    await surfer.world.db.hot.execute("DELETE FROM sessions")
    await other.tell(person={"sub": "1", "email": "mallory@example.com"})
    assert (await surfer.sign_in(other, "other")).status_code == 303
    rows = await surfer.fetch("SELECT DISTINCT user_id FROM user_identities")
    assert len(rows) == 2
    (who,) = await surfer.fetch("SELECT u.email FROM sessions s JOIN users u ON u.id = s.user_id")
    assert who["email"] == "mallory@example.com"


async def test_an_email_of_another_account_is_never_taken_over(surfer: Surfer, acme: Idp, other: Idp) -> None:
    """By a stranger's provider, by another identity at the same one, or in other letters."""
    await acme.tell(person={"email": "ANA@example.com"})
    await refused(surfer, await surfer.sign_in(acme), 409, "has an account already")
    await other.tell(person={"email": "ana@example.com"})
    await refused(surfer, await surfer.sign_in(other, "other"), 409)


async def test_an_unverified_email_makes_no_account(surfer: Surfer, acme: Idp) -> None:
    await acme.tell(person={"email_verified": False})
    await refused(surfer, await surfer.sign_in(acme), 403, "did not say that your e-mail address is verified")


async def test_who_says_no_at_the_provider_is_told_so(surfer: Surfer, acme: Idp) -> None:
    await acme.tell(deny="access_denied")
    await refused(surfer, await surfer.sign_in(acme), 400, "did not let you")
    await acme.tell(deny="<script>alert(1)</script>")
    answer = await surfer.sign_in(acme)
    assert (answer.status_code, "<script>alert" in answer.text) == (400, False)


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Calls that give up soon, and a provider that is asked again at once."""
    monkeypatch.setattr(calls, "CALL_WITHIN", timedelta(seconds=2))  # a busy machine answers within it
    monkeypatch.setattr(discovery, "BETWEEN_FAILURES", timedelta(0))
    return iter([None])


DISCOVERY, KEYS = "/.well-known/openid-configuration", "/keys"


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("how", ["hang", "redirect", "flood", "deep", "500", "204"])
@pytest.mark.parametrize("at", [DISCOVERY, KEYS, "/token"])
async def test_a_provider_that_fails_lets_nobody_in(surfer: Surfer, acme: Idp, at: str, how: str) -> None:
    back = await acme.authorize(await surfer.go()) if at != DISCOVERY else ""
    await acme.tell(at={at: how})
    began = monotonic()
    answer = await (surfer.come_back(back) if back else surfer.send("POST", "/sign-in/with/acme"))
    await refused(surfer, answer, 503, "cannot be used just now")
    assert monotonic() - began < 8
    assert await acme.seen("/stray") == [], "redirects are not followed"
    await acme.tell()
    assert (await surfer.sign_in(acme)).status_code == 303, "and once it is back, so are they"


LIES: list[tuple[str, dict[str, Any]]] = [
    ("another issuer", {"issuer": "https://elsewhere.example"}),
    ("an issuer with a slash more", {"issuer": "http://127.0.0.1/"}),
    ("plain http to another host", {"token_endpoint": "http://elsewhere.example/token"}),
    ("a script", {"authorization_endpoint": "javascript:alert(1)"}),
    ("a header of its own", {"authorization_endpoint": "https://elsewhere.example/\r\nSet-Cookie: x=y"}),
    ("a password in an address", {"jwks_uri": "https://user:pass@elsewhere.example/keys"}),
    ("a farewell to nowhere", {"end_session_endpoint": "data:text/html,x"}),
    ("no keys", {"jwks_uri": None}),
    ("only what is not accepted", {"id_token_signing_alg_values_supported": ["HS256", "none"]}),
]


@pytest.mark.parametrize("lie", [each[1] for each in LIES], ids=[each[0] for each in LIES])
async def test_a_description_that_lies_is_not_believed(surfer: Surfer, acme: Idp, lie: dict[str, Any]) -> None:
    await acme.tell(discovery=lie)
    await refused(surfer, await surfer.send("POST", "/sign-in/with/acme"), 503, "cannot be used just now")


async def test_a_provider_that_is_down_is_said_to_be(surfer: Surfer, acme: Idp) -> None:
    await acme.tell(at={DISCOVERY: "500"})
    answers = await asyncio.gather(*(surfer.send("POST", "/sign-in/with/acme") for _ in range(10)))
    assert [each.status_code for each in answers] == [503] * 10
    assert len(await acme.seen(DISCOVERY)) == 1, "who waits does not ask one after the other"


async def test_keys_that_change_are_fetched_and_not_too_often(surfer: Surfer, acme: Idp) -> None:
    assert (await surfer.sign_in(acme)).status_code == 303
    await acme.tell(rotate=True)
    assert (await surfer.sign_in(acme)).status_code == 303, "a rotation is nothing that anybody notices"
    assert len(await acme.seen(KEYS)) == 2
    await acme.tell(sign="stranger")
    surfer.cookies.clear()
    for _ in range(3):
        assert (await surfer.sign_in(acme)).status_code == 401
    assert len(await acme.seen(KEYS)) == 2, "keys are fetched anew twice a minute at most"


async def test_keys_of_the_wrong_kind_verify_nothing(surfer: Surfer, acme: Idp) -> None:
    """A secret key in the set, one for encryption, and one that is too short."""
    await acme.tell(
        keys={"keys": [{"kty": "oct", "k": "AAAA", "kid": "rsa-1"}, {"kty": "RSA", "n": "AQAB", "e": "AQAB"}, 7]}
    )
    await refused(surfer, await surfer.sign_in(acme), 503, "no key that is accepted")


@pytest.mark.parametrize("bent", ["\xa0{name}", "{name}\x85"])
async def test_a_way_that_a_neighbour_planted_leads_nowhere(surfer: Surfer, acme: Idp, bent: str) -> None:
    """Promise 26: a browser lets other hosts set names that the framework reads as ours; they are read exactly."""
    mallory = Surfer(surfer.http, surfer.world)
    back = await acme.authorize(await mallory.go())
    ((name, value),) = mallory.cookies.items()
    planted = f"{bent.format(name=name)}={value}".encode("latin-1")
    parts = urlsplit(back)
    headers = {b"accept": b"text/html", b"cookie": planted}
    answer = await surfer.http.get(f"{parts.path}?{parts.query}", headers=headers)
    assert answer.status_code == 400
    assert await surfer.sessions() == 0
    assert (await mallory.come_back(back)).status_code == 303, "the cookie itself is good"
