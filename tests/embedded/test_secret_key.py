"""`review up` has a sealing key of its own, made once, which the other commands find."""

import stat
from pathlib import Path

import pytest

from review.embedded.directory import DataDirectory, read_secret_key
from review.embedded.errors import EmbeddedError
from review.kernel.settings import Settings


def test_the_key_is_made_once_kept_private_and_found_by_other_commands(tmp_path: Path) -> None:
    assert read_secret_key(tmp_path / "data") == ""
    with DataDirectory(tmp_path / "data") as directory:
        first = directory.secret_key()
        assert directory.secret_key() == first == read_secret_key(tmp_path / "data")
    with DataDirectory(tmp_path / "data") as directory:
        assert directory.secret_key() == first
    assert Settings.from_env({"REVIEW_SECRET_KEY": first}).secret_key == first
    assert stat.S_IMODE((tmp_path / "data" / "secret.key").stat().st_mode) == 0o600


def test_a_key_that_cannot_be_read_stops_the_start_and_is_not_replaced(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "data") as directory:
        (tmp_path / "data" / "secret.key").mkdir()
        with pytest.raises(EmbeddedError):
            directory.secret_key()
