"""Reading a real history of arrivals from CSV, each fault with its place; no I/O."""

import csv
import io
import re
from collections.abc import Sequence
from datetime import datetime
from typing import NoReturn
from zoneinfo import ZoneInfo

from review.configuration.errors import ConfigError, ConfigurationInvalid
from review.configuration.rules import ProjectConfig
from review.escalation.simulation.scenario import MAX_ARRIVALS, Seen
from review.escalation.simulation.wishes import known

COLUMNS = ("timestamp", "pool", "priority")
MAX_BYTES = 64 * 1024 * 1024
_MOST_FAULTS = 20
_BEGINS_AS_A_DAY = re.compile(r"^\s*[0-9]{4}")
_LONGEST_FIELD = 131_072
_PRIORITY = re.compile(r"^(?:[0-9]{1,2}|100)\Z")


def read_history(source: bytes, config: ProjectConfig, zone: ZoneInfo) -> tuple[Seen, ...]:
    """Read arrivals: a column `timestamp`, then `pool` and `priority` if they are known; empty means unknown.

    The columns may stand in any order if the first line names them. A moment without an offset is one of the zone.

    Raises:
        ConfigurationInvalid: with the first faults found, each with its line (422).
    """
    if len(source) > MAX_BYTES:
        _refuse(1, f"is larger than {MAX_BYTES} bytes")
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        _refuse(source.count(b"\n", 0, fault.start) + 1, f"byte {fault.start} is not UTF-8")
    reading = _Reading(config, zone)
    csv.field_size_limit(_LONGEST_FIELD)  # one for the whole process, which another reader may have raised
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in rows:
            reading.take(row, rows.line_num)
            if len(reading.faults) >= _MOST_FAULTS or len(reading.found) > MAX_ARRIVALS:
                break
    except csv.Error as fault:
        reading.faults.append(ConfigError("", f"is no CSV: {fault}", rows.line_num, 1))
    if len(reading.found) > MAX_ARRIVALS:
        _refuse(rows.line_num, f"has more than {MAX_ARRIVALS:,} arrivals")
    if not reading.found and not reading.faults:
        _refuse(1, "has no arrivals")
    if reading.faults:
        raise ConfigurationInvalid(reading.faults)
    return tuple(reading.found)


class _Reading:
    """The rows so far, and what was wrong with them."""

    def __init__(self, config: ProjectConfig, zone: ZoneInfo) -> None:
        self.found: list[Seen] = []
        self.faults: list[ConfigError] = []
        self._config, self._zone = config, zone
        self._columns: tuple[str, ...] | None = None

    def take(self, row: Sequence[str], line: int) -> None:
        """Take a row; the first may name the columns, and empty ones say nothing."""
        if not any(cell.strip() for cell in row):
            return
        if self._columns is None:
            self._columns = COLUMNS
            if not _BEGINS_AS_A_DAY.match(row[0]):
                self._columns = self._named(row, line)
                return
        if self._columns:
            self._take(dict(zip(self._columns, row, strict=False)), len(row), line)

    def _named(self, row: Sequence[str], line: int) -> tuple[str, ...]:
        names = tuple(cell.strip().lower() for cell in row)
        strange = [name for name in names if name not in COLUMNS]
        if strange or "timestamp" not in names or len(set(names)) != len(names):
            told = f"; {strange[0][:40]!r} is none of them" if strange else ""
            self._fault(line, row, 0, f"the first line must name the columns {', '.join(COLUMNS)}{told}")
            return ()
        return names

    def _take(self, cells: dict[str, str], count: int, line: int) -> None:
        columns = self._columns or COLUMNS
        row = [cells.get(name, "") for name in columns]
        if count > len(columns):
            self._fault(line, row, 0, f"has {count} columns, and not {len(columns)}")
            return
        faults = len(self.faults)
        at = self._moment(row, columns.index("timestamp"), line)
        pool = cells.get("pool", "").strip() or None
        priority = cells.get("priority", "").strip() or None
        try:
            pool = None if pool is None else known(pool[:80], self._config.pools, "pool")
        except ValueError as fault:
            self._fault(line, row, columns.index("pool"), str(fault))
        if priority is not None and not _PRIORITY.match(priority):
            self._fault(line, row, columns.index("priority"), f"{priority[:40]!r} is no priority from 0 to 100")
        if at is not None and len(self.faults) == faults:
            self.found.append(Seen(at=at, pool=pool, priority=None if priority is None else int(priority)))

    def _moment(self, row: Sequence[str], column: int, line: int) -> datetime | None:
        text = row[column].strip()
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self._fault(line, row, column, f"{text[:40]!r} is no moment; write it like 2026-11-23T09:15:00+01:00")
            return None
        if not 1900 <= moment.year < 9000:
            self._fault(line, row, column, f"{text[:40]!r} is too far away to be played")
            return None
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=self._zone)

    def _fault(self, line: int, row: Sequence[str], column: int, message: str) -> None:
        before = sum(len(cell) + 1 for cell in row[:column])
        self.faults.append(ConfigError("", message, line, before + 1))


def _refuse(line: int, message: str) -> NoReturn:
    raise ConfigurationInvalid([ConfigError("", message, line, 1)])
