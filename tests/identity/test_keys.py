"""Promise 29: what keys are made of, what narrows them, how they are rotated and when they were used."""

import asyncio
import re
import zlib
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.audit.rules import OPERATOR
from review.identity import keyring, keys, people
from review.identity.errors import IdentityInvalid, KeyEnded, KeyNotFound, NotAuthenticated, NotPermitted
from review.identity.keys import NewKey, Wish
from review.identity.rules import (
    KEY_FORM,
    PERMISSIONS,
    WITHIN_POOLS,
    Permission,
    Principal,
    Role,
    beyond_reach,
    checksum_of,
    new_key,
    permissions_of,
    prefix_of,
)
from review.identity.service import get_project
from review.identity.usage import KEEP_SECONDS, KeyUse
from tests.house.source import REPOSITORY
from tests.make import World

DAY = timedelta(days=1)
SOME = st.frozensets(st.sampled_from(Permission))


def principal(permissions: frozenset[Permission]) -> Principal:
    some: dict[str, Any] = dict.fromkeys(("project", "kind", "name", "email", "role"), "x")
    return Principal(project_id=NIL, id=NIL, config_version=1, permissions=permissions, **some)


NIL: Any = None


@given(SOME, SOME)
def test_fewer_permissions_never_show_more(some: frozenset[Permission], more: frozenset[Permission]) -> None:
    less, all_of_it = principal(some), principal(some | more)
    assert {each for each in Permission if less.may(each)} <= {each for each in Permission if all_of_it.may(each)}
    assert less.is_pool_bound or not all_of_it.is_pool_bound
    assert less.is_blind or not all_of_it.is_blind


@given(SOME)
def test_without_all_pools_only_what_can_be_kept_to_pools_counts(some: frozenset[Permission]) -> None:
    who = principal(some - {Permission.ALL_POOLS})
    assert {each for each in Permission if who.may(each)} == (some - {Permission.ALL_POOLS}) & WITHIN_POOLS
    assert not beyond_reach(some | {Permission.ALL_POOLS})


@given(st.sampled_from(Role), st.none() | st.frozensets(st.sampled_from([each.value for each in Permission])))
def test_scopes_take_away_and_never_add(role: Role, scopes: frozenset[str] | None) -> None:
    carried = permissions_of(role.value, ["config:write"], scopes)
    assert carried <= PERMISSIONS[role]
    assert scopes is None or {each.value for each in carried} <= scopes


def test_an_unknown_role_carries_nothing_and_an_unknown_permission_is_none() -> None:
    assert permissions_of("nobody", None, None) == frozenset()
    assert permissions_of("own", ["items:read", "of:tomorrow"], None) == {Permission.READ_ITEMS}


def test_a_key_has_the_form_that_scanners_are_told_and_its_checksum() -> None:
    for _ in range(200):
        made = new_key()
        assert re.fullmatch(KEY_FORM, made.secret)
        assert prefix_of(made.secret) == made.prefix
        assert made.secret[-6:] == checksum_of(made.secret[:-6])
        wrong = made.secret[:-1] + ("x" if made.secret[-1] != "x" else "y")
        assert prefix_of(wrong) is None, "no statement is spent on what only looks like a key"
    assert checksum_of("") == "000000"
    assert zlib.crc32(b"123456789") == 0xCBF43926  # the check value of CRC-32 (ISO 3309)


def test_what_scanners_are_told_is_what_keys_are() -> None:
    text = (REPOSITORY / "docs" / "access.md").read_text()
    assert f"\n{KEY_FORM}\n" in text
    (told,) = re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(told, names)  # noqa: S102  the documentation's own words, tried
    for _ in range(50):
        secret = new_key().secret
        assert names["is_key"](secret)
        assert not names["is_key"](secret[:20] + ("x" if secret[20] != "x" else "y") + secret[21:])


def test_keys_of_the_first_form_are_still_keys() -> None:
    assert prefix_of(f"cs_{'a' * 12}_{'b' * 43}") == "a" * 12
    assert prefix_of(f"cs_{'a' * 12}_{'b' * 44}") is None
    assert prefix_of(f"cs_{'a' * 12}_{'é' * 43}") is None


async def make(world: World, *, role: str = "service", **wish: Any) -> NewKey:
    given: dict[str, Any] = {"name": "crm"} | wish
    async with world.db.transaction() as tx:
        owner = await get_project(tx, "support")
        return await keys.make_key(tx, owner, Wish(**given), role=role, actor=OPERATOR)


async def test_scopes_narrow_a_key_and_all_pools_is_always_among_them(world: World) -> None:
    made = await make(world, scopes=("items:submit",))
    who = await keys.authenticate_key(world.db.hot, made.secret)
    assert who.permissions == {Permission.SUBMIT, Permission.ALL_POOLS}
    assert who.may(Permission.SUBMIT)
    assert who.key_id == made.id


@pytest.mark.parametrize(
    ("scopes", "told"),
    [
        (("items:fly",), "is no permission"),
        (("config:write",), "is not carried by the role lead"),
        ((), "is empty; leave it out for all that the role carries"),
    ],
)
async def test_scopes_that_cannot_be_are_refused(world: World, scopes: tuple[str, ...], told: str) -> None:
    token: dict[str, Any] = {"project": "support", "email": "lea@example.com", "name": "x", "actor": OPERATOR}
    async with world.db.transaction() as tx:
        with pytest.raises(IdentityInvalid) as refused:
            await keys.create_token(tx, scopes=scopes, **token)
    assert refused.value.errors[0].message == told


async def test_a_token_cannot_reach_past_its_pools(world: World) -> None:
    async with world.db.transaction() as tx:
        token: dict[str, Any] = {"project": "support", "email": "lea@example.com", "name": "x", "actor": OPERATOR}
        with pytest.raises(IdentityInvalid) as refused:
            await keys.create_token(tx, scopes=("items:read", "feedback:read"), **token)
        secret = await keys.create_token(tx, scopes=("items:read", "decisions:override"), **token)
    assert [(each.path, each.message) for each in refused.value.errors] == [
        ("scopes[1]", "cannot be used without pools:all")
    ]
    who = await keys.authenticate_key(world.db.hot, secret)
    assert who.is_pool_bound


async def test_a_demotion_counts_at_once_and_scopes_do_not_outlive_the_role(world: World) -> None:
    async with world.db.transaction() as tx:
        secret = await keys.create_token(
            tx,
            project="support",
            email="lea@example.com",
            name="x",
            actor=OPERATOR,
            scopes=("items:read", "decisions:override", "pools:all"),
        )
    lea = await keys.authenticate_key(world.db.hot, secret)
    assert lea.may(Permission.OVERRIDE)
    async with world.db.transaction() as tx:
        await people.change(tx, lea.project_id, lea.id, actor=OPERATOR, role="reviewer")
    assert (await keys.authenticate_key(world.db.hot, secret)).permissions == {Permission.READ_ITEMS}


async def test_a_token_ends_by_itself_and_not_later_than_allowed(world: World) -> None:
    async with world.db.transaction() as tx:
        token: dict[str, Any] = {"project": "support", "email": "lea@example.com", "name": "x", "actor": OPERATOR}
        await keys.create_token(tx, longest=30 * DAY, **token)
        with pytest.raises(IdentityInvalid):
            await keys.create_token(tx, longest=30 * DAY, lifetime=31 * DAY, **token)
        with pytest.raises(IdentityInvalid):
            await keys.create_token(tx, lifetime=-DAY, **token)
    ends = await world.db.hot.fetchval("SELECT max(expires_at - created_at) FROM api_keys WHERE name = 'x'")
    assert ends == 30 * DAY


async def test_rotation_overlaps_and_both_are_listed(world: World) -> None:
    old = await make(world, scopes=("items:read",), expires_at=None)
    project_id = world.service.project_id
    async with world.db.transaction() as tx:
        rotated = await keyring.rotate(tx, project_id, old.id, actor=OPERATOR)
        listed = {each.id: each for each in (await keyring.list_keys(tx, project_id, limit=200)).data}
    for secret in (old.secret, rotated.key.secret):
        assert (await keys.authenticate_key(world.db.hot, secret)).permissions >= {Permission.READ_ITEMS}
    before, after = listed[old.id], listed[rotated.key.id]
    assert (before.state, before.rotated_to, after.state, after.rotated_from) == ("rotated", after.id, "active", old.id)
    assert (after.name, after.role, after.scopes, after.expires_at) == ("crm", "service", before.scopes, None)
    assert before.expires_at is not None
    now = await world.db.hot.fetchval("SELECT now()")
    assert timedelta(hours=23) < before.expires_at - now < timedelta(hours=25)
    await world.db.hot.execute("UPDATE api_keys SET expires_at = now() WHERE id = $1", old.id)
    with pytest.raises(NotAuthenticated):
        await keys.authenticate_key(world.db.hot, old.secret)
    assert (await keys.authenticate_key(world.db.hot, rotated.key.secret)).key_id == after.id
    async with world.db.transaction() as tx:
        with pytest.raises(KeyEnded):
            await keyring.rotate(tx, project_id, old.id, actor=OPERATOR)
    assert await world.count("audit_entries", action="key.rotated") == 1


async def test_a_token_without_an_end_gets_one_when_it_is_rotated(world: World) -> None:
    """Tokens made before there was a longest life have none; a key may go on without."""
    await world.db.hot.execute("UPDATE api_keys SET expires_at = NULL")
    mine = keyring.Mine(world.people["ana"].id)
    async with world.db.transaction() as tx:
        (token,) = (await keyring.list_keys(tx, world.service.project_id, mine=mine, limit=9)).data
        rotated = await keyring.rotate(
            tx, world.service.project_id, token.id, actor=OPERATOR, mine=mine, longest=30 * DAY
        )
    assert rotated.key.expires_at is not None
    assert rotated.key.expires_at - await world.db.hot.fetchval("SELECT now()") <= 30 * DAY


async def test_two_who_rotate_at_once_make_one_key(world: World) -> None:
    old = await make(world)

    async def rotate() -> object:
        async with world.db.transaction() as tx:
            return await keyring.rotate(tx, world.service.project_id, old.id, actor=OPERATOR, overlap=timedelta(0))

    outcomes = await asyncio.gather(*(rotate() for _ in range(4)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in outcomes) == ["KeyEnded"] * 3 + ["Rotated"]
    with pytest.raises(NotAuthenticated):
        await keys.authenticate_key(world.db.hot, old.secret)


async def test_a_persons_token_is_theirs_to_rotate_and_anybodys_with_keys_write_to_end(world: World) -> None:
    project_id = world.service.project_id
    async with world.db.transaction() as tx:
        (lea,) = [
            each
            for each in (await keyring.list_keys(tx, project_id, limit=200)).data
            if each.person == "lea@example.com"
        ]
        with pytest.raises(NotPermitted):
            await keyring.rotate(tx, project_id, lea.id, actor=OPERATOR)
        with pytest.raises(KeyNotFound):
            await keyring.revoke(tx, project_id, lea.id, actor=OPERATOR, mine=keyring.Mine(world.people["ana"].id))
        ended = await keyring.revoke(tx, project_id, lea.id, actor=OPERATOR)
        assert ended == await keyring.revoke(tx, project_id, lea.id, actor=OPERATOR)
    with pytest.raises(NotAuthenticated):
        await keys.authenticate_key(world.db.hot, world.tokens["lea"])
    assert await world.count("audit_entries", action="key.revoked") == 1


async def test_nobody_hands_out_what_they_do_not_carry(world: World) -> None:
    held = PERMISSIONS[Role.LEAD] | {Permission.WRITE_KEYS}
    async with world.db.transaction() as tx:
        owner = await get_project(tx, "support")
        for role, scopes in (("admin", None), ("service", None), ("service", ("items:submit",))):
            with pytest.raises(NotPermitted):
                await keys.make_key(tx, owner, Wish(name="x", scopes=scopes), role=role, actor=OPERATOR, held=held)
        await keys.make_key(
            tx, owner, Wish(name="x", scopes=("items:read",)), role="service", actor=OPERATOR, held=held
        )
        strong = await keys.make_key(tx, owner, Wish(name="y"), role="admin", actor=OPERATOR)
        with pytest.raises(NotPermitted):
            await keyring.rotate(tx, owner.id, strong.id, actor=OPERATOR, held=held)
        with pytest.raises(IdentityInvalid):  # it would see nothing at all
            await keys.make_key(tx, owner, Wish(name="z"), role="reviewer", actor=OPERATOR)


async def test_a_token_made_with_a_token_carries_no_more_than_that(world: World) -> None:
    async with world.db.transaction() as tx:
        token: dict[str, Any] = {"project": "support", "email": "lea@example.com", "name": "x", "actor": OPERATOR}
        narrow = await keys.create_token(tx, scopes=("items:read", "tokens:own", "pools:all"), **token)
    who = await keys.authenticate_key(world.db.hot, narrow)
    async with world.db.transaction() as tx:
        made = await keyring.make_own_token(tx, who, Wish(name="child"), longest=30 * DAY)
        with pytest.raises(NotPermitted):
            await keyring.make_own_token(tx, who, Wish(name="wide", scopes=("decisions:override",)), longest=30 * DAY)
    child = await keys.authenticate_key(world.db.hot, made.secret)
    assert child.permissions == who.permissions


async def test_last_use_is_written_once_a_minute_and_not_by_the_request(world: World) -> None:
    use, project_id, key_id = KeyUse(world.db.hot), world.service.project_id, world.service.key_id
    assert key_id is not None
    for _ in range(1_000):
        use.note(project_id, key_id, "192.0.2.1")
    await use.flush()
    first = await world.db.hot.fetchrow("SELECT last_used_at, last_used_from FROM api_keys WHERE id = $1", key_id)
    assert first is not None
    assert (first["last_used_at"] is not None, first["last_used_from"]) == (True, "192.0.2.1")
    other = KeyUse(world.db.hot)  # another process, which has not seen the key yet
    other.note(project_id, key_id, "192.0.2.2")
    await other.flush()
    assert (
        await world.db.hot.fetchrow("SELECT last_used_at, last_used_from FROM api_keys WHERE id = $1", key_id) == first
    )
    await world.db.hot.execute("UPDATE api_keys SET last_used_at = now() - interval '61 s' WHERE id = $1", key_id)
    later = KeyUse(world.db.hot)
    later.note(project_id, key_id, "192.0.2.2")
    await later.stop()
    assert await world.db.hot.fetchval("SELECT last_used_from FROM api_keys WHERE id = $1", key_id) == "192.0.2.2"
    assert KEEP_SECONDS == 60


async def test_a_database_that_is_away_costs_the_last_use_and_no_request(world: World) -> None:
    class Away:
        async def execute(self, *_given: object) -> None:
            message = "away"
            raise OSError(message)

    away: Any = Away()
    use = KeyUse(away)
    use.note(world.service.project_id, world.service.id, "192.0.2.1")
    await use.flush()
    await use.flush()


async def test_a_token_rotates_none_that_may_come_to_carry_more(world: World) -> None:
    """Promise 29: by its scopes, not by what the role carries today, or a promotion would widen a narrow token."""
    token: dict[str, Any] = {"project": "support", "email": "ana@example.com", "name": "x", "actor": OPERATOR}
    today = tuple(each.value for each in PERMISSIONS[Role.REVIEWER])
    async with world.db.transaction() as tx:
        narrow = await keys.create_token(tx, scopes=today, **token)
    who, whole = await keys.authenticate_key(world.db.hot, narrow), world.people["ana"].key_id
    assert whole is not None
    async with world.db.transaction() as tx:
        with pytest.raises(NotPermitted):
            await keyring.rotate_own(tx, who, whole, longest=30 * DAY)
        assert who.key_id is not None
        itself = await keyring.rotate_own(tx, who, who.key_id, longest=30 * DAY)
        await keyring.rotate_own(tx, msgspec.structs.replace(who, key_id=None), whole, longest=30 * DAY)
        await people.change(tx, who.project_id, who.id, actor=OPERATOR, role="lead")
    assert (await keys.authenticate_key(world.db.hot, itself.key.secret)).permissions == who.permissions
