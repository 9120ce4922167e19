"""The command `review backtest`: it works by itself, shares with workers, and prints what was found."""

import asyncio
import json

from click.testing import CliRunner

from review.cli.main import main
from tests.make import World
from tests.rehearsal.worlds import LOOSER, arrivals, propose


async def test_the_command_tries_a_version_without_a_worker(world: World) -> None:
    await arrivals(world)
    to = await propose(world, LOOSER)
    env = {"REVIEW_DATABASE_URL": world.settings.database_url, "REVIEW_STATEMENT_TIMEOUT": "1"}
    asked = ["backtest", "--project", world.project, "--from", "1", "--to", str(to), "--minutes", "3"]
    told = await asyncio.to_thread(CliRunner().invoke, main, asked, env=env)
    assert told.exit_code == 0, told.output
    assert f"3 of 7 items would go elsewhere by version {to}." in told.stdout
    assert "3  review:triage -> approve" in told.stdout
    assert "note: rule matches nothing: panel" in told.stderr
    printed = await asyncio.to_thread(CliRunner().invoke, main, [*asked, "--json"], env=env)
    assert json.loads(printed.stdout)["result"]["moved"] == 3
    unknown = await asyncio.to_thread(CliRunner().invoke, main, [*asked[:6], "99"], env=env)
    assert unknown.exit_code == 1
    assert "no configuration version 99" in unknown.stderr
