"""Where templates, migrations and static files lie: beside the package in a checkout, inside it once installed."""

from pathlib import Path

import review

PACKAGE = Path(review.__file__).parent
INSTALLED = PACKAGE / "_resources"


def templates_dir() -> Path:
    """Give the directory of the HTML templates."""
    return _resource("templates")


def migrations_dir() -> Path:
    """Give the directory that Alembic reads: env.py and versions/."""
    return _resource("migrations")


def static_dir() -> Path:
    """Give the directory of the files that the web process serves as they are."""
    return PACKAGE / "web" / "static"


def words_dir() -> Path:
    """Give the directory of the catalogues, one below it for each language."""
    return PACKAGE / "web" / "words"


def _resource(name: str) -> Path:
    installed = INSTALLED / name
    return installed if installed.is_dir() else PACKAGE.parent / name
