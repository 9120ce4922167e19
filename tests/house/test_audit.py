"""`make audit`: it fails on what is known, passes where nothing is, and says aloud where nobody could be asked."""

import json
import re
import subprocess
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.house.source import REPOSITORY

ADVISORY = {
    "id": "GHSA-test-test-test",
    "summary": "Made up for this test",
    "affected": [{"package": {"name": "jinja2", "ecosystem": "PyPI"}, "ranges": [], "versions": ["0"]}],
}


@contextmanager
def advisories(known: str) -> Generator[str]:
    """Serve what OSV serves, with one advisory for a package of that name."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            found = {"vulns": [ADVISORY]} if asked["package"]["name"] == known else {}
            body = json.dumps(found).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name there
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()


def audit(source: str) -> tuple[int, str]:
    command = ["make", "--silent", "--assume-old=.venv/.installed-dev", "audit", f"ADVISORIES={source}"]
    outcome = subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True, text=True, timeout=120)
    return outcome.returncode, outcome.stdout + outcome.stderr


def test_a_known_vulnerability_fails() -> None:
    with advisories("jinja2") as source:
        status, said = audit(source)
    assert status != 0
    assert "GHSA-test-test-test" in said


def test_nothing_known_passes() -> None:
    with advisories("no-such-package") as source:
        status, said = audit(source)
    assert status == 0, said
    assert "No known vulnerabilities found" in said


def test_where_nobody_answers_it_is_skipped_aloud_and_at_once() -> None:
    began = time.monotonic()
    status, said = audit("http://127.0.0.1:9/v1/query")
    assert (status, len(said.strip().splitlines())) == (0, 1)
    assert said.startswith("NOT AUDITED: ")
    assert time.monotonic() - began < 10


def test_check_audits() -> None:
    assert re.search(r"^check: .*\n\t.*\baudit\b", (REPOSITORY / "Makefile").read_text(), flags=re.MULTILINE)
