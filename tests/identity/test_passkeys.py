"""Passkeys at the service: what is taken, what is refused, and that each challenge counts once."""

import json
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from review.identity import accounts, passkey_queries, passkeys, throttling_rules
from review.identity.accounts import Door
from review.identity.errors import IdentityInvalid, PasskeyRefused, SignInRefused, TooManyAttempts
from review.identity.passkeys import Party
from review.identity.rules import Role
from review.identity.sessions import Browser, SignedIn, Visitor
from tests.identity.authenticator import PRESENT, Authenticator
from tests.identity.test_accounts import ELSEWHERE, EMAIL, HERE, acts, door, enter, visitor_of
from tests.make import PASSWORD, World

__all__ = ["door"]
PARTY = Party("review.example.com", "https://review.example.com")
OTHER = Party("evil.example", "https://evil.example")


async def begin(door: Door, visitor: Visitor, cookie: str, name: str = "Laptop", password: str = "") -> passkeys.Begun:
    browser = msgspec.structs.replace(HERE, cookie=cookie)
    return await passkeys.begin_adding(door, PARTY, visitor, name=name, password=password, browser=browser)


async def owner(door: Door) -> tuple[Visitor, str]:
    """Nora signed in a moment ago."""
    signed_in = await enter(door)
    return await visitor_of(door, signed_in), signed_in.cookie


async def add(door: Door, device: Authenticator) -> Visitor:
    visitor, session = await owner(door)
    begun = await begin(door, visitor, session)
    await keep(door, visitor, device.make(begun.options), begun.cookie)
    return visitor


async def keep(door: Door, visitor: Visitor, credential: str, cookie: str, name: str = "Laptop") -> None:
    await passkeys.add(door, PARTY, visitor, name=name, credential=credential, cookie=cookie, browser=HERE)


async def ask(door: Door) -> passkeys.Begun:
    async with door.db.transaction() as tx:
        return await passkeys.begin_sign_in(tx, PARTY)


async def come(door: Door, device: Authenticator, browser: Browser = ELSEWHERE) -> SignedIn:
    begun = await ask(door)
    return await passkeys.sign_in(
        door, PARTY, credential=device.answer(begun.options), cookie=begun.cookie, browser=browser
    )


async def stored(door: Door) -> list[dict[str, Any]]:
    return [dict(row) for row in await door.db.hot.fetch("SELECT * FROM passkeys")]


async def test_a_passkey_is_added_and_opens_a_session_as_password_and_code_in_one(door: Door) -> None:
    device = Authenticator(PARTY.origin)
    await add(door, device)
    strict = msgspec.structs.replace(door, needs_code=True)
    signed_in = await come(strict, device)
    assert (await visitor_of(door, signed_in)).email == EMAIL
    method = await door.db.hot.fetchval("SELECT method FROM sessions ORDER BY created_at DESC LIMIT 1")
    assert method == "passkey"
    assert signed_in.device, "the browser is known from now on"
    (row,) = await stored(door)
    assert (row["id"], row["name"], row["last_used_at"] is not None) == (device.id, "Laptop", True)
    assert [(each["action"], each["details"]) for each in await acts(door, "passkey.added", "session.opened")] == [
        ("session.opened", {"method": "password"}),
        ("passkey.added", {"name": "Laptop"}),
        ("session.opened", {"method": "passkey"}),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": OTHER.origin},
        {"origin": PARTY.origin + ":8443"},
        {"origin": "http://review.example.com"},
        {"rp_id": OTHER.id},
        {"flags": PRESENT},
        {"flags": 0},
        {"challenge": "AAAA"},
    ],
    ids=str,
)
async def test_what_does_not_hold_is_neither_kept_nor_let_in(door: Door, wrong: dict[str, Any]) -> None:
    """Another origin, another host's, no check of who it is, nobody there, another challenge."""
    good = Authenticator(PARTY.origin)
    visitor = await add(door, good)
    _, session = await owner(door)
    bad = Authenticator(PARTY.origin)
    for name, value in wrong.items():
        setattr(bad, name, value)
        setattr(good, name, value)
    begun = await begin(door, visitor, session)
    with pytest.raises(PasskeyRefused):
        await keep(door, visitor, bad.make(begun.options), begun.cookie)
    assert [row["id"] for row in await stored(door)] == [good.id]
    with pytest.raises(PasskeyRefused):
        await come(door, good)
    assert (await stored(door))[0]["last_used_at"] is None


async def test_a_signature_by_another_key_and_another_persons_handle_are_refused_and_told(door: Door) -> None:
    device = Authenticator(PARTY.origin)
    await add(door, device)
    own = device.key
    device.key = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(PasskeyRefused):
        await come(door, device)
    device.key, device.user_handle = own, "AAAAAAAAAAAAAAAAAAAAAA"
    with pytest.raises(PasskeyRefused):
        await come(door, device)
    assert [each["details"] for each in await acts(door, "session.refused")] == [{"failures": 1}, {"failures": 2}]


async def test_a_challenge_counts_once_for_its_browser_its_person_and_its_end(door: Door, world: World) -> None:
    device = Authenticator(PARTY.origin)
    visitor = await add(door, device)
    begun, other = await ask(door), await ask(door)

    async def answer(credential: str, cookie: str) -> SignedIn:
        return await passkeys.sign_in(door, PARTY, credential=credential, cookie=cookie, browser=HERE)

    answered = device.answer(begun.options)
    with pytest.raises(PasskeyRefused):
        await answer(answered, other.cookie)
    with pytest.raises(PasskeyRefused):
        await answer(device.answer(other.options), other.cookie)  # used up, though it was refused
    await answer(answered, begun.cookie)
    for cookie in (begun.cookie, "", "x" * 43):
        with pytest.raises(PasskeyRefused):
            await answer(answered, cookie)
    late = await ask(door)
    await door.db.hot.execute("UPDATE passkey_challenges SET expires_at = now()")
    with pytest.raises(PasskeyRefused):
        await answer(device.answer(late.options), late.cookie)

    _, session = await owner(door)
    adding = await begin(door, visitor, session)
    await world.add_person("otto", Role.LEAD, password=PASSWORD)
    otto = await visitor_of(door, await enter(door, email="otto@example.com"))
    with pytest.raises(PasskeyRefused):
        await keep(door, otto, Authenticator(PARTY.origin).make(adding.options), adding.cookie)
    signing = json.loads(adding.options) | {"rpId": PARTY.id, "userVerification": "required"}
    with pytest.raises(PasskeyRefused):
        await answer(device.answer(json.dumps(signing)), adding.cookie)
    async with door.db.transaction() as tx:
        await accounts.forget_old(tx)
    assert await door.db.hot.fetchval("SELECT count(*) FROM passkey_challenges WHERE expires_at <= now()") == 0


async def test_a_count_that_does_not_grow_is_refused_and_told(door: Door) -> None:
    device = Authenticator(PARTY.origin, counts=True)
    await add(door, device)
    await come(door, device)
    await come(door, device)
    assert (await stored(door))[0]["sign_count"] == 2
    for back in (0, 1):
        device.count = back
        with pytest.raises(PasskeyRefused):
            await come(door, device)
    told = await acts(door, "passkey.refused")
    assert [each["details"] for each in told] == [
        {"name": "Laptop", "count": 1, "last": 2},
        {"name": "Laptop", "count": 2, "last": 2},
    ]
    device.count = 2
    await come(door, device)


async def test_a_forged_count_tells_nothing(door: Door) -> None:
    device = Authenticator(PARTY.origin, counts=True)
    await add(door, device)
    await come(door, device)
    device.key, device.count = ec.generate_private_key(ec.SECP256R1()), 0
    with pytest.raises(PasskeyRefused):
        await come(door, device)
    assert await acts(door, "passkey.refused") == []


async def test_the_disabled_and_the_unknown_are_refused(door: Door) -> None:
    device = Authenticator(PARTY.origin)
    await add(door, device)
    await door.db.hot.execute("UPDATE users SET disabled_at = now()")
    with pytest.raises(PasskeyRefused):
        await come(door, device)
    with pytest.raises(PasskeyRefused):
        await come(door, Authenticator(PARTY.origin))
    assert [each["details"] for each in await acts(door, "session.opened")] == [{"method": "password"}]
    assert (await stored(door))[0]["last_used_at"] is None


async def test_failures_delay_passkeys_too_and_not_on_a_known_device(door: Door) -> None:
    device = Authenticator(PARTY.origin)
    await add(door, device)
    known = await come(door, device)
    own = device.key
    device.key = ec.generate_private_key(ec.SECP256R1())
    for _ in range(throttling_rules.ACCOUNT_FROM_NETWORK.free + 1):
        with pytest.raises(PasskeyRefused):
            await come(door, device)
    device.key = own
    with pytest.raises(TooManyAttempts):
        await come(door, device)
    await come(door, device, msgspec.structs.replace(ELSEWHERE, device=known.device))


async def test_adding_takes_a_session_of_ten_minutes_at_most_or_the_password(door: Door) -> None:
    visitor, session = await owner(door)
    await begin(door, visitor, session)
    await door.db.hot.execute("UPDATE sessions SET created_at = now() - interval '10 minutes'")
    for password in ("", "wrong horse battery"):
        with pytest.raises(SignInRefused):
            await begin(door, visitor, session, password=password)
    await begin(door, visitor, session, password=PASSWORD)
    with pytest.raises(SignInRefused):
        await begin(door, visitor, "x" * 43)


async def test_names_numbers_and_doubles_are_bounded(door: Door) -> None:
    device = Authenticator(PARTY.origin)
    visitor = await add(door, device)
    _, session = await owner(door)
    for name in ("", " ", "x" * 81, "a\nb", "\N{RIGHT-TO-LEFT OVERRIDE}x"):
        with pytest.raises(IdentityInvalid):
            await begin(door, visitor, session, name=name)
    begun = await begin(door, visitor, session)
    assert [each["id"] for each in json.loads(begun.options)["excludeCredentials"]] != []
    with pytest.raises(PasskeyRefused):
        await keep(door, visitor, device.make(begun.options), begun.cookie)
    for _ in range(passkeys.MOST_OF_ONE - 1):
        begun = await begin(door, visitor, session)
        await keep(door, visitor, Authenticator(PARTY.origin).make(begun.options), begun.cookie)
    with pytest.raises(IdentityInvalid):
        await begin(door, visitor, session)


async def test_only_their_owner_removes_passkeys(door: Door, world: World) -> None:
    device = Authenticator(PARTY.origin)
    visitor = await add(door, device)
    await world.add_person("otto", Role.LEAD, password=PASSWORD)
    otto = await visitor_of(door, await enter(door, email="otto@example.com"))
    async with door.db.transaction() as tx:
        (row,) = await passkey_queries.list_passkeys(tx, visitor.user_id)
        assert not await passkeys.remove(tx, otto, row["mark"], origin="")
        assert await passkeys.remove(tx, visitor, row["mark"], origin="")
        assert not await passkeys.remove(tx, visitor, row["mark"], origin="")
    with pytest.raises(PasskeyRefused):
        await come(door, device)
    (told,) = await acts(door, "passkey.removed")
    assert (told["actor_name"], told["details"]) == (EMAIL, {"name": "Laptop"})


@pytest.mark.parametrize(
    "credential",
    ["", "{", "[]", "null", '"x"', "{}", "[" * 15_000, "x" * 20_000, "\ud800", '{"id":"é","rawId":"é","response":{}}'],
    ids=range(10),
)
async def test_what_is_no_answer_at_all_is_refused(door: Door, credential: str) -> None:
    visitor, session = await owner(door)
    begun, adding = await ask(door), await begin(door, visitor, session)
    with pytest.raises(PasskeyRefused):
        await passkeys.sign_in(door, PARTY, credential=credential, cookie=begun.cookie, browser=HERE)
    with pytest.raises(PasskeyRefused):
        await keep(door, visitor, credential, adding.cookie)


JUNK: tuple[Any, ...] = ("", "A", "AAAA", "é", "_" * 40, 7, None, [], {})


@pytest.mark.parametrize("part", ["clientDataJSON", "authenticatorData", "signature", "userHandle"])
async def test_a_sign_in_with_any_part_broken_is_refused_and_nothing_else(door: Door, part: str) -> None:
    device = Authenticator(PARTY.origin)
    await add(door, device)
    for value in JUNK:
        await door.db.hot.execute("DELETE FROM attempt_counters")
        begun = await ask(door)
        broken = json.loads(device.answer(begun.options))
        broken["response"][part] = value
        with pytest.raises(PasskeyRefused):
            await passkeys.sign_in(door, PARTY, credential=json.dumps(broken), cookie=begun.cookie, browser=HERE)


@pytest.mark.parametrize("part", ["clientDataJSON", "attestationObject"])
async def test_a_passkey_with_any_part_broken_is_refused_and_nothing_else(door: Door, part: str) -> None:
    visitor, session = await owner(door)
    for value in JUNK:
        begun = await begin(door, visitor, session)
        broken = json.loads(Authenticator(PARTY.origin).make(begun.options))
        broken["response"][part] = value
        with pytest.raises(PasskeyRefused):
            await keep(door, visitor, json.dumps(broken), begun.cookie)
    assert await stored(door) == []


@pytest.mark.parametrize(
    ("address", "party", "has_name"),
    [
        ("https://review.example.com", PARTY, True),
        ("https://Review.Example.com:443/", PARTY, True),
        ("https://review.example.com:8443", Party("review.example.com", "https://review.example.com:8443"), True),
        ("http://localhost:8400", Party("localhost", "http://localhost:8400"), True),
        ("http://127.0.0.1:8400", Party("127.0.0.1", "http://127.0.0.1:8400"), False),
    ],
)
def test_host_and_origin_come_from_the_address_that_links_carry(address: str, party: Party, has_name: bool) -> None:
    assert (Party.of(address), party.has_name) == (party, has_name)
