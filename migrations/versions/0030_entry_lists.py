"""Long lists of rules, stored apart from the documents that name them.

Revision ID: 0030
Revises: 0029
"""

from alembic import op

revision = "0030"
down_revision = "0029"

# A list is compressed when it comes, so the table has nothing to compress.
UP = """
CREATE TABLE entry_lists (
  project_id uuid NOT NULL REFERENCES projects (id),
  sha256 bytea NOT NULL CONSTRAINT entry_lists_sha256_check CHECK (length(sha256) = 32),
  entries integer NOT NULL,
  is_named boolean NOT NULL DEFAULT false,
  uploaded_by text NOT NULL,
  uploaded_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, sha256)
);
CREATE INDEX entry_lists_unnamed ON entry_lists (uploaded_at) WHERE NOT is_named;
CREATE TABLE entry_list_pieces (
  project_id uuid NOT NULL,
  sha256 bytea NOT NULL,
  n integer NOT NULL,
  content bytea NOT NULL,
  PRIMARY KEY (project_id, sha256, n),
  CONSTRAINT entry_list_pieces_list_fkey FOREIGN KEY (project_id, sha256)
    REFERENCES entry_lists (project_id, sha256) DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE entry_list_pieces ALTER COLUMN content SET STORAGE EXTERNAL
"""


def upgrade() -> None:
    """Add the tables."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Take them away; versions that name a list send to people what they would look up in it."""
    op.execute("DROP TABLE entry_list_pieces, entry_lists")
