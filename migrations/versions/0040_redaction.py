"""Redaction: the keys by which values are hashed on their way out.

Revision ID: 0040
Revises: 0033
"""

from alembic import op

revision = "0040"
down_revision = "0033"

UP = """
CREATE TABLE IF NOT EXISTS redaction_keys (
  project_id uuid PRIMARY KEY REFERENCES projects (id),
  sealed bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
)
"""


def upgrade() -> None:
    """Add the table."""
    op.execute(UP)


def downgrade() -> None:
    """Take it away: what was hashed cannot be joined with what is hashed later."""
    op.execute("DROP TABLE redaction_keys")
