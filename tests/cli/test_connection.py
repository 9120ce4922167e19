"""Which stack a command talks to."""

import fcntl
from pathlib import Path

import click
import msgspec
import pytest

from review.cli.connection import required_settings, settings_for
from review.embedded.directory import StackState
from review.embedded.errors import StackNotRunning


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("REVIEW_DATABASE_URL", "REVIEW_REDIS_URL", "REVIEW_DATA_DIR", "REVIEW_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def pretend_running(directory: Path) -> None:
    """Leave what a running stack leaves; its lock is taken by whoever asks."""
    directory.mkdir()
    (directory / "lock").touch()
    state = StackState(
        process_id=1,
        url="http://127.0.0.1:9",
        database_url="postgresql://embedded",
        redis_url="unix://e",
        sockets="/nowhere",
    )
    (directory / "stack.json").write_bytes(msgspec.json.encode(state))


@pytest.mark.parametrize("name", ["given", ".countersign"])
def test_a_running_stack_is_found_by_its_directory(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_running(tmp_path / name)
    if name == "given":
        monkeypatch.setenv("REVIEW_DATABASE_URL", "postgresql://elsewhere")
    with (tmp_path / name / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        settings = settings_for(tmp_path / name if name == "given" else None)
    assert settings.database_url == "postgresql://embedded"
    assert settings.redis_url == "unix://e"
    assert settings.public_url == "http://127.0.0.1:9"


def test_what_a_killed_stack_left_is_not_taken_for_a_running_one(tmp_path: Path) -> None:
    pretend_running(tmp_path / "data")
    with pytest.raises(StackNotRunning, match="No stack runs in"):
        settings_for(tmp_path / "data")


def test_without_a_directory_the_environment_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVIEW_DATABASE_URL", "postgresql://elsewhere")
    assert settings_for(None).database_url == "postgresql://elsewhere"


def test_nothing_said_is_asked_wrongly() -> None:
    with pytest.raises(click.UsageError, match=r"--data-dir DIR .* or REVIEW_DATABASE_URL"):
        settings_for(None)


def test_missing_settings_are_named_together() -> None:
    with pytest.raises(click.UsageError, match="REVIEW_DATABASE_URL and REVIEW_REDIS_URL must be set") as refusal:
        required_settings("database_url", "redis_url")
    assert refusal.value.exit_code == 2
