"""Clocks of cases: when they started, what they warn of, pauses, and the marks they have passed.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"

# Adding columns that are null or have a constant default touches no row, so this holds its locks for a moment only.
UP = """
ALTER TABLE cases
  ADD COLUMN clock_version integer,
  ADD COLUMN clock_generation integer NOT NULL DEFAULT 0,
  ADD COLUMN clock_started_at timestamptz,
  ADD COLUMN first_claim_due_at timestamptz,
  ADD COLUMN warn_at timestamptz,
  ADD COLUMN paused_at timestamptz,
  ADD COLUMN marks_passed text[] NOT NULL DEFAULT '{}',
  ADD COLUMN acknowledged_at timestamptz,
  ADD COLUMN acknowledged_by text;
CREATE TABLE clock_pauses (
  project_id uuid NOT NULL,
  case_id uuid NOT NULL,
  paused_at timestamptz NOT NULL,
  resumed_at timestamptz,
  resume_at timestamptz,
  reason text NOT NULL,
  paused_by text NOT NULL,
  PRIMARY KEY (project_id, case_id, paused_at)
);
CREATE TABLE clock_recomputes (
  project_id uuid NOT NULL,
  version integer NOT NULL,
  passed uuid,
  moved integer NOT NULL DEFAULT 0,
  walks smallint NOT NULL DEFAULT 0,
  left_over integer NOT NULL DEFAULT 0,
  is_forced boolean NOT NULL DEFAULT false,
  started_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  PRIMARY KEY (project_id, version)
);
CREATE TABLE clock_calendars (
  project_id uuid PRIMARY KEY REFERENCES projects (id),
  version integer NOT NULL,
  fingerprint bytea NOT NULL
);
CREATE INDEX timers_kind_fire_at ON timers (kind, fire_at);
DROP INDEX timers_fire_at
"""

DOWN = """
DELETE FROM timers WHERE kind NOT IN ('lease', 'due');
DROP INDEX timers_kind_fire_at;
CREATE INDEX timers_fire_at ON timers (fire_at);
DROP TABLE clock_calendars, clock_recomputes, clock_pauses;
ALTER TABLE cases
  DROP COLUMN clock_version, DROP COLUMN clock_generation, DROP COLUMN clock_started_at,
  DROP COLUMN first_claim_due_at, DROP COLUMN warn_at, DROP COLUMN paused_at, DROP COLUMN marks_passed,
  DROP COLUMN acknowledged_at, DROP COLUMN acknowledged_by
"""


def upgrade() -> None:
    """Give cases a clock."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Take it away; due times stay, and what only a clock knows is lost."""
    for statement in DOWN.split(";\n"):
        op.execute(statement)
