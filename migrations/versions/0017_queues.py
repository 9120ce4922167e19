"""Views of queues that people keep, and acts on many items at once with what became of each.

Revision ID: 0017
Revises: 0013
"""

from alembic import op

revision = "0017"
down_revision = "0013"

UP = """
CREATE TABLE queue_views (
  project_id uuid NOT NULL REFERENCES projects (id),
  id uuid NOT NULL,
  owner_id uuid NOT NULL REFERENCES users (id),
  name text NOT NULL,
  pool text,
  query text NOT NULL,
  is_shared boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, id)
);
CREATE INDEX queue_views_owner_id ON queue_views (project_id, owner_id);
CREATE INDEX queue_views_shared ON queue_views (project_id) WHERE is_shared;
CREATE TABLE bulk_acts (
  project_id uuid NOT NULL REFERENCES projects (id),
  id uuid NOT NULL,
  kind text NOT NULL CONSTRAINT bulk_acts_kind_check CHECK (kind IN ('decide', 'move', 'prioritise', 'give_back')),
  state text NOT NULL CONSTRAINT bulk_acts_state_check CHECK (state IN ('waiting', 'running', 'done', 'undone')),
  given json NOT NULL,
  acted_by uuid NOT NULL REFERENCES users (id),
  scopes text[] NOT NULL,
  origin text NOT NULL DEFAULT '',
  requested_at timestamptz NOT NULL DEFAULT now(),
  counts_at timestamptz NOT NULL,
  ended_at timestamptz,
  PRIMARY KEY (project_id, id)
);
CREATE INDEX bulk_acts_counts_at ON bulk_acts (counts_at) WHERE state IN ('waiting', 'running');
CREATE INDEX bulk_acts_acted_by ON bulk_acts (project_id, acted_by, id);
CREATE TABLE bulk_items (
  project_id uuid NOT NULL,
  act_id uuid NOT NULL,
  n integer NOT NULL,
  item_id uuid NOT NULL,
  state text NOT NULL CONSTRAINT bulk_items_state_check CHECK (state IN ('waiting', 'done', 'left_out', 'undone')),
  said text NOT NULL DEFAULT '',
  settled_at timestamptz,
  PRIMARY KEY (project_id, act_id, item_id),
  FOREIGN KEY (project_id, act_id) REFERENCES bulk_acts (project_id, id)
) WITH (fillfactor = 85);
CREATE INDEX bulk_items_waiting ON bulk_items (project_id, act_id, n) WHERE state = 'waiting'
"""


def upgrade() -> None:
    """Add the tables."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Take them away, with what waits in them; what was done stays done."""
    op.execute("DROP TABLE bulk_items, bulk_acts, queue_views")
