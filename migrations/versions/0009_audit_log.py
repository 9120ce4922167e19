"""The audit log: where an act came from, a place in a Merkle tree for each entry, tree heads; entries stay as they are.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"

# An entry gets its place once, and may be erased later: name, origin and particulars go, with the salt that bound them.
CHANGES = """
CREATE TRIGGER audit_entries_kept BEFORE UPDATE ON audit_entries FOR EACH ROW WHEN (
  (OLD.project_id, OLD.id, OLD.at, OLD.actor_kind, OLD.actor_id, OLD.action, OLD.item_id, OLD.config_version)
    IS DISTINCT FROM
  (NEW.project_id, NEW.id, NEW.at, NEW.actor_kind, NEW.actor_id, NEW.action, NEW.item_id, NEW.config_version)
  OR OLD.position IS NOT NULL
     AND (OLD.position, OLD.commitment, OLD.leaf_hash) IS DISTINCT FROM (NEW.position, NEW.commitment, NEW.leaf_hash)
  OR NEW.erased_at IS NULL
     AND (OLD.actor_name, OLD.origin, OLD.details::text)
       IS DISTINCT FROM (NEW.actor_name, NEW.origin, NEW.details::text)
  OR NEW.erased_at IS NULL AND OLD.salt IS NOT NULL AND OLD.salt IS DISTINCT FROM NEW.salt
  OR NEW.erased_at IS NOT NULL
     AND (NEW.position IS NULL OR NEW.salt IS NOT NULL
          OR (NEW.actor_name, NEW.origin, NEW.details::text) IS DISTINCT FROM ('', '', '{}'))
  OR OLD.erased_at IS NOT NULL AND OLD.erased_at IS DISTINCT FROM NEW.erased_at
) EXECUTE FUNCTION audit_entries_are_kept()
"""

UP = (
    """
    ALTER TABLE audit_entries
      ADD COLUMN origin text NOT NULL DEFAULT '',
      ADD COLUMN config_version integer,
      ADD COLUMN position bigint,
      ADD COLUMN salt bytea,
      ADD COLUMN commitment bytea,
      ADD COLUMN leaf_hash bytea,
      ADD COLUMN erased_at timestamptz
    """,
    """
    ALTER TABLE audit_entries SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0,
                                   vacuum_index_cleanup = on)
    """,
    "CREATE UNIQUE INDEX audit_entries_position ON audit_entries (project_id, position) WHERE position IS NOT NULL",
    "CREATE INDEX audit_entries_unsequenced ON audit_entries (project_id, at, id) WHERE position IS NULL",
    "CREATE INDEX audit_entries_at ON audit_entries (project_id, at, id) WHERE position IS NOT NULL",
    """
    CREATE TABLE audit_logs (
      project_id uuid PRIMARY KEY REFERENCES projects (id),
      size bigint NOT NULL DEFAULT 0,
      signed_size bigint NOT NULL DEFAULT 0,
      signed_at timestamptz
    )
    """,
    """
    CREATE TABLE audit_nodes (
      project_id uuid NOT NULL,
      height smallint NOT NULL,
      place bigint NOT NULL,
      hash bytea NOT NULL,
      PRIMARY KEY (project_id, height, place)
    )
    """,
    """
    CREATE TABLE audit_checkpoints (
      project_id uuid NOT NULL,
      size bigint NOT NULL,
      root bytea NOT NULL,
      note text NOT NULL,
      signed_at timestamptz NOT NULL,
      kept_at timestamptz,
      PRIMARY KEY (project_id, size)
    )
    """,
    """
    CREATE INDEX audit_checkpoints_unkept ON audit_checkpoints (project_id, size) WHERE kept_at IS NULL
    """,
    """
    CREATE FUNCTION audit_entries_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION 'audit entries are only ever added; nothing was changed' USING ERRCODE = 'restrict_violation';
    END $$
    """,
    CHANGES,
    """
    CREATE TRIGGER audit_entries_not_deleted BEFORE DELETE ON audit_entries
      FOR EACH ROW EXECUTE FUNCTION audit_entries_are_kept()
    """,
    """
    CREATE TRIGGER audit_entries_not_truncated BEFORE TRUNCATE ON audit_entries
      FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_are_kept()
    """,
)

DOWN = (
    "DROP TRIGGER audit_entries_not_truncated ON audit_entries",
    "DROP TRIGGER audit_entries_not_deleted ON audit_entries",
    "DROP TRIGGER audit_entries_kept ON audit_entries",
    "DROP FUNCTION audit_entries_are_kept()",
    "DROP TABLE audit_checkpoints, audit_nodes, audit_logs",
    "DROP INDEX audit_entries_at",
    "DROP INDEX audit_entries_unsequenced",
    "DROP INDEX audit_entries_position",
    """
    ALTER TABLE audit_entries
      RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_cost_delay, vacuum_index_cleanup)
    """,
    """
    ALTER TABLE audit_entries
      DROP COLUMN origin, DROP COLUMN config_version, DROP COLUMN position, DROP COLUMN salt, DROP COLUMN commitment,
      DROP COLUMN leaf_hash, DROP COLUMN erased_at
    """,
)


def upgrade() -> None:
    """Make the log."""
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    """Drop the log; the entries stay, without where they came from."""
    for statement in DOWN:
        op.execute(statement)
