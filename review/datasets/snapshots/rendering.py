"""Giving a snapshot in the format that a trainer reads: from its files, as a stream, the same bytes each time.

A file is brought to the disk and read a slice at a time, so memory does not grow with the records. What a record
lacks for a format leaves it out; `check` tells how many, and why.
"""

import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action, Actor
from review.datasets.errors import RenderingInvalid
from review.datasets.formats import decoding
from review.datasets.formats.arrow import Schema
from review.datasets.formats.huggingface import TAR
from review.datasets.formats.registry import FORMATS, READS
from review.datasets.formats.rendering import Lacks, Options, Rendering, Wanted
from review.datasets.pipeline import in_thread
from review.datasets.selections import queries as selections
from review.datasets.snapshots import folders
from review.datasets.snapshots.fetching import fetch
from review.datasets.snapshots.rules import FileOf, Manifest
from review.datasets.snapshots.schemas import Checked
from review.datasets.snapshots.service import get_manifest
from review.datasets.snapshots.store import Store
from review.kernel.db import Hot
from review.kernel.errors import FieldError
from review.kernel.sentences import say

FOLDER: Final = "huggingface"
NAMES: Final = tuple(READS)
LOOKED_AT: Final = 10_000
SAMPLES: Final = 3
SAMPLE_BYTES: Final = 4_000


@dataclass(frozen=True, slots=True)
class Exported:
    """What leaves: the bytes piece by piece, what they are, and what is not in them, by reason.

    `left_out` are the records that the snapshot does not have, `lacking` those of it that the format does not take,
    None where there are too many to try beforehand.
    """

    pieces: AsyncGenerator[bytes]
    media_type: str
    name: str
    left_out: Mapping[str, int]
    lacking: Mapping[str, int] | None


@dataclass(slots=True)
class _Tally:
    """What has been given so far, and what was left out for which reason."""

    given: int = 0
    left_out: Counter[str] = field(default_factory=Counter[str])


async def export(
    hot: Hot, store: Store, *, project_id: UUID, dataset: str, number: int, name: str, split: str, options: Options
) -> Exported:
    """Give a snapshot, or one part of it, in a format.

    Raises:
        RenderingInvalid: there is no such format or part, or an option cannot be (422); SnapshotNotFound (404);
        SnapshotNotReady (409); StoreRefused (503).
    """
    source = await _source(hot, store, project_id, dataset, number, split)
    stem = f"{dataset}-{number}" + (f"-{split}" if split else "")
    if name == FOLDER:
        return Exported(await _folder(source), TAR, f"{stem}-{name}.tar", source.manifest.left_out, {})
    folder = tempfile.TemporaryDirectory(prefix="countersign-export-")
    try:
        rendering = await _made(hot, source, Path(folder.name), name, options)
        lacking = None
        if sum(file.rows for file in source.files) <= LOOKED_AT:
            lacking = dict((await _tried(source, Path(folder.name), rendering, [])).left_out)
    except BaseException:
        folder.cleanup()
        raise
    pieces, name = _stream(source, folder, rendering), f"{stem}-{name}.{rendering.suffix}"
    return Exported(pieces, rendering.media_type, name, source.manifest.left_out, lacking)


async def check(
    hot: Hot, store: Store, *, project_id: UUID, dataset: str, number: int, name: str, split: str, options: Options
) -> Checked:
    """Try a format on the first 10,000 records: how many it takes, what it leaves out and why, with samples.

    Raises:
        As `export`.
    """
    source = await _source(hot, store, project_id, dataset, number, split)
    rows = sum(file.rows for file in source.files)
    if name == FOLDER:
        return Checked(format=name, looked_at=rows, of=rows, given=rows, left_out={}, samples=[])
    samples = list[str]()
    with tempfile.TemporaryDirectory(prefix="countersign-export-") as folder:
        rendering = await _made(hot, source, Path(folder), name, options)
        tally = await _tried(source, Path(folder), rendering, samples)
    return Checked(
        format=name,
        looked_at=_seen(tally),
        of=rows,
        given=tally.given,
        left_out=dict(sorted(tally.left_out.items())),
        samples=samples,
    )


async def _tried(source: "_Source", folder: Path, rendering: Rendering, samples: list[str]) -> "_Tally":
    """Try a format on the first 10,000 records."""
    tally = _Tally()
    for file in source.files:
        path = await source.fetch(file, folder)
        await in_thread(_look, path, rendering, tally, samples)
        if _seen(tally) >= LOOKED_AT:
            break
    return tally


async def note_export(
    tx: AsyncSession, *, project_id: UUID, actor: Actor, dataset: str, number: int, name: str, split: str
) -> None:
    """Record that somebody takes a snapshot with them in a format; it is done before the first byte leaves."""
    details = {"dataset": dataset, "number": number, "format": name, "split": split or None}
    audit.record(tx, project_id, actor, Action.SNAPSHOT_READ, details=details)
    await tx.flush()


@dataclass(frozen=True, slots=True)
class _Source:
    """The files that are read, and where they are kept."""

    store: Store
    project_id: UUID
    manifest: Manifest
    files: Sequence[FileOf]

    async def fetch(self, file: FileOf, folder: Path) -> Path:
        found = folder / file.name
        if found.exists():
            return found
        return await fetch(self.store, self.project_id, self.manifest, file, folder)

    async def columns(self, folder: Path) -> Schema:
        """Read the columns, which all files have alike."""
        return await in_thread(decoding.schema_of, await self.fetch((self.files or self.manifest.files)[0], folder))


async def _source(hot: Hot, store: Store, project_id: UUID, dataset: str, number: int, split: str) -> _Source:
    manifest = await get_manifest(hot, project_id=project_id, dataset=dataset, number=number)
    if split and split not in manifest.parts:
        parts = ", ".join(manifest.parts)
        message = say(
            "The snapshot has no part %(split)s; nothing was read. Mend what is named below.", split=repr(split)
        )
        raise RenderingInvalid(message, errors=(FieldError("split", say("is not one of %(parts)s", parts=parts)),))
    files = [each for each in manifest.files if split in ("", each.split)]
    return _Source(store, project_id, manifest, files)


async def _made(hot: Hot, source: _Source, folder: Path, name: str, options: Options) -> Rendering:
    """Make a format ready for the columns of the files, with the places that the definition of the dataset says."""
    make = FORMATS.get(name)
    if make is None:
        message = say("There is no format %(name)s; nothing was read. Mend what is named below.", name=repr(name))
        fault = say("is not one of %(formats)s", formats=", ".join(NAMES))
        raise RenderingInvalid(message, errors=(FieldError("format", fault),))
    columns = await source.columns(folder)
    versions = [(each.type, each.version) for each in source.manifest.guidelines]
    outputs = await selections.outputs_of(hot, source.project_id, versions)
    return make(Wanted(_completed(options, source.manifest), columns, outputs))


async def _folder(source: _Source) -> AsyncGenerator[bytes]:
    with tempfile.TemporaryDirectory(prefix="countersign-export-") as folder:
        columns = await source.columns(Path(folder))
    return folders.folder(source.store, source.project_id, source.manifest, source.files, columns)


def _completed(options: Options, manifest: Manifest) -> Options:
    sampling = manifest.definition.sampling
    text_at, label_at = options.text_at or sampling.text_at, options.label_at or sampling.label_at
    return replace(
        options,
        text_at=text_at,
        label_at=label_at,
        prompt_at=options.prompt_at or text_at,
        answer_at=options.answer_at or label_at,
    )


async def _stream(
    source: _Source, folder: "tempfile.TemporaryDirectory[str]", rendering: Rendering
) -> AsyncGenerator[bytes]:
    tally = _Tally()
    try:
        for file in source.files:
            path = await source.fetch(file, Path(folder.name))
            slices = _rendered(path, rendering, tally)
            while (piece := await in_thread(next, slices, None)) is not None:
                if piece:
                    yield piece
            path.unlink()
        if not tally.given:
            yield rendering.begin
        yield rendering.end
    finally:
        await in_thread(folder.cleanup)


def _rendered(path: Path, rendering: Rendering, tally: _Tally) -> Iterator[bytes]:
    """Give the bytes of a file's records, a slice at a time; what comes first has the beginning before it."""
    for records in decoding.read(path, with_nulls=rendering.with_nulls):
        pieces: list[bytes] = []
        for record in records:
            try:
                told = rendering.render(record)
            except Lacks as fault:
                tally.left_out[fault.reason] += 1
                continue
            pieces += (rendering.between if tally.given else rendering.begin, told)
            tally.given += 1
        yield b"".join(pieces)


def _look(path: Path, rendering: Rendering, tally: _Tally, samples: list[str]) -> None:
    for records in decoding.read(path, with_nulls=rendering.with_nulls):
        for record in records:
            if _seen(tally) >= LOOKED_AT:
                return
            try:
                told = rendering.render(record)
            except Lacks as fault:
                tally.left_out[fault.reason] += 1
                continue
            tally.given += 1
            if len(samples) < SAMPLES:
                samples.append(told[:SAMPLE_BYTES].decode(errors="replace").rstrip("\r\n"))


def _seen(tally: _Tally) -> int:
    return tally.given + tally.left_out.total()
