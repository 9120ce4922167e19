"""Planning, applying and loading configurations."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit.rules import Actor
from review.configuration import lists, queries
from review.configuration.document import Document
from review.configuration.entries import Packed
from review.configuration.errors import ConfigVersionNotFound
from review.configuration.limits import limits_of
from review.configuration.models import ConfigVersion
from review.configuration.plans import Plan
from review.configuration.rules import ProjectConfig, Versions, compile_config
from review.configuration.sensitivity import sensitivity_of
from review.configuration.storing import (
    Prepared,
    Terms,
    asks_for_two,
    make_active,
    note,
    prepare,
    refuse_unapproved,
    store,
)
from review.identity.roles import ALL
from review.identity.rules import Permission
from review.items.types import ItemType, compile_schema
from review.kernel.db import Database
from review.kernel.sentences import say
from review.routing.named import Entries
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
    with_lists: Sequence[Packed] = (),
) -> Plan:
    """Make a document the project's active configuration, as a new version; gives what changed.

    A document that changes nothing makes no version. Versions count from 1 by content: item types and rules that
    are as they were, or as they were in some earlier version, keep that version's number. Locks the project's row.
    With `dry_run` nothing is locked or stored and the plan says so. `held` is what the caller carries: nobody makes a
    role that carries more. `with_lists` are long lists that come with the document, which names them by digest.

    Raises:
        ConfigurationInvalid (422); ProjectNotFound: it is new and may not be created (404);
        PoolHasOpenWork, RoleInUse: a pool that is left out still has work, or a role its people;
        ApprovalRequired: the project has changes of rules approved by somebody else (409).
    """
    terms = Terms(only_project=only_project, may_create=may_create, held=held, lists=with_lists, actor=actor)
    prepared = await prepare(tx, source, terms, dry_run=dry_run)
    if prepared.plan.applied:
        refuse_unapproved(prepared.before, prepared.plan.differences)
        await _put_in_force(tx, prepared, actor, "")
    return prepared.plan


async def apply_version(
    tx: AsyncSession,
    *,
    project: str,
    version: int,
    actor: Actor,
    reason: str = "",
    dry_run: bool = False,
    held: Collection[Permission] = ALL,
) -> Plan:
    """Go back: apply an earlier version's document again, as a new version.

    The version that was active just before needs nobody's approval again, as it had it. One that asks for none does, or
    one person could drop the demand by going back.

    Raises:
        ProjectNotFound, ConfigVersionNotFound (404); PoolHasOpenWork, ApprovalRequired (409).
    """
    row = await get_version(tx, project=project, version=version)
    prepared = await prepare(tx, row.source, Terms(only_project=project, held=held), dry_run=dry_run)
    if prepared.plan.applied:
        if not (asks_for_two(row.document) and await queries.find_active_before(tx, row.project_id) == version):
            refuse_unapproved(prepared.before, prepared.plan.differences)
        await _put_in_force(tx, prepared, actor, reason)
    return prepared.plan


async def _put_in_force(tx: AsyncSession, prepared: Prepared, actor: Actor, reason: str) -> None:
    row = await store(tx, prepared.project, prepared.document, prepared.versions, actor, reason)
    note(tx, prepared.project, prepared.plan, actor, reason)
    await make_active(tx, prepared.project, row, prepared.before, prepared.config, actor)


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
    owner = await queries.get_project(tx, project)
    wanted = owner.config_version if version is None else version
    # The column holds 32 bits; what lies beyond is no version either.
    found = await queries.find_version(tx, owner.id, wanted) if 0 < wanted < 2**31 else None
    if found is None:
        none = say("it has none yet")
        active = say("the active one is %(version)s", version=owner.config_version) if owner.config_version else none
        message = say(
            "Project %(project)s has no configuration version %(version)s; %(active)s.",
            project=repr(project),
            version=wanted,
            active=active,
        )
        raise ConfigVersionNotFound(message)
    return found


def _compile(data: dict[str, Any], numbers: Versions, found: Mapping[str, Entries]) -> ProjectConfig:
    return compile_config(Document("", data), numbers, lists=found)


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
            message = say(
                "The project has no configuration version %(version)s; apply one with `review apply FILE`.",
                version=version,
            )
            raise ConfigVersionNotFound(message)
        numbers = Versions(version, row["ruleset_version"], msgspec.json.decode(row["item_types"]))
        data: dict[str, Any] = await asyncio.to_thread(msgspec.json.decode, row["document"])
        found = await lists.load(self._db.hot, project_id, data)
        return await asyncio.to_thread(_compile, data, numbers, found)

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
            message = say(
                "The project has no version %(version)s of an item type %(name)s.", version=version, name=repr(name)
            )
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
