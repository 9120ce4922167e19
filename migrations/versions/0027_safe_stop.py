"""Stops of projects, models and rules, of rejections too, and stops that end by themselves.

Revision ID: 0027
Revises: 0026
"""

from alembic import op

revision = "0027"
down_revision = "0026"

# The check is only widened, so what is there fits it.
UP = """
ALTER TABLE stops
  ADD COLUMN way text NOT NULL DEFAULT 'approvals'
    CONSTRAINT stops_way_check CHECK (way IN ('approvals', 'everything')),
  ADD COLUMN expires_at timestamptz,
  DROP CONSTRAINT stops_kind_check,
  ADD CONSTRAINT stops_kind_check CHECK (kind IN ('project', 'source', 'item_type', 'model', 'rule'))
"""

# A stop that the narrower version has no word for is told to nobody any more.
DOWN = """
DELETE FROM stops WHERE kind NOT IN ('source', 'item_type');
UPDATE stops SET resumed_at = expires_at WHERE resumed_at IS NULL AND expires_at <= now();
ALTER TABLE stops DROP COLUMN way, DROP COLUMN expires_at, DROP CONSTRAINT stops_kind_check,
  ADD CONSTRAINT stops_kind_check CHECK (kind IN ('source', 'item_type'))
"""


def upgrade() -> None:
    """Widen what can be stopped, and how."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Take it away; a stop of a project, model or rule is lifted with it."""
    for statement in DOWN.split(";\n"):
        op.execute(statement)
