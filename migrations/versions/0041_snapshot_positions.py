"""Which records a snapshot holds, by their places in the feed, and how its labels went over time.

Revision ID: 0041
Revises: 0040
"""

from alembic import op

revision = "0041"
down_revision = "0040"

UP = """
ALTER TABLE snapshots
  ADD COLUMN IF NOT EXISTS labels json, ADD COLUMN IF NOT EXISTS course json,
  ADD COLUMN IF NOT EXISTS knows_records boolean NOT NULL DEFAULT false;
CREATE TABLE IF NOT EXISTS snapshot_positions (
  project_id uuid NOT NULL,
  span integer NOT NULL,
  snapshot_id uuid NOT NULL,
  bits bytea NOT NULL,
  PRIMARY KEY (project_id, span, snapshot_id),
  FOREIGN KEY (project_id, snapshot_id) REFERENCES snapshots (project_id, id)
)
"""


def upgrade() -> None:
    """Add the columns and the table; what was made before has neither, and says so."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Take them away."""
    op.execute("DROP TABLE snapshot_positions")
    op.execute("ALTER TABLE snapshots DROP COLUMN labels, DROP COLUMN course, DROP COLUMN knows_records")
