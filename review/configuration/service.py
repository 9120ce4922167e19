"""Planning, applying and loading configurations."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

import msgspec
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action, Actor
from review.configuration import queries
from review.configuration.document import Document, parse
from review.configuration.errors import ConfigurationInvalid, ConfigVersionNotFound, PoolHasOpenWork, RoleInUse
from review.configuration.limits import limits_of
from review.configuration.models import ConfigVersion, ItemTypeVersion, RuleSetVersion
from review.configuration.plans import Plan, clocks_differ, compare, digest_of
from review.configuration.rules import ProjectConfig, Versions, compile_config
from review.configuration.sensitivity import sensitivity_of
from review.identity import people_queries as people
from review.identity.errors import ProjectNotFound
from review.identity.models import Project, ProjectRole
from review.identity.roles import ALL
from review.identity.rules import Permission
from review.items.types import ItemType, compile_schema
from review.kernel.clock import utc_now
from review.kernel.db import Database
from review.kernel.ids import new_id
from review.kernel.models import Timer
from review.kernel.timers import TimerKind
from review.routing.rules import RuleSet

CACHED = 256


async def apply(
    tx: AsyncSession,
    source: bytes | str,
    *,
    actor: Actor,
    dry_run: bool = False,
    only_project: str | None = None,
    may_create: bool = False,
    held: Collection[Permission] = ALL,
) -> Plan:
    """Make a document the project's active configuration, as a new version; gives what changed.

    A document that changes nothing makes no version. Versions count from 1 by content: item types and rules that
    are as they were, or as they were in some earlier version, keep that version's number. Locks the project's row.
    With `dry_run` nothing is locked or stored and the plan says so. `held` is what the caller carries: nobody makes a
    role that carries more.

    Raises:
        ConfigurationInvalid (422); ProjectNotFound: it is new and may not be created (404);
        PoolHasOpenWork, RoleInUse: a pool that is left out still has work, or a role its people (409).
    """
    # A large document takes seconds to read; nothing else should stand still for it.
    document, config = await asyncio.to_thread(_read, source)
    if only_project is not None and config.project != only_project:
        message = f"is `{config.project}`, but this key belongs to project `{only_project}`"
        raise ConfigurationInvalid([document.fault("project", message)])
    project = await _project(tx, config, may_create=may_create, dry_run=dry_run)
    active = await queries.find_version(tx, project.id, project.config_version)
    before = active.document if active is not None else {}
    differences = await asyncio.to_thread(compare, before, document.data)
    _check_roles(before, document, config, held)
    await _refuse_orphans(tx, project, before, document)
    versions = await _number(tx, project, document)
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
    if plan.applied:
        await _store(tx, project, document, versions, config, actor)
        _note(tx, project, plan, actor)
        _have_clocks_follow(tx, project, before, document)
        await tx.flush()
    return plan


async def apply_version(tx: AsyncSession, *, project: str, version: int, actor: Actor, dry_run: bool = False) -> Plan:
    """Go back: apply an earlier version's document again, as a new version.

    Raises:
        ProjectNotFound, ConfigVersionNotFound (404); PoolHasOpenWork (409).
    """
    return await apply(tx, await read(tx, project=project, version=version), actor=actor, dry_run=dry_run)


async def read(tx: AsyncSession, *, project: str, version: int | None = None) -> str:
    """Give the text of a configuration as it was applied; the active one if no version is named.

    Raises:
        ProjectNotFound, ConfigVersionNotFound (404).
    """
    return (await get_version(tx, project=project, version=version)).source


async def get_version(tx: AsyncSession, *, project: str, version: int | None = None) -> ConfigVersion:
    """Give a configuration as it was applied, both its text and its data; the active one if no version is named.

    Raises:
        ProjectNotFound, ConfigVersionNotFound (404).
    """
    owner = await queries.find_project(tx, project)
    if owner is None:
        message = f"There is no project {project!r}."
        raise ProjectNotFound(message)
    wanted = owner.config_version if version is None else version
    # The column holds 32 bits; what lies beyond is no version either.
    found = await queries.find_version(tx, owner.id, wanted) if 0 < wanted < 2**31 else None
    if found is None:
        active = f"the active one is {owner.config_version}" if owner.config_version else "it has none yet"
        message = f"Project {project!r} has no configuration version {wanted}; {active}."
        raise ConfigVersionNotFound(message)
    return found


def _read(source: bytes | str) -> tuple[Document, ProjectConfig]:
    document = parse(source)
    return document, compile_config(document, today=utc_now().date())


def _compile(document: str, numbers: Versions) -> ProjectConfig:
    return compile_config(Document("", msgspec.json.decode(document)), numbers)


async def _project(tx: AsyncSession, config: ProjectConfig, *, may_create: bool, dry_run: bool) -> Project:
    """Give the project, locked and created if need be; for a dry run as it would be."""
    find = queries.find_project if dry_run else queries.lock_project
    project = await find(tx, config.project)
    if project is not None:
        return project
    if not may_create:
        message = f"There is no project {config.project!r}; nothing was changed. `review apply FILE` makes one."
        raise ProjectNotFound(message)
    if dry_run:
        return Project(id=new_id(), slug=config.project, title=config.title, config_version=0)
    await queries.add_project(tx, new_id(), config.project, config.title)
    project = await queries.lock_project(tx, config.project)
    if project is None:  # it was removed in between, which nothing here does
        message = f"There is no project {config.project!r}."
        raise ProjectNotFound(message)
    return project


async def _refuse_orphans(tx: AsyncSession, project: Project, before: Mapping[str, Any], document: Document) -> None:
    pools: dict[str, Any] = before.get("pools") or {}
    removed = [name for name in pools if name not in document.data["pools"]]
    counts = await queries.count_open_work(tx, project.id, removed) if removed else {}
    if counts:
        told = ", ".join(f"{pool} ({count})" for pool, count in sorted(counts.items()))
        message = (
            f"These pools still have open work: {told}. Nothing was changed; let it be decided first, or keep them."
        )
        raise PoolHasOpenWork(message)
    roles: dict[str, Any] = before.get("roles") or {}
    gone = [name for name in roles if name not in (document.data.get("roles") or {})]
    holders = await people.count_holders(tx, project.id, gone) if gone else {}
    if holders:
        told = ", ".join(f"{role} ({count})" for role, count in sorted(holders.items()))
        message = f"These roles still have people or keys: {told}. Nothing was changed; give those another role first."
        raise RoleInUse(message)


def _check_roles(
    before: Mapping[str, Any], document: Document, config: ProjectConfig, held: Collection[Permission]
) -> None:
    """Refuse roles that are new or changed and carry more than whoever applies them does."""
    old: dict[str, Any] = before.get("roles") or {}
    faults = [
        document.fault(f"roles.{role.name}.may", f"holds `{each}`, which you do not carry yourself")
        for role in config.roles.values()
        if digest_of(old.get(role.name)) != digest_of(document.data["roles"][role.name])
        for each in sorted(role.may - frozenset(held))
    ]
    if faults:
        raise ConfigurationInvalid(faults)


async def _number(tx: AsyncSession, project: Project, document: Document) -> Versions:
    """Give a document's parts their numbers: a content that was there before keeps its own."""
    types: dict[str, int] = {}
    stored = await queries.list_item_types(tx, project.id)
    for name, definition in document.data["item_types"].items():
        mine = [(row.version, row.definition) for row in stored if row.name == name]
        types[name] = _numbered(mine, definition)
    rulesets = [(row.version, row.rules) for row in await queries.list_rulesets(tx, project.id)]
    ruleset = _numbered(rulesets, document.data["rules"])
    return Versions(await queries.last_config_version(tx, project.id) + 1, ruleset, types)


def _numbered(stored: Sequence[tuple[int, object]], definition: object) -> int:
    same = [version for version, content in stored if digest_of(content) == digest_of(definition)]
    return same[-1] if same else max((version for version, _ in stored), default=0) + 1


async def _store(
    tx: AsyncSession, project: Project, document: Document, versions: Versions, config: ProjectConfig, actor: Actor
) -> None:
    project.title, project.config_version = config.title, versions.config
    for name, version in versions.item_types.items():
        if await tx.get(ItemTypeVersion, (project.id, name, version)) is None:
            definition = document.data["item_types"][name]
            tx.add(ItemTypeVersion(project_id=project.id, name=name, version=version, definition=definition))
    if await tx.get(RuleSetVersion, (project.id, versions.ruleset)) is None:
        tx.add(RuleSetVersion(project_id=project.id, version=versions.ruleset, rules=document.data["rules"]))
    tx.add(
        ConfigVersion(
            project_id=project.id,
            version=versions.config,
            source=document.source,
            document=document.data,
            item_types=dict(versions.item_types),
            ruleset_version=versions.ruleset,
            created_by=actor.name,
        )
    )
    members = [(pool.name, email) for pool in config.pools.values() for email in pool.members]
    await queries.replace_members(tx, project.id, members)
    roles = [
        ProjectRole(project_id=project.id, name=role.name, title=role.title, permissions=sorted(role.may))
        for role in config.roles.values()
    ]
    await people.replace_roles(tx, project.id, roles)
    await tx.flush()


def _note(tx: AsyncSession, project: Project, plan: Plan, actor: Actor) -> None:
    told = [str(each) for each in plan.differences]
    details = {"version": plan.version, "was": plan.previous_version, "differences": told}
    audit.record(tx, project.id, actor, Action.CONFIG_APPLIED, details=details)


def _have_clocks_follow(tx: AsyncSession, project: Project, before: Mapping[str, Any], document: Document) -> None:
    """Set the timer that moves open clocks, where the new version changes what they run by."""
    if before and clocks_differ(before, document.data):
        timer = Timer(
            project_id=project.id,
            kind=TimerKind.RECOMPUTE.value,
            subject_id=project.id,
            generation=project.config_version,
            fire_at=func.now(),
        )
        tx.add(timer)


class ConfigCache:
    """Compiled configurations of this process; versions never change, so nothing here grows stale."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._configs: OrderedDict[tuple[UUID, int], ProjectConfig] = OrderedDict()
        self._turns: WeakValueDictionary[tuple[UUID, int], asyncio.Lock] = WeakValueDictionary()

    async def get(self, project_id: UUID, version: int) -> ProjectConfig:
        """Give one configuration version, compiled.

        Raises:
            ConfigVersionNotFound: the project has no configuration, or not this version (404).
        """
        key = (project_id, version)
        if key in self._configs:
            self._configs.move_to_end(key)
            return self._configs[key]
        # Compiling a large one takes seconds: in a thread, and once for all who wait for it.
        async with self._turns.setdefault(key, asyncio.Lock()):
            if key not in self._configs:
                self._configs[key] = await self._load(project_id, version)
            config = self._configs[key]
            if len(self._configs) > CACHED:
                self._configs.popitem(last=False)
        return config

    async def _load(self, project_id: UUID, version: int) -> ProjectConfig:
        row = await queries.load(self._db.hot, project_id, version)
        if row is None:
            message = f"The project has no configuration version {version}; apply one with `review apply FILE`."
            raise ConfigVersionNotFound(message)
        numbers = Versions(version, row["ruleset_version"], msgspec.json.decode(row["item_types"]))
        return await asyncio.to_thread(_compile, row["document"], numbers)

    async def find_rules(self, project_id: UUID, ruleset_version: int) -> RuleSet | None:
        """Find one version of a project's rule set, compiled, for telling what once routed an item."""
        version = await queries.find_version_of_rules(self._db.hot, project_id, ruleset_version)
        return None if version is None else (await self.get(project_id, version)).ruleset


class ItemTypes:
    """Compiled item types of this process, by version, so that an item is judged by the type it arrived under."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._types: OrderedDict[tuple[UUID, str, int], ItemType] = OrderedDict()

    async def get(self, project_id: UUID, name: str, version: int) -> ItemType:
        """Give one version of an item type, compiled; every version that an item names is there.

        Raises:
            ConfigVersionNotFound: the project has no such item type, or not this version (404).
        """
        key = (project_id, name, version)
        if key in self._types:
            self._types.move_to_end(key)
            return self._types[key]
        text = await queries.load_item_type(self._db.hot, project_id, name, version)
        if text is None:
            message = f"The project has no version {version} of an item type {name!r}."
            raise ConfigVersionNotFound(message)
        compiled = _compile_type(name, version, msgspec.json.decode(text))
        self._types[key] = compiled
        if len(self._types) > CACHED:
            self._types.popitem(last=False)
        return compiled


def _compile_type(name: str, version: int, definition: Mapping[str, Any]) -> ItemType:
    """Compile a definition that was checked when it was applied; empty entries are as good as none."""
    return ItemType(
        name=name,
        version=version,
        title=definition.get("title") or name,
        input_schema=definition["input_schema"],
        output_schema=definition["output_schema"],
        reasons=tuple(definition.get("reasons") or ()),
        guidelines=definition.get("guidelines") or "",
        view=definition.get("view") or {},
        **limits_of(definition),
        **sensitivity_of(definition),
        input_validator=compile_schema(definition["input_schema"]),
        output_validator=compile_schema(definition["output_schema"]),
    )
