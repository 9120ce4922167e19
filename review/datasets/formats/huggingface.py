"""A Hugging Face dataset folder: Parquet files under `data`, and the card that `load_dataset` reads splits from.

The front matter is YAML in the form that is JSON too. A split may not be called `all`, which means every split to
`datasets`: such a part is called `train`.
"""

import re
import tarfile
from collections.abc import Iterable, Mapping
from typing import Any, Final

from review.datasets.formats.arrow import DataType, Field, Schema, pa
from review.datasets.formats.decoding import dump

TAR: Final = "application/x-tar"
BLOCK: Final = tarfile.BLOCKSIZE
END: Final = bytes(2 * BLOCK)

_SIZES: Final = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_DTYPES: Final[Mapping[str, str]] = {"double": "float64", "timestamp[us, tz=UTC]": "timestamp[us, tz=UTC]"}
_SIGNS: Final = re.compile(r"([\\`*_{}\[\]()#+!|~$])")


def split_of(part: str, parts: Iterable[str]) -> str:
    """Give the name of the split that a part becomes."""
    if part != "all":
        return part
    return "all_records" if "train" in parts else "train"


def header(name: str, size: int) -> bytes:
    """Give what stands before a file in the archive; nothing in it depends on when or where it is made."""
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.PAX_FORMAT)


def padding(size: int) -> bytes:
    """Give what stands behind a file of this size in the archive."""
    return bytes(-size % BLOCK)


def front_matter(splits: Mapping[str, tuple[str, int]], size: int, columns: Schema) -> str:
    """Give the part of the card that programs read: for each split where its files are and how many records it has."""
    records = sum(count for _, count in splits.values())
    told: dict[str, Any] = {
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": name, "path": path} for name, (path, _) in splits.items()],
            }
        ],
        "dataset_info": {
            "features": features(columns),
            "splits": [{"name": name, "num_examples": count} for name, (_, count) in splits.items()],
            "download_size": size,
        },
        "size_categories": [next((name for most, name in _SIZES if records < most), "n>1M")],
        "tags": ["countersign", "human-feedback"],
    }
    return "---\n" + "".join(f"{name}: {dump(value).decode()}\n" for name, value in told.items()) + "---\n"


def features(columns: Iterable[Field]) -> list[dict[str, Any]]:
    """Give columns as a card has them."""
    return [{"name": column.name, **_feature(column.type)} for column in columns]


def _feature(kind: DataType) -> dict[str, Any]:
    if pa.types.is_struct(kind):
        return {"struct": features(kind)}
    if pa.types.is_list(kind):
        inner = _feature(kind.value_type)
        return {"list": inner.get("dtype") or inner.get("struct") or inner}
    return {"dtype": _DTYPES.get(str(kind), str(kind))}


def table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    """Give a table of Markdown, whose cells show what is in them and do nothing else."""
    lines = [head, ("---",) * len(head), *(tuple(plain(str(cell)) for cell in row) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def plain(text: str) -> str:
    """Give text that Markdown shows as it is, on one line."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return " ".join(_SIGNS.sub(r"\\\1", escaped).encode("utf-8", "replace").decode().replace("\0", "\ufffd").split())
