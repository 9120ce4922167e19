"""A bucket on a server that speaks S3's protocol over loopback, which can refuse, and counts what is sent to it."""

import logging
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import httpx
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

NAME: Final = "countersign"
DENIED: Final = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"

Refusal = Callable[[str, str], bool]


class Bucket:
    """The server with one bucket; `refuse` tells by method and path whether a request is answered 403.

    `puts` counts, by name, how often the content of a file was sent: whole, or a part of it.
    """

    def __init__(self) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.puts: Counter[str] = Counter()
        self.refuse: Refusal = _never
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def empty(self) -> None:
        """Begin anew."""
        self.refuse = _never
        httpx.post(f"{self.url}/moto-api/reset").raise_for_status()
        httpx.put(f"{self.url}/{NAME}").raise_for_status()
        self.puts.clear()

    def names(self) -> list[str]:
        """List the files that are in it."""
        return sorted(re.findall(r"<Key>([^<]+)</Key>", httpx.get(f"{self.url}/{NAME}").text))

    def unfinished(self) -> int:
        """Count uploads that were begun and neither finished nor taken away."""
        return httpx.get(f"{self.url}/{NAME}?uploads").text.count("<Upload>")

    def end(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if self.refuse(method, path):
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start("403 Forbidden", [("Content-Type", "application/xml"), ("Content-Length", str(len(DENIED)))])
            return [DENIED]
        if method == "PUT":
            self.puts[path.rpartition("/")[2]] += 1
        answer: Iterable[bytes] = self._app(environ, start)
        return answer


def _never(_method: str, _path: str) -> bool:
    return False


@pytest.fixture(scope="session")
def bucket_server() -> Iterator[Bucket]:
    """The server, started once, where a test needs it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = Bucket()
    yield server
    server.end()


@pytest.fixture
def bucket(bucket_server: Bucket, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """An empty bucket, and the environment in which `s3://countersign` is it."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": bucket_server.url,
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    bucket_server.empty()
    return bucket_server
