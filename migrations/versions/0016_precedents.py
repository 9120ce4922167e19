"""What people's past decisions teach: near decided items, how often people agreed, and a subject's earlier items.

Revision ID: 0016
Revises: 0015
"""

from alembic import op

revision = "0016"
down_revision = "0015"

# The indexes of words and keys have no pending list: whoever reads would go through it every time.
UP = """
CREATE TABLE precedents (
  project_id uuid NOT NULL,
  item_id uuid NOT NULL,
  type text NOT NULL,
  revision smallint NOT NULL,
  verdict text NOT NULL CONSTRAINT precedents_verdict_check CHECK (verdict IN ('approve', 'correct', 'reject')),
  label json,
  decided_at timestamptz NOT NULL,
  brief text NOT NULL,
  words tsvector NOT NULL,
  sketch integer[] NOT NULL,
  keys integer[] NOT NULL,
  model text NOT NULL,
  model_version text NOT NULL,
  band smallint,
  weight numeric NOT NULL,
  is_counted boolean NOT NULL,
  PRIMARY KEY (project_id, item_id)
);
CREATE INDEX precedents_keys ON precedents USING gin (keys) WITH (fastupdate = off);
CREATE INDEX precedents_words ON precedents USING gin (words) WITH (fastupdate = off);
CREATE TABLE calibrations (
  project_id uuid NOT NULL,
  type text NOT NULL,
  model text NOT NULL,
  model_version text NOT NULL,
  band smallint NOT NULL CONSTRAINT calibrations_band_check CHECK (band BETWEEN 0 AND 9),
  judged integer NOT NULL DEFAULT 0,
  approved integer NOT NULL DEFAULT 0,
  weight numeric NOT NULL DEFAULT 0,
  approved_weight numeric NOT NULL DEFAULT 0,
  squares numeric NOT NULL DEFAULT 0,
  PRIMARY KEY (project_id, type, model, model_version, band)
);
CREATE TABLE lessons (
  project_id uuid NOT NULL REFERENCES projects (id),
  position bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (project_id)
)
"""
SUBJECTS = """
CREATE INDEX CONCURRENTLY item_bodies_subject ON item_bodies
  (project_id, (details ->> 'subject') text_pattern_ops, item_id)
WHERE details ->> 'subject' IS NOT NULL
"""


def upgrade() -> None:
    """Add the tables, then the index of subjects without keeping anybody from submitting meanwhile."""
    for statement in UP.split(";\n"):
        op.execute(statement)
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # it waits for every transaction that is older than itself
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS item_bodies_subject")
        op.execute(SUBJECTS)
        op.execute("SET lock_timeout = '4s'")


def downgrade() -> None:
    """Take them away; they are learned anew from the feedback."""
    op.execute("DROP INDEX item_bodies_subject")
    op.execute("DROP TABLE lessons, calibrations, precedents")
