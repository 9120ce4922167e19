"""Promise 25, in the terminal: words from elsewhere steer nothing there."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from review.cli.main import Refused, main
from review.cli.terminal import in_line
from review.delivery.webhooks import service as webhooks
from review.kernel.errors import FieldError, Invalid
from review.kernel.unseen import written_out
from tests.make import CONFIG, World

RED = "\x1b[31mred\x1b[0m\x1b]0;owned\x07 \x9b2J \u202egnp.exe\u200b"
STEERING = [*map(chr, (*range(0x20), *range(0x7F, 0xA0))), *"\u202e\u2066\u200b\u2028"]


@given(st.text() | st.text(alphabet=STEERING))
def test_nothing_that_steers_a_terminal_is_left_in_a_line(text: str) -> None:
    assert not set(STEERING) & set(in_line(text))
    assert not set(STEERING) - {"\n", "\t"} & set(written_out(text))


@given(st.text(alphabet=st.characters(categories=["L", "N", "P"], exclude_characters="\u3164\u115f\u1160\uffa0")))
def test_what_can_be_read_is_printed_as_it_is(text: str) -> None:
    assert in_line(text) == text


def test_a_refusal_that_echoes_what_was_sent() -> None:
    refused = Refused(Invalid(f"no {RED}", errors=(FieldError(f"a\n{RED}", f"b\n{RED}"),)))
    assert not (set(STEERING) - {"\n"}) & set(refused.message)
    assert len(refused.message.splitlines()) == 2


async def run(world: World, *arguments: str) -> str:
    env = {"REVIEW_DATABASE_URL": world.settings.database_url, "REVIEW_DATA_DIR": ""}
    outcome = await asyncio.to_thread(CliRunner().invoke, main, list(arguments), env=env)
    return outcome.output


@pytest.mark.parametrize("command", ["plan", "apply"])
async def test_a_configuration_and_its_faults(world: World, tmp_path: Path, command: str) -> None:
    source = CONFIG.format(project="support").replace("title: Ticket intent", f"title: {json.dumps(RED)}")
    (tmp_path / "good.yaml").write_text(source)
    said = await run(world, command, str(tmp_path / "good.yaml"))
    assert "ticket_intent" in said
    assert not {"\x1b", "\x9b", "\u202e", "\x07"} & set(said)
    (tmp_path / "bad.yaml").write_text(source + f"{json.dumps('x' + RED)}: 1\n")
    said = await run(world, command, str(tmp_path / "bad.yaml"))
    assert "bad.yaml has" in said
    assert not {"\x1b", "\x9b", "\u202e", "\x07"} & set(said)


async def test_what_a_receiver_answered(world: World) -> None:
    source = (
        CONFIG.format(project="hooked")
        + "webhooks: [{name: crm, url: 'https://crm.example/', events: [item.decided]}]\n"
    )
    hooked = await World.build(world.db, world.settings, project="hooked", source=source)
    async with hooked.db.transaction() as tx:
        await webhooks.sync(tx, hooked.service.project_id, hooked.config)
    await hooked.db.hot.execute("UPDATE webhook_endpoints SET state = 'disabled', reason = $1", f"gone\n{RED}")
    said = await run(hooked, "webhooks", "list", "--project", "hooked")
    assert "crm: gone⟨U+000A⟩" in said
    assert not {"\x1b", "\x9b", "\u202e", "\x07"} & set(said)


async def test_the_name_of_a_person(world: World) -> None:
    said = await run(
        world, "users", "create", "--project", "support", "--email", "a\x1b[31m\u202e@x.org", "--role", "lead"
    )
    assert "x.org" in said
    assert not {"\x1b", "\u202e"} & set(said)
