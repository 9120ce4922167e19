"""What the settings, the database and the machine must be like: findings made of facts, nothing looked up."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from review.kernel.settings import Settings

OLDEST_POSTGRES = 15
MOST_SKEW = timedelta(minutes=5)  # beyond it receivers refuse signatures by their time (Standard Webhooks)
LOW_SPACE, NO_SPACE = 2 * 1024**3, 128 * 1024**2
OLD_ZONES = timedelta(days=550)  # IANA makes several releases a year


class Level(StrEnum):
    """How a finding weighs: a refused one keeps the processes from starting."""

    OK = "ok"
    WARNING = "warning"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what it is like, and what to do where that is not well."""

    check: str
    level: Level
    said: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """What the database says of itself; `unsafe` lists the settings by which it may lose what it has acknowledged.

    `skew` is how far this machine's clock is ahead of the database's, in the middle of the question.
    """

    version: int
    role: str
    is_superuser: bool
    bypasses_row_security: bool
    unsafe: tuple[str, ...]
    revision: str | None
    is_behind: bool
    is_ahead: bool
    skew: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFacts:
    """What this machine is like: the data directory's mode and free bytes where there is one, and its time zones."""

    data_mode: int | None = None
    free_bytes: int | None = None
    zones: str = ""
    zones_of: date | None = None
    today: date


def ok(check: str, said: str) -> Finding:
    """Say that it is well."""
    return Finding(check, Level.OK, said)


def warning(check: str, said: str, remedy: str) -> Finding:
    """Say that it works and should be mended."""
    return Finding(check, Level.WARNING, said, remedy)


def refused(check: str, said: str, remedy: str) -> Finding:
    """Say that nothing starts until it is mended."""
    return Finding(check, Level.REFUSED, said, remedy)


def of_database(facts: DatabaseFacts, settings: Settings, *, is_embedded: bool = False) -> list[Finding]:
    """Judge the database: its age, its schema, the role, what it keeps, and its clock."""
    return [
        _version(facts.version),
        _schema(facts),
        _role(facts, allowed=settings.allow_superuser, is_embedded=is_embedded),
        _durability(facts.unsafe, allowed=settings.allow_data_loss),
        _clock(facts.skew),
    ]


def _version(number: int) -> Finding:
    name = f"{number // 10_000}.{number % 10_000}"
    if number // 10_000 < OLDEST_POSTGRES:
        return refused("database", f"PostgreSQL {name} is too old.", f"Use {OLDEST_POSTGRES} or newer.")
    return ok("database", f"PostgreSQL {name}.")


def _schema(facts: DatabaseFacts) -> Finding:
    at = facts.revision or "nothing"
    if facts.is_behind:
        return refused("migrations", f"The database is at {at}, behind this release.", "Run: review migrate")
    if facts.is_ahead:
        said = f"The database is at {at}, ahead of this release, which goes on working."
        return warning("migrations", said, "Bring this process to the release that migrated it.")
    return ok("migrations", f"The database is at {at}, as this release is.")


def _role(facts: DatabaseFacts, *, allowed: bool, is_embedded: bool) -> Finding:
    if not (facts.is_superuser or facts.bypasses_row_security):
        return ok("database role", f"{facts.role} is an ordinary role.")
    power = "is a superuser" if facts.is_superuser else "bypasses row security"
    if is_embedded:
        return ok("database role", f"{facts.role} {power} of the embedded server, which only this account reaches.")
    said = f"{facts.role} {power}, so whoever takes over a process takes over the whole server."
    remedy = "Give Countersign a role of its own that owns its database and nothing else (docs/operations.md)."
    if allowed:
        return warning("database role", f"{said} REVIEW_ALLOW_SUPERUSER lets it pass.", remedy)
    return refused("database role", said, f"{remedy} Where that cannot be: REVIEW_ALLOW_SUPERUSER=true")


def _durability(unsafe: tuple[str, ...], *, allowed: bool) -> Finding:
    if not unsafe:
        return ok("durability", "What is acknowledged survives a crash of the server.")
    off = ", ".join(f"{name} off" for name in unsafe)
    said = f"The database runs with {off}: a crash loses what was acknowledged."
    remedy = "Switch on what is off in postgresql.conf and reload."
    if allowed:
        return warning("durability", f"{said} REVIEW_ALLOW_DATA_LOSS lets it pass.", remedy)
    return refused("durability", said, f"{remedy} For tests alone: REVIEW_ALLOW_DATA_LOSS=true")


def _clock(skew: timedelta) -> Finding:
    seconds = skew.total_seconds()
    if abs(skew) <= MOST_SKEW:
        return ok("clock", f"This machine and the database differ by {abs(seconds):.1f} s.")
    way = "ahead of" if seconds > 0 else "behind"
    said = (
        f"This machine's clock is {abs(seconds):,.0f} s {way} the database's. Deadlines go by the database's; what "
        "this machine signs is refused by receivers that check the time."
    )
    return warning("clock", said, "Set both by NTP.")


def of_machine(facts: MachineFacts) -> list[Finding]:
    """Judge the machine: the data directory, its space, the time zones."""
    found: list[Finding] = []
    if facts.data_mode is not None:
        found.append(_mode(facts.data_mode))
    if facts.free_bytes is not None:
        found.append(_space(facts.free_bytes))
    return [*found, _zones(facts)]


def _mode(mode: int) -> Finding:
    if mode & 0o077:
        said = f"The data directory is open to other accounts of this machine (mode {mode & 0o777:o})."
        return warning("data directory", said, "Close it: chmod 700 DIRECTORY")
    return ok("data directory", "Only its owner may enter the data directory.")


def _space(free: int) -> Finding:
    said = f"{free / 1024**3:,.1f} GiB are free where the data lies."
    if free < NO_SPACE:
        return refused("disk space", said, "Make room: a database without any stops.")
    if free < LOW_SPACE:
        return warning("disk space", said, "Make room before the database stops.")
    return ok("disk space", said)


def _zones(facts: MachineFacts) -> Finding:
    if facts.zones_of is None:
        said = "How old the time zone data is cannot be told."
        return warning("time zones", said, "Update tzdata, of the system or the package.")
    if facts.today - facts.zones_of > OLD_ZONES:
        said = (
            f"The time zone data is {facts.zones}; rules that changed since are not known, so due times may be wrong."
        )
        return warning("time zones", said, "Update tzdata, of the system or the package, and restart the workers.")
    return ok("time zones", f"The time zone data is {facts.zones}.")
