"""What every command does alike: help at once, one sentence for a refusal, the exit status."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from review.cli import main as command
from review.kernel.errors import FieldError, Invalid


def test_help_imports_no_command() -> None:
    heavy = ["asyncpg", "alembic", "litestar", "sqlalchemy", "uvicorn", "pyarrow", "httpx"]
    program = (
        "import sys\nfrom review.cli.main import main\n"
        "try:\n    main(['--help'], prog_name='review')\n"
        f"finally:\n    print(sorted(set(sys.modules) & set({heavy!r})), file=sys.stderr)\n"
    )
    outcome = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert outcome.stderr.strip() == "[]"
    for name, entry in command.COMMANDS.items():
        assert name in outcome.stdout
        assert entry.summary.split()[0] in outcome.stdout


@pytest.mark.parametrize("name", list(command.COMMANDS))
def test_every_command_in_the_table_can_be_imported_and_explained(name: str) -> None:
    outcome = CliRunner().invoke(command.main, [name, "--help"])
    assert outcome.exit_code == 0, outcome.output
    assert f"main {name}" in outcome.stdout


def test_an_unknown_command_is_asked_wrongly() -> None:
    outcome = CliRunner().invoke(command.main, ["no-such-command"])
    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    assert "No such command 'no-such-command'" in outcome.stderr


def test_a_refusal_is_one_sentence_with_its_faults_and_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def refuse() -> None:
        message = "The file was refused."
        raise Invalid(message, errors=(FieldError("rules[0].when", "does not compile"),))

    entry = command.Entry("review.cli.up", "up", "")
    monkeypatch.setitem(command.COMMANDS, "refuse", entry)
    monkeypatch.setattr("review.cli.up.up", refuse)
    outcome = CliRunner().invoke(command.main, ["refuse"])
    assert outcome.exit_code == 1
    assert outcome.stdout == ""
    assert outcome.stderr == "Error: The file was refused.\n  rules[0].when: does not compile\n"


def test_the_version_is_data() -> None:
    outcome = CliRunner().invoke(command.main, ["--version"])
    assert outcome.exit_code == 0
    assert outcome.stdout.startswith("countersign 0.")
