"""Whose account an identity is, making one, linking one, and what groups give and take at each sign-in."""

import logging
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action, Actor
from review.identity import queries as people
from review.identity import traces
from review.identity.errors import IdentityInvalid
from review.identity.models import Membership, User
from review.identity.oidc import queries
from review.identity.oidc.errors import AccountNotAllowed, EmailTaken, IdentityTaken
from review.identity.oidc.models import UserIdentity
from review.identity.oidc.rules import LONGEST_SUBJECT, LONGEST_URL, Grant, Person, Provider, check_admission, grants_of
from review.identity.rules import normalise_email
from review.kernel.errors import FieldError
from review.kernel.ids import new_id
from review.kernel.sentences import say

log = logging.getLogger(__name__)


async def sign_in(tx: AsyncSession, provider: Provider, person: Person, *, origin: str) -> UUID:
    """Give the account of somebody whom a provider vouched for, made now if need be, with what their groups give.

    Raises:
        AccountNotAllowed: they may not come in, or are disabled (403); EmailTaken (409).
    """
    identity = await queries.lock_identity(tx, provider.issuer, person.subject)
    if identity is None:
        user_id = await _make_account(tx, provider, person, origin)
    else:
        user_id = identity.user_id
    user = await queries.lock_user(tx, user_id)
    if user.disabled_at is not None:
        message = say("You were not signed in: your account here is disabled. Nothing was changed. Ask an admin.")
        raise AccountNotAllowed(message)
    await queries.mark_used(tx, provider.issuer, person.subject)
    actor = Actor("user", user.id, user.email, origin)
    await _align(tx, provider, user, grants_of(provider, person.groups), actor)
    await tx.flush()
    return user.id


async def link(tx: AsyncSession, user_id: UUID, provider: Provider, person: Person, *, origin: str) -> None:
    """Link an identity with the account of whoever is signed in; linking it again is fine.

    Raises:
        IdentityTaken: it is another account's (409).
    """
    user = await tx.get_one(User, user_id)
    actor = Actor("user", user.id, user.email, origin)
    await _link(tx, user, provider.issuer, person.subject, actor)


async def link_by_email(tx: AsyncSession, *, email: str, issuer: str, subject: str, actor: Actor) -> None:
    """Link an identity with an account, as the operator says.

    Raises:
        IdentityInvalid: there is no such account, or no such identity can be (422); IdentityTaken (409).
    """
    user = await people.find_user(tx, normalise_email(email))
    faults = [
        FieldError(name, say("must have 1 to %(longest)s characters", longest=longest))
        for name, value, longest in (("issuer", issuer, LONGEST_URL), ("subject", subject, LONGEST_SUBJECT))
        if not 0 < len(value) <= longest or "\0" in value
    ]
    if user is None or faults:
        message = (
            say("Nothing was linked: there is no account with the e-mail %(email)s.", email=repr(email))
            if user is None
            else say("Nothing was linked: mend what is named below.")
        )
        raise IdentityInvalid(message, errors=tuple(faults))
    await _link(tx, user, issuer, subject, actor)


async def unlink(tx: AsyncSession, *, issuer: str, subject: str, actor: Actor) -> bool:
    """Forget an identity; tells whether there was one.

    The account stays, with what groups gave it. Its sessions that any provider vouched for end.
    """
    user_id = await queries.remove_identity(tx, issuer, subject)
    if user_id is None:
        return False
    ended = await queries.end_sessions_of(tx, user_id)
    details = {"issuer": issuer, "subject": subject, "sessions_ended": ended}
    await traces.note(tx, user_id, Action.IDENTITY_UNLINKED, actor=actor, details=details)
    return True


async def _make_account(tx: AsyncSession, provider: Provider, person: Person, origin: str) -> UUID:
    check_admission(provider, person)
    user_id = new_id()
    if not await queries.add_user(tx, user_id, person.email, person.name or person.email.partition("@")[0]):
        message = say(
            "You were not signed in: an account with the e-mail %(email)s is here already, and it was never "
            "linked with %(title)s. Nothing was changed. If it is yours, sign in to it as you used to and link "
            "%(title)s under “Ways to sign in”; or have the operator link it with `review users link`.",
            email=person.email,
            title=provider.title,
        )
        raise EmailTaken(message)
    tx.add(UserIdentity(issuer=provider.issuer, subject=person.subject, user_id=user_id))
    await tx.flush()
    details = {"email": person.email, "provider": provider.name, "issuer": provider.issuer, "subject": person.subject}
    actor = Actor("user", user_id, person.email, origin)
    projects = await queries.list_projects(tx, list(grants_of(provider, person.groups)))
    for project_id in projects.values():
        audit.record(tx, project_id, actor, Action.USER_CREATED, details=details)
    log.info("an account was made for %s of %s", user_id, provider.name)
    return user_id


async def _link(tx: AsyncSession, user: User, issuer: str, subject: str, actor: Actor) -> None:
    identity = await queries.lock_identity(tx, issuer, subject)
    if identity is not None and identity.user_id != user.id:
        message = say(
            "Nothing was linked: this identity belongs to another account here. Ask whoever runs Countersign."
        )
        raise IdentityTaken(message)
    if identity is None:
        tx.add(UserIdentity(issuer=issuer, subject=subject, user_id=user.id))
        details = {"email": user.email, "issuer": issuer, "subject": subject}
        await traces.note(tx, user.id, Action.IDENTITY_LINKED, actor=actor, details=details)
        await tx.flush()


async def _align(tx: AsyncSession, provider: Provider, user: User, grants: dict[str, Grant], actor: Actor) -> None:
    """Make what this provider gave just what it gives now; what came from elsewhere stays as it is."""
    projects = await queries.list_projects(tx, list(grants))
    if missing := sorted(set(grants) - set(projects)):
        log.warning("the entry of the provider %s names projects that are not there: %s", provider.name, missing)
    wanted = {projects[slug]: grant for slug, grant in grants.items() if slug in projects}
    held = {membership.project_id: membership for membership, _ in await queries.list_memberships(tx, user.id)}
    pools = await queries.list_pools_given(tx, provider.source, user.email)
    for project_id in sorted({*wanted, *held, *(project for project, _ in pools)}):
        grant = wanted.get(project_id)
        changed = await _align_role(tx, provider, user, project_id, held.get(project_id), grant)
        had = {pool for project, pool in pools if project == project_id}
        gives = set(grant.pools) if grant else set[str]()
        for pool in sorted(gives - had):
            await queries.give_pool(tx, project_id, pool, user.email, provider.source)
        for pool in sorted(had - gives):
            await queries.take_pool(tx, project_id, pool, user.email, provider.source)
        if had != gives:
            changed |= {"pools_given": sorted(gives - had), "pools_taken": sorted(had - gives)}
        if changed:
            details = {"email": user.email, "provider": provider.name} | changed
            audit.record(tx, project_id, actor, Action.MEMBERSHIP_CHANGED, details=details)
    await tx.flush()


async def _align_role(
    tx: AsyncSession,
    provider: Provider,
    user: User,
    project_id: UUID,
    held: Membership | None,
    grant: Grant | None,
) -> dict[str, Any]:
    """Give, change or take the role in one project; gives what to say of it."""
    if held is not None and held.source != provider.source:
        return {}
    before, after = held.role if held else None, grant.role.value if grant else None
    if before == after:
        return {}
    if held is None and after is not None:
        tx.add(Membership(project_id=project_id, user_id=user.id, role=after, source=provider.source))
    elif held is not None and after is None:
        await tx.delete(held)
    elif held is not None and after is not None:
        held.role = after
    return {"role_before": before, "role_after": after}
