"""Refusals of imports."""

from review.kernel.errors import Invalid


class ImportInvalid(Invalid):
    """The file, its mapping or its item type cannot be imported as asked; no row was."""

    code = "import_invalid"
