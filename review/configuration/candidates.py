"""Configuration versions that are not active yet: proposed, approved by somebody else, made active or withdrawn."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action, Actor
from review.configuration import endings, lists, queries
from review.configuration.document import Document
from review.configuration.errors import ApprovalRequired, NotACandidate
from review.configuration.models import Approval, ConfigVersion
from review.configuration.plans import Difference, Plan, compare
from review.configuration.rules import Versions, compile_config
from review.configuration.service import get_version
from review.configuration.storing import (
    Terms,
    check_roles,
    make_active,
    note,
    prepare,
    refuse_orphans,
    rules_take_two,
    store,
)
from review.identity.models import Project
from review.identity.roles import ALL
from review.identity.rules import Permission, Principal
from review.kernel.db import driver_of
from review.kernel.errors import FieldError, Invalid
from review.kernel.sentences import say, say_n

MAX_REASON = 2_000
State = Literal["candidate", "active", "superseded", "withdrawn"]


class ApprovalView(msgspec.Struct, frozen=True, kw_only=True):
    """Who approved a candidate, when and why."""

    name: str
    reason: str
    approved_at: datetime


class VersionView(msgspec.Struct, frozen=True, kw_only=True):
    """One version: `superseded` was active once."""

    version: int
    state: State
    ruleset_version: int
    item_types: dict[str, int]
    reason: str
    created_by: str
    created_at: datetime
    activated_by: str | None
    activated_at: datetime | None
    withdrawn_by: str | None
    withdrawn_at: datetime | None
    approvals: list[ApprovalView]


async def propose(
    tx: AsyncSession,
    source: bytes | str,
    *,
    actor: Actor,
    only_project: str,
    reason: str,
    held: Collection[Permission] = ALL,
) -> Plan:
    """Store a document as a candidate; gives what it would change, and its number as `version`.

    A document that changes nothing makes none. Locks the project's row.

    Raises:
        ConfigurationInvalid, Invalid: it has faults, or the reason is too long (422); PoolHasOpenWork, RoleInUse (409).
    """
    said = said_of(reason)
    prepared = await prepare(tx, source, Terms(only_project=only_project, held=held), dry_run=False)
    plan = msgspec.structs.replace(prepared.plan, applied=False)
    if plan.differences:
        await store(tx, prepared.project, prepared.document, prepared.versions, actor, said)
        note(tx, prepared.project, plan, actor, said, Action.CONFIG_PROPOSED)
        await tx.flush()
    return plan


async def approve(tx: AsyncSession, *, who: Principal, version: int, reason: str = "") -> VersionView:
    """Say that a candidate may act; saying it twice keeps the first word.

    Raises:
        ConfigVersionNotFound (404); NotACandidate: it is none, or it is the caller's own, or no person calls (409).
    """
    said = said_of(reason)
    row = await lock_candidate(tx, who.project, version)
    if who.kind != "user":
        message = say("Only a person approves a version, and this is a key. Nothing was changed.")
        raise NotACandidate(message)
    if row.created_by_id == who.id:
        message = say(
            "Version %(version)s is yours: somebody else has to approve it. Nothing was changed.", version=version
        )
        raise NotACandidate(message)
    if await tx.get(Approval, (row.project_id, version, who.id)) is None:
        tx.add(Approval(project_id=row.project_id, version=version, user_id=who.id, name=who.actor.name, reason=said))
        details = {"version": version, "reason": said}
        audit.record(tx, row.project_id, who.actor, Action.CONFIG_APPROVED, details=details)
        await tx.flush()
    return await get(tx, project=who.project, version=version)


async def activate(
    tx: AsyncSession, *, who: Principal, version: int, reason: str = "", held: Collection[Permission] | None = None
) -> Plan:
    """Make a candidate active; gives what that changes against the version that was.

    A candidate that is older than the active version becomes active as a copy of its own, under the next number:
    versions only ever go up. Locks the project's row.

    Raises:
        ConfigVersionNotFound (404); NotACandidate, ApprovalRequired, PoolHasOpenWork, RoleInUse (409);
        ConfigurationInvalid: a role in it carries more than the caller (422).
    """
    said = said_of(reason)
    project = await queries.lock_project(tx, who.project)
    row = await lock_candidate(tx, who.project, version)
    if project is None:
        raise AssertionError
    return await put_in_force(
        tx, project, row, actor=who.actor, reason=said, held=who.permissions if held is None else held
    )


async def put_in_force(
    tx: AsyncSession, project: Project, row: ConfigVersion, *, actor: Actor, reason: str, held: Collection[Permission]
) -> Plan:
    """Make a locked candidate of a locked project active, as `activate`; a rollout of it is finished by that."""
    active = await queries.find_version(tx, project.id, project.config_version)
    before = active.document if active is not None else {}
    document = Document(row.source, row.document)
    numbers = Versions(row.version, row.ruleset_version, row.item_types)
    found = await lists.load(await driver_of(tx), project.id, row.document)
    config = await asyncio.to_thread(compile_config, document, numbers, lists=found)
    differences = await asyncio.to_thread(compare, before, row.document)
    check_roles(before, document, config, held)
    await refuse_orphans(tx, project, before, row.document)
    if rules_take_two(before, differences):
        await check_approvals(tx, row)
    plan = _plan(project, row, differences=differences)
    if not differences:
        return plan
    await endings.end_for(tx, project.id, row.version, actor)  # before it may get another number
    if row.version < project.config_version:
        last = await queries.last_config_version(tx, project.id)
        numbers = msgspec.structs.replace(numbers, config=last + 1)
        row = await store(tx, project, document, numbers, actor, reason or row.reason)
        plan = msgspec.structs.replace(plan, version=row.version)
    note(tx, project, plan, actor, reason)
    await make_active(tx, project, row, before, config, actor)
    return plan


async def withdraw(tx: AsyncSession, *, who: Principal, version: int, reason: str = "") -> VersionView:
    """Take a candidate back: it stays readable, and can no longer be made active.

    Raises:
        ConfigVersionNotFound (404); NotACandidate (409).
    """
    said = said_of(reason)
    await queries.lock_project(tx, who.project)
    row = await lock_candidate(tx, who.project, version)
    await endings.end_withdrawn(tx, row.project_id, version, who.actor)
    row.withdrawn_at = await tx.scalar(func.now().select())
    row.withdrawn_by = who.actor.name
    details = {"version": version, "reason": said}
    audit.record(tx, row.project_id, who.actor, Action.CONFIG_WITHDRAWN, details=details)
    await tx.flush()
    return await get(tx, project=who.project, version=version)


async def get(tx: AsyncSession, *, project: str, version: int) -> VersionView:
    """Give what is known of one version.

    Raises:
        ProjectNotFound, ConfigVersionNotFound (404).
    """
    row = await get_version(tx, project=project, version=version)
    return (await _views(tx, project, [row]))[0]


async def list_versions(
    tx: AsyncSession, *, project: str, before: int | None = None, limit: int = 50
) -> list[VersionView]:
    """List the versions of a project, newest first; `before` goes on below that number.

    Raises:
        ProjectNotFound (404).
    """
    owner = await queries.get_project(tx, project)
    rows = await queries.list_versions(tx, owner.id, before=2**31 - 1 if before is None else before, limit=limit)
    return await _views(tx, project, rows)


async def _views(tx: AsyncSession, project: str, rows: Sequence[ConfigVersion]) -> list[VersionView]:
    owner = await queries.get_project(tx, project)
    approvals: dict[int, list[ApprovalView]] = {}
    for each in await queries.list_approvals(tx, owner.id, [row.version for row in rows]):
        view = ApprovalView(name=each.name, reason=each.reason, approved_at=each.approved_at)
        approvals.setdefault(each.version, []).append(view)
    return [
        VersionView(
            version=row.version,
            state=state_of(row, owner.config_version),
            ruleset_version=row.ruleset_version,
            item_types=row.item_types,
            reason=row.reason,
            created_by=row.created_by,
            created_at=row.created_at,
            activated_by=row.activated_by,
            activated_at=row.activated_at,
            withdrawn_by=row.withdrawn_by,
            withdrawn_at=row.withdrawn_at,
            approvals=approvals.get(row.version, []),
        )
        for row in rows
    ]


def state_of(row: ConfigVersion, active: int) -> State:
    """Tell what has become of a version."""
    if row.version == active:
        return "active"
    if row.activated_at is not None:
        return "superseded"
    return "candidate" if row.withdrawn_at is None else "withdrawn"


async def lock_candidate(tx: AsyncSession, project: str, version: int) -> ConfigVersion:
    """Give a candidate, locked.

    Raises:
        ConfigVersionNotFound (404); NotACandidate (409).
    """
    project_id: UUID = (await get_version(tx, project=project, version=version)).project_id
    row = await queries.lock_version(tx, project_id, version)
    if row is None or row.activated_at is not None or row.withdrawn_at is not None:
        message = (
            say("Version %(version)s is no candidate: it was withdrawn. Nothing was changed.", version=version)
            if row is not None and row.withdrawn_at is not None
            else say(
                "Version %(version)s is no candidate: it was made active already. Nothing was changed.", version=version
            )
        )
        raise NotACandidate(message)
    return row


async def check_approvals(tx: AsyncSession, row: ConfigVersion) -> None:
    """Ask for one other person's word, or for two where the author is none: a file may be anybody's.

    Raises:
        ApprovalRequired: with how many are missing (409).
    """
    given = len(await queries.list_approvals(tx, row.project_id, [row.version]))
    needed = 1 if row.created_by_id is not None else 2
    if given < needed:
        message = say_n(
            "Version %(version)s changes rules, which takes the approval of one more person besides its author. "
            "Nothing was changed; it stays a candidate.",
            "Version %(version)s changes rules, which takes the approval of two people besides its author. "
            "Nothing was changed; it stays a candidate.",
            needed - given,
            version=row.version,
        )
        raise ApprovalRequired(message)


def _plan(project: Project, row: ConfigVersion, *, differences: tuple[Difference, ...]) -> Plan:
    return Plan(
        project=project.slug,
        version=row.version if differences else project.config_version,
        previous_version=project.config_version,
        applied=bool(differences),
        differences=differences,
        ruleset_version=row.ruleset_version,
        item_types=dict(row.item_types),
    )


def said_of(reason: str) -> str:
    """Give a reason as it is kept.

    Raises:
        Invalid: it is too long (422).
    """
    said = reason.strip()
    if len(said) > MAX_REASON:
        message = say(
            "The reason is longer than %(most)s characters. Nothing was changed; shorten it.",
            most=MAX_REASON,
        )
        raise Invalid(
            message,
            errors=(FieldError("reason", say("is longer than %(most)s characters", most=MAX_REASON)),),
        )
    return said
