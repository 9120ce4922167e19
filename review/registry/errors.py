"""Refusals about model versions."""

from review.kernel.errors import Invalid, NotFound, ReviewError


class ModelVersionNotFound(NotFound):
    """The project has no model version of that id or name."""

    code = "model_version_not_found"


class ModelVersionInvalid(Invalid):
    """What was said of a model version cannot be used."""

    code = "model_version_invalid"


class AlreadyCleared(ReviewError):
    """The version is cleared, so there is nothing to clear."""

    code = "already_cleared"
    status = 409


class NotCleared(ReviewError):
    """The version is not cleared, so there is nothing to take back."""

    code = "not_cleared"
    status = 409


class TooManyVersions(ReviewError):
    """The register is full."""

    code = "too_many_model_versions"
    status = 409
