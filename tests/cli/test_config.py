"""`review plan` and `review apply`: what would change, what changed, and faults an editor can jump to."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from review.cli.main import main

SOURCE = """\
project: desk
item_types:
  ticket: {input_schema: true, output_schema: true}
pools:
  triage: {members: [ana@example.com]}
rules:
  - {name: doubtful, when: item.confidence < 0.8, then: {review: triage}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A good configuration file."""
    path = tmp_path / "desk.yaml"
    path.write_text(SOURCE)
    return path


def run(url: str, *arguments: str | Path, stdin: str | None = None) -> Result:
    return CliRunner(env={"REVIEW_DATABASE_URL": url}).invoke(main, [str(each) for each in arguments], input=stdin)


def test_plan_then_apply_then_nothing(database_url: str, file: Path) -> None:
    planned = run(database_url, "plan", file)
    assert planned.exit_code == 0, planned.stderr
    assert planned.stdout == "+ item type ticket\n+ pool triage\n+ rule doubtful\n"
    assert planned.stderr == "desk would go from version 0 to 1 (rule set v1, ticket v1).\n"
    applied = run(database_url, "apply", file)
    assert (applied.exit_code, applied.stdout) == (0, planned.stdout)
    assert applied.stderr == "desk is now at version 1 (rule set v1, ticket v1).\n"
    again = run(database_url, "apply", "-", stdin=SOURCE)
    assert (again.exit_code, again.stdout) == (0, "")
    assert again.stderr == "desk is at version 1 and stays there: nothing differs.\n"


def test_going_back(database_url: str, file: Path) -> None:
    run(database_url, "apply", file)
    file.write_text(SOURCE.replace("0.8", "0.7"))
    assert "version 2" in run(database_url, "apply", file).stderr
    back = run(database_url, "apply", "--version", "1", "--project", "desk")
    assert (back.exit_code, back.stdout) == (0, "~ rule doubtful (when)\n")
    assert back.stderr == "desk is now at version 3 (rule set v1, ticket v1).\n"
    gone = run(database_url, "apply", "--version", "9", "--project", "desk")
    assert gone.exit_code == 1
    assert "no configuration version 9" in gone.stderr


def test_a_plan_as_json(database_url: str, file: Path) -> None:
    planned = msgspec.json.decode(run(database_url, "plan", "--json", file).stdout)
    assert (planned["project"], planned["version"], planned["applied"]) == ("desk", 1, False)
    assert planned["differences"][0] == {"change": "added", "kind": "item type", "name": "ticket", "keys": []}


def test_faults_name_file_line_and_column_and_need_no_database(file: Path) -> None:
    file.write_text(SOURCE.replace("review: triage", "review: triag").replace("item.confidence", "item.confidense"))
    for command in ("plan", "apply"):
        refused = run("postgresql://nobody@127.0.0.1:1/none", command, file)
        assert refused.exit_code == 1
        assert refused.stdout == ""
        assert refused.stderr.splitlines() == [
            f"{file}:7:33: rules[0].when: `confidense` is no field of an item; did you mean `confidence`?",
            f"{file}:7:58: rules[0].then.review: `triag` is no pool; did you mean `triage`?",
            f"{file} has 2 faults; nothing was changed.",
        ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("apply",),
        ("apply", "--version", "1"),
        ("apply", "--project", "desk"),
        ("apply", "--version", "0", "--project", "desk"),
        ("apply", "-", "--version", "1", "--project", "desk"),
        ("plan",),
        ("plan", "no-such-file.yaml"),
    ],
)
def test_asked_wrongly(arguments: tuple[str, ...]) -> None:
    assert run("postgresql://nobody@127.0.0.1:1/none", *arguments).exit_code == 2


def test_a_database_that_is_away_is_one_sentence(file: Path) -> None:
    refused = run("postgresql://nobody@127.0.0.1:1/none", "apply", file)
    assert refused.exit_code == 1
    assert "Nothing was stored" in refused.stderr
    assert "Traceback" not in refused.output


def test_a_file_without_an_end_is_too_large(database_url: str) -> None:
    outcome = run(database_url, "plan", "/dev/zero")
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert "/dev/zero:1:1: is larger than" in outcome.stderr
