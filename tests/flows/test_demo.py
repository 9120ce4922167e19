"""`review demo` as a newcomer runs it: the whole loop in a process of its own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from review.cli.demo import digits
from review.cli.main import main
from review.datasets.formats.arrow import parquet
from review.web.content import images
from tests.house.source import REPOSITORY

DEMO = (sys.executable, "-m", "review.cli.main", "demo", "--port", "0")
WITHIN_SECONDS = 120


@contextmanager
def running(*arguments: str) -> Generator["subprocess.Popen[str]"]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REVIEW_")}
    environment["PYTHONPATH"] = str(REPOSITORY / "client" / "src")  # where pytest finds the client too
    with subprocess.Popen(
        [*DEMO, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def number_after(title: str, text: str) -> float:
    found = re.search(rf"{title}\s*│\s*([\d,.]+)", text)
    assert found, f"no line {title!r} in:\n{text}"
    return float(found[1].replace(",", ""))


def test_it_measures_serves_and_stops(tmp_path: Path) -> None:
    """One run, because a run takes half a minute: table, page, sign-in, export, and a clean end."""
    with running("--data-dir", str(tmp_path / "demo")) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while "Ctrl-C ends the demo." not in (line := process.stdout.readline()):
            assert line, "".join(lines) + process.communicate()[1]
            lines.append(line)
        text = "".join(lines)
        url = re.search(r"http://\S+:\d+", text)
        password = re.search(r"password\s+(\S+)", text)
        assert url
        assert password
        assert httpx.get(url[0], follow_redirects=True, headers={"Accept": "text/html"}).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0

    submitted, approved = number_after("Predictions submitted", text), number_after("Auto-approved", text)
    reviewed, corrected = number_after("Reviewed by people", text), number_after("of these corrected", text)
    assert submitted == approved + reviewed
    assert 0 < corrected < reviewed < approved
    assert number_after("of these wrong", text) < approved * 0.05
    assert number_after("Snapshot 1", text) == reviewed
    assert number_after("accuracy after", text) > number_after("accuracy before", text)
    assert 20 <= number_after("Left for you", text) <= 70
    assert number_after("Webhooks", text) > submitted
    assert 12 <= number_after("Escalated", text) < 60
    assert number_after("Time", text) < WITHIN_SECONDS
    exported = parquet.read_table(tmp_path / "demo" / "feedback.parquet")
    assert exported.num_rows == reviewed
    assert exported.schema.field("input").type.field("pixels").type.value_type == "int64"
    assert sum(verdict == "correct" for verdict in exported.column("verdict").to_pylist()) == corrected


def test_ctrl_c_in_the_middle_stops_everything_quietly(tmp_path: Path) -> None:
    with running("--data-dir", str(tmp_path / "demo")) as process:
        assert process.stderr is not None
        while "Applying the configuration" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=20)

    assert (process.returncode, stdout) == (1, "")
    assert "Traceback" not in stderr
    assert not (tmp_path / "demo" / "stack.json").exists()


def test_without_its_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "sklearn" else object())

    result = CliRunner().invoke(main, ["demo", "--exit"])

    assert result.exit_code == 1
    assert "scikit-learn" in result.stderr
    assert "make demo" in result.stderr


def test_no_scan_is_in_two_parts_of_the_data() -> None:
    data = digits.load()
    parts = [data.seed, data.stream, data.reserved, data.held_out]

    names = [each.name for part in parts for each in part]
    assert len(names) == len(set(names)) == 1797


def test_pictures_are_png_data_uris_that_the_pages_would_show() -> None:
    picture = images.read(digits.picture(digits.load().seed[0]))

    assert (picture.kind, picture.width, picture.height) == ("png", 192, 192)
