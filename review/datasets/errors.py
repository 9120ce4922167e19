"""Refusals of exports."""

from review.kernel.errors import FieldError, Invalid, ReviewError


class ExportFormatUnknown(Invalid):
    """The format asked for is not one that exports are written in."""

    code = "export_format_unknown"

    def __init__(self, asked: str) -> None:
        super().__init__(
            f"There is no export format {asked!r}; nothing was read. Ask for parquet, jsonl or csv.",
            errors=(FieldError("format", "is not one of parquet, jsonl, csv"),),
        )


class RecordsUntypable(ReviewError):
    """A stored record is not JSON that every reader understands alike, which intake does not let happen."""

    code = "records_untypable"
    status = 409

    def __init__(self) -> None:
        super().__init__(
            "A stored record cannot be given column types; nothing was exported and nothing is lost."
            " Export to jsonl, which writes every record as it is stored."
        )
