"""Creating people and keys, and signing in."""

from datetime import timedelta
from typing import Any

import pytest

from review.audit.rules import OPERATOR
from review.identity import accounts, keys, people, sessions
from review.identity import service as identity
from review.identity.errors import IdentityInvalid, NotAuthenticated, ProjectNotFound, SignInRefused, UserExists
from review.identity.rules import Role, new_key, prefix_of
from review.kernel.sealing import Sealer
from tests.make import CONFIG, PASSWORD, World

HOUR = timedelta(hours=1)


async def create(world: World, **given: Any) -> None:
    async with world.db.transaction() as tx:
        person: dict[str, Any] = {"project": "support", "email": "new@example.com", "role": Role.REVIEWER} | given
        await people.create_user(tx, **person, actor=OPERATOR)


async def sign_in(world: World, email: str, password: str, lifetime: timedelta = HOUR) -> sessions.SignedIn:
    door = accounts.Door(world.db, Sealer(()), lifetime)
    outcome = await accounts.sign_in(door, email=email, password=password, browser=sessions.Browser("", "x" * 900))
    assert isinstance(outcome, sessions.SignedIn)
    return outcome


async def test_a_session_begins_and_ends(world: World) -> None:
    await create(world, email=" New@Example.COM ", password=PASSWORD, pools=("triage",))
    session = await sign_in(world, "new@example.com", PASSWORD)
    visitor = await sessions.find_visitor(world.db.hot, session.cookie, project="support")
    assert visitor is not None
    assert (visitor.email, visitor.csrf_token) == ("new@example.com", session.csrf_token)
    who = identity.enter_project(visitor, "support")
    assert (who.role, who.kind, who.email) == (Role.REVIEWER, "user", "new@example.com")
    assert sorted(who.pools or ()) == ["triage"]
    elsewhere = await sessions.find_visitor(world.db.hot, session.cookie, project="elsewhere")
    for nowhere in (visitor, elsewhere, await sessions.find_visitor(world.db.hot, session.cookie)):
        assert nowhere is not None
        with pytest.raises(ProjectNotFound):
            identity.enter_project(nowhere, "elsewhere")
    again = await sign_in(world, "NEW@example.com", PASSWORD)
    assert again.cookie != session.cookie
    async with world.db.transaction() as tx:
        await sessions.sign_out(tx, session.cookie, origin="")
        await sessions.sign_out(tx, session.cookie, origin="")
    assert await sessions.find_visitor(world.db.hot, session.cookie) is None
    assert await sessions.find_visitor(world.db.hot, again.cookie) is not None
    assert await sessions.find_visitor(world.db.hot, "") is None
    assert await world.count("pool_members", email="new@example.com", source="direct") == 1


async def test_a_session_runs_out_and_a_disabled_person_is_out(world: World) -> None:
    await create(world, password=PASSWORD)
    short = await sign_in(world, "new@example.com", PASSWORD, timedelta(0))
    assert await sessions.find_visitor(world.db.hot, short.cookie) is None
    session = await sign_in(world, "new@example.com", PASSWORD)
    await world.db.hot.execute("UPDATE users SET disabled_at = now() WHERE email = 'new@example.com'")
    assert await sessions.find_visitor(world.db.hot, session.cookie) is None
    with pytest.raises(SignInRefused):
        await sign_in(world, "new@example.com", PASSWORD)


@pytest.mark.parametrize(
    ("email", "password"),
    [("new@example.com", "wrong horse battery"), ("nobody@example.com", PASSWORD), ("ana@example.com", PASSWORD)],
    ids=["wrong password", "unknown", "no password of their own"],
)
async def test_who_cannot_sign_in_is_not_told_why(world: World, email: str, password: str) -> None:
    await create(world, password=PASSWORD)
    with pytest.raises(SignInRefused, match="do not belong together"):
        await sign_in(world, email, password)
    assert await world.db.hot.fetchval("SELECT count(*) FROM sessions") == 0


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "@x"}, "email"),
        ({"email": "a@"}, "email"),
        ({"email": "a@b@c"}, "email"),
        ({"email": "a b@c"}, "email"),
        ({"role": Role.SERVICE}, "role"),
        ({"password": "short"}, "password"),
        ({"password": "x" * 1025}, "password"),
    ],
)
async def test_who_cannot_be_created_is_told_why(world: World, given: dict[str, Any], field: str) -> None:
    with pytest.raises(IdentityInvalid) as refused:
        await create(world, **given)
    assert [each.path for each in refused.value.errors] == [field]


async def test_somebody_known_joins_another_project_and_keeps_their_password(world: World) -> None:
    await World.build(world.db, world.settings, "elsewhere", CONFIG.format(project="elsewhere"))
    await create(world, password=PASSWORD)
    with pytest.raises(UserExists):
        await create(world)
    with pytest.raises(UserExists):
        await create(world, project="elsewhere", password=PASSWORD)
    await create(world, project="elsewhere", role=Role.LEAD)
    with pytest.raises(ProjectNotFound):
        await create(world, project="nowhere")
    assert await world.db.hot.fetchval("SELECT count(*) FROM users WHERE email = 'new@example.com'") == 1


async def test_a_token_is_for_members_and_acts_with_the_role_of_now(world: World) -> None:
    await World.build(world.db, world.settings, "elsewhere", CONFIG.format(project="elsewhere"))
    await create(world)
    async with world.db.transaction() as tx:
        key: dict[str, Any] = {"email": "new@example.com", "name": "laptop", "actor": OPERATOR}
        token = await keys.create_token(tx, project="support", **key)
        others: list[dict[str, Any]] = [{"project": "elsewhere"}, {"project": "support", "email": "nobody@example.com"}]
        for refused in others:
            with pytest.raises(IdentityInvalid):
                await keys.create_token(tx, **(key | refused))
        with pytest.raises(IdentityInvalid):
            await keys.create_key(tx, project="support", name=" ", role=Role.SERVICE, actor=OPERATOR)
    assert (await keys.authenticate_key(world.db.hot, token)).role == Role.REVIEWER
    await world.db.hot.execute(
        "UPDATE memberships SET role = 'lead' WHERE user_id = (SELECT id FROM users WHERE email = 'new@example.com')"
    )
    assert (await keys.authenticate_key(world.db.hot, token)).role == Role.LEAD
    await world.db.hot.execute(
        "DELETE FROM memberships WHERE user_id = (SELECT id FROM users WHERE email = 'new@example.com')"
    )
    with pytest.raises(NotAuthenticated):
        await keys.authenticate_key(world.db.hot, token)


async def test_a_key_with_the_right_prefix_and_a_wrong_tail_is_refused(world: World) -> None:
    prefix = prefix_of(world.service_key)
    assert prefix is not None
    forged = f"cs_{prefix}_{new_key().secret.rsplit('_', 1)[1]}"
    with pytest.raises(NotAuthenticated):
        await keys.authenticate_key(world.db.hot, forged)
