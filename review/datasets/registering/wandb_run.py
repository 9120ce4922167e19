"""The program that tells Weights & Biases: a run with an artifact of references, in a process that may be killed.

It reads what is to be told as JSON, and writes the run's address. The library starts threads and a server of its own,
which are not for a worker that serves everybody.
"""

import importlib
import sys
from typing import Any, Final

import msgspec

NOT_INSTALLED: Final = 3


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot as an artifact: where its files are read, by name, and what is known of them."""

    name: str
    alias: str
    metadata: dict[str, Any]
    files: dict[str, str]


class Telling(msgspec.Struct, frozen=True, kw_only=True):
    """A run, known again by its id; without an artifact, only its summary is changed."""

    project: str
    entity: str | None
    run_id: str
    name: str
    summary: dict[str, Any]
    artifact: Artifact | None = None


def main() -> int:
    """Tell what stands on standard input."""
    telling = msgspec.json.decode(sys.stdin.buffer.read(), type=Telling)
    try:
        wandb: Any = importlib.import_module("wandb")
    except ImportError:
        return NOT_INSTALLED
    quiet = wandb.Settings(silent=True, console="off", save_code=False, disable_code=True, disable_git=True)
    run = wandb.init(
        project=telling.project,
        entity=telling.entity,
        id=telling.run_id,
        resume="allow",
        name=telling.name,
        job_type="snapshot",
        settings=quiet,
    )
    if telling.artifact is not None:
        made = wandb.Artifact(telling.artifact.name, type="dataset", metadata=telling.artifact.metadata)
        for name, url in telling.artifact.files.items():
            made.add_reference(url, name=name, checksum=False)
        run.log_artifact(made, aliases=[telling.artifact.alias])
    run.summary.update(telling.summary)
    url = run.url or ""
    run.finish()
    sys.stdout.write(msgspec.json.encode({"url": url}).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
