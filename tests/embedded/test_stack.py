"""The whole stack, with real servers and pretended web and worker processes."""

import os
import signal
import socket
import stat
import time
from pathlib import Path

import pytest

from review.embedded.directory import running_stack
from review.embedded.errors import StackNotRunning
from review.embedded.leftovers import postmaster
from tests.embedded.running import RunningStack, alive, starts, web_process


def postgres_process(stack: RunningStack) -> int:
    found = postmaster(stack.directory / "postgres" / "data")
    assert found is not None
    return found[0]


def until_gone(process_id: int) -> None:
    """Wait for a process that is not our child; the test's own time limit ends a wait in vain."""
    while alive(process_id):
        time.sleep(0.02)


def test_it_starts_says_where_and_stops_leaving_only_data(tmp_path: Path) -> None:
    with RunningStack(tmp_path / "data") as stack:
        address = stack.ready()
        state = stack.state()
        assert running_stack(stack.directory) == state
        assert state.url == address
        assert stat.S_IMODE((stack.directory / "stack.json").stat().st_mode) == 0o600
        web, postgres = web_process(address), postgres_process(stack)
        assert stack.stop(signal.SIGINT) == 0
    assert not alive(web)
    assert not alive(postgres)
    assert not Path(state.sockets).exists()
    assert not (stack.directory / "stack.json").exists()
    with pytest.raises(StackNotRunning, match="review up --data-dir"):
        running_stack(stack.directory)


def test_the_second_start_finds_the_data_of_the_first(tmp_path: Path) -> None:
    for expected in (1, 2):
        with RunningStack(tmp_path / "data") as stack:
            stack.ready()
            assert starts(stack.state().database_url) == expected
            assert stack.stop() == 0


def test_after_sigkill_the_parts_end_and_the_next_start_copes(tmp_path: Path) -> None:
    with RunningStack(tmp_path / "data") as killed:
        web = web_process(killed.ready())
        postgres, sockets = postgres_process(killed), Path(killed.state().sockets)
        assert killed.stop(signal.SIGKILL) == -signal.SIGKILL
        assert alive(postgres)
    with pytest.raises(StackNotRunning):
        running_stack(killed.directory)
    with RunningStack(tmp_path / "data") as stack:
        stack.ready()
        assert not alive(web)
        assert not alive(postgres)
        assert not sockets.exists()
        assert starts(stack.state().database_url) == 2


def test_what_dies_is_started_again(tmp_path: Path) -> None:
    with RunningStack(tmp_path / "data") as stack:
        address = stack.ready()
        web, postgres = web_process(address), postgres_process(stack)
        os.kill(web, signal.SIGKILL)
        os.kill(postgres, signal.SIGKILL)
        until_gone(web)
        # The socket stays open meanwhile, so this request waits for the new process instead of being refused.
        assert web_process(address) != web
        while postmaster(stack.directory / "postgres" / "data") in {None, (postgres, "ready")}:
            time.sleep(0.02)
        while (postmaster(stack.directory / "postgres" / "data") or (0, ""))[1] != "ready":
            time.sleep(0.02)
        assert starts(stack.state().database_url) == 1
        assert stack.stop() == 0
        assert "The web process ended (killed by SIGKILL). It starts again in 0.05 s." in stack.said()
        assert "The PostgreSQL server ended (killed by SIGKILL)." in stack.said()


def test_a_part_that_keeps_dying_is_given_up(tmp_path: Path) -> None:
    with RunningStack(tmp_path / "data", "--worker", "dies") as stack:
        assert "The worker process ended 3 times in a row, and was given up (exit status 7)." in stack.fails()


def test_a_part_that_will_not_stop_is_killed_in_time(tmp_path: Path) -> None:
    with RunningStack(tmp_path / "data", "--worker", "stubborn") as stack:
        stack.ready()
        assert stack.stop(within=20) == 0


def test_a_second_signal_hurries(tmp_path: Path) -> None:
    with RunningStack(tmp_path / "data", "--worker", "stubborn") as stack:
        stack.ready()
        stack.process.send_signal(signal.SIGINT)
        while "Stopping." not in stack.said():
            time.sleep(0.02)
        assert stack.stop(signal.SIGINT, within=6) == 0  # without the second one, the worker has 9 s


def test_a_directory_in_use_is_refused(tmp_path: Path) -> None:
    with RunningStack(tmp_path / "data") as first:
        address = first.ready()
        with RunningStack(tmp_path / "data") as second:
            said = second.fails()
        assert f"is in use by another `review up` (process {first.process.pid})" in said
        assert web_process(address)


def test_a_busy_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with RunningStack(tmp_path / "data", "--port", str(port)) as stack:
            said = stack.fails()
    assert said.strip() == (
        f"Port {port} on 127.0.0.1 cannot be used: another program listens there. Choose another with --port."
    )
    assert not (stack.directory / "postgres").exists()


def test_a_start_that_is_interrupted_can_be_repeated(tmp_path: Path) -> None:
    with RunningStack(tmp_path / "data") as stack:
        while "Making an empty database" not in stack.said():
            time.sleep(0.02)
        assert stack.stop() == 0
    with RunningStack(tmp_path / "data") as stack:
        stack.ready()
