"""Datasets and their snapshots.

Revision ID: 0032
Revises: 0031
"""

from alembic import op

revision = "0032"
down_revision = "0031"

UP = """
CREATE TABLE datasets (
  project_id uuid NOT NULL REFERENCES projects (id),
  id uuid NOT NULL,
  name text NOT NULL,
  description text NOT NULL DEFAULT '',
  definition json NOT NULL,
  last_number integer NOT NULL DEFAULT 0,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  changed_by text NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX datasets_name ON datasets (project_id, name);
CREATE TABLE snapshots (
  project_id uuid NOT NULL,
  id uuid NOT NULL,
  dataset_id uuid NOT NULL,
  number integer NOT NULL,
  definition json NOT NULL,
  cut_off bigint,
  state text NOT NULL DEFAULT 'waiting'
    CONSTRAINT snapshots_state_check CHECK (state IN ('waiting', 'running', 'ready', 'stopped', 'failed', 'withdrawn')),
  fence integer NOT NULL DEFAULT 0,
  lease_until timestamptz,
  tries smallint NOT NULL DEFAULT 0,
  done bigint NOT NULL DEFAULT 0,
  records bigint NOT NULL DEFAULT 0,
  manifest json,
  error text NOT NULL DEFAULT '',
  requested_by text NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  PRIMARY KEY (project_id, id),
  FOREIGN KEY (project_id, dataset_id) REFERENCES datasets (project_id, id)
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX snapshots_number ON snapshots (project_id, dataset_id, number);
CREATE INDEX snapshots_under_way ON snapshots (requested_at) WHERE state IN ('waiting', 'running')
"""


def upgrade() -> None:
    """Add the tables."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Take them away; the files of snapshots stay where they are."""
    op.execute("DROP TABLE snapshots")
    op.execute("DROP TABLE datasets")
