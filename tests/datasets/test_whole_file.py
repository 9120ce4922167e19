import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from review.datasets.whole_file import whole_file

WRITER = """
import sys
from pathlib import Path
from review.datasets.whole_file import whole_file
with whole_file(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    print("half written", flush=True)
    sys.stdin.read()
"""


def names(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


def write_half(path: Path) -> None:
    with whole_file(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt


def test_the_file_is_there_when_the_block_ends_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with whole_file(path) as file:
        file.write(b"whole")
        assert not path.exists()

    assert path.read_bytes() == b"whole"
    assert names(tmp_path) == ["out.csv"]


def test_a_file_that_had_the_name_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_bytes(b"old")
    with whole_file(path) as file:
        file.write(b"new")

    assert path.read_bytes() == b"new"


def test_nothing_is_left_when_the_block_raises_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        write_half(path)

    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["out.csv"]


def test_without_nameless_files_it_works_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "O_TMPFILE")
    path = tmp_path / "out.csv"
    with whole_file(path) as file:
        file.write(b"whole")
    with pytest.raises(KeyboardInterrupt):
        write_half(path)

    assert path.read_bytes() == b"whole"
    assert names(tmp_path) == ["out.csv"]


def test_a_killed_writer_leaves_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "out.csv")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"half written\n"
        writer.send_signal(signal.SIGKILL)

    assert names(tmp_path) == []


def test_a_missing_directory_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "no" / "out.csv"):
        pass
