"""The register of model versions, with what of it is cleared.

Revision ID: 0029
Revises: 0028
"""

from alembic import op

revision = "0029"
down_revision = "0028"

# The stamp stands where the look-up of a key reads already. What is stored is counted by a worker, from the first entry
# of the audit on; of what came before the register was there, nobody is told as if it were news.
UP = """
ALTER TABLE projects ADD COLUMN models_stamp integer NOT NULL DEFAULT 0;
CREATE TABLE model_registers (
  project_id uuid PRIMARY KEY REFERENCES projects (id),
  position bigint NOT NULL DEFAULT 0,
  told_from timestamptz,
  clearing_since timestamptz
) WITH (fillfactor = 50);
CREATE TABLE model_versions (
  project_id uuid NOT NULL REFERENCES projects (id),
  id uuid NOT NULL,
  name text NOT NULL,
  version text NOT NULL,
  prompt_version text NOT NULL,
  first_seen_at timestamptz,
  last_seen_at timestamptz,
  items bigint NOT NULL DEFAULT 0,
  state text NOT NULL
    CONSTRAINT model_versions_state_check CHECK (state IN ('seen', 'waiting', 'cleared', 'revoked')),
  reason text NOT NULL DEFAULT '',
  changed_by text NOT NULL DEFAULT '',
  changed_at timestamptz,
  PRIMARY KEY (project_id, id)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX model_versions_called ON model_versions (project_id, name, version, prompt_version);
INSERT INTO model_registers (project_id, told_from) SELECT id, now() FROM projects
"""


def upgrade() -> None:
    """Add the tables and the stamp."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Take them away, with what was cleared; everything that is not cleared is let through by rules again."""
    op.execute("DROP TABLE model_versions")
    op.execute("DROP TABLE model_registers")
    op.execute("ALTER TABLE projects DROP COLUMN models_stamp")
