"""Imports of uploaded files: the file in pieces, how far it is read, and the rows that were left out.

Revision ID: 0039
Revises: 0037
"""

from alembic import op

revision = "0039"
down_revision = "0037"

UP = """
CREATE TABLE imports (
  project_id uuid NOT NULL REFERENCES projects (id),
  id uuid NOT NULL,
  number integer NOT NULL,
  asked json NOT NULL,
  layout text NOT NULL,
  bytes bigint NOT NULL,
  sha256 text NOT NULL,
  idempotency_key text,
  state text NOT NULL DEFAULT 'waiting'
    CONSTRAINT imports_state_check CHECK (state IN ('waiting', 'running', 'done', 'failed', 'stopped')),
  fence integer NOT NULL DEFAULT 0,
  lease_until timestamptz,
  tries smallint NOT NULL DEFAULT 0,
  done bigint NOT NULL DEFAULT 0,
  total bigint NOT NULL DEFAULT 0,
  line bigint NOT NULL DEFAULT 0,
  imported bigint NOT NULL DEFAULT 0,
  repeated bigint NOT NULL DEFAULT 0,
  left_out bigint NOT NULL DEFAULT 0,
  kept integer NOT NULL DEFAULT 0,
  unseen text[] NOT NULL DEFAULT '{}',
  error text NOT NULL DEFAULT '',
  acted_kind text NOT NULL,
  acted_by uuid NOT NULL,
  permissions text[] NOT NULL,
  key_id uuid,
  origin text NOT NULL DEFAULT '',
  requested_by text NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  PRIMARY KEY (project_id, id)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX imports_number ON imports (project_id, number);
CREATE UNIQUE INDEX imports_idempotency_key ON imports (project_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX imports_under_way ON imports (requested_at) WHERE state IN ('waiting', 'running');
CREATE INDEX imports_kept ON imports (ended_at) WHERE kept > 0;
CREATE TABLE import_pieces (
  project_id uuid NOT NULL REFERENCES projects (id),
  import_id uuid NOT NULL,
  number integer NOT NULL,
  content bytea NOT NULL,
  PRIMARY KEY (project_id, import_id, number)
);
ALTER TABLE import_pieces ALTER COLUMN content SET STORAGE EXTERNAL;
CREATE TABLE import_faults (
  project_id uuid NOT NULL,
  import_id uuid NOT NULL,
  number integer NOT NULL,
  line bigint NOT NULL,
  reason text NOT NULL,
  row text NOT NULL,
  external_id text,
  subject text,
  PRIMARY KEY (project_id, import_id, number),
  FOREIGN KEY (project_id, import_id) REFERENCES imports (project_id, id)
);
CREATE INDEX import_faults_external_id ON import_faults (project_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX import_faults_subject ON import_faults (project_id, subject) WHERE subject IS NOT NULL
"""
DOWN = """
DROP TABLE import_faults;
DROP TABLE import_pieces;
DROP TABLE imports
"""


def upgrade() -> None:
    """Add the tables; none that is in use is touched."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Take them away, and with them which imports there were; what was imported stays."""
    for statement in DOWN.split(";\n"):
        op.execute(statement)
