"""What storing a configuration and making it active consist of, for a document that is applied or proposed."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import func, null
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import OPERATOR, Action, Actor
from review.configuration import endings, lists, queries
from review.configuration.document import Document, parse
from review.configuration.entries import Packed, digests_in, unpack
from review.configuration.errors import ApprovalRequired, ConfigurationInvalid, PoolHasOpenWork, RoleInUse
from review.configuration.list_counts import with_counts
from review.configuration.models import ConfigVersion, ItemTypeVersion, RuleSetVersion
from review.configuration.named import rules_of
from review.configuration.plans import Difference, Plan, clocks_differ, compare, digest_of
from review.configuration.rules import ProjectConfig, Versions, compile_config
from review.identity import people_queries as people
from review.identity.errors import ProjectNotFound
from review.identity.models import Project, ProjectRole
from review.identity.roles import ALL
from review.identity.rules import Permission
from review.kernel.clock import utc_now
from review.kernel.db import driver_of
from review.kernel.ids import new_id
from review.kernel.models import Timer
from review.kernel.sentences import say
from review.kernel.timers import TimerKind
from review.registry import service as registry
from review.routing.named import Entries

_OF_RULES = {"rule", "rules", "list", "score"}
_NAMED = {("project", "approvals"), ("project", "default_pool"), ("project", "audit"), ("project", "models")}


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A checked document and the project it is for, with what it would change and the numbers it would get."""

    project: Project
    document: Document
    config: ProjectConfig
    before: Mapping[str, Any]
    versions: Versions
    plan: Plan


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """On which terms a document is taken: for which project alone, whether it may make one, and by whom.

    `lists` come with the document, which names them by digest.
    """

    only_project: str | None = None
    may_create: bool = False
    held: Collection[Permission] = ALL
    lists: Sequence[Packed] = ()
    actor: Actor = OPERATOR


async def prepare(tx: AsyncSession, source: bytes | str, terms: Terms, *, dry_run: bool) -> Prepared:
    """Check a document against what is active and number it; locks the project's row unless it is a dry run.

    Raises:
        ConfigurationInvalid (422); ProjectNotFound: it is new and may not be created (404);
        PoolHasOpenWork, RoleInUse: a pool that is left out still has work, or a role its people (409).
    """
    # A large document takes seconds to read; nothing else should stand still for it.
    document = await asyncio.to_thread(parse, source)
    found = await lists_of(tx, document, terms)
    config = await asyncio.to_thread(compile_config, document, today=utc_now().date(), lists=found)
    if terms.only_project is not None and config.project != terms.only_project:
        message = say(
            "is `%(project)s`, but this key belongs to project `%(own)s`",
            project=config.project,
            own=terms.only_project,
        )
        raise ConfigurationInvalid([document.fault("project", message)])
    project = await lock_or_add(tx, config, may_create=terms.may_create, dry_run=dry_run)
    active = await queries.find_version(tx, project.id, project.config_version)
    before = active.document if active is not None else {}
    if not dry_run:
        for packed in terms.lists:
            await lists.store(tx, project_id=project.id, packed=packed, actor=terms.actor)
    differences = await asyncio.to_thread(compare, before, document.data)
    if any(each.kind == "list" for each in differences):
        found |= await lists.load(await driver_of(tx), project.id, before)
        differences = await asyncio.to_thread(with_counts, differences, before, document.data, found)
    check_roles(before, document, config, terms.held)
    await refuse_orphans(tx, project, before, document.data)
    versions = await number(tx, project, document.data)
    plan = Plan(
        project=config.project,
        version=versions.config if differences else project.config_version,
        previous_version=project.config_version,
        applied=bool(differences) and not dry_run,
        differences=differences,
        ruleset_version=versions.ruleset,
        item_types=dict(versions.item_types),
        warnings=config.warnings,
    )
    return Prepared(project=project, document=document, config=config, before=before, versions=versions, plan=plan)


async def lists_of(tx: AsyncSession, document: Document, terms: Terms) -> dict[str, Entries]:
    """Give the lists that a document names by digest: those that come with it, and those that are stored."""
    if not digests_in(document.data):
        return {}
    found: dict[str, Entries] = {}
    for packed in terms.lists:
        entries = await asyncio.to_thread(unpack, packed.pieces, packed.sha256)
        found |= {} if entries is None else {packed.sha256: entries}
    project = await queries.find_project(tx, str(document.data.get("project")))
    if project is not None:
        found = await lists.load(await driver_of(tx), project.id, document.data) | found
    return found


async def lock_or_add(tx: AsyncSession, config: ProjectConfig, *, may_create: bool, dry_run: bool) -> Project:
    """Give the project, locked and created if need be; for a dry run as it would be.

    Raises:
        ProjectNotFound: it is new and may not be created (404).
    """
    find = queries.find_project if dry_run else queries.lock_project
    project = await find(tx, config.project)
    if project is not None:
        return project
    if not may_create:
        message = say(
            "There is no project %(project)s; nothing was changed. `review apply FILE` makes one.",
            project=repr(config.project),
        )
        raise ProjectNotFound(message)
    if dry_run:
        return Project(id=new_id(), slug=config.project, title=config.title, config_version=0)
    await queries.add_project(tx, new_id(), config.project, config.title)
    project = await queries.lock_project(tx, config.project)
    if project is None:  # it was removed in between, which nothing here does
        message = say("There is no project %(project)s.", project=repr(config.project))
        raise ProjectNotFound(message)
    return project


async def refuse_orphans(
    tx: AsyncSession, project: Project, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    """Refuse to leave out what is still in use.

    Raises:
        PoolHasOpenWork, RoleInUse: a pool that is left out still has work, or a role its people (409).
    """
    pools: dict[str, Any] = before.get("pools") or {}
    removed = [name for name in pools if name not in after["pools"]]
    counts = await queries.count_open_work(tx, project.id, removed) if removed else {}
    if counts:
        told = ", ".join(f"{pool} ({count})" for pool, count in sorted(counts.items()))
        message = say(
            "These pools still have open work: %(names)s. Nothing was changed; let it be decided first, or keep them.",
            names=told,
        )
        raise PoolHasOpenWork(message)
    roles: dict[str, Any] = before.get("roles") or {}
    gone = [name for name in roles if name not in (after.get("roles") or {})]
    holders = await people.count_holders(tx, project.id, gone) if gone else {}
    if holders:
        told = ", ".join(f"{role} ({count})" for role, count in sorted(holders.items()))
        message = say(
            "These roles still have people or keys: %(names)s. Nothing was changed; give those another role first.",
            names=told,
        )
        raise RoleInUse(message)


def check_roles(
    before: Mapping[str, Any], document: Document, config: ProjectConfig, held: Collection[Permission]
) -> None:
    """Refuse roles that are new or changed and carry more than whoever makes them active does.

    Raises:
        ConfigurationInvalid: with each such permission (422).
    """
    old: dict[str, Any] = before.get("roles") or {}
    faults = [
        document.fault(
            f"roles.{role.name}.may", say("holds `%(permission)s`, which you do not carry yourself", permission=each)
        )
        for role in config.roles.values()
        if digest_of(old.get(role.name)) != digest_of(document.data["roles"][role.name])
        for each in sorted(role.may - frozenset(held))
    ]
    if faults:
        raise ConfigurationInvalid(faults)


async def number(tx: AsyncSession, project: Project, data: Mapping[str, Any]) -> Versions:
    """Give a document's parts their numbers: a content that was there before keeps its own."""
    types: dict[str, int] = {}
    stored = await queries.list_item_types(tx, project.id)
    for name, definition in data["item_types"].items():
        mine = [(row.version, row.definition) for row in stored if row.name == name]
        types[name] = _numbered(mine, definition)
    rulesets = [(row.version, row.rules) for row in await queries.list_rulesets(tx, project.id)]
    ruleset = _numbered(rulesets, rules_of(data))
    return Versions(await queries.last_config_version(tx, project.id) + 1, ruleset, types)


def _numbered(stored: Sequence[tuple[int, object]], definition: object) -> int:
    wanted = digest_of(definition)
    same = [version for version, content in stored if digest_of(content) == wanted]
    return same[-1] if same else max((version for version, _ in stored), default=0) + 1


async def store(
    tx: AsyncSession, project: Project, document: Document, versions: Versions, actor: Actor, reason: str
) -> ConfigVersion:
    """Store a document under its numbers, as a candidate: nothing goes by it yet.

    Raises:
        ListNotStored: a list that it names is not there any more (409).
    """
    await lists.keep_named(tx, project.id, document.data)
    for name, version in versions.item_types.items():
        if await tx.get(ItemTypeVersion, (project.id, name, version)) is None:
            definition = document.data["item_types"][name]
            tx.add(ItemTypeVersion(project_id=project.id, name=name, version=version, definition=definition))
    if await tx.get(RuleSetVersion, (project.id, versions.ruleset)) is None:
        tx.add(RuleSetVersion(project_id=project.id, version=versions.ruleset, rules=rules_of(document.data)))
    row = ConfigVersion(
        project_id=project.id,
        version=versions.config,
        source=document.source,
        document=document.data,
        item_types=dict(versions.item_types),
        ruleset_version=versions.ruleset,
        created_by=actor.name,
        created_by_id=actor.id if actor.kind == "user" else None,
        reason=reason,
        activated_at=null(),  # a bare None would leave it to the default
    )
    tx.add(row)
    await tx.flush()
    await tx.refresh(row, ["activated_at", "created_at"])
    return row


async def make_active(
    tx: AsyncSession,
    project: Project,
    row: ConfigVersion,
    before: Mapping[str, Any],
    config: ProjectConfig,
    actor: Actor,
) -> None:
    """Have the project go by a stored version from the caller's commit on: people, roles and open clocks with it.

    A rollout that runs ends with it, for it was measured against another version.
    """
    await endings.end_for(tx, project.id, row.version, actor)
    project.title, project.config_version = config.title, row.version
    row.activated_at = await tx.scalar(func.now().select())
    row.activated_by = actor.name
    members = [(pool.name, email) for pool in config.pools.values() for email in pool.members]
    await queries.replace_members(tx, project.id, members)
    roles = [
        ProjectRole(project_id=project.id, name=role.name, title=role.title, permissions=sorted(role.may))
        for role in config.roles.values()
    ]
    await people.replace_roles(tx, project.id, roles)
    await registry.follow_clearing(tx, project.id, is_asked=config.clearing.is_asked, actor=actor)
    if before and clocks_differ(before, row.document):
        tx.add(
            Timer(
                project_id=project.id,
                kind=TimerKind.RECOMPUTE.value,
                subject_id=project.id,
                generation=row.version,
                fire_at=func.now(),
            )
        )
    await tx.flush()


def note(
    tx: AsyncSession, project: Project, plan: Plan, actor: Actor, reason: str, action: Action = Action.CONFIG_APPLIED
) -> None:
    """Have the audit tell of a version, what it changes and why."""
    told = [str(each) for each in plan.differences]
    details = {"version": plan.version, "was": plan.previous_version, "differences": told}
    audit.record(tx, project.id, actor, action, details=details | ({"reason": reason} if reason else {}))


def asks_for_two(document: Mapping[str, Any]) -> bool:
    """Tell whether a document has changes of rules approved by somebody else."""
    asked: Mapping[str, Any] = document.get("approvals") or {}
    return asked.get("rules") is True


def rules_take_two(before: Mapping[str, Any], differences: Sequence[Difference]) -> bool:
    """Tell whether these changes of an active document need somebody else's approval.

    What is asked for in the active document counts: to stop asking for approval takes an approval too.
    """
    return asks_for_two(before) and any(
        each.kind in _OF_RULES or (each.kind, each.name) in _NAMED for each in differences
    )


def is_of_rules(difference: Difference) -> bool:
    """Tell whether a difference changes nothing but where items go."""
    routes = difference.kind == "project" and difference.name in {"default_pool", "audit"}
    return routes or difference.kind in _OF_RULES


def refuse_unapproved(before: Mapping[str, Any], differences: Sequence[Difference]) -> None:
    """Refuse to make at once what somebody else has to approve first.

    Raises:
        ApprovalRequired: with what to do instead (409).
    """
    if rules_take_two(before, differences):
        message = say(
            "Changes of rules take a second person here, so nothing was changed. Store it as a candidate instead, "
            "and have somebody else approve it."
        )
        raise ApprovalRequired(message)
