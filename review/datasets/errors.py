"""Refusals of exports, datasets and snapshots."""

from review.kernel.errors import FieldError, Invalid, ReviewError
from review.kernel.sentences import say


class ExportFormatUnknown(Invalid):
    """The format asked for is not one that exports are written in."""

    code = "export_format_unknown"

    def __init__(self, asked: str) -> None:
        super().__init__(
            say(
                "There is no export format %(asked)s; nothing was read. Ask for parquet, jsonl or csv.",
                asked=repr(asked),
            ),
            errors=(FieldError("format", say("is not one of parquet, jsonl, csv")),),
        )


class RecordsUntypable(ReviewError):
    """A stored record is not JSON that every reader understands alike, which intake does not let happen."""

    code = "records_untypable"
    status = 409

    def __init__(self) -> None:
        message = say(
            "A stored record cannot be given column types; nothing was exported and nothing is lost."
            " Export to jsonl, which writes every record as it is stored."
        )
        super().__init__(message)


class RenderingInvalid(Invalid):
    """A snapshot cannot be given in this form: the format, the part or an option of the format is none."""

    code = "rendering_invalid"


class DatasetInvalid(Invalid):
    """What was asked cannot be a dataset; the places are named."""

    code = "dataset_invalid"


class DatasetNotFound(ReviewError):
    """There is no dataset of this name."""

    code = "dataset_not_found"
    status = 404


class DatasetExists(ReviewError):
    """There is a dataset of this name already."""

    code = "dataset_exists"
    status = 409


class PersonalWithheld(ReviewError):
    """What was asked for holds, or would keep, personal fields that the caller does not see."""

    code = "personal_withheld"
    status = 403


class ScheduleInvalid(Invalid):
    """Snapshots cannot be scheduled as asked; the places are named."""

    code = "schedule_invalid"


class ScheduleNotFound(ReviewError):
    """No snapshots of the dataset are scheduled."""

    code = "schedule_not_found"
    status = 404


class SnapshotNotFound(ReviewError):
    """There is no snapshot of this number, or it has no such file."""

    code = "snapshot_not_found"
    status = 404


class SnapshotNotReady(ReviewError):
    """The snapshot has no manifest: it is being made, was stopped, or failed."""

    code = "snapshot_not_ready"
    status = 409


class SnapshotOver(ReviewError):
    """The snapshot is not in a state in which this can be done."""

    code = "snapshot_over"
    status = 409


class TooManySnapshots(ReviewError):
    """As many snapshots as may be are being made."""

    code = "too_many_snapshots"
    status = 409


class StoreUnset(ReviewError):
    """Nobody has said where files of snapshots are kept."""

    code = "snapshot_store_unset"
    status = 409


class StoreRefused(ReviewError):
    """The place where files of snapshots are kept refused, or could not be reached."""

    code = "snapshot_store_refused"
    status = 503


class NothingTaken(ReviewError):
    """The definition takes no record at all."""

    code = "dataset_empty"
    status = 409
