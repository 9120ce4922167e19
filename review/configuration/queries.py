"""Reading and locking stored configuration."""

from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from review.configuration.models import Approval, ConfigVersion, ItemTypeVersion, PoolMember, RuleSetVersion
from review.identity.errors import ProjectNotFound
from review.identity.models import Project
from review.kernel.db import Hot
from review.kernel.sentences import say

FIND_RULES = "SELECT max(version) FROM config_versions WHERE project_id = $1 AND ruleset_version = $2"
LOAD = "SELECT document, item_types, ruleset_version FROM config_versions WHERE project_id = $1 AND version = $2"
LOAD_ITEM_TYPE = "SELECT definition FROM item_types WHERE project_id = $1 AND name = $2 AND version = $3"

COUNT_OPEN_WORK = """
SELECT pool, count(*) AS waiting FROM (
  SELECT pool FROM assignments
  WHERE project_id = :project AND pool = ANY(:pools) AND state IN ('open', 'held')
  UNION ALL
  SELECT adjudicate_pool FROM cases
  WHERE project_id = :project AND adjudicate_pool = ANY(:pools) AND state = 'open'
) AS work GROUP BY pool
"""


async def lock_project(tx: AsyncSession, slug: str) -> Project | None:
    """Lock a project's row and read it anew, so that configurations are applied one after another."""
    locked = select(Project).where(Project.slug == slug).with_for_update(key_share=True)
    return (await tx.scalars(locked.execution_options(populate_existing=True))).one_or_none()


async def find_project(tx: AsyncSession, slug: str) -> Project | None:
    """Find a project by its name."""
    return (await tx.scalars(select(Project).where(Project.slug == slug))).one_or_none()


async def get_project(tx: AsyncSession, slug: str) -> Project:
    """Give a project by its name.

    Raises:
        ProjectNotFound (404).
    """
    found = await find_project(tx, slug)
    if found is None:
        message = say("There is no project %(slug)s.", slug=repr(slug))
        raise ProjectNotFound(message)
    return found


async def add_project(tx: AsyncSession, project_id: UUID, slug: str, title: str) -> None:
    """Add a project, unless somebody else adds one of that name at this moment."""
    row = {"id": project_id, "slug": slug, "title": title}
    await tx.execute(insert(Project).values(row).on_conflict_do_nothing(index_elements=["slug"]))


async def find_version(tx: AsyncSession, project_id: UUID, version: int) -> ConfigVersion | None:
    """Find one applied configuration."""
    return await tx.get(ConfigVersion, (project_id, version))


async def last_config_version(tx: AsyncSession, project_id: UUID) -> int:
    """Give the highest number in use, 0 for none."""
    statement = select(func.coalesce(func.max(ConfigVersion.version), 0))
    return int(await tx.scalar(statement.where(ConfigVersion.project_id == project_id)) or 0)


async def lock_version(tx: AsyncSession, project_id: UUID, version: int) -> ConfigVersion | None:
    """Find one version and lock it, so that what becomes of it happens once."""
    mine = select(ConfigVersion).where(ConfigVersion.project_id == project_id, ConfigVersion.version == version)
    found = await tx.scalars(mine.with_for_update().execution_options(populate_existing=True))
    return found.one_or_none()


async def find_active_before(tx: AsyncSession, project_id: UUID) -> int | None:
    """Find the version that was active just before the one that is."""
    statement = select(ConfigVersion.version).where(
        ConfigVersion.project_id == project_id, ConfigVersion.activated_at.is_not(None)
    )
    last = await tx.scalars(statement.order_by(ConfigVersion.version.desc()).offset(1).limit(1))
    return last.one_or_none()


async def list_versions(tx: AsyncSession, project_id: UUID, *, before: int, limit: int) -> list[ConfigVersion]:
    """List versions below a number, newest first, without their texts."""
    statement = select(ConfigVersion).where(ConfigVersion.project_id == project_id, ConfigVersion.version < before)
    light = statement.options(defer(ConfigVersion.source), defer(ConfigVersion.document))
    return list((await tx.scalars(light.order_by(ConfigVersion.version.desc()).limit(limit))).all())


async def list_approvals(tx: AsyncSession, project_id: UUID, versions: list[int]) -> list[Approval]:
    """List who approved these versions, first come first."""
    statement = select(Approval).where(Approval.project_id == project_id, Approval.version.in_(versions))
    return list((await tx.scalars(statement.order_by(Approval.version, Approval.approved_at, Approval.user_id))).all())


async def list_item_types(tx: AsyncSession, project_id: UUID) -> list[ItemTypeVersion]:
    """List every version of every item type, oldest first."""
    statement = select(ItemTypeVersion).where(ItemTypeVersion.project_id == project_id)
    return list((await tx.scalars(statement.order_by(ItemTypeVersion.name, ItemTypeVersion.version))).all())


async def list_rulesets(tx: AsyncSession, project_id: UUID) -> list[RuleSetVersion]:
    """List every version of the rules, oldest first."""
    statement = select(RuleSetVersion).where(RuleSetVersion.project_id == project_id)
    return list((await tx.scalars(statement.order_by(RuleSetVersion.version))).all())


async def replace_members(tx: AsyncSession, project_id: UUID, members: list[tuple[str, str]]) -> None:
    """Make the pools' members from the configuration just these; who was added directly stays."""
    await tx.execute(delete(PoolMember).where(PoolMember.project_id == project_id, PoolMember.source == "config"))
    tx.add_all(PoolMember(project_id=project_id, pool=pool, email=email, source="config") for pool, email in members)


async def count_open_work(tx: AsyncSession, project_id: UUID, pools: list[str]) -> dict[str, int]:
    """Count the seats that wait or are held in these pools, and the cases that a tie would send there.

    Pools without any are left out.
    """
    rows = await tx.execute(text(COUNT_OPEN_WORK), {"project": project_id, "pools": pools})
    return {row.pool: row.waiting for row in rows}


async def load(hot: Hot, project_id: UUID, version: int) -> Any:
    """Read what a configuration version is compiled from."""
    return await hot.fetchrow(LOAD, project_id, version)


async def find_version_of_rules(hot: Hot, project_id: UUID, ruleset_version: int) -> int | None:
    """Find the last configuration version that holds a version of the rule set."""
    found: int | None = await hot.fetchval(FIND_RULES, project_id, ruleset_version)
    return found


async def load_item_type(hot: Hot, project_id: UUID, name: str, version: int) -> Any:
    """Read one version of an item type, or None."""
    return await hot.fetchval(LOAD_ITEM_TYPE, project_id, name, version)
