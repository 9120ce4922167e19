"""Limits of judgement: who may not have a seat, what a seat shows, overrides that wait for a second person, stops.

Revision ID: 0011
Revises: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"

# Columns that are null or have a constant default touch no row. The checks are only widened, so what is there fits
# them, and NOT VALID keeps the table from being read for nothing while it is locked.
UP = """
ALTER TABLE assignments
  ADD COLUMN barred text[],
  ADD COLUMN sees_answers boolean NOT NULL DEFAULT false,
  DROP CONSTRAINT assignments_kind_check,
  ADD CONSTRAINT assignments_kind_check CHECK (kind IN ('review', 'adjudication', 'lead')) NOT VALID;
ALTER TABLE case_reviewers
  DROP CONSTRAINT case_reviewers_part_check,
  ADD CONSTRAINT case_reviewers_part_check CHECK (part IN ('holding', 'reviewed', 'skipped', 'conflict')) NOT VALID;
CREATE TABLE override_proposals (
  project_id uuid NOT NULL,
  id uuid NOT NULL,
  item_id uuid NOT NULL,
  revision smallint NOT NULL,
  verdict text NOT NULL CONSTRAINT override_proposals_verdict_check CHECK (verdict IN ('approve', 'correct', 'reject')),
  output json,
  reasons json NOT NULL,
  comment text NOT NULL,
  proposed_by uuid NOT NULL REFERENCES users (id),
  proposed_at timestamptz NOT NULL DEFAULT now(),
  state text NOT NULL CONSTRAINT override_proposals_state_check CHECK (state IN ('pending', 'confirmed', 'withdrawn')),
  settled_by uuid REFERENCES users (id),
  settled_at timestamptz,
  PRIMARY KEY (project_id, id),
  CONSTRAINT override_proposals_people_check CHECK (state <> 'confirmed' OR settled_by <> proposed_by)
);
CREATE UNIQUE INDEX override_proposals_pending ON override_proposals (project_id, item_id) WHERE state = 'pending';
CREATE TABLE stops (
  project_id uuid NOT NULL REFERENCES projects (id),
  id uuid NOT NULL,
  kind text NOT NULL CONSTRAINT stops_kind_check CHECK (kind IN ('source', 'item_type')),
  subject text NOT NULL,
  name text NOT NULL,
  reason text NOT NULL,
  stopped_by text NOT NULL,
  stopped_at timestamptz NOT NULL DEFAULT now(),
  resumed_by text,
  resumed_at timestamptz,
  PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX stops_standing ON stops (project_id, kind, subject) WHERE resumed_at IS NULL
"""

# What the narrower version has no word for becomes the nearest that it has.
DOWN = """
DROP TABLE stops, override_proposals;
UPDATE case_reviewers SET part = 'skipped' WHERE part = 'conflict';
UPDATE assignments SET kind = 'adjudication' WHERE kind = 'lead';
ALTER TABLE case_reviewers
  DROP CONSTRAINT case_reviewers_part_check,
  ADD CONSTRAINT case_reviewers_part_check CHECK (part IN ('holding', 'reviewed', 'skipped'));
ALTER TABLE assignments
  DROP COLUMN barred, DROP COLUMN sees_answers,
  DROP CONSTRAINT assignments_kind_check,
  ADD CONSTRAINT assignments_kind_check CHECK (kind IN ('review', 'adjudication'))
"""


def upgrade() -> None:
    """Add what limits judgement."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Take it away; a stop that stands is lifted with it, and an override that waits is forgotten."""
    for statement in DOWN.split(";\n"):
        op.execute(statement)
