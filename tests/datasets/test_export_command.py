"""`review export` as a data scientist types it."""

import asyncio
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from review.cli.main import main
from review.datasets.formats.arrow import parquet
from review.kernel.db import Database
from review.kernel.settings import Settings
from tests.make import World


@pytest.fixture
def judged(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three items that Ana approved, in the stack that the environment names."""

    async def prepare() -> None:
        db = await Database.connect(settings)
        world = await World.build(db, settings)
        for text in ("one", "two", "three"):
            await world.submit(text)
        for assignment in await world.claim("ana", limit=3):
            await world.judge("ana", assignment, "approve")
        await db.close()

    asyncio.run(prepare())
    monkeypatch.setenv("REVIEW_DATABASE_URL", settings.database_url)


def export(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["export", "--project", "support", *arguments])


@pytest.mark.usefixtures("judged")
def test_it_says_what_it_left_out(tmp_path: Path) -> None:
    result = export("--format", "jsonl", "--out", str(tmp_path / "f"), "--type", "nothing")

    assert result.stderr == f"0 records to {tmp_path / 'f'}\n3 left out: another item type\n"


@pytest.mark.usefixtures("judged")
def test_it_writes_the_file_and_says_how_much_on_standard_error(tmp_path: Path) -> None:
    path = tmp_path / "feedback.parquet"

    result = export("--format", "parquet", "--out", str(path))

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"3 records to {path}\n"
    assert parquet.read_table(path).num_rows == 3
    assert [each.name for each in tmp_path.iterdir()] == ["feedback.parquet"]


@pytest.mark.usefixtures("judged")
def test_a_dash_writes_the_data_and_nothing_else_to_standard_output() -> None:
    result = export("--format", "jsonl", "--out", "-", "--type", "ticket_intent", "--since", "2020-01-01")

    assert result.exit_code == 0
    assert [json.loads(line)["verdict"] for line in result.stdout_bytes.splitlines()] == ["approve"] * 3


@pytest.mark.usefixtures("judged")
def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    result = export("--format", "jsonl", "--out", str(path))

    with os.fdopen(reader) as piped:
        assert len(piped.readlines()) == 3
    assert result.exit_code == 0
    assert path.is_fifo()


@pytest.mark.usefixtures("judged")
def test_a_link_stays_and_the_file_behind_it_is_written(tmp_path: Path) -> None:
    link, file = tmp_path / "latest.jsonl", tmp_path / "monday.jsonl"
    link.symlink_to(file)

    assert export("--format", "jsonl", "--out", str(link)).exit_code == 0

    assert link.is_symlink()
    assert len(file.read_text().splitlines()) == 3


@pytest.mark.usefixtures("judged")
def test_a_full_device_gets_one_sentence_and_stays_a_device(tmp_path: Path) -> None:
    path = tmp_path / "full"
    path.symlink_to("/dev/full")  # so that no mistake can cost the machine its device

    result = export("--format", "csv", "--out", str(path))

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: {path}: No space left on device. No part of the export was left behind.\n"
    assert path.is_char_device()


@pytest.mark.usefixtures("judged")
def test_an_unknown_project_is_refused_with_status_1_and_leaves_no_file(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        main, ["export", "--project", "nope", "--format", "csv", "--out", str(tmp_path / "out.csv")]
    )

    assert result.exit_code == 1
    assert "There is no project 'nope'" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("judged")
def test_a_directory_that_is_not_there_gets_one_sentence(tmp_path: Path) -> None:
    result = export("--format", "csv", "--out", str(tmp_path / "no" / "out.csv"))

    assert result.exit_code == 1
    assert "No such file or directory" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--format", "xlsx", "--out", "x"],
        ["--format", "csv"],
        ["--format", "csv", "--out", "x", "--since", "yesterday"],
    ],
)
def test_what_is_asked_wrongly_ends_with_status_2(arguments: list[str]) -> None:
    assert export(*arguments).exit_code == 2


def test_a_database_that_is_away_gets_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVIEW_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")

    result = export("--format", "csv", "--out", str(tmp_path / "out.csv"))

    assert result.exit_code == 1
    assert "The database cannot be reached" in result.stderr
