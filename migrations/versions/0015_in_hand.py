"""What a reviewer does with an item in hand besides judging it: put aside, pinned, sent back; and drafts.

Revision ID: 0015
Revises: 0013
"""

from alembic import op

revision = "0015"
down_revision = "0013"

# A column without a default touches no row. A seat that is put aside stays held, so that what an older process does
# with held seats is right for it too.
UP = """
ALTER TABLE assignments ADD COLUMN aside_fence integer;
CREATE TABLE asides (
  project_id uuid NOT NULL,
  assignment_id uuid NOT NULL,
  fence integer NOT NULL,
  kind text NOT NULL CONSTRAINT asides_kind_check CHECK (kind IN ('pinned', 'snoozed', 'reserved', 'sent')),
  user_id uuid REFERENCES users (id),
  put_by text NOT NULL,
  note text NOT NULL DEFAULT '',
  put_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, assignment_id, fence)
);
CREATE INDEX asides_put_at ON asides (put_at);
CREATE TABLE drafts (
  project_id uuid NOT NULL,
  user_id uuid NOT NULL REFERENCES users (id),
  item_id uuid NOT NULL,
  version integer NOT NULL,
  fields json NOT NULL,
  saved_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, user_id, item_id)
);
CREATE INDEX drafts_saved_at ON drafts (saved_at)
"""

# What is put aside goes back to its queue: with the lease at its end it is swept like any other.
DOWN = """
DROP TABLE drafts, asides;
INSERT INTO timers (project_id, kind, subject_id, generation, fire_at)
  SELECT project_id, 'lease', subject_id, generation, now() FROM timers WHERE kind = 'snooze' ON CONFLICT DO NOTHING;
UPDATE assignments SET lease_until = now() WHERE state = 'held' AND aside_fence = fence;
DELETE FROM timers WHERE kind = 'snooze';
ALTER TABLE assignments DROP COLUMN aside_fence
"""


def upgrade() -> None:
    """Add what is kept of items in hand."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Take it away; what was put aside goes back to its queue, and drafts are lost."""
    for statement in DOWN.split(";\n"):
        op.execute(statement)
