"""Comments on items, and questions to the service that sent one.

Revision ID: 0019
Revises: 0018
"""

from alembic import op

revision = "0019"
down_revision = "0018"

UP = """
CREATE TABLE item_comments (
  project_id uuid NOT NULL,
  id uuid NOT NULL,
  item_id uuid NOT NULL,
  author_kind text NOT NULL,
  author_id uuid NOT NULL,
  author text NOT NULL,
  text text NOT NULL,
  written_at timestamptz NOT NULL DEFAULT now(),
  edited_at timestamptz,
  removed_at timestamptz,
  hidden_by text,
  PRIMARY KEY (project_id, id)
);
CREATE INDEX item_comments_item_id ON item_comments (project_id, item_id, id);
CREATE TABLE item_questions (
  project_id uuid NOT NULL,
  id uuid NOT NULL,
  item_id uuid NOT NULL,
  case_id uuid NOT NULL,
  assignment_id uuid NOT NULL,
  text text NOT NULL,
  asked_by uuid NOT NULL REFERENCES users (id),
  asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  paused_at timestamptz,
  wait_until timestamptz NOT NULL,
  answer text,
  answered_by text,
  answered_at timestamptz,
  returned_at timestamptz,
  PRIMARY KEY (project_id, id),
  CONSTRAINT item_questions_answer_check CHECK ((answer IS NULL) = (answered_at IS NULL))
);
CREATE INDEX item_questions_item_id ON item_questions (project_id, item_id, id);
CREATE UNIQUE INDEX item_questions_waiting ON item_questions (project_id, item_id) WHERE returned_at IS NULL
"""


def upgrade() -> None:
    """Add the tables."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Take them away, and with them what was said; the audit keeps it."""
    op.execute("DROP TABLE item_questions, item_comments")
