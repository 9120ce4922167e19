"""What sensitive items people were shown lately.

Revision ID: 0022
Revises: 0021
"""

from alembic import op

revision = "0022"
down_revision = "0021"

UP = """
CREATE TABLE exposures (
  project_id uuid NOT NULL,
  user_id uuid NOT NULL REFERENCES users (id),
  item_id uuid NOT NULL,
  type text NOT NULL,
  shown_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, user_id, item_id)
);
CREATE INDEX exposures_shown_at ON exposures (shown_at)
"""


def upgrade() -> None:
    """Add the table."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Take it away; limits count from nothing again."""
    op.execute("DROP TABLE exposures")
