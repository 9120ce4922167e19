"""Rollouts: candidates that are compared with the active version on new items, and then route a share of them.

Revision ID: 0028
Revises: 0027
"""

from alembic import op

revision = "0028"
down_revision = "0027"

# A process of the release before knows of no rollout and routes everything by the active version.
UP = """
CREATE TABLE rollouts (
  project_id uuid NOT NULL REFERENCES projects (id),
  id uuid NOT NULL,
  version integer NOT NULL,
  from_version integer NOT NULL,
  state text NOT NULL
    CONSTRAINT rollouts_state_check CHECK (state IN ('shadow', 'live', 'finished', 'rolled_back', 'ended')),
  share double precision NOT NULL DEFAULT 0 CONSTRAINT rollouts_share_check CHECK (share BETWEEN 0 AND 1),
  tag text,
  compared double precision NOT NULL DEFAULT 1 CONSTRAINT rollouts_compared_check CHECK (compared BETWEEN 0 AND 1),
  steps json NOT NULL DEFAULT '[]',
  guards json NOT NULL DEFAULT '[]',
  reason text NOT NULL DEFAULT '',
  started_by text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  live_at timestamptz,
  paused_at timestamptz,
  paused_for interval NOT NULL DEFAULT '0',
  checked_at timestamptz,
  position bigint NOT NULL,
  seen integer NOT NULL DEFAULT 0,
  taken integer NOT NULL DEFAULT 0,
  differed integer NOT NULL DEFAULT 0,
  flows json NOT NULL DEFAULT '{}',
  ended_at timestamptz,
  ended_by text,
  because text NOT NULL DEFAULT '',
  fired json,
  PRIMARY KEY (project_id, id),
  FOREIGN KEY (project_id, version) REFERENCES config_versions (project_id, version),
  CONSTRAINT rollouts_ended_check CHECK ((state IN ('shadow', 'live')) = (ended_at IS NULL))
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX rollouts_running ON rollouts (project_id) WHERE state IN ('shadow', 'live');
CREATE TABLE rollout_items (
  project_id uuid NOT NULL,
  rollout_id uuid NOT NULL,
  item_id uuid NOT NULL,
  is_taken boolean NOT NULL,
  old text NOT NULL,
  new text NOT NULL,
  old_rule text,
  new_rule text,
  parts json NOT NULL DEFAULT '[]',
  PRIMARY KEY (project_id, rollout_id, item_id),
  FOREIGN KEY (project_id, rollout_id) REFERENCES rollouts (project_id, id)
)
"""


def upgrade() -> None:
    """Add the tables."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Take them away; items keep the version that routed them."""
    op.execute("DROP TABLE rollout_items")
    op.execute("DROP TABLE rollouts")
