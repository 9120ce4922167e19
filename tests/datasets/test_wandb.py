"""Weights & Biases is told by a program of its own, here with a library that writes down what it is asked."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from review.datasets.registering import running as registering
from review.datasets.registering import wandb
from review.datasets.selections.rules import Definition
from review.datasets.snapshots import withdrawing
from review.datasets.snapshots.schemas import Registration
from review.kernel.db import Database
from review.kernel.ids import new_id
from tests.datasets.test_export import leave
from tests.datasets.test_snapshots import Place

# The part of the library's interface that is used; `FAULT` stands for what goes wrong inside it.
LIBRARY = """
import json, os, pathlib, time
told = {"environment": sorted(os.environ)}
class Settings(dict): pass
class Artifact:
    def __init__(self, name, type, metadata): told["artifact"] = {"name": name, "type": type, "metadata": metadata}
    def add_reference(self, uri, name, checksum): told.setdefault("files", {})[name] = uri; assert checksum is False
class Run:
    url = "https://wandb.example/acme/intents/runs/1"
    summary = told["summary"] = {}
    def log_artifact(self, artifact, aliases): told["aliases"] = aliases
    def finish(self): pathlib.Path(os.environ["WANDB_WRITES_TO"]).write_text(json.dumps(told))
def init(settings, **asked):
    if os.environ.get("WANDB_HANGS"): time.sleep(60)
    if os.environ.get("WANDB_FAULT"): raise SystemExit(os.environ["WANDB_FAULT"])
    told["run"] = asked
    return Run()
"""


@pytest.fixture
async def place(db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    library = tmp_path / "library"
    library.mkdir()
    (library / "wandb.py").write_text(LIBRARY)
    monkeypatch.setenv("PYTHONPATH", str(library))
    monkeypatch.setenv("WANDB_WRITES_TO", str(tmp_path / "told.json"))
    monkeypatch.setenv("REVIEW_DATABASE_URL", "postgresql://nobody:secret@nowhere/x")
    project_id = new_id()
    await db.hot.execute("INSERT INTO projects (id, slug, title) VALUES ($1, 'support', 'P')", project_id)
    found = Place(db, project_id, tmp_path / "store")
    found.settings = msgspec.structs.replace(
        found.settings, wandb_project="acme/intents", base_url="https://review.example.com"
    )
    await found.define(Definition())
    return found


async def come(place: Place) -> tuple[int, Registration]:
    """Have the pause be over, and let a worker look."""
    await place.db.hot.execute("UPDATE snapshot_registrations SET next_at = now()")
    told = await registering.advance(place.db, place.settings)
    (found,) = (await place.get(1)).registrations
    return told, found


def written(tmp_path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((tmp_path / "told.json").read_text())
    return found


async def test_an_artifact_refers_to_the_files_and_a_withdrawn_one_is_marked(
    db: Database, place: Place, tmp_path: Path
) -> None:
    items = [await leave(db, place.project_id) for _ in range(3)]
    made = await place.make()
    told, known = await come(place)

    assert (told, known.place, known.state) == (1, "wandb", "done")
    assert known.url == "https://wandb.example/acme/intents/runs/1"
    manifest, said = await place.manifest(1), written(tmp_path)
    assert (said["run"]["entity"], said["run"]["project"], said["run"]["id"]) == ("acme", "intents", str(made.id))
    assert said["run"]["resume"] == "allow"
    assert (said["artifact"]["name"], said["aliases"]) == ("support-d", ["snapshot-1"])
    assert said["artifact"]["metadata"]["sha256"] == manifest.sha256
    digests = {name: each["sha256"] for name, each in said["artifact"]["metadata"]["files"].items()}
    assert digests == {each.name: each.sha256 for each in manifest.files}
    files_at = "https://review.example.com/api/v1/datasets/d/snapshots/1/files"
    assert said["files"] == {each.name: f"{files_at}/{each.name}" for each in manifest.files}
    assert said["summary"]["records"] == 3
    assert not [name for name in said["environment"] if name.startswith("REVIEW_")]

    await withdrawing.withdraw_holding(db.hot, place.settings, project_id=place.project_id, position=1, items=items)
    assert (await come(place))[1].state == "done"
    gone = written(tmp_path)
    assert gone["summary"]["countersign.state"] == "withdrawn"
    assert "artifact" not in gone


async def test_a_library_that_fails_hangs_or_is_missing_is_said_and_told_again(
    db: Database, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await leave(db, place.project_id)
    await place.make()
    monkeypatch.setenv("WANDB_FAULT", "no such entity")
    assert "was not told. no such entity" in (await come(place))[1].error
    monkeypatch.setenv("WANDB_HANGS", "yes")
    with monkeypatch.context() as brief:
        brief.setattr(wandb, "TIMEOUT_SECONDS", 0.5)
        assert "was not told within" in (await come(place))[1].error
    monkeypatch.delenv("WANDB_HANGS")
    with monkeypatch.context() as bare:
        bare.delenv("PYTHONPATH")
        assert "install Countersign with its extra `wandb`" in (await come(place))[1].error
    monkeypatch.delenv("WANDB_FAULT")
    told, known = await come(place)
    assert (told, known.state, known.error) == (1, "done", "")
