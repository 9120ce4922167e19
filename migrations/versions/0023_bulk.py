"""Acts on many items at once, with what became of each.

Revision ID: 0023
Revises: 0022
"""

from alembic import op

revision = "0023"
down_revision = "0022"

UP = """
CREATE TABLE bulk_acts (
  project_id uuid NOT NULL REFERENCES projects (id),
  id uuid NOT NULL,
  kind text NOT NULL CONSTRAINT bulk_acts_kind_check CHECK (kind IN ('decide', 'move', 'prioritise', 'give_back')),
  state text NOT NULL DEFAULT 'waiting'
    CONSTRAINT bulk_acts_state_check CHECK (state IN ('waiting', 'running', 'done', 'undone')),
  given json NOT NULL,
  acted_by uuid NOT NULL REFERENCES users (id),
  permissions text[] NOT NULL,
  key_id uuid,
  origin text NOT NULL DEFAULT '',
  idempotency_key text,
  fingerprint bytea NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT now(),
  counts_at timestamptz NOT NULL,
  ended_at timestamptz,
  PRIMARY KEY (project_id, id)
);
CREATE INDEX bulk_acts_counts_at ON bulk_acts (counts_at) WHERE state IN ('waiting', 'running');
CREATE UNIQUE INDEX bulk_acts_idempotency_key ON bulk_acts (project_id, acted_by, idempotency_key)
  WHERE idempotency_key IS NOT NULL;
CREATE TABLE bulk_items (
  project_id uuid NOT NULL,
  act_id uuid NOT NULL,
  n integer NOT NULL,
  item_id uuid NOT NULL,
  state text NOT NULL DEFAULT 'waiting'
    CONSTRAINT bulk_items_state_check CHECK (state IN ('waiting', 'done', 'left_out', 'undone')),
  why text NOT NULL DEFAULT '',
  said text NOT NULL DEFAULT '',
  tries smallint NOT NULL DEFAULT 0,
  settled_at timestamptz,
  PRIMARY KEY (project_id, act_id, item_id),
  FOREIGN KEY (project_id, act_id) REFERENCES bulk_acts (project_id, id)
) WITH (fillfactor = 85);
CREATE INDEX bulk_items_waiting ON bulk_items (project_id, act_id, tries, n) WHERE state = 'waiting'
"""


def upgrade() -> None:
    """Add the tables."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Take them away, with what waits in them; what was done stays done."""
    op.execute("DROP TABLE bulk_items, bulk_acts")
