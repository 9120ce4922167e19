"""Redis out of its wheel."""

import tempfile
from pathlib import Path

import pytest
import redis

from review.embedded.errors import ServerFailed
from review.embedded.redis import EmbeddedRedis
from tests.embedded.running import alive


def test_it_answers_and_keeps_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        with EmbeddedRedis(tmp_path / "redis") as server, redis.Redis.from_url(server.url(3)) as client:
            assert client.get("hint") is None
            client.set("hint", "1")
            assert client.config_get("save") == {"save": ""}
    assert not list((tmp_path / "redis").glob("*.rdb"))


def test_a_server_left_running_is_stopped_first(tmp_path: Path) -> None:
    sockets = tmp_path / "s"
    sockets.mkdir()
    left = EmbeddedRedis(tmp_path / "redis", socket_directory=sockets)
    left.start()
    assert left.process is not None
    with EmbeddedRedis(tmp_path / "redis", socket_directory=sockets):
        assert not alive(left.process.pid)
    left.stop()


def test_a_failed_start_quotes_the_server(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match=r"Redis did not start: .*No such file or directory.*The full log is in"):
        EmbeddedRedis(tmp_path / "redis", socket_directory=tmp_path / "missing").start()


def test_sockets_have_short_paths_wherever_temporary_files_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("x" * 120)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with EmbeddedRedis(tmp_path / "redis") as server, redis.Redis.from_url(server.url()) as client:
        assert client.ping()
