"""How each person likes to work, and which sensitive items they were handed lately.

Revision ID: 0018
Revises: 0016
"""

from alembic import op

revision = "0018"
down_revision = "0016"

UP = """
ALTER TABLE users ADD COLUMN preferences jsonb NOT NULL DEFAULT '{}';
CREATE TABLE exposures (
  project_id uuid NOT NULL,
  user_id uuid NOT NULL,
  assignment_id uuid NOT NULL,
  fence integer NOT NULL,
  type text NOT NULL,
  pool text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, user_id, assignment_id, fence)
);
CREATE INDEX item_bodies_subject ON item_bodies (project_id, (details ->> 'subject') text_pattern_ops)
  WHERE details ->> 'subject' IS NOT NULL
"""


def upgrade() -> None:
    """Make room for preferences and exposures, and let items be found by their subject."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Forget what people prefer and what they were handed."""
    op.execute("DROP INDEX item_bodies_subject")
    op.execute("DROP TABLE exposures")
    op.execute("ALTER TABLE users DROP COLUMN preferences")
