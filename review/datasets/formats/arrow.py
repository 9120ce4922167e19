"""pyarrow, which ships no types, under names that the type checkers take as they are."""

from importlib import import_module
from typing import Any, TypeAlias

pa: Any = import_module("pyarrow")
compute: Any = import_module("pyarrow.compute")
json: Any = import_module("pyarrow.json")
parquet: Any = import_module("pyarrow.parquet")

ArrowInvalid: type[Exception] = pa.ArrowInvalid

Table: TypeAlias = Any
Schema: TypeAlias = Any
Field: TypeAlias = Any
Array: TypeAlias = Any
DataType: TypeAlias = Any
