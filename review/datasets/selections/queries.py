"""Every statement on datasets, and what the choice reads beside a feedback record."""

from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from review.datasets.selections.models import Dataset
from review.kernel.db import Hot

_SUBJECT: Final = """(
  SELECT b.details ->> 'subject' FROM item_bodies b WHERE b.project_id = f.project_id AND b.item_id = f.item_id)"""
_REVIEWERS: Final = """coalesce((
  SELECT json_agg(r.reviewer_id ORDER BY r.submitted_at, r.id)
  FROM cases c JOIN reviews r ON r.project_id = c.project_id AND r.case_id = c.id
  WHERE c.project_id = f.project_id AND c.item_id = f.item_id), '[]'::json)"""
# What `rules.Circumstances` holds, of a row `f` of feedback; read out of tables of other packages, as a view would.
CIRCUMSTANCES: Final = f"""json_build_array(
  {_SUBJECT},
  (SELECT c.pool FROM cases c WHERE c.project_id = f.project_id AND c.item_id = f.item_id),
  f.revision,
  NOT EXISTS (SELECT FROM feedback later WHERE later.project_id = f.project_id AND later.item_id = f.item_id
              AND later.revision > f.revision AND later.position <= {{upto}}),
  {_REVIEWERS},
  f.position
)"""
# The same for counting what is taken: without what only says to which part it goes, and who reviewed it.
TO_COUNT: Final = CIRCUMSTANCES.replace(_SUBJECT, "NULL").replace(_REVIEWERS, "'[]'::json")
GUIDELINES = """
SELECT name, version, coalesce(definition ->> 'guidelines', '') AS text FROM item_types
WHERE project_id = $1 AND (name, version) IN (SELECT * FROM unnest($2::text[], $3::int[]))
"""
OUTPUTS = """
SELECT name, version, (definition -> 'output_schema')::text AS text FROM item_types
WHERE project_id = $1 AND (name, version) IN (SELECT * FROM unnest($2::text[], $3::int[]))
"""


async def find(tx: AsyncSession, project_id: UUID, name: str) -> Dataset | None:
    """Find a dataset by its name."""
    return (await tx.scalars(select(Dataset).filter_by(project_id=project_id, name=name))).one_or_none()


async def lock(tx: AsyncSession, project_id: UUID, name: str) -> Dataset | None:
    """Lock a dataset and read it anew."""
    asked = select(Dataset).filter_by(project_id=project_id, name=name).with_for_update()
    return (await tx.scalars(asked.execution_options(populate_existing=True))).one_or_none()


async def list_datasets(tx: AsyncSession, project_id: UUID, after: str, limit: int) -> list[Dataset]:
    """List datasets by name, those behind a name."""
    asked = select(Dataset).where(Dataset.project_id == project_id, Dataset.name > after)
    return list(await tx.scalars(asked.order_by(Dataset.name).limit(limit)))


async def guidelines_of(hot: Hot, project_id: UUID, versions: list[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """Read the guidelines of versions of item types."""
    names, numbers = [name for name, _ in versions], [number for _, number in versions]
    rows: list[Any] = await hot.fetch(GUIDELINES, project_id, names, numbers)
    return {(row["name"], row["version"]): row["text"] for row in rows}


async def outputs_of(hot: Hot, project_id: UUID, versions: list[tuple[str, int]]) -> dict[tuple[str, int], Any]:
    """Read the schemas of the outputs of versions of item types."""
    names, numbers = [name for name, _ in versions], [number for _, number in versions]
    rows: list[Any] = await hot.fetch(OUTPUTS, project_id, names, numbers)
    return {(row["name"], row["version"]): msgspec.json.decode(row["text"] or "null") for row in rows}
