"""Refusals of exports."""

from review.kernel.errors import FieldError, Invalid


class ExportFormatUnknown(Invalid):
    """The format asked for is not one that exports are written in."""

    code = "export_format_unknown"

    def __init__(self, asked: str) -> None:
        super().__init__(
            f"There is no export format {asked!r}; nothing was read. Ask for parquet, jsonl or csv.",
            errors=(FieldError("format", "is not one of parquet, jsonl, csv"),),
        )
