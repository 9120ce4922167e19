"""Refusals about configuration, each with its line."""

from review.kernel.errors import FieldError, Invalid, NotFound, ReviewError
from review.kernel.sentences import say


class ConfigError(FieldError, frozen=True):
    """One fault: the path in the document, what is wrong, and where; lines and columns count from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        """Give the form that editors turn into a link, without the file's name."""
        place = f"{self.line}:{self.column}"
        return f"{place}: {self.path}: {self.message}" if self.path else f"{place}: {self.message}"


class ConfigurationInvalid(Invalid):
    """The document cannot be applied; the version that was active stays active."""

    code = "configuration_invalid"

    def __init__(self, faults: list[ConfigError]) -> None:
        self.faults = faults
        message = say(
            "The configuration has %(faults)s fault(s); nothing was changed. Mend what is named below.",
            faults=len(faults),
        )
        errors = tuple(
            FieldError(
                fault.path,
                say(
                    "line %(line)s column %(column)s: %(fault)s",
                    line=fault.line,
                    column=fault.column,
                    fault=fault.sentence,
                ),
            )
            for fault in faults
        )
        super().__init__(message, errors=errors)


class ConfigVersionNotFound(NotFound):
    """The project has no configuration version of that number."""

    code = "config_version_not_found"


class PoolHasOpenWork(ReviewError):
    """A pool that the new configuration leaves out still has open work."""

    code = "pool_has_open_work"
    status = 409


class RoleInUse(ReviewError):
    """A role cannot be left out of the configuration while people or keys have it."""

    code = "role_in_use"
    status = 409


class ApprovalRequired(ReviewError):
    """The project has changes of its rules approved by somebody else before they act."""

    code = "approval_required"
    status = 409


class RolloutInvalid(Invalid):
    """A rollout cannot go as it was asked for."""

    code = "rollout_invalid"


class RolloutNotFound(NotFound):
    """The project has no such rollout."""

    code = "rollout_not_found"


class RolloutOver(ReviewError):
    """The rollout has ended."""

    code = "rollout_over"
    status = 409


class RolloutRefused(ReviewError):
    """The version cannot be rolled out, or not in this way."""

    code = "rollout_refused"
    status = 409


class RolloutRunning(ReviewError):
    """The project has a rollout that runs."""

    code = "rollout_running"
    status = 409


class NotACandidate(ReviewError):
    """The version is active, or was, or was withdrawn."""

    code = "not_a_candidate"
    status = 409


class ListInvalid(Invalid):
    """A list that was sent is too large, empty, or has a line that is no entry."""

    code = "list_invalid"


class ListNotStored(ReviewError):
    """A list that a version names is not stored."""

    code = "list_not_stored"
    status = 409
