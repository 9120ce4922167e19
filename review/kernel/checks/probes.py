"""Looking up the facts that the checks judge: one question to the database, and a look at this machine."""

import importlib.metadata
import re
import shutil
import zoneinfo
from datetime import date
from pathlib import Path

import asyncpg

from review.kernel.checks.rules import DatabaseFacts, MachineFacts
from review.kernel.clock import utc_now
from review.kernel.db import Hot, libpq_url
from review.kernel.migrations import Migrations

CONNECT_WITHIN_SECONDS = 10
_FACTS = """
SELECT current_setting('server_version_num')::int AS version, current_user AS role, rolsuper, rolbypassrls,
       clock_timestamp() AS now,
       ARRAY(SELECT name FROM unnest(ARRAY['fsync', 'synchronous_commit', 'full_page_writes']) AS name
             WHERE current_setting(name) = 'off') AS unsafe,
       to_regclass('alembic_version') IS NOT NULL AS has_revision
FROM pg_roles WHERE rolname = current_user
"""
_RELEASE = re.compile(r"(\d{4})\.?([a-z]|\d+)")


async def of_database(url: str) -> DatabaseFacts:
    """Ask a database for its facts, over a connection of its own.

    Raises:
        OSError, asyncpg.PostgresError, asyncpg.InterfaceError: it cannot be asked.
    """
    connection = await asyncpg.connect(libpq_url(url), timeout=CONNECT_WITHIN_SECONDS)
    try:
        return await of_connection(connection)
    finally:
        await connection.close()


async def of_connection(hot: Hot) -> DatabaseFacts:
    """Ask over a connection that is open."""
    before = utc_now()
    row = await hot.fetchrow(_FACTS)
    after = utc_now()
    if row is None:  # a role has its row for as long as it is connected
        raise LookupError
    revision = await hot.fetchval("SELECT version_num FROM alembic_version") if row["has_revision"] else None
    migrations = Migrations.load()
    return DatabaseFacts(
        version=row["version"],
        role=row["role"],
        is_superuser=row["rolsuper"],
        bypasses_row_security=row["rolbypassrls"],
        unsafe=tuple(row["unsafe"]),
        revision=revision,
        is_behind=migrations.is_behind(revision),
        is_ahead=migrations.is_ahead(revision),
        skew=before + (after - before) / 2 - row["now"],
    )


def of_machine(data_dir: Path | None) -> MachineFacts:
    """Look at this machine; the directory need not exist."""
    mode = free = None
    if data_dir is not None and data_dir.is_dir():
        mode, free = data_dir.stat().st_mode, shutil.disk_usage(data_dir).free
    zones = _zones()
    return MachineFacts(
        data_mode=mode, free_bytes=free, zones=zones, zones_of=release_date(zones), today=utc_now().date()
    )


def _zones() -> str:
    """Name the release of the time zone data that is read: the system's where it has one, else the package's."""
    for place in zoneinfo.TZPATH:
        if not (Path(place) / "UTC").exists():
            continue
        for name in ("tzdata.zi", "+VERSION"):
            try:
                with (Path(place) / name).open() as file:
                    return file.readline().removeprefix("# version").strip()
            except OSError:
                continue
        return ""
    return importlib.metadata.version("tzdata")


def release_date(release: str) -> date | None:
    """Tell about when a release such as `2026a` or `2026.1` was made: letters come some two months apart."""
    found = _RELEASE.match(release)
    if found is None:
        return None
    nth = int(found[2]) if found[2].isdigit() else ord(found[2]) - ord("a") + 1
    return date(int(found[1]), min(12, max(1, 2 * nth)), 1)
