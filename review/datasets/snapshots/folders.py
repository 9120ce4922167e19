"""A snapshot as a Hugging Face dataset folder in one archive, streamed from where its files are kept."""

import hashlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from uuid import UUID

import msgspec

from review.datasets.errors import StoreRefused
from review.datasets.formats import huggingface
from review.datasets.formats.arrow import Schema
from review.datasets.formats.huggingface import plain, table
from review.datasets.snapshots.rules import FileOf, Manifest
from review.datasets.snapshots.service import MANIFEST, path_of
from review.datasets.snapshots.store import Store
from review.kernel.sentences import say


async def folder(
    store: Store, project_id: UUID, manifest: Manifest, files: Sequence[FileOf], columns: Schema
) -> AsyncGenerator[bytes]:
    """Give the archive, piece by piece: the card, the manifest, and the files.

    Raises:
        SnapshotNotFound: a file is gone (404); StoreRefused: the store refuses, or gives other bytes than the manifest
        says (503).
    """
    root = f"{manifest.dataset}-{manifest.number}"
    texts = {"README.md": card(manifest, files, columns), MANIFEST: msgspec.json.format(msgspec.json.encode(manifest))}
    for name, text in texts.items():
        yield huggingface.header(f"{root}/{name}", len(text)) + text + huggingface.padding(len(text))
    for each in files:
        yield huggingface.header(f"{root}/data/{each.name}", each.bytes)
        digest, size = hashlib.sha256(), 0
        async with aclosing(store.read(path_of(project_id, manifest.dataset, manifest.number, each.name))) as pieces:
            async for piece in pieces:
                digest.update(piece)
                size += len(piece)
                yield piece
        if (digest.hexdigest(), size) != (each.sha256, each.bytes):
            message = say(
                "The file %(name)s is not the one that was written: its SHA-256 is another. Nothing else is lost.",
                name=each.name,
            )
            raise StoreRefused(message)
        yield huggingface.padding(size)
    yield huggingface.END


def card(manifest: Manifest, files: Sequence[FileOf], columns: Schema) -> bytes:
    """Write the card: what programs read, then where the records come from."""
    counts: dict[str, int] = {}
    for each in files:
        counts[each.split] = counts.get(each.split, 0) + each.rows
    splits = {
        huggingface.split_of(part, manifest.parts): (f"data/{part}-*.parquet", count)
        for part, count in sorted(counts.items())
    }
    definition = msgspec.json.format(msgspec.json.encode(manifest.definition), indent=2).decode()
    fence = "`" * (3 + definition.count("`"))
    made = (
        f"Made by Countersign {plain(manifest.code_version)} from feedback of the project {plain(manifest.project)}: "
        f"{manifest.records:,} of {manifest.looked_at:,} records, up to position {manifest.cut_off} of the feed. The "
        "same selection up to there gives the same files. `manifest.json` has all of this for programs.\n"
    )
    told = [
        huggingface.front_matter(splits, sum(each.bytes for each in files), columns),
        f"# {plain(manifest.dataset)}, snapshot {manifest.number}\n",
        made,
        table(("Digest over all files (SHA-256)",), [(manifest.sha256,)]),
        "## Splits\n",
        table(("Split", "Records"), [(name, count) for name, (_, count) in splits.items()]),
        "## Classes\n",
        table(("Class", "Records"), sorted(manifest.classes.items(), key=lambda pair: (-pair[1], pair[0]))[:100]),
        "## Models\n",
        table(("Model", "Records"), sorted(manifest.models.items())),
        "## Columns\n",
        table(("Column", "Type", "Meaning"), [(each.name, each.type, each.meaning) for each in manifest.columns]),
        "## Left out\n",
        table(("Reason", "Records"), sorted(manifest.left_out.items())),
        "## Guidelines\n",
        table(
            ("Item type", "Version", "Records", "SHA-256 of the text"),
            [(each.type, each.version, each.records, each.sha256) for each in manifest.guidelines],
        ),
        "## Selection\n",
        f"{fence}json\n{definition}\n{fence}\n",
    ]
    return "\n".join(told).encode("utf-8", "replace")
