"""MLflow is told of snapshots, by what it documents; that it is away, refuses or talks nonsense fails no snapshot."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from review.datasets.registering import queries
from review.datasets.registering import running as registering
from review.datasets.selections.rules import Definition
from review.datasets.snapshots import withdrawing
from review.datasets.snapshots.schemas import Registration
from review.kernel.db import Database
from review.kernel.ids import new_id
from tests.datasets.test_export import leave
from tests.datasets.test_snapshots import SPLIT, Place

# What a tracking server takes at the most, in characters.
BOUNDS = {"name": 500, "digest": 36, "schema": 1_048_575, "profile": 16_777_215, "key": 250, "value": 6_000}


class Tracker(ThreadingHTTPServer):
    """A tracking server that knows the calls which are made, and refuses what MLflow would refuse."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.experiments: dict[str, str] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []
        self.answer: tuple[int, bytes] | None = None
        self.falls_at = ""

    def ask(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        match path:
            case "experiments/get-by-name":
                found = self.experiments.get(body["experiment_name"])
                missing = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "No such experiment"}
                return (404, missing) if found is None else (200, {"experiment": {"experiment_id": found}})
            case "experiments/create":
                self.experiments[body["name"]] = str(len(self.experiments) + 1)
                return 200, {"experiment_id": self.experiments[body["name"]]}
            case "runs/search":
                value = body["filter"].partition("= '")[2].rstrip("'")
                assert body["filter"] == f"tags.`countersign.snapshot_id` = '{value}'"
                runs = [run for run in self.runs.values() if run["tags"].get("countersign.snapshot_id") == value]
                return 200, {"runs": [{"info": {"run_id": run["id"]}} for run in runs]} if runs else {}
            case "runs/create":
                run_id = f"run{len(self.runs)}"
                self.runs[run_id] = {"id": run_id, "tags": as_dict(body["tags"]), "datasets": {}, "status": "RUNNING"}
                return 200, {"run": {"info": {"run_id": run_id}}}
            case _:
                return self.ask_of_run(path, body)

    def ask_of_run(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        run = self.runs[body["run_id"]]
        match path:
            case "runs/log-inputs":
                for each in body["datasets"]:
                    assert as_dict(each["tags"]) == {"mlflow.data.context": "training"}
                    assert all(len(text) <= BOUNDS.get(key, 10**6) for key, text in each["dataset"].items())
                    run["datasets"][each["dataset"]["digest"]] = each["dataset"]
            case "runs/log-batch":
                run["tags"] |= as_dict(body.get("tags", []))
                run["params"] = run.get("params", {}) | as_dict(body.get("params", []))
                run["metrics"] = run.get("metrics", {}) | {
                    each["key"]: each["value"] for each in body.get("metrics", [])
                }
            case "runs/update":
                run["status"] = body["status"]
            case _:
                return 404, {"error_code": "ENDPOINT_NOT_FOUND", "message": path}
        return 200, {}


def as_dict(pairs: list[dict[str, str]]) -> dict[str, str]:
    assert all(len(each["key"]) <= BOUNDS["key"] and len(each["value"]) <= BOUNDS["value"] for each in pairs)
    return {each["key"]: each["value"] for each in pairs}


class Answer(BaseHTTPRequestHandler):
    """One request to the tracking server."""

    def do_GET(self) -> None:
        self._answer({"experiment_name": self.path.partition("experiment_name=")[2].replace("%2F", "/")})

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body: dict[str, Any]) -> None:
        tracker = cast("Tracker", self.server)
        path = self.path.partition("?")[0].removeprefix("/api/2.0/mlflow/")
        tracker.calls.append(path)
        if self.headers["Authorization"] != "Bearer secret":
            status, said = 401, b'{"error_code": "UNAUTHENTICATED", "message": "who are you"}'
        elif tracker.answer is not None:
            status, said = tracker.answer
        elif path == tracker.falls_at:
            status, said = 500, b"<html>"
        else:
            status, told = tracker.ask(path, body)
            said = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        """Say nothing."""


@pytest.fixture
def tracker() -> Iterator[Tracker]:
    server = Tracker()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
async def place(db: Database, tmp_path: Path, tracker: Tracker) -> Place:
    project_id = new_id()
    await db.hot.execute("INSERT INTO projects (id, slug, title) VALUES ($1, 'support', 'P')", project_id)
    found = Place(db, project_id, tmp_path / "store")
    found.settings = msgspec.structs.replace(
        found.settings,
        mlflow_url=f"http://127.0.0.1:{tracker.server_port}",
        mlflow_token="secret",
        base_url="https://review.example.com",
    )
    await found.define(Definition(splitting=SPLIT))
    return found


async def told(place: Place, number: int = 1) -> Registration:
    (found,) = (await place.get(number)).registrations
    return found


async def come(place: Place) -> int:
    """Have the pause be over, and let a worker look."""
    await place.db.hot.execute("UPDATE snapshot_registrations SET next_at = now()")
    return await registering.advance(place.db, place.settings)


async def test_a_run_says_what_the_snapshot_is_and_later_that_it_is_no_more(
    db: Database, place: Place, tracker: Tracker
) -> None:
    items = [await leave(db, place.project_id, label=f"l{at % 3}") for at in range(9)]
    made = await place.make()
    assert (await told(place)).state == "waiting"
    assert await registering.advance(db, place.settings) == 1
    assert await registering.advance(db, place.settings) == 0

    manifest, (run,) = await place.manifest(1), tracker.runs.values()
    assert tracker.experiments == {"countersign/support": "1"}
    assert run["status"] == "FINISHED"
    assert run["tags"]["countersign.sha256"] == manifest.sha256
    assert run["tags"]["countersign.url"] == "https://review.example.com/p/support/datasets/d/1"
    assert (run["tags"]["countersign.snapshot"], run["params"]["cut_off"]) == ("1", "9")
    assert run["metrics"]["records"] == run["metrics"]["records.train"] + run["metrics"]["records.test"] == 9
    (dataset,) = run["datasets"].values()
    assert (dataset["name"], dataset["digest"]) == ("support/d", manifest.sha256[:36])
    assert dataset["source_type"] == "local"
    assert json.loads(dataset["source"])["uri"] == f"{place.folder.as_uri()}/{place.project_id}/d/000001"
    profile, columns = json.loads(dataset["profile"]), json.loads(dataset["schema"])["mlflow_colspec"]
    assert (profile["num_rows"], profile["classes"]) == (9, {"l0": 3, "l1": 3, "l2": 3})
    assert [each["name"] for each in columns] == [each.name for each in manifest.columns]
    done = await told(place)
    assert (done.state, done.error) == ("done", "")
    assert done.url == f"{place.settings.mlflow_url}/#/experiments/1/runs/run0"

    assert made.cut_off is not None
    await withdrawing.withdraw_holding(db.hot, place.settings, project_id=place.project_id, position=1, items=items[:2])
    assert await come(place) == 1
    assert (run["tags"]["countersign.state"], run["tags"]["countersign.items_erased"]) == ("withdrawn", "2")
    assert (await told(place)).state == "done"


async def test_a_tracker_that_is_away_or_refuses_is_asked_again_and_told_once(
    db: Database, place: Place, tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await leave(db, place.project_id)
    good = place.settings
    place.settings = msgspec.structs.replace(good, mlflow_url="http://127.0.0.1:9")
    assert (await place.make()).state == "ready"
    assert await come(place) == 0
    assert "could not be asked" in (await told(place)).error
    place.settings = good
    for answer, said in {
        (503, b"busy"): "answered 503.",
        (200, b"<html>"): "answered what MLflow does not",
        (200, b'{"experiment": {}}'): "answered what MLflow does not",
        (302, b""): "answered 302.",
        (400, b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "Bad name"}'): "answered 400. Bad name",
        (200, b" " * (registering.MOST_TRIES << 16)): "answered more than",
    }.items():
        tracker.answer = answer
        assert await come(place) == 0
        assert said in (await told(place)).error
    tracker.answer, tracker.falls_at = None, "runs/log-batch"
    assert await come(place) == 0
    half = await told(place)
    assert (half.state, half.tries, len(tracker.runs)) == ("waiting", 8, 1)
    tracker.falls_at = ""
    assert await come(place) == 1
    assert len(tracker.runs) == 1
    assert (await told(place)).state == "done"

    monkeypatch.setattr(registering, "MOST_TRIES", 1)
    place.settings = msgspec.structs.replace(good, mlflow_token="another")
    assert (await place.make()).state == "ready"
    assert await come(place) == 0
    given_up = await told(place, 2)
    assert (given_up.state, "who are you" in given_up.error) == ("failed", True)
    assert await come(place) == 0


async def test_a_worker_that_dies_leaves_it_to_the_next_one_after_its_lease(db: Database, place: Place) -> None:
    await leave(db, place.project_id)
    await place.make()
    first = await queries.claim(db.hot, timedelta(minutes=1), ["mlflow"])
    assert await registering.advance(db, place.settings) == 0
    assert await come(place) == 1
    await queries.fail(
        db.hot, (first["project_id"], first["snapshot_id"], "mlflow", first["fence"]), timedelta(), 1, ""
    )
    assert (await told(place)).state == "done"
