"""The command `review doctor`."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from review.cli.connection import data_dir_option, settings_for
from review.kernel import checks
from review.kernel.checks import Finding, Level

SIGNS = {Level.OK: "ok", Level.WARNING: "warning", Level.REFUSED: "REFUSED"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Write the findings as JSON.")
@data_dir_option
def doctor(as_json: bool, data_dir: Path | None) -> None:  # noqa: FBT001  click's flag
    """Look at the settings, the database and this machine, and say what to mend.

    Status 1 where anything is refused: `review web` and `review worker` would not start.
    """
    settings = settings_for(data_dir)
    is_embedded = settings.data_dir is not None
    found = asyncio.run(checks.examine(settings, is_embedded=is_embedded, data_dir=settings.data_dir))
    click.echo(msgspec.json.encode(found).decode() if as_json else "\n".join(_lines(found)))
    if any(each.level is Level.REFUSED for each in found):
        sys.exit(1)


def _lines(found: Sequence[Finding]) -> list[str]:
    width = max(len(each.check) for each in found)
    lines: list[str] = []
    for each in found:
        lines.append(f"{SIGNS[each.level]:<8} {each.check:<{width}}  {each.said}")
        if each.remedy:
            lines.append(f"{'':<8} {'':<{width}}  → {each.remedy}")
    refused, warned = (sum(each.level is level for each in found) for level in (Level.REFUSED, Level.WARNING))
    told = f"{refused} refused, {warned} to mend, {len(found) - refused - warned} well."
    return [*lines, "", told]
