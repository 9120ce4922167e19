"""The spine: projects and people, configuration, items, cases, decisions, feedback, timers, events, audit.

Revision ID: 0001
Revises:
"""

from alembic import op

revision = "0001"
down_revision = None

PEOPLE = """
CREATE TABLE projects (
  id uuid PRIMARY KEY,
  slug text NOT NULL UNIQUE,
  title text NOT NULL,
  config_version integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE users (
  id uuid PRIMARY KEY,
  email text NOT NULL UNIQUE CONSTRAINT users_email_lower_check CHECK (email = lower(email)),
  name text NOT NULL,
  password_hash text,
  disabled_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE memberships (
  project_id uuid NOT NULL REFERENCES projects (id),
  user_id uuid NOT NULL REFERENCES users (id),
  role text NOT NULL
    CONSTRAINT memberships_role_check CHECK (role IN ('admin', 'lead', 'reviewer', 'analyst', 'auditor')),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, user_id)
);
CREATE INDEX memberships_user_id ON memberships (user_id);
CREATE TABLE sessions (
  id bytea PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users (id),
  csrf_token text NOT NULL,
  user_agent text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE TABLE api_keys (
  project_id uuid NOT NULL REFERENCES projects (id),
  id uuid NOT NULL,
  prefix text NOT NULL UNIQUE,
  secret_sha256 bytea NOT NULL,
  name text NOT NULL,
  role text NOT NULL
    CONSTRAINT api_keys_role_check CHECK (role IN ('admin', 'lead', 'reviewer', 'analyst', 'auditor', 'service')),
  user_id uuid REFERENCES users (id),
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  PRIMARY KEY (project_id, id)
);
"""

CONFIGURATION = """
CREATE TABLE config_versions (
  project_id uuid NOT NULL REFERENCES projects (id),
  version integer NOT NULL,
  source text NOT NULL,
  document json NOT NULL,
  item_types json NOT NULL,
  ruleset_version integer NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, version)
);
CREATE TABLE item_types (
  project_id uuid NOT NULL REFERENCES projects (id),
  name text NOT NULL,
  version integer NOT NULL,
  definition json NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, name, version)
);
CREATE TABLE rulesets (
  project_id uuid NOT NULL REFERENCES projects (id),
  version integer NOT NULL,
  rules json NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, version)
);
CREATE TABLE pool_members (
  project_id uuid NOT NULL REFERENCES projects (id),
  pool text NOT NULL,
  email text NOT NULL,
  source text NOT NULL CONSTRAINT pool_members_source_check CHECK (source IN ('config', 'direct')),
  PRIMARY KEY (project_id, pool, email, source)
);
"""

# What intake writes carries no foreign keys: one statement writes the whole family with keys that start with
# the project, so a stray row cannot arise, and each check would cost a third of the budget (docs/adr/0003).
ITEMS = """
CREATE TABLE items (
  project_id uuid NOT NULL,
  id uuid NOT NULL,
  type text NOT NULL,
  type_version integer NOT NULL,
  external_id text,
  idempotency_key text,
  fingerprint bytea NOT NULL,
  state text NOT NULL CONSTRAINT items_state_check CHECK (state IN ('open', 'decided', 'withdrawn')),
  config_version integer NOT NULL,
  ruleset_version integer NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  closed_at timestamptz,
  PRIMARY KEY (project_id, id)
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX items_external_id ON items (project_id, external_id) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX items_idempotency_key ON items (project_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE TABLE item_bodies (
  project_id uuid NOT NULL,
  item_id uuid NOT NULL,
  input json NOT NULL,
  output json NOT NULL,
  details json NOT NULL,
  route json NOT NULL,
  submitted_by json NOT NULL,
  PRIMARY KEY (project_id, item_id)
);
"""

# Vacuum leaves an index alone while under 2 % of a table's pages hold dead rows; on a deep queue those few are the
# very entries that every claim walks over, so here it never does.
QUEUE = """
CREATE TABLE cases (
  project_id uuid NOT NULL,
  id uuid NOT NULL,
  item_id uuid NOT NULL,
  state text NOT NULL CONSTRAINT cases_state_check CHECK (state IN ('open', 'closed')),
  pool text NOT NULL,
  priority smallint NOT NULL,
  reviews_required smallint NOT NULL,
  adjudicate_pool text,
  sla_policy text,
  due_at timestamptz,
  breached_at timestamptz,
  escalation_level smallint NOT NULL DEFAULT 0,
  opened_at timestamptz NOT NULL DEFAULT now(),
  closed_at timestamptz,
  PRIMARY KEY (project_id, id)
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX cases_item_id ON cases (project_id, item_id);
CREATE TABLE assignments (
  project_id uuid NOT NULL,
  id uuid NOT NULL,
  case_id uuid NOT NULL,
  item_id uuid NOT NULL,
  kind text NOT NULL CONSTRAINT assignments_kind_check CHECK (kind IN ('review', 'adjudication')),
  pool text NOT NULL,
  priority smallint NOT NULL,
  due_at timestamptz NOT NULL DEFAULT 'infinity',
  state text NOT NULL CONSTRAINT assignments_state_check CHECK (state IN ('open', 'held', 'done', 'cancelled')),
  holder_id uuid,
  fence integer NOT NULL DEFAULT 0,
  claimed_at timestamptz,
  lease interval,
  lease_until timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, id),
  CONSTRAINT assignments_holder_check CHECK ((state = 'held') = (holder_id IS NOT NULL AND lease_until IS NOT NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0,
        vacuum_index_cleanup = on);
CREATE INDEX assignments_claim ON assignments (project_id, pool, (-priority), due_at, id) WHERE state = 'open';
CREATE INDEX assignments_due ON assignments (project_id, pool, due_at) WHERE state = 'open' AND due_at < 'infinity';
CREATE INDEX assignments_item_id ON assignments (project_id, item_id);
CREATE INDEX assignments_holder_id ON assignments (project_id, holder_id) WHERE state = 'held';
CREATE TABLE case_reviewers (
  project_id uuid NOT NULL,
  case_id uuid NOT NULL,
  user_id uuid NOT NULL,
  assignment_id uuid NOT NULL,
  part text NOT NULL CONSTRAINT case_reviewers_part_check CHECK (part IN ('holding', 'reviewed', 'skipped')),
  PRIMARY KEY (project_id, case_id, user_id)
) WITH (fillfactor = 85);
CREATE TABLE reviews (
  project_id uuid NOT NULL,
  id uuid NOT NULL,
  case_id uuid NOT NULL,
  item_id uuid NOT NULL,
  assignment_id uuid NOT NULL,
  kind text NOT NULL,
  reviewer_id uuid NOT NULL REFERENCES users (id),
  verdict text NOT NULL CONSTRAINT reviews_verdict_check CHECK (verdict IN ('approve', 'correct', 'reject')),
  output json,
  reasons json NOT NULL,
  comment text NOT NULL,
  held_seconds double precision NOT NULL,
  submitted_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, id),
  FOREIGN KEY (project_id, case_id) REFERENCES cases (project_id, id),
  FOREIGN KEY (project_id, assignment_id) REFERENCES assignments (project_id, id)
);
CREATE UNIQUE INDEX reviews_assignment_id ON reviews (project_id, assignment_id);
CREATE UNIQUE INDEX reviews_case_id_reviewer_id ON reviews (project_id, case_id, reviewer_id);
CREATE INDEX reviews_reviewer_id ON reviews (project_id, reviewer_id, submitted_at);
"""

OUTCOMES = """
CREATE TABLE decisions (
  project_id uuid NOT NULL,
  item_id uuid NOT NULL,
  revision smallint NOT NULL,
  verdict text NOT NULL CONSTRAINT decisions_verdict_check CHECK (verdict IN ('approve', 'correct', 'reject')),
  output json,
  source text NOT NULL CONSTRAINT decisions_source_check
    CHECK (source IN ('rule', 'review', 'consensus', 'adjudication', 'timeout', 'override')),
  reasons json NOT NULL,
  comment text NOT NULL,
  decided_by text NOT NULL,
  reviews smallint NOT NULL,
  output_sha256 text,
  decided_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, item_id, revision)
);
CREATE TABLE feedback (
  project_id uuid NOT NULL,
  id uuid NOT NULL,
  position bigint,
  item_id uuid NOT NULL,
  revision smallint NOT NULL,
  type text NOT NULL,
  verdict text NOT NULL,
  source text NOT NULL,
  record json NOT NULL,
  decided_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, id),
  FOREIGN KEY (project_id, item_id, revision) REFERENCES decisions (project_id, item_id, revision)
);
CREATE UNIQUE INDEX feedback_item_id_revision ON feedback (project_id, item_id, revision);
CREATE UNIQUE INDEX feedback_position ON feedback (project_id, position) WHERE position IS NOT NULL;
CREATE INDEX feedback_unpositioned ON feedback (project_id, decided_at, id) WHERE position IS NULL;
CREATE TABLE feedback_feeds (
  project_id uuid PRIMARY KEY REFERENCES projects (id),
  last_position bigint NOT NULL DEFAULT 0
);
"""

KERNEL = """
CREATE TABLE timers (
  project_id uuid NOT NULL,
  kind text NOT NULL,
  subject_id uuid NOT NULL,
  generation integer NOT NULL,
  fire_at timestamptz NOT NULL,
  PRIMARY KEY (project_id, kind, subject_id, generation)
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0, vacuum_index_cleanup = on);
CREATE INDEX timers_fire_at ON timers (fire_at);
CREATE TABLE events (
  project_id uuid NOT NULL,
  id uuid NOT NULL,
  kind text NOT NULL,
  item_id uuid,
  payload json NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, id)
);
CREATE TABLE audit_entries (
  project_id uuid NOT NULL,
  id uuid NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  actor_kind text NOT NULL
    CONSTRAINT audit_entries_actor_kind_check CHECK (actor_kind IN ('user', 'key', 'rule', 'timer', 'operator')),
  actor_id uuid,
  actor_name text NOT NULL,
  action text NOT NULL,
  item_id uuid,
  details json NOT NULL,
  PRIMARY KEY (project_id, id)
);
CREATE INDEX audit_entries_item_id ON audit_entries (project_id, item_id, id) WHERE item_id IS NOT NULL;
"""

GROUPS = (PEOPLE, CONFIGURATION, ITEMS, QUEUE, OUTCOMES, KERNEL)


def upgrade() -> None:
    """Create every table of the first version."""
    for group in GROUPS:
        for statement in filter(str.strip, group.split(";\n")):
            op.execute(statement)


def downgrade() -> None:
    """Drop every table of the first version."""
    op.execute(
        "DROP TABLE audit_entries, events, timers, feedback_feeds, feedback, decisions, reviews, case_reviewers,"
        " assignments, cases, item_bodies, items, pool_members, rulesets, item_types, config_versions, api_keys,"
        " sessions, memberships, users, projects"
    )
