"""Configuration versions that are not active yet, and who approved them.

Revision ID: 0024
Revises: 0023
"""

from alembic import op

revision = "0024"
down_revision = "0023"

# A process of the release before inserts what it makes active, and names no moment: the default is right for it.
UP = """
ALTER TABLE config_versions
  ADD COLUMN created_by_id uuid REFERENCES users (id),
  ADD COLUMN reason text NOT NULL DEFAULT '',
  ADD COLUMN activated_at timestamptz DEFAULT now(),
  ADD COLUMN activated_by text,
  ADD COLUMN withdrawn_at timestamptz,
  ADD COLUMN withdrawn_by text;
UPDATE config_versions SET activated_at = created_at, activated_by = created_by;
CREATE TABLE config_approvals (
  project_id uuid NOT NULL,
  version integer NOT NULL,
  user_id uuid NOT NULL REFERENCES users (id),
  name text NOT NULL,
  reason text NOT NULL DEFAULT '',
  approved_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, version, user_id),
  FOREIGN KEY (project_id, version) REFERENCES config_versions (project_id, version)
)
"""


def upgrade() -> None:
    """Add the columns and the table."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Take them away; a candidate that was never active stays as a version that nobody goes by."""
    op.execute("DROP TABLE config_approvals")
    op.execute(
        "ALTER TABLE config_versions DROP COLUMN created_by_id, DROP COLUMN reason, DROP COLUMN activated_at,"
        " DROP COLUMN activated_by, DROP COLUMN withdrawn_at, DROP COLUMN withdrawn_by"
    )
