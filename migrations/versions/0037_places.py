"""Where snapshots go: files that are stored already, schedules of datasets, and what trackers are told.

Revision ID: 0037
Revises: 0036
"""

from alembic import op

revision = "0037"
down_revision = "0036"

UP = """
ALTER TABLE snapshots ADD COLUMN stored json;
CREATE TABLE dataset_schedules (
  project_id uuid NOT NULL,
  dataset_id uuid NOT NULL,
  cron text NOT NULL DEFAULT '',
  timezone text NOT NULL DEFAULT 'UTC',
  new_records integer CONSTRAINT dataset_schedules_new_records_check CHECK (new_records > 0),
  paused boolean NOT NULL DEFAULT false,
  next_at timestamptz,
  looked_at timestamptz,
  base bigint NOT NULL DEFAULT 0,
  reached bigint NOT NULL DEFAULT 0,
  fresh bigint NOT NULL DEFAULT 0,
  last_at timestamptz,
  last_outcome text NOT NULL DEFAULT '',
  last_note text NOT NULL DEFAULT '',
  last_number integer,
  set_by text NOT NULL,
  set_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, dataset_id),
  FOREIGN KEY (project_id, dataset_id) REFERENCES datasets (project_id, id)
) WITH (fillfactor = 85);
CREATE TABLE snapshot_registrations (
  project_id uuid NOT NULL,
  snapshot_id uuid NOT NULL,
  place text NOT NULL,
  state text NOT NULL DEFAULT 'waiting'
    CONSTRAINT snapshot_registrations_state_check CHECK (state IN ('waiting', 'done', 'failed')),
  fence integer NOT NULL DEFAULT 0,
  tries smallint NOT NULL DEFAULT 0,
  next_at timestamptz NOT NULL DEFAULT now(),
  error text NOT NULL DEFAULT '',
  url text NOT NULL DEFAULT '',
  told_at timestamptz,
  PRIMARY KEY (project_id, snapshot_id, place),
  FOREIGN KEY (project_id, snapshot_id) REFERENCES snapshots (project_id, id)
) WITH (fillfactor = 85);
CREATE INDEX snapshot_registrations_due ON snapshot_registrations (next_at) WHERE state = 'waiting'
"""


def upgrade() -> None:
    """Add the column and the tables."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Take them away; what was registered stays registered."""
    op.execute("DROP TABLE snapshot_registrations")
    op.execute("DROP TABLE dataset_schedules")
    op.execute("ALTER TABLE snapshots DROP COLUMN stored")
