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
from review.configuration import lists, queries
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
    said = _said(reason)
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
    said = _said(reason)
    row = await _lock_candidate(tx, who.project, version)
    if who.kind != "user":
        message = "Only a person approves a version, and this is a key. Nothing was changed."
        raise NotACandidate(message)
    if row.created_by_id == who.id:
        message = f"Version {version} is yours: somebody else has to approve it. Nothing was changed."
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
    said = _said(reason)
    project = await queries.lock_project(tx, who.project)
    row = await _lock_candidate(tx, who.project, version)
    if project is None:
        raise AssertionError
    active = await queries.find_version(tx, project.id, project.config_version)
    before = active.document if active is not None else {}
    document = Document(row.source, row.document)
    numbers = Versions(row.version, row.ruleset_version, row.item_types)
    found = await lists.load(await driver_of(tx), project.id, row.document)
    config = await asyncio.to_thread(compile_config, document, numbers, lists=found)
    differences = await asyncio.to_thread(compare, before, row.document)
    check_roles(before, document, config, who.permissions if held is None else held)
    await refuse_orphans(tx, project, before, row.document)
    if rules_take_two(before, differences):
        await _refuse_unapproved(tx, row)
    plan = _plan(project, row, differences=differences)
    if not differences:
        return plan
    if row.version < project.config_version:
        last = await queries.last_config_version(tx, project.id)
        numbers = msgspec.structs.replace(numbers, config=last + 1)
        row = await store(tx, project, document, numbers, who.actor, said or row.reason)
        plan = msgspec.structs.replace(plan, version=row.version)
    note(tx, project, plan, who.actor, said)
    await make_active(tx, project, row, before, config, who.actor)
    return plan


async def withdraw(tx: AsyncSession, *, who: Principal, version: int, reason: str = "") -> VersionView:
    """Take a candidate back: it stays readable, and can no longer be made active.

    Raises:
        ConfigVersionNotFound (404); NotACandidate (409).
    """
    said = _said(reason)
    row = await _lock_candidate(tx, who.project, version)
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


async def _lock_candidate(tx: AsyncSession, project: str, version: int) -> ConfigVersion:
    project_id: UUID = (await get_version(tx, project=project, version=version)).project_id
    row = await queries.lock_version(tx, project_id, version)
    if row is None or row.activated_at is not None or row.withdrawn_at is not None:
        became = "withdrawn" if row is not None and row.withdrawn_at is not None else "made active already"
        message = f"Version {version} is no candidate: it was {became}. Nothing was changed."
        raise NotACandidate(message)
    return row


async def _refuse_unapproved(tx: AsyncSession, row: ConfigVersion) -> None:
    """Ask for one other person's word, or for two where the author is none: a file may be anybody's."""
    given = len(await queries.list_approvals(tx, row.project_id, [row.version]))
    needed = 1 if row.created_by_id is not None else 2
    if given < needed:
        missing = needed - given
        people = "one more person" if missing == 1 else "two people"
        message = (
            f"Version {row.version} changes rules, which takes the approval of {people} besides its author. "
            "Nothing was changed; it stays a candidate."
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


def _said(reason: str) -> str:
    said = reason.strip()
    if len(said) > MAX_REASON:
        message = f"The reason is longer than {MAX_REASON} characters. Nothing was changed; shorten it."
        raise Invalid(message, errors=(FieldError("reason", f"is longer than {MAX_REASON} characters"),))
    return said
