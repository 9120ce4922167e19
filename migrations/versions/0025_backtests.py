"""Backtests: two configuration versions tried on stored items.

Revision ID: 0025
Revises: 0024
"""

from alembic import op

revision = "0025"
down_revision = "0024"

UP = """
CREATE TABLE backtests (
  project_id uuid NOT NULL REFERENCES projects (id),
  id uuid NOT NULL,
  from_version integer NOT NULL,
  to_version integer NOT NULL,
  since timestamptz NOT NULL,
  until timestamptz NOT NULL,
  given json NOT NULL,
  state text NOT NULL DEFAULT 'waiting'
    CONSTRAINT backtests_state_check CHECK (state IN ('waiting', 'running', 'done', 'stopped', 'failed')),
  fence integer NOT NULL DEFAULT 0,
  lease_until timestamptz,
  tries smallint NOT NULL DEFAULT 0,
  cursor uuid,
  done integer NOT NULL DEFAULT 0,
  estimated integer,
  worked_seconds double precision NOT NULL DEFAULT 0,
  tally json,
  result json,
  error text NOT NULL DEFAULT '',
  requested_by text NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  PRIMARY KEY (project_id, id)
) WITH (fillfactor = 85);
CREATE INDEX backtests_under_way ON backtests (requested_at) WHERE state IN ('waiting', 'running')
"""


def upgrade() -> None:
    """Add the table."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Take it away, with the results in it; they can be worked out again."""
    op.execute("DROP TABLE backtests")
