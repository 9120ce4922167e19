"""Refusals about the audit log."""

from review.kernel.errors import FieldError, Invalid, NotFound, ReviewError


class NoEntries(NotFound):
    """The project's audit has no entry about the item, or none that has its place yet."""

    code = "audit_entries_not_found"


class NoCheckpoint(NotFound):
    """No tree head has been signed yet."""

    code = "checkpoint_not_found"

    def __init__(self) -> None:
        super().__init__(
            "No checkpoint of this project's audit has been signed yet. Without REVIEW_AUDIT_KEY none is; with it,"
            " a worker signs one soon after the first entry."
        )


class SizesInvalid(Invalid):
    """The tree has not had these sizes, or not in this order."""

    code = "audit_sizes_invalid"

    def __init__(self, size: int) -> None:
        super().__init__(
            f"There is no proof between these sizes. Both must be from 1 to {size}, `from` no larger than `to`.",
            errors=(FieldError("from", "or `to` is no size of this log in order"),),
        )


class LogBroken(ReviewError):
    """The stored log is not whole, so nothing can be proven from it."""

    code = "audit_log_broken"
    status = 409

    def __init__(self) -> None:
        super().__init__(
            "The stored audit is not whole, so nothing can be proven from it. `review audit verify` names the first"
            " record that is wrong."
        )


class CheckpointUnreadable(ReviewError):
    """What was given as a checkpoint is no signed tree head."""

    code = "checkpoint_unreadable"
    status = 422

    def __init__(self, text: str) -> None:
        super().__init__(f"This is no checkpoint of an audit log: {text[:200]!r}. Nothing was verified against it.")


class PublicKeyInvalid(ReviewError):
    """What was given as a public key is none."""

    code = "public_key_invalid"
    status = 422

    def __init__(self, text: str) -> None:
        super().__init__(f"{text[:100]!r} is no public key; give one as `review audit key` prints it.")


class ExportUnreadable(ReviewError):
    """A file that was to be verified is no export of an audit log."""

    code = "audit_export_unreadable"
    status = 422
