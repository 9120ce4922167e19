"""Judgements that may still be taken back, and claims whose items were not seen yet.

Revision ID: 0021
Revises: 0020
"""

from alembic import op

revision = "0021"
down_revision = "0020"

# Both columns name a fence: they hold for that one claim, so whoever claims next need not know of them, also where a
# process of the release before does it. `judgement` is json, not jsonb, as an output is kept the way it was written.
UP = """
ALTER TABLE assignments ADD COLUMN ahead_fence integer, ADD COLUMN given_fence integer;
CREATE TABLE pending_judgements (
  project_id uuid NOT NULL,
  assignment_id uuid NOT NULL,
  fence integer NOT NULL,
  case_id uuid NOT NULL,
  item_id uuid NOT NULL,
  reviewer_id uuid NOT NULL REFERENCES users (id),
  given_by json NOT NULL,
  judgement json NOT NULL,
  filled json NOT NULL,
  held_seconds double precision NOT NULL,
  submitted_at timestamptz NOT NULL DEFAULT now(),
  counts_at timestamptz NOT NULL,
  dropped_at timestamptz,
  dropped_because text,
  PRIMARY KEY (project_id, assignment_id, fence),
  CONSTRAINT pending_judgements_dropped_check CHECK ((dropped_at IS NULL) = (dropped_because IS NULL))
);
CREATE INDEX pending_judgements_reviewer_id ON pending_judgements (project_id, reviewer_id)
"""

# A judgement that waits would be lost with the table, so its seat goes back to be judged anew.
DOWN = """
UPDATE assignments SET lease_until = now() WHERE state = 'held' AND given_fence = fence;
INSERT INTO timers (project_id, kind, subject_id, generation, fire_at)
  SELECT project_id, 'lease', id, fence, now() FROM assignments WHERE state = 'held' AND given_fence = fence
  ON CONFLICT DO NOTHING;
DELETE FROM timers WHERE kind = 'judgement';
DROP TABLE pending_judgements;
ALTER TABLE assignments DROP COLUMN ahead_fence, DROP COLUMN given_fence
"""


def upgrade() -> None:
    """Add where judgements wait, and what marks their seats."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Take it away; what waits to count is judged anew."""
    for statement in DOWN.split(";\n"):
        op.execute(statement)
