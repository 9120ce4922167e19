"""Refusals of imports."""

from review.kernel.errors import Invalid, NotFound, ReviewError


class ImportInvalid(Invalid):
    """The file, its mapping or its item type cannot be imported as asked; no row was."""

    code = "import_invalid"


class ImportNotFound(NotFound):
    """There is no such import here."""

    code = "import_not_found"


class ImportOver(ReviewError):
    """The import has ended, so it cannot be stopped."""

    code = "import_over"
    status = 409


class TooManyImports(ReviewError):
    """As many imports as a project may have at a time are waiting or under way."""

    code = "too_many_imports"
    status = 409


class OtherUpload(ReviewError):
    """The Idempotency-Key came before, with another file or other options."""

    code = "other_upload"
    status = 409
