"""Views of queues that people keep.

Revision ID: 0020
Revises: 0019
"""

from alembic import op

revision = "0020"
down_revision = "0019"

UP = """
CREATE TABLE queue_views (
  project_id uuid NOT NULL REFERENCES projects (id),
  id uuid NOT NULL,
  owner_id uuid NOT NULL REFERENCES users (id),
  name text NOT NULL,
  pool text,
  query text NOT NULL,
  is_shared boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, id)
);
CREATE INDEX queue_views_owner_id ON queue_views (project_id, owner_id);
CREATE INDEX queue_views_shared ON queue_views (project_id) WHERE is_shared
"""


def upgrade() -> None:
    """Add the table."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Take it away, with what people keep in it."""
    op.execute("DROP TABLE queue_views")
