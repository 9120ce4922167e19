"""Running the checks: all of them for the doctor, and at start-up those that may refuse it."""

import logging
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from review.kernel.checks import probes, rules, settings_rules
from review.kernel.checks.rules import Finding, Level
from review.kernel.errors import FieldError
from review.kernel.settings import Settings, StartRefused

log = logging.getLogger(__name__)

UNASKABLE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


async def examine(settings: Settings, *, is_embedded: bool, data_dir: Path | None) -> list[Finding]:
    """Run every check; a database that cannot be asked is itself a finding."""
    found = settings_rules.of_settings(settings, is_embedded=is_embedded)
    try:
        facts = await probes.of_database(settings.database_url)
    except UNASKABLE as fault:
        said = f"The database cannot be asked: {(str(fault).splitlines() or [type(fault).__name__])[0]}."
        found.append(rules.refused("database", said, "Start it, or mend REVIEW_DATABASE_URL."))
    else:
        found += rules.of_database(facts, settings, is_embedded=is_embedded)
    return found + rules.of_machine(probes.of_machine(data_dir))


def insist_on_settings(settings: Settings) -> None:
    """Log what the settings leave to be desired.

    Raises:
        StartRefused: they are not safe to serve with; each reason says what to do (503).
    """
    _insist(settings_rules.of_settings(settings))


def insist_on_listening(settings: Settings) -> None:
    """Insist on where web listens alone, for a stack that brings its own servers.

    Raises:
        StartRefused: other machines reach it, and nothing says that TLS stands in front of it (503).
    """
    _insist([settings_rules.of_listening(settings)])


async def insist(settings: Settings) -> None:
    """Ask the database and this machine, and log what they leave to be desired.

    Raises:
        StartRefused: they are not safe to serve from; each reason says what to do (503).
        OSError, asyncpg.PostgresError, asyncpg.InterfaceError: the database cannot be asked.
    """
    facts = await probes.of_database(settings.database_url)
    _insist([*rules.of_database(facts, settings), *rules.of_machine(probes.of_machine(None))])


def _insist(found: Sequence[Finding]) -> None:
    for each in found:
        if each.level is Level.WARNING:
            log.warning("%s: %s %s", each.check, each.said, each.remedy)
    reasons = [each for each in found if each.level is Level.REFUSED]
    if reasons:
        message = "This does not start until the following is mended; nothing was changed. `review doctor` shows all."
        errors = tuple(FieldError(each.check, f"{each.said} {each.remedy}") for each in reasons)
        raise StartRefused(message, errors=errors)
