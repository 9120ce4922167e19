"""Datasets, their snapshots, and the files of these."""

from collections.abc import Collection
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from countersign_client.definitions import Definition, FormatOptions
from countersign_client.errors import NothingToRead, SnapshotFailed, SnapshotLate
from countersign_client.files import MANIFEST, LocalSnapshot, Part, Whole, check_manifest, is_whole, place_of
from countersign_client.manifests import (
    Checked,
    Dataset,
    DatasetPage,
    Difference,
    HoldingPage,
    Manifest,
    Preview,
    Schedule,
    Snapshot,
    SnapshotFile,
    SnapshotPage,
)
from countersign_client.protocol import Patience, Route, Steps, delivered

FIRST_LOOK = 0.5  # seconds; a small snapshot is made in less than a second
LONGEST_LOOK = 10.0
LONG_READ = 300.0  # for a format that begins once the whole snapshot was read

ONE = "/datasets/{name}"
MADE = "/datasets/{name}/snapshots/{number}"
LIST = Route(method="GET", path="/datasets", gives=DatasetPage, query=("cursor", "limit"), is_repeatable=True)
CREATE = Route(method="POST", path="/datasets", gives=Dataset, takes=("name", "description", "definition"))
GET = Route(method="GET", path=ONE, gives=Dataset, is_repeatable=True)
CHANGE = Route(method="PUT", path=ONE, gives=Dataset, takes=("description", "definition"), is_repeatable=True)
PREVIEW = Route(method="POST", path="/datasets/preview", gives=Preview, takes=("definition",), is_repeatable=True)
BEGIN = Route(method="POST", path=f"{ONE}/snapshots", gives=Snapshot, takes=("cut_off",))
SNAPSHOTS = Route(
    method="GET", path=f"{ONE}/snapshots", gives=SnapshotPage, query=("before", "limit"), is_repeatable=True
)
SNAPSHOT = Route(method="GET", path=MADE, gives=Snapshot, is_repeatable=True)
STOP = Route(method="POST", path=f"{MADE}/stop", gives=Snapshot)
RETRY = Route(method="POST", path=f"{MADE}/retry", gives=Snapshot)
READ_MANIFEST = Route(method="GET", path=f"{MADE}/manifest", gives=Manifest, is_repeatable=True)
READ_FILE = Route(method="GET", path=f"{MADE}/files/{{file}}", gives=bytes, is_repeatable=True)
OPTIONS = tuple(FormatOptions.__annotations__)
EXPORT = Route(
    method="GET", path=f"{MADE}/export", gives=bytes, query=("format", "split", *OPTIONS), is_repeatable=True
)
CHECK = Route(
    method="GET", path=f"{MADE}/export/check", gives=Checked, query=("format", "split", *OPTIONS), is_repeatable=True
)
COMPARE = Route(method="GET", path=f"{MADE}/difference", gives=Difference, query=("since",), is_repeatable=True)
SCHEDULE = Route(method="GET", path=f"{ONE}/schedule", gives=Schedule, is_repeatable=True)
SET_SCHEDULE = Route(
    method="PUT",
    path=f"{ONE}/schedule",
    gives=Schedule,
    takes=("cron", "timezone", "new_records", "paused"),
    is_repeatable=True,
)
HOLDING = Route(
    method="GET",
    path="/items/{item_id}/snapshots",
    gives=HoldingPage,
    query=("cursor", "limit"),
    is_repeatable=True,
)


def page(patience: Patience, cursor: str | None) -> Steps[DatasetPage]:
    """Read some datasets, by name."""
    return LIST.ask(patience, LIST.request(query={"cursor": cursor}))


def create(patience: Patience, name: str, definition: Definition, description: str) -> Steps[Dataset]:
    """Keep a definition under a name."""
    body = {"name": name, "definition": definition, "description": description}
    return CREATE.ask(patience, CREATE.request(body=body))


def change(patience: Patience, name: str, definition: Definition, description: str) -> Steps[Dataset]:
    """Replace the definition of a dataset."""
    body = {"definition": definition, "description": description}
    return CHANGE.ask(patience, CHANGE.request(at={"name": name}, body=body))


def get(patience: Patience, name: str) -> Steps[Dataset]:
    """Read a dataset."""
    return GET.ask(patience, GET.request(at={"name": name}))


def preview(patience: Patience, definition: Definition) -> Steps[Preview]:
    """Try a definition on the newest records."""
    return PREVIEW.ask(patience, PREVIEW.request(body={"definition": definition}))


def schedule(patience: Patience, name: str) -> Steps[Schedule]:
    """Read when snapshots of a dataset are made without anybody asking."""
    return SCHEDULE.ask(patience, SCHEDULE.request(at={"name": name}))


def set_schedule(
    patience: Patience, name: str, *, cron: str, timezone: str, new_records: int | None, paused: bool
) -> Steps[Schedule]:
    """Set when snapshots of a dataset are made without anybody asking."""
    body = {"cron": cron, "timezone": timezone, "new_records": new_records, "paused": paused}
    return SET_SCHEDULE.ask(patience, SET_SCHEDULE.request(at={"name": name}, body=body))


def begin(patience: Patience, name: str, *, cut_off: int | None) -> Steps[Snapshot]:
    """Have the next snapshot made."""
    return BEGIN.ask(patience, BEGIN.request(at={"name": name}, body={"cut_off": cut_off}))


def snapshots(patience: Patience, name: str, before: int | None) -> Steps[SnapshotPage]:
    """Read some snapshots, the last first."""
    return SNAPSHOTS.ask(patience, SNAPSHOTS.request(at={"name": name}, query={"before": before}))


def snapshot(patience: Patience, name: str, number: int) -> Steps[Snapshot]:
    """Read how far a snapshot is."""
    return SNAPSHOT.ask(patience, SNAPSHOT.request(at={"name": name, "number": number}))


def change_making(route: Route[Snapshot], patience: Patience, name: str, number: int) -> Steps[Snapshot]:
    """End the making of a snapshot, or take it up again."""
    return route.ask(patience, route.request(at={"name": name, "number": number}))


def make(patience: Patience, name: str, *, cut_off: int | None, timeout: float | None) -> Steps[Snapshot]:
    """Have the next snapshot made, and wait until it is ready."""
    begun = yield from begin(patience, name, cut_off=cut_off)
    return (yield from ready(patience, name, begun.number, timeout=timeout))


def ready(patience: Patience, name: str, number: int, *, timeout: float | None) -> Steps[Snapshot]:
    """Look again and again, ever more seldom, until a snapshot is ready."""
    deadline = None if timeout is None else patience.clock() + timeout
    delay = 0.0
    while True:
        request = SNAPSHOT.request(at={"name": name, "number": number})
        found = yield from SNAPSHOT.ask(patience, replace(request, delay=delay))
        if found.state == "ready":
            return found
        if found.state not in {"waiting", "running"}:
            raise SnapshotFailed(found)
        delay = min(LONGEST_LOOK, delay * 1.5 or FIRST_LOOK)
        if deadline is not None:
            left = deadline - patience.clock()
            if left <= 0:
                raise SnapshotLate(found)
            delay = min(delay, left)


def newest(patience: Patience, name: str) -> Steps[int]:
    """Find the newest snapshot that is ready."""
    before: int | None = None
    while True:
        found = yield from snapshots(patience, name, before)
        for each in found.data:
            if each.state == "ready":
                return each.number
        if found.next is None:
            message = f"The dataset {name} has no snapshot that is ready; have one made."
            raise NothingToRead(message)
        before = found.next


def manifest(patience: Patience, name: str, number: int | None) -> Steps[Manifest]:
    """Read the manifest of a snapshot, of the newest one where none is said."""
    chosen = (yield from newest(patience, name)) if number is None else number
    return (yield from READ_MANIFEST.ask(patience, READ_MANIFEST.request(at={"name": name, "number": chosen})))


def compare(patience: Patience, name: str, number: int, *, since: int | None) -> Steps[Difference]:
    """Tell how a snapshot differs from an earlier one."""
    request = COMPARE.request(at={"name": name, "number": number}, query={"since": since})
    return COMPARE.ask(patience, request)


def holding(patience: Patience, item_id: UUID | str, cursor: str | None) -> Steps[HoldingPage]:
    """Read some of the snapshots that an item is in, the last first."""
    return HOLDING.ask(patience, HOLDING.request(at={"item_id": item_id}, query={"cursor": cursor}))


def download(
    patience: Patience, name: str, number: int | None, *, into: Path | str | None, splits: Collection[str] | None
) -> Steps[LocalSnapshot]:
    """Bring a snapshot here, file by file, and check every digest; what is here already is not brought again."""
    chosen = (yield from newest(patience, name)) if number is None else number
    request = READ_MANIFEST.request(at={"name": name, "number": chosen})
    answer = yield from delivered(patience, request, is_repeatable=True)
    found = READ_MANIFEST.read(answer)
    check_manifest(found)
    temporary = TemporaryDirectory(prefix="countersign-") if into is None else None
    folder = Path(temporary.name if temporary else into or "") / f"{found.dataset}-{found.number}"
    folder.mkdir(parents=True, exist_ok=True)
    for file in found.files:
        path = place_of(folder, file)
        if (splits is None or file.split in splits) and not (path.exists() and is_whole(path, file)):
            yield from _bring(patience, name, chosen, folder, file)
    (folder / MANIFEST).write_bytes(answer.content)
    return LocalSnapshot(folder, found, temporary=temporary)


def export(
    patience: Patience,
    name: str,
    number: int | None,
    into: Path | str,
    *,
    format: str,
    split: str | None,
    options: FormatOptions,
) -> Steps[Path]:
    """Bring a snapshot here in a format."""
    chosen = (yield from newest(patience, name)) if number is None else number
    query = {"format": format, "split": split, **options}
    request = EXPORT.request(at={"name": name, "number": chosen}, query=query, held_for=LONG_READ)
    with closing(Whole(Path(into))) as whole:
        yield from delivered(patience, replace(request, into=whole), is_repeatable=True)
        return whole.finish()


def check_export(
    patience: Patience, name: str, number: int | None, *, format: str, split: str | None, options: FormatOptions
) -> Steps[Checked]:
    """Try a format on the first records."""
    chosen = (yield from newest(patience, name)) if number is None else number
    query = {"format": format, "split": split, **options}
    return (yield from CHECK.ask(patience, CHECK.request(at={"name": name, "number": chosen}, query=query)))


def _bring(patience: Patience, name: str, number: int, folder: Path, file: SnapshotFile) -> Steps[None]:
    request = READ_FILE.request(at={"name": name, "number": number, "file": file.name})
    with closing(Part(folder, file)) as part:
        yield from delivered(patience, replace(request, into=part), is_repeatable=True)
        part.finish()
