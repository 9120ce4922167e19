"""Verifying a live database or an export file: reading for the verifier, a chunk at a time."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import msgspec

from review.audit import log_queries, reading
from review.audit.errors import ExportUnreadable
from review.audit.notes import Checkpoint, is_signed, origin_of, read_key, read_notes
from review.audit.reading import Watch
from review.audit.tree import Subtree
from review.audit.verifying import LINE_START, Fault, Kept, Verifier
from review.kernel.db import Database, Hot

CHUNK = 4_000  # lines: about 3 MB


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What verifying found; `is_signed` says whether checkpoints were held against a key that was given."""

    project: str
    records: int
    erased: int
    checkpoints: int
    waiting: int = 0
    is_signed: bool
    fault: Fault | None


class _Heading(msgspec.Struct, frozen=True):
    format: str
    project: str
    project_id: UUID
    size: int
    public_key: str | None


async def verify_database(
    db: Database, project: str, project_id: UUID, *, outside: Iterable[Path], keys: Sequence[bytes], watch: Watch
) -> Report:
    """Verify a project's log as the database holds it, with its own checkpoints and those kept outside."""
    origin = origin_of(project, project_id)
    # Read before the log is: a checkpoint kept outside never knows more than the database.
    kept = await asyncio.to_thread(_read_outside, list(outside), project, origin, keys)
    verifier = Verifier(project_id)
    verifier.expect(kept)
    hot = db.hot
    size = max(await log_queries.get_end(hot, project_id), stated := await log_queries.get_size(hot, project_id))
    verifier.announce(await log_queries.list_waiting_erasures(hot, project_id))
    while verifier.fault is None and verifier.size < size:
        start = verifier.size
        end = min(start + CHUNK, size)
        stored = await reading.list_checkpoints(hot, project_id, start, end)
        found = [each for _, note in stored for each in _found(note, "stored", origin, keys)]
        verifier.expect(found)
        lines = await reading.list_lines(hot, project_id, start, end)
        complete = verifier.take(lines)
        await _compare_nodes(hot, project_id, verifier, complete)
        watch(verifier.size, size)
        if len(lines) < end - start:
            break
    beyond = await reading.list_checkpoints(hot, project_id, size, _LARGEST)
    verifier.expect([each for _, note in beyond[-1:] for each in _found(note, "stored", origin, keys)])
    verifier.finish(stated)
    return _report(project, verifier, keys, waiting=await log_queries.count_waiting(hot, project_id))


def verify_export(path: Path, *, outside: Iterable[Path], keys: Sequence[bytes], watch: Watch) -> Report:
    """Verify an exported log without a database; without a key, by the one that the export names.

    Raises:
        ExportUnreadable: the file is no export of an audit log.
    """
    total = path.stat().st_size
    with path.open("rb") as file:
        heading = _heading(file)
        origin = origin_of(heading.project, heading.project_id)
        trusted = list(keys) or ([read_key(heading.public_key)] if heading.public_key else [])
        verifier = Verifier(heading.project_id)
        paths = list(outside)
        kept = _read_outside(paths, heading.project, origin, trusted)
        if paths and not kept:
            why = f"of {origin}, whose log this says it is, no checkpoint was kept where they were looked for"
            verifier.fault = Fault(position=0, why=why)
        verifier.expect(kept)
        is_ended = False
        while verifier.fault is None and (lines := list(islice(file, CHUNK))):
            is_ended = _take(verifier, lines, origin, trusted) or is_ended
            watch(file.tell(), total)
    verifier.finish(heading.size)
    if verifier.fault is None and not is_ended:
        verifier.fault = Fault(position=verifier.size, why="the file ends here, and its last line is missing")
    return _report(heading.project, verifier, keys)


def list_lost(outside: Iterable[Path], projects: Collection[str], keys: Sequence[bytes]) -> list[Report]:
    """Report the logs that checkpoints kept outside are of, and whose projects are not among all that there are.

    Checkpoints that another installation's key signed are passed over.
    """
    last: dict[str, Checkpoint] = {}
    for _, each in read_outside(outside):
        mark, _, rest = each.origin.partition("/")
        project = rest.rpartition("/")[0]
        if mark == "countersign" and project not in projects and (not keys or is_signed(each, keys)):
            last[project] = max(last.get(project, each), each, key=lambda kept: kept.size)
    return [
        Report(
            project=project,
            records=0,
            erased=0,
            checkpoints=0,
            is_signed=bool(keys),
            fault=Fault(
                position=0, why=f"no such log is here, though it had {kept.size} records when they were signed"
            ),
        )
        for project, kept in sorted(last.items())
    ]


def read_outside(paths: Iterable[Path]) -> list[tuple[Path, Checkpoint]]:
    """Read the checkpoints that were kept outside the database: of files, and of all files in directories.

    Raises:
        CheckpointUnreadable: a note is no tree head.
    """
    files = [file for path in paths for file in (sorted(path.glob("*.checkpoints")) if path.is_dir() else [path])]
    return [(file, each) for file in files for each in read_notes(file.read_text())]


_LARGEST = 2**63 - 1


def _read_outside(paths: Sequence[Path], project: str, origin: str, keys: Sequence[bytes]) -> list[Kept]:
    """Take the project's checkpoints; those of another log by its name are faults, for it was made anew."""
    named = f"countersign/{project}/"
    return [
        Kept.of(each, str(file), origin, keys) for file, each in read_outside(paths) if each.origin.startswith(named)
    ]


def _found(note: str, place: str, origin: str, keys: Sequence[bytes]) -> list[Kept]:
    return [Kept.of(each, place, origin, keys) for each in read_notes(note)]


def _take(verifier: Verifier, lines: Sequence[bytes], origin: str, keys: Sequence[bytes]) -> bool:
    """Give lines of an export to the verifier; tells whether the last of them has come."""
    entries: list[bytes | None] = []
    is_ended = False
    for line in lines:
        if line.startswith(LINE_START):
            entries.append(line)
        else:
            said = _other(line, verifier.size + len(entries))
            if "checkpoint" in said:
                verifier.expect(_found(str(said["checkpoint"]), "in the export", origin, keys))
            is_ended = is_ended or "end" in said
    verifier.take(entries)
    return is_ended


def _other(line: bytes, position: int) -> dict[str, Any]:
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        message = f"The line at position {position} is no line of an audit export: {line[:80]!r}."
        raise ExportUnreadable(message) from fault


def _heading(file: BinaryIO) -> _Heading:
    try:
        heading = msgspec.json.decode(file.readline(), type=dict[str, _Heading])["log"]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, KeyError) as fault:
        message = "The file does not begin as an audit export does. `review audit export` writes one."
        raise ExportUnreadable(message) from fault
    if heading.format != reading.FORMAT:
        message = f"The file is an audit export of format {heading.format!r}, which this version does not read."
        raise ExportUnreadable(message)
    return heading


async def _compare_nodes(
    hot: Hot, project_id: UUID, verifier: Verifier, complete: Sequence[tuple[Subtree, bytes]]
) -> None:
    """Hold the kept hashes against those found, for proofs are made of them."""
    found = await log_queries.get_hashes(hot, project_id, [each for each, _ in complete])
    for subtree, digest in complete:
        if verifier.fault is None and found.get(subtree) != digest:
            first = subtree.place << subtree.height
            last = first + (1 << subtree.height) - 1
            why = f"this record or one up to position {last} was rewritten: the hash kept over them is another"
            verifier.fault = Fault(position=first, why=why)


def _report(project: str, verifier: Verifier, keys: Sequence[bytes], *, waiting: int = 0) -> Report:
    return Report(
        project=project,
        records=verifier.size,
        erased=len(verifier.erased),
        checkpoints=verifier.compared,
        waiting=waiting,
        is_signed=bool(keys),
        fault=verifier.fault,
    )
