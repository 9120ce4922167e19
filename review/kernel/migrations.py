"""Which revisions of the schema this program knows, and whether a database is behind them."""

from functools import cache

from alembic.config import Config
from alembic.script import ScriptDirectory

from review.kernel.resources import migrations_dir


class Migrations:
    """The revisions that came with this program."""

    def __init__(self, known: frozenset[str], head: str | None) -> None:
        self._known = known
        self._head = head

    @classmethod
    def load(cls) -> "Migrations":
        """Read the revisions from the migrations directory."""
        return _load()

    def is_behind(self, revision: str | None) -> bool:
        """Tell whether a database at this revision lacks something; one that is ahead of us does not."""
        return revision is None or (revision in self._known and revision != self._head)

    def is_ahead(self, revision: str | None) -> bool:
        """Tell whether a database was migrated by a later release than this one."""
        return revision is not None and revision not in self._known


@cache
def _load() -> Migrations:
    config = Config()
    config.set_main_option("script_location", str(migrations_dir()).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    return Migrations(frozenset(each.revision for each in scripts.walk_revisions()), scripts.get_current_head())
