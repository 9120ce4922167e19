"""How a snapshot is read, as code to copy: each runs as it stands, beside the files or with a key; a test runs them."""

from collections.abc import Sequence
from dataclasses import dataclass
from keyword import iskeyword
from typing import Final

from review.datasets.snapshots.rules import Manifest

_TAKEN: Final = frozenset({"pd", "pl", "glob", "map", "sorted", "load_dataset", "os", "Client", "client", "snapshot"})


@dataclass(frozen=True, slots=True)
class Snippet:
    """Some lines of Python for those who use a library."""

    library: str
    code: str
    wants_files: bool = True


def of_snapshot(manifest: Manifest, base_url: str) -> list[Snippet]:
    """Write the snippets for the parts of a snapshot that have records."""
    parts = sorted({each.split for each in manifest.files}, key=list(manifest.parts).index)
    called = [(_variable(part), part, f"{manifest.dataset}-{manifest.number}-{part}-*.parquet") for part in parts]
    first = called[0][0]
    pandas = [f'{name} = pd.concat(map(pd.read_parquet, sorted(glob("{files}"))))' for name, _, files in called]
    polars = [f'{name} = pl.read_parquet("{files}")' for name, _, files in called]
    files = [f'    "{_split(part, parts)}": "{files}",' for _, part, files in called]
    client = [f'{name} = snapshot.to_pandas("{part}")' for name, part, _ in called]
    return [
        Snippet(
            "pandas", _lines("from glob import glob", "", "import pandas as pd", "", *pandas, f"{first}{_COUNT_PANDAS}")
        ),
        Snippet("Polars", _lines("import polars as pl", "", *polars, f"{first}{_COUNT_POLARS}")),
        Snippet(
            "datasets",
            _lines(
                "from datasets import load_dataset",
                "",
                'records = load_dataset("parquet", data_files={',
                *files,
                "})",
                f'records["{_split(parts[0], parts)}"].features',
            ),
        ),
        Snippet(
            "countersign-client",
            _lines(
                "import os",
                "",
                "from countersign_client import Client",
                "",
                f'with Client("{base_url}", os.environ["COUNTERSIGN_KEY"]) as client:',
                f'    snapshot = client.datasets.download("{manifest.dataset}", {manifest.number}, into="data")',
                *client,
            ),
            wants_files=False,
        ),
    ]


_COUNT_PANDAS: Final = '["label_class"].value_counts()'
_COUNT_POLARS: Final = '["label_class"].value_counts(sort=True)'


def _lines(*lines: str) -> str:
    return "\n".join(lines)


def _variable(part: str) -> str:
    """Give a name for a part's records; parts are identifiers, but some of those mean something already."""
    return f"{part}_records" if iskeyword(part) or part in _TAKEN or part == "all" else part


def _split(part: str, parts: Sequence[str]) -> str:
    """Name a split as `datasets` may, to which `all` is every one."""
    return part if part != "all" else "all_records" if "train" in parts else "train"
