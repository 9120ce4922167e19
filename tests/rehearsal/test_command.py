"""The command `review backtest`: it works by itself, shares with workers, and prints what was found."""

import asyncio
import json
from pathlib import Path

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


async def test_a_file_with_a_list_beside_it_is_tried_before_it_is_applied(world: World, tmp_path: Path) -> None:
    """Issue 6, bad input: `review plan` tells what a file would do, with the numbers; `review apply` brings it in."""
    await arrivals(world)
    (tmp_path / "known.txt").write_text("ann\nben\n")
    rules = "  - {{name: known, when: 'item.subject in lists.known', then: {{review: seniors}}}}\n"
    lists = "lists: {{known: {{file: known.txt}}}}\n"
    text = lists + LOOSER.replace("  - {{name: rest, when: 'true'", f"{rules}  - {{{{name: rest, when: 'true'")
    file = tmp_path / "support.yaml"
    file.write_text(
        text.replace("'item.subject in", "'item.subject != null && item.subject in").format(project="support")
    )
    env = {"REVIEW_DATABASE_URL": world.settings.database_url}
    told = await asyncio.to_thread(CliRunner().invoke, main, ["plan", str(file)], env=env)
    assert told.exit_code == 0, told.output
    assert "+ list known (2 entries)" in told.stdout
    assert "Of the newest 7 items 3 would go elsewhere." in told.stderr
    assert "note: rule matches nothing: known" in told.stderr
    assert await world.count("entry_lists") == 0, "looking stores nothing"
    done = await asyncio.to_thread(CliRunner().invoke, main, ["apply", str(file)], env=env)
    assert done.exit_code == 0, done.output
    assert await world.count("entry_lists") == 1
    again = await asyncio.to_thread(CliRunner().invoke, main, ["apply", str(file)], env=env)
    assert "nothing differs" in again.stderr
