"""Local accounts: passwords, devices, codes and links, each used once and throttled."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from argon2 import PasswordHasher
from pyotp.totp import TOTP

from review.audit.rules import OPERATOR
from review.identity import accounts, password_changes, second_factor, sessions
from review.identity.accounts import Door, HalfDone
from review.identity.errors import (
    CodeRefused,
    IdentityInvalid,
    LinkNotGood,
    SecondFactorConflict,
    SignInRefused,
    StepGone,
    TooManyAttempts,
    UserNotFound,
)
from review.identity.rules import Role
from review.identity.sessions import Browser, SignedIn, Visitor
from review.kernel.sealing import Sealer, new_sealing_key
from tests.make import CONFIG, PASSWORD, World

EMAIL = "nora@example.com"
HERE = Browser("192.0.2.7", "Firefox/140 on Linux")
ELSEWHERE = Browser("198.51.100.9", "curl/8")
NEW = "a much longer secret"


@pytest.fixture
async def door(world: World) -> Door:
    """A door with Nora behind it."""
    await world.add_person("nora", Role.REVIEWER, password=PASSWORD)
    return Door(world.db, Sealer((new_sealing_key(),)), timedelta(hours=1))


async def enter(door: Door, browser: Browser = HERE, password: str = PASSWORD, email: str = EMAIL) -> SignedIn:
    outcome = await accounts.sign_in(door, email=email, password=password, browser=browser)
    assert isinstance(outcome, SignedIn)
    return outcome


async def fail(door: Door, browser: Browser, times: int, email: str = EMAIL) -> None:
    for _ in range(times):
        with pytest.raises(SignInRefused):
            await accounts.sign_in(door, email=email, password="wrong horse battery", browser=browser)


async def visitor_of(door: Door, signed_in: SignedIn) -> Visitor:
    found = await sessions.find_visitor(door.db.hot, signed_in.cookie)
    assert found is not None
    return found


async def acts(door: Door, *actions: str) -> list[dict[str, Any]]:
    rows = await door.db.hot.fetch(
        "SELECT action, actor_kind, actor_name, details FROM audit_entries WHERE action = ANY ($1) ORDER BY id",
        list(actions),
    )
    return [dict(row) | {"details": msgspec.json.decode(row["details"])} for row in rows]


async def key_of(door: Door) -> TOTP:
    """Read Nora's key as her app has it."""
    stored = await door.db.hot.fetchval("SELECT secret FROM second_factors")
    return TOTP(door.sealer.unseal(stored))


async def code_now(door: Door, steps: int = 0) -> str:
    now: int = await door.db.hot.fetchval("SELECT floor(extract(epoch FROM now()) / 30)::bigint")
    return (await key_of(door)).generate_otp(now + steps)


async def with_code(door: Door) -> tuple[Visitor, tuple[str, ...]]:
    """Have Nora turn her second factor on, with the code of a step ago, so that this one's and the next are left."""
    visitor = await visitor_of(door, await enter(door))
    async with door.db.transaction() as tx:
        await second_factor.begin(tx, door.sealer, visitor.user_id)
    async with door.db.transaction() as tx:
        codes = await second_factor.confirm(tx, door.sealer, visitor.user_id, await code_now(door, -1), origin="")
    return visitor, codes


async def half_in(door: Door, browser: Browser = HERE) -> str:
    outcome = await accounts.sign_in(door, email=EMAIL, password=PASSWORD, browser=browser)
    assert isinstance(outcome, HalfDone)
    return outcome.cookie


async def test_a_password_hashed_with_older_parameters_is_hashed_anew(door: Door) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    await door.db.hot.execute("UPDATE users SET password_hash = $1 WHERE email = $2", weak, EMAIL)
    await enter(door)
    stored = await door.db.hot.fetchval("SELECT password_hash FROM users WHERE email = $1", EMAIL)
    assert stored != weak
    await enter(door)
    assert await door.db.hot.fetchval("SELECT password_hash FROM users WHERE email = $1", EMAIL) == stored


async def test_guesses_from_elsewhere_never_keep_the_owner_out_of_their_own_device(door: Door) -> None:
    """Not even from the same network, nor many of them: a known device has its own count."""
    first = await enter(door)
    own = msgspec.structs.replace(HERE, device=first.device)
    for guesser in (ELSEWHERE, HERE):
        await fail(door, guesser, 6)
        with pytest.raises(TooManyAttempts):
            await enter(door, guesser)
    again = await enter(door, own)
    assert again.device == first.device
    await fail(door, own, 11)
    with pytest.raises(TooManyAttempts):
        await enter(door, own)
    await enter(door, Browser("203.0.113.1", ""))


async def test_a_planted_device_is_nobodys(door: Door) -> None:
    planted = msgspec.structs.replace(ELSEWHERE, device="x" * 43)
    signed_in = await enter(door, planted)
    assert signed_in.device.split(".")[1:] == ["x" * 43]
    await fail(door, planted, 6)
    with pytest.raises(TooManyAttempts):
        await enter(door, planted)


async def test_two_people_share_a_browser_and_nobody_has_many_devices(door: Door, world: World) -> None:
    await world.add_person("otto", Role.LEAD, password=PASSWORD)
    first = await enter(door)
    second = await enter(door, msgspec.structs.replace(HERE, device=first.device), email="otto@example.com")
    third = await enter(door, msgspec.structs.replace(HERE, device=second.device))
    assert third.device == second.device
    for _ in range(12):
        await enter(door)
    assert await door.db.hot.fetchval("SELECT count(*) FROM known_devices") == 10 + 1


async def test_unknown_people_are_slowed_down_as_known_ones_are(door: Door) -> None:
    told: list[list[str]] = []
    for email in (EMAIL, "nobody@example.com"):
        await fail(door, ELSEWHERE, 6, email)
        with pytest.raises(TooManyAttempts) as refused:
            await accounts.sign_in(door, email=email, password=PASSWORD, browser=ELSEWHERE)
        told.append([refused.value.message, str(refused.value.seconds)])
        await door.db.hot.execute("DELETE FROM attempt_counters")
    assert told[0] == told[1]


async def test_the_audit_hears_of_refused_sign_ins_of_known_people_only_and_of_few(door: Door) -> None:
    for email in (EMAIL, "nobody@example.com"):
        for failures in range(1, 9):
            await accounts.note_refusal(door, email=email, browser=ELSEWHERE, failures=failures)
    noted = await acts(door, "session.refused")
    assert [each["details"]["failures"] for each in noted] == [1, 2, 4, 8]
    assert {each["actor_name"] for each in noted} == {EMAIL}


async def test_acts_on_an_account_are_in_the_audit_of_each_of_its_projects(door: Door, world: World) -> None:
    other = await World.build(world.db, world.settings, "elsewhere", CONFIG.format(project="elsewhere"))
    await other.db.hot.execute(
        "INSERT INTO memberships SELECT $1, id, 'lead' FROM users WHERE email = $2", other.service.project_id, EMAIL
    )
    signed_in = await enter(door)
    async with door.db.transaction() as tx:
        await sessions.sign_out(tx, signed_in.cookie, origin="")
    for project in (world, other):
        for action in ("session.opened", "session.ended"):
            assert await project.count("audit_entries", action=action) == 1


async def test_a_changed_password_ends_the_other_sessions_and_forgets_the_other_devices(door: Door) -> None:
    elsewhere, here = await enter(door, ELSEWHERE), await enter(door)
    own = msgspec.structs.replace(HERE, cookie=here.cookie, device=here.device)
    visitor = await visitor_of(door, here)
    change: dict[str, Any] = {"present": PASSWORD, "new": NEW, "browser": own}
    with pytest.raises(SignInRefused, match="not your present password"):
        await password_changes.change_password(door, visitor, present=NEW, new=NEW, browser=own)
    with pytest.raises(IdentityInvalid):
        await password_changes.change_password(door, visitor, present=PASSWORD, new="short", browser=own)
    assert await password_changes.change_password(door, visitor, **change) == 1
    assert await sessions.find_visitor(door.db.hot, here.cookie) == visitor
    assert await sessions.find_visitor(door.db.hot, elsewhere.cookie) is None
    assert await door.db.hot.fetchval("SELECT count(*) FROM known_devices") == 1
    await fail(door, HERE, 1)
    await enter(door, password=NEW)
    (noted,) = await acts(door, "password.changed")
    assert noted["details"] == {"by": "account page", "sessions_ended": 1}


async def test_guessing_the_present_password_in_a_stolen_session_is_slowed_down(door: Door) -> None:
    visitor = await visitor_of(door, await enter(door))
    for _ in range(6):
        with pytest.raises(SignInRefused):
            await accounts.check_password(door, user_id=visitor.user_id, password="guess", browser=ELSEWHERE)
    with pytest.raises(TooManyAttempts):
        await accounts.check_password(door, user_id=visitor.user_id, password=PASSWORD, browser=ELSEWHERE)


async def test_a_link_works_once_and_ends_every_session(door: Door) -> None:
    signed_in = await enter(door)
    async with door.db.transaction() as tx:
        first = await password_changes.make_link(tx, email=" Nora@Example.com ", actor=OPERATOR)
        second = await password_changes.make_link(tx, email=EMAIL, actor=OPERATOR)
        assert await password_changes.get_chooser(tx, first.secret) == password_changes.Chooser(EMAIL, is_invited=False)
    assert (first.lifetime, first.is_invitation) == (timedelta(hours=1), False)
    choice: dict[str, Any] = {"new": NEW, "browser": ELSEWHERE}
    with pytest.raises(IdentityInvalid):
        await password_changes.choose_password(door, secret=first.secret, new="short", browser=ELSEWHERE)
    assert await password_changes.choose_password(door, secret=first.secret, **choice) == EMAIL
    assert await sessions.find_visitor(door.db.hot, signed_in.cookie) is None
    for used in (first, second):
        with pytest.raises(LinkNotGood):
            await password_changes.choose_password(door, secret=used.secret, **choice)
    await enter(door, password=NEW)
    stored = str(await door.db.hot.fetch("SELECT * FROM password_links UNION ALL SELECT NULL, NULL, NULL, NULL"))
    assert first.secret not in stored


async def test_links_run_out_and_are_void_for_the_disabled(door: Door) -> None:
    async with door.db.transaction() as tx:
        link = await password_changes.make_link(tx, email=EMAIL)
    choice: dict[str, Any] = {"secret": link.secret, "new": NEW, "browser": HERE}
    await door.db.hot.execute("UPDATE users SET disabled_at = now() WHERE email = $1", EMAIL)
    with pytest.raises(LinkNotGood):
        await password_changes.choose_password(door, **choice)
    with pytest.raises(UserNotFound):
        async with door.db.transaction() as tx:
            await password_changes.make_link(tx, email=EMAIL)
    await door.db.hot.execute("UPDATE users SET disabled_at = NULL")
    await door.db.hot.execute("UPDATE password_links SET expires_at = now()")
    with pytest.raises(LinkNotGood):
        await password_changes.choose_password(door, **choice)
    async with door.db.transaction() as tx:
        await accounts.forget_old(tx)
    assert await door.db.hot.fetchval("SELECT count(*) FROM password_links") == 0


async def test_who_has_no_password_is_invited_and_is_not_mailed_by_strangers(door: Door) -> None:
    """An account that signs in elsewhere gets no password because somebody asked for one."""
    assert await password_changes.link_for(door, email="ana@example.com", browser=ELSEWHERE) is None
    assert await password_changes.link_for(door, email="nobody@example.com", browser=ELSEWHERE) is None
    async with door.db.transaction() as tx:
        link = await password_changes.make_link(tx, email="ana@example.com", actor=OPERATOR)
        assert (await password_changes.get_chooser(tx, link.secret)).is_invited
    assert (link.lifetime, link.is_invitation) == (timedelta(days=3), True)
    await password_changes.choose_password(door, secret=link.secret, new=NEW, browser=HERE)
    await enter(door, email="ana@example.com", password=NEW)


async def test_nobody_is_mailed_many_links(door: Door) -> None:
    made = [await password_changes.link_for(door, email=EMAIL, browser=ELSEWHERE) for _ in range(5)]
    assert [link is not None for link in made] == [True, True, True, False, False]
    for _ in range(11):
        await password_changes.ask_for_link(door, browser=ELSEWHERE)
    with pytest.raises(TooManyAttempts):
        await password_changes.ask_for_link(door, browser=ELSEWHERE)


async def test_a_sign_in_that_needs_a_code_is_no_session_before_it_has_one(door: Door) -> None:
    await with_code(door)
    before = await door.db.hot.fetchval("SELECT count(*) FROM sessions")
    half = await half_in(door)
    assert await sessions.find_visitor(door.db.hot, half) is None
    assert await door.db.hot.fetchval("SELECT count(*) FROM sessions") == before
    signed_in = await accounts.finish_sign_in(door, cookie=half, code=await code_now(door), browser=HERE)
    assert (await visitor_of(door, signed_in)).email == EMAIL
    with pytest.raises(StepGone):
        await accounts.finish_sign_in(door, cookie=half, code=await code_now(door, 1), browser=HERE)
    with pytest.raises(StepGone):
        await accounts.get_step(door, signed_in.cookie)


async def test_a_code_counts_once_and_only_near_its_time(door: Door) -> None:
    await with_code(door)
    code = await code_now(door)
    await accounts.finish_sign_in(door, cookie=await half_in(door), code=f" {code[:3]} {code[3:]} ", browser=HERE)
    for used in (code, await code_now(door, -1), await code_now(door, 4), "", "000000" if code != "000000" else "1"):
        with pytest.raises(CodeRefused):
            await accounts.finish_sign_in(door, cookie=await half_in(door), code=used, browser=HERE)
    await accounts.finish_sign_in(door, cookie=await half_in(door), code=await code_now(door, 1), browser=HERE)


async def test_codes_are_throttled_for_the_account_wherever_they_come_from(door: Door) -> None:
    """A code has only a million values, so networks do not each get their own tries."""
    await with_code(door)
    for at in range(6):
        away = Browser(f"203.0.{at}.1", "")
        with pytest.raises(CodeRefused):
            await accounts.finish_sign_in(door, cookie=await half_in(door, away), code="12345", browser=away)
    away = Browser("203.0.99.1", "")
    half = await half_in(door, away)
    with pytest.raises(TooManyAttempts):
        await accounts.finish_sign_in(door, cookie=half, code=await code_now(door), browser=away)


async def test_each_recovery_code_lets_in_once(door: Door) -> None:
    _, codes = await with_code(door)
    assert len(set(codes)) == 10
    for attempt in range(2):
        half = await half_in(door)
        typed = codes[3].upper().replace(" ", "-")
        if attempt:
            with pytest.raises(CodeRefused):
                await accounts.finish_sign_in(door, cookie=half, code=typed, browser=HERE)
        else:
            await accounts.finish_sign_in(door, cookie=half, code=typed, browser=HERE)
    (noted,) = await acts(door, "second_factor.recovery_code_used")
    assert noted["details"] == {"left": 9}
    kept = await door.db.hot.fetch("SELECT id FROM recovery_codes")
    assert not {row["id"] for row in kept} & {code.encode() for code in codes}


async def test_the_key_is_sealed_and_lost_factors_are_reset_by_the_operator(door: Door) -> None:
    visitor, _ = await with_code(door)
    stored = await door.db.hot.fetchval("SELECT secret FROM second_factors")
    assert stored.startswith(b"fernet:")
    async with door.db.transaction() as tx:
        with pytest.raises(SecondFactorConflict):
            await second_factor.begin(tx, door.sealer, visitor.user_id)
    half = await half_in(door)
    async with door.db.transaction() as tx:
        assert await second_factor.turn_off(tx, visitor.user_id, actor=OPERATOR)
        assert not await second_factor.turn_off(tx, visitor.user_id, actor=OPERATOR)
    with pytest.raises(StepGone):
        await accounts.get_step(door, half)
    await enter(door)
    (noted,) = await acts(door, "second_factor.removed")
    assert (noted["actor_kind"], noted["details"]["email"]) == ("operator", EMAIL)


async def test_where_everybody_needs_a_code_it_is_set_up_at_the_next_sign_in(door: Door) -> None:
    strict = msgspec.structs.replace(door, needs_code=True)
    half = await half_in(strict)
    step = await accounts.get_step(strict, half)
    assert step.enrolment is not None
    with pytest.raises(CodeRefused):
        await accounts.finish_sign_in(strict, cookie=half, code="000", browser=HERE)
    signed_in = await accounts.finish_sign_in(strict, cookie=half, code=await code_now(strict, -1), browser=HERE)
    assert len(signed_in.recovery_codes) == 10
    assert (await accounts.get_step(strict, await half_in(strict))).enrolment is None


async def test_whoever_is_disabled_halfway_does_not_get_in(door: Door) -> None:
    await with_code(door)
    half = await half_in(door)
    await door.db.hot.execute("UPDATE users SET disabled_at = now() WHERE email = $1", EMAIL)
    with pytest.raises(StepGone):
        await accounts.finish_sign_in(door, cookie=half, code=await code_now(door), browser=HERE)
    with pytest.raises(SignInRefused):
        await half_in(door)
