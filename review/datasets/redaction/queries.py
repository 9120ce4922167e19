"""Every statement on redaction: the key of a project, and what its item types say in the active configuration."""

from typing import Any
from uuid import UUID

import msgspec

from review.kernel.db import Hot

FIND_KEY = "SELECT sealed FROM redaction_keys WHERE project_id = $1"
ADD_KEY = "INSERT INTO redaction_keys (project_id, sealed) VALUES ($1, $2) ON CONFLICT DO NOTHING"
LIST_TYPES = """
SELECT t.key AS name, t.value::text AS definition
FROM projects p JOIN config_versions v ON v.project_id = p.id AND v.version = p.config_version
CROSS JOIN LATERAL json_each(v.document -> 'item_types') t WHERE p.id = $1
"""


async def find_key(hot: Hot, project_id: UUID) -> bytes | None:
    """Find the sealed key of a project."""
    found: bytes | None = await hot.fetchval(FIND_KEY, project_id)
    return found


async def add_key(hot: Hot, project_id: UUID, sealed: bytes) -> None:
    """Store a key where the project has none."""
    await hot.execute(ADD_KEY, project_id, sealed)


async def list_types(hot: Hot, project_id: UUID) -> dict[str, dict[str, Any]]:
    """Read the definitions of a project's item types, as the active configuration has them."""
    rows: list[Any] = await hot.fetch(LIST_TYPES, project_id)
    return {row["name"]: msgspec.json.decode(row["definition"]) or {} for row in rows}
