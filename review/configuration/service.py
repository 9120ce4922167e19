"""Planning, applying and loading configurations."""

from collections import OrderedDict
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action, Actor
from review.configuration import queries
from review.configuration.document import Document, parse
from review.configuration.errors import ConfigurationInvalid, ConfigVersionNotFound, PoolHasOpenWork
from review.configuration.models import ConfigVersion, ItemTypeVersion, RuleSetVersion
from review.configuration.plans import Plan, compare
from review.configuration.rules import ProjectConfig, Versions, compile_config
from review.identity.errors import ProjectNotFound
from review.identity.models import Project
from review.items.types import ItemType, compile_schema
from review.kernel.canonical import fingerprint
from review.kernel.db import Database
from review.kernel.ids import new_id

CACHED = 256


async def apply(
    tx: AsyncSession,
    source: bytes | str,
    *,
    actor: Actor,
    dry_run: bool = False,
    only_project: str | None = None,
    may_create: bool = False,
) -> Plan:
    """Make a document the project's active configuration, as a new version; gives what changed.

    A document that changes nothing makes no version. Item types and rules that are as they were, or as they were
    in some earlier version, keep that version's number. Locks the project's row. With `dry_run` nothing is
    stored and the plan says so.

    Raises:
        ConfigurationInvalid (422); ProjectNotFound: it is new and may not be created (404);
        PoolHasOpenWork: a pool that is left out still has work (409).
    """
    document = parse(source)
    config = compile_config(document)
    if only_project is not None and config.project != only_project:
        message = f"is {config.project!r}, but this key belongs to project {only_project!r}"
        raise ConfigurationInvalid([document.fault("project", message)])
    project = await queries.lock_project(tx, config.project)
    if project is None:
        if not may_create:
            message = f"There is no project {config.project!r}; nothing was changed. `review apply FILE` makes one."
            raise ProjectNotFound(message)
        project = Project(id=new_id(), slug=config.project, title=config.title, config_version=0)
    active = await queries.find_version(tx, project.id, project.config_version)
    before = active.document if active is not None else {}
    differences = compare(before, document.data)
    await _refuse_orphans(tx, project, before, document)
    versions = await _versions(tx, project, document)
    plan = Plan(
        project=config.project,
        version=versions.config if differences else project.config_version,
        previous_version=project.config_version,
        applied=bool(differences) and not dry_run,
        differences=differences,
        ruleset_version=versions.ruleset,
        item_types=dict(versions.item_types),
    )
    if plan.applied:
        await _store(tx, project, document, versions, config, actor)
        details = {"version": plan.version, "differences": [str(each) for each in differences]}
        audit.record(tx, project.id, actor, Action.CONFIG_APPLIED, details=details)
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
    owner = await queries.lock_project(tx, project)
    if owner is None:
        message = f"There is no project {project!r}."
        raise ProjectNotFound(message)
    wanted = owner.config_version if version is None else version
    found = await queries.find_version(tx, owner.id, wanted)
    if found is None:
        message = f"Project {project!r} has no configuration version {wanted}; the active one is {owner.config_version}."
        raise ConfigVersionNotFound(message)
    return found.source


async def _refuse_orphans(tx: AsyncSession, project: Project, before: dict[str, Any], document: Document) -> None:
    removed = [name for name in before.get("pools") or {} if name not in document.data["pools"]]
    counts = await queries.count_open_work(tx, project.id, removed) if removed else {}
    if counts:
        told = ", ".join(f"{pool} ({count})" for pool, count in sorted(counts.items()))
        message = f"These pools still have open work: {told}. Nothing was changed; let it be decided first, or keep them."
        raise PoolHasOpenWork(message)


async def _versions(tx: AsyncSession, project: Project, document: Document) -> Versions:
    """Number a document's parts: a content that was there before keeps its number."""
    types: dict[str, int] = {}
    stored = await queries.list_item_types(tx, project.id)
    for name, definition in document.data["item_types"].items():
        mine = [row for row in stored if row.name == name]
        same = [row.version for row in mine if fingerprint(row.definition) == fingerprint(definition)]
        types[name] = same[-1] if same else max((row.version for row in mine), default=0) + 1
    rulesets = await queries.list_rulesets(tx, project.id)
    same_rules = [row.version for row in rulesets if fingerprint(row.rules) == fingerprint(document.data["rules"])]
    ruleset = same_rules[-1] if same_rules else max((row.version for row in rulesets), default=0) + 1
    return Versions(await queries.last_config_version(tx, project.id) + 1, ruleset, types)


async def _store(
    tx: AsyncSession, project: Project, document: Document, versions: Versions, config: ProjectConfig, actor: Actor
) -> None:
    project.title, project.config_version = config.title, versions.config
    await tx.merge(project)
    await tx.flush()
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
    await tx.flush()


class ConfigCache:
    """Compiled configurations of this process; versions never change, so nothing here grows stale."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._configs: OrderedDict[tuple[UUID, int], ProjectConfig] = OrderedDict()

    async def get(self, project_id: UUID, version: int) -> ProjectConfig:
        """Give one configuration version, compiled.

        Raises:
            ConfigVersionNotFound: the project has no configuration, or not this version (404).
        """
        key = (project_id, version)
        if key in self._configs:
            self._configs.move_to_end(key)
            return self._configs[key]
        row = await queries.load(self._db.hot, project_id, version)
        if row is None:
            message = f"The project has no configuration version {version}; apply one with `review apply FILE`."
            raise ConfigVersionNotFound(message)
        numbers = Versions(version, row["ruleset_version"], msgspec.json.decode(row["item_types"]))
        config = compile_config(parse(row["source"]), numbers)
        self._configs[key] = config
        if len(self._configs) > CACHED:
            self._configs.popitem(last=False)
        return config


class ItemTypes:
    """Compiled item types of this process, by version, so that an item is judged by the type it arrived under."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._types: OrderedDict[tuple[UUID, str, int], ItemType] = OrderedDict()

    async def get(self, project_id: UUID, name: str, version: int) -> ItemType:
        """Give one version of an item type, compiled; every version an item names is there."""
        key = (project_id, name, version)
        if key not in self._types:
            text = await queries.load_item_type(self._db.hot, project_id, name, version)
            self._types[key] = _compile_type(name, version, msgspec.json.decode(text))
            if len(self._types) > CACHED:
                self._types.popitem(last=False)
        return self._types[key]


def _compile_type(name: str, version: int, definition: dict[str, Any]) -> ItemType:
    return ItemType(
        name=name,
        version=version,
        title=definition.get("title") or name,
        input_schema=definition["input_schema"],
        output_schema=definition["output_schema"],
        reasons=tuple(definition.get("reasons", ())),
        guidelines=definition.get("guidelines", ""),
        view=definition.get("view", {}),
        input_validator=compile_schema(definition["input_schema"]),
        output_validator=compile_schema(definition["output_schema"]),
    )
