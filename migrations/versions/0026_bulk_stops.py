"""Who stopped the rest of an act on many items, and what is left of an act whose items are forgotten.

Revision ID: 0026
Revises: 0025
"""

from alembic import op

revision = "0026"
down_revision = "0025"

# A process of the release before reads a stopped act as one that is done, with what was stopped left out.
UP = """
ALTER TABLE bulk_acts
  ADD COLUMN stopped_at timestamptz,
  ADD COLUMN stopped_by text,
  ADD COLUMN forgotten_at timestamptz,
  ADD COLUMN tally json;
CREATE INDEX bulk_acts_ended_at ON bulk_acts (ended_at) WHERE forgotten_at IS NULL AND ended_at IS NOT NULL
"""


def upgrade() -> None:
    """Add the columns, and the index that finds what is to be forgotten."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Take them away; of forgotten acts the counts are gone with them."""
    op.execute("DROP INDEX bulk_acts_ended_at")
    op.execute(
        "ALTER TABLE bulk_acts DROP COLUMN stopped_at, DROP COLUMN stopped_by, DROP COLUMN forgotten_at,"
        " DROP COLUMN tally"
    )
