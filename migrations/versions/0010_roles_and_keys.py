"""Roles that a project adds for itself, and of keys what they may do, when they were used and what they replaced.

Revision ID: 0010
Revises: 0009
"""

from alembic import op

revision = "0010"
down_revision = "0009"

NAME = "^[a-z0-9][a-z0-9_-]{0,62}$"

UP = f"""
CREATE TABLE project_roles (
  project_id uuid NOT NULL REFERENCES projects (id),
  name text NOT NULL CONSTRAINT project_roles_name_check CHECK (name ~ '{NAME}'),
  title text NOT NULL,
  permissions text[] NOT NULL,
  PRIMARY KEY (project_id, name)
);
ALTER TABLE memberships
  DROP CONSTRAINT memberships_role_check,
  ADD CONSTRAINT memberships_role_check CHECK (role ~ '{NAME}' AND role <> 'service');
ALTER TABLE api_keys
  DROP CONSTRAINT api_keys_role_check,
  ADD CONSTRAINT api_keys_role_check CHECK (role ~ '{NAME}'),
  ADD COLUMN scopes text[],
  ADD COLUMN created_by text NOT NULL DEFAULT '',
  ADD COLUMN last_used_at timestamptz,
  ADD COLUMN last_used_from text NOT NULL DEFAULT '',
  ADD COLUMN rotated_from uuid;
CREATE UNIQUE INDEX api_keys_rotated_from ON api_keys (project_id, rotated_from) WHERE rotated_from IS NOT NULL
"""

DOWN = """
DROP INDEX api_keys_rotated_from;
DELETE FROM api_keys WHERE role NOT IN ('admin', 'lead', 'reviewer', 'analyst', 'auditor', 'service');
ALTER TABLE api_keys
  DROP CONSTRAINT api_keys_role_check,
  ADD CONSTRAINT api_keys_role_check
    CHECK (role IN ('admin', 'lead', 'reviewer', 'analyst', 'auditor', 'service')),
  DROP COLUMN scopes, DROP COLUMN created_by, DROP COLUMN last_used_at, DROP COLUMN last_used_from,
  DROP COLUMN rotated_from;
UPDATE memberships SET role = 'reviewer' WHERE role NOT IN ('admin', 'lead', 'reviewer', 'analyst', 'auditor');
ALTER TABLE memberships
  DROP CONSTRAINT memberships_role_check,
  ADD CONSTRAINT memberships_role_check CHECK (role IN ('admin', 'lead', 'reviewer', 'analyst', 'auditor'));
DROP TABLE project_roles
"""


def upgrade() -> None:
    """Add the table of roles, let names of such stand where roles stand, and add what is known of a key."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Take it back; keys of added roles go, and people who had one become reviewers, who see the least."""
    for statement in DOWN.split(";\n"):
        op.execute(statement)
