"""What MLflow is told of a snapshot: a run whose input is the dataset, with name, digest, source, schema and counts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from review.datasets.registering.wandb_run import Artifact, Telling
from review.datasets.snapshots.rules import Column, Manifest, Tombstone
from review.kernel.settings import Settings

MLFLOW: Final = "mlflow"
WANDB: Final = "wandb"
DIGEST: Final = 36  # MLflow keeps no more of a digest; the whole one is a tag
SNAPSHOT_ID: Final = "countersign.snapshot_id"
MOST_OF_A_TAG: Final = 5_000
MOST_CLASSES: Final = 1_000
TYPES: Final[Mapping[str, str]] = {
    "string": "string",
    "large_string": "string",
    "bool": "boolean",
    "int64": "long",
    "int32": "integer",
    "double": "double",
    "float": "float",
}


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a run says: tags, params and metrics by name, and the dataset that went in."""

    name: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, int]
    dataset: Mapping[str, str]
    at: datetime


def told_of(manifest: Manifest, snapshot_id: UUID, source: str, page: str, at: datetime) -> Told:
    """Put together what is told of a snapshot that is ready; the same each time it is told."""
    metrics = {"records": manifest.records, "looked_at": manifest.looked_at}
    metrics |= {f"records.{part}": count for part, count in manifest.parts.items()}
    return Told(
        name=f"{manifest.dataset} {manifest.number}",
        tags={
            SNAPSHOT_ID: str(snapshot_id),
            "countersign.project": manifest.project,
            "countersign.dataset": manifest.dataset,
            "countersign.snapshot": str(manifest.number),
            "countersign.state": "ready",
            "countersign.sha256": manifest.sha256,
            "countersign.url": page,
            "countersign.models": ", ".join(sorted(manifest.models))[:MOST_OF_A_TAG],
            "countersign.rulesets": ", ".join(sorted(manifest.rulesets))[:MOST_OF_A_TAG],
        },
        params={
            "dataset": manifest.dataset,
            "snapshot": str(manifest.number),
            "cut_off": str(manifest.cut_off),
            "code_version": manifest.code_version,
            "definition": msgspec.json.encode(manifest.definition).decode()[:MOST_OF_A_TAG],
        },
        metrics=metrics,
        dataset={
            "name": f"{manifest.project}/{manifest.dataset}",
            "digest": manifest.sha256[:DIGEST],
            "source_type": source.partition(":")[0].replace("file", "local"),
            "source": msgspec.json.encode({"uri": source}).decode(),
            "schema": msgspec.json.encode({"mlflow_colspec": _columns(manifest.columns)}).decode(),
            "profile": msgspec.json.encode(_profile(manifest)).decode(),
        },
        at=at,
    )


def withdrawn(tombstone: Tombstone) -> dict[str, str]:
    """Give the tags by which a run says that its snapshot is no more."""
    return {
        "countersign.state": "withdrawn",
        "countersign.withdrawn_at": tombstone.withdrawn_at.isoformat(),
        "countersign.items_erased": str(tombstone.items_erased),
    }


def _profile(manifest: Manifest) -> dict[str, Any]:
    most = sorted(manifest.classes.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_CLASSES]
    return {
        "num_rows": manifest.records,
        "parts": manifest.parts,
        "classes": dict(most),
        "verdicts": manifest.verdicts,
        "models": dict(sorted(manifest.models.items())[:MOST_CLASSES]),
        "left_out": manifest.left_out,
    }


def _columns(columns: Sequence[Column]) -> list[dict[str, Any]]:
    return [{"name": each.name, "required": False, **_type_of(each.type)} for each in columns]


def _type_of(arrow: str) -> dict[str, Any]:
    """Give MLflow's word for an Arrow type; of what is nested, only that it is."""
    if arrow in TYPES:
        return {"type": TYPES[arrow]}
    if arrow.startswith("timestamp"):
        return {"type": "datetime"}
    if arrow.startswith("list<") and arrow.endswith(": string>"):
        return {"type": "array", "items": {"type": "string"}}
    return {"type": "any"}


def places_of(settings: Settings) -> list[str]:
    """List the trackers that are told of snapshots."""
    asked = {MLFLOW: settings.mlflow_url, WANDB: settings.wandb_project}
    return [place for place, told in asked.items() if told]


def telling_of(told: Told, manifest: Manifest, files_at: str, project: str) -> Telling:
    """Give what Weights & Biases is told of a snapshot that is ready."""
    artifact = Artifact(
        name=f"{manifest.project}-{manifest.dataset}",
        alias=f"snapshot-{manifest.number}",
        metadata={
            "sha256": manifest.sha256,
            "source": msgspec.json.decode(told.dataset["source"])["uri"],
            "files": {
                each.name: {"sha256": each.sha256, "rows": each.rows, "split": each.split} for each in manifest.files
            },
            **_profile(manifest),
        },
        files={each.name: f"{files_at}/{each.name}" for each in manifest.files},
    )
    return _telling(project, told.tags[SNAPSHOT_ID], told.name, {**told.tags, **told.metrics}, artifact)


def telling_withdrawn(tombstone: Tombstone, snapshot_id: UUID, project: str) -> Telling:
    """Give what Weights & Biases is told of a snapshot that is no more."""
    name = f"{tombstone.dataset} {tombstone.number}"
    return _telling(project, str(snapshot_id), name, withdrawn(tombstone), None)


def _telling(
    project: str, snapshot_id: str, name: str, summary: Mapping[str, Any], artifact: Artifact | None
) -> Telling:
    entity, _, of = project.rpartition("/")
    return Telling(
        project=of,
        entity=entity or None,
        run_id=snapshot_id,
        name=name,
        summary=dict(summary),
        artifact=artifact,
    )
