"""What belongs to an item in the tables: each column that can hold words is erased, or stands here with why not."""

import re

from review.erasure import scrub_queries
from review.kernel.db import Database

# Columns by which a row belongs to an item, by itself or through a row that does.
BELONGING = ("item_id", "case_id", "assignment_id", "delivery_id", "event_id", "act_id")
CODE = "a word of this program or a name of the configuration"
STAFF = "somebody who works here, or a key"
ELSEWHERE = "erased by the package that owns it, which the search for the mark shows"
MAY_STAY = {
    **dict.fromkeys(("items.type", "items.state", "feedback.type", "precedents.type", "exposures.type"), CODE),
    **dict.fromkeys(
        ("cases.state", "cases.pool", "cases.adjudicate_pool", "cases.sla_policy", "cases.marks_passed"), CODE
    ),
    **dict.fromkeys(("assignments.kind", "assignments.pool", "assignments.state", "case_reviewers.part"), CODE),
    **dict.fromkeys(("reviews.kind", "reviews.verdict", "reviews.reasons", "asides.kind", "events.kind"), CODE),
    **dict.fromkeys(("decisions.verdict", "decisions.source", "decisions.reasons"), CODE),
    **dict.fromkeys(("feedback.verdict", "feedback.source", "deliveries.state", "bulk_items.state"), CODE),
    **dict.fromkeys(("override_proposals.verdict", "override_proposals.reasons"), CODE),
    **dict.fromkeys(
        ("rollout_items.old", "rollout_items.new", "rollout_items.old_rule", "rollout_items.new_rule"), CODE
    ),
    **dict.fromkeys(("bulk_items.why", "audit_entries.action", "audit_entries.actor_kind"), CODE),
    **dict.fromkeys(
        ("cases.acknowledged_by", "asides.put_by", "clock_pauses.paused_by", "decisions.decided_by"), STAFF
    ),
    **dict.fromkeys(("item_bodies.submitted_by", "items.erased_by", "item_questions.answered_by"), STAFF),
    **dict.fromkeys(("feedback.record", "audit_entries.actor_name", "audit_entries.origin"), ELSEWHERE),
    **dict.fromkeys(("audit_entries.details", "audit_entries.salt"), ELSEWHERE),
    **dict.fromkeys(("audit_entries.commitment", "audit_entries.leaf_hash"), "bind a salt that is gone"),
}
WORDS = """
SELECT c.table_name || '.' || c.column_name AS name FROM information_schema.columns c
JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
  AND c.udt_name IN ('text', 'varchar', 'json', 'jsonb', 'bytea', 'tsvector', '_text')
  AND (c.table_name = 'items' OR EXISTS (SELECT FROM information_schema.columns i WHERE i.table_schema = 'public'
       AND i.table_name = c.table_name AND i.column_name = ANY($1::text[])))
"""


def scrubbed() -> tuple[set[str], set[str]]:
    """Give the columns that the statements set, and the tables of which they delete rows."""
    columns, tables = set[str](), set[str]()
    for statement in (*scrub_queries.SCRUBS, scrub_queries.MARK):
        said = statement.split()
        if said[0] == "DELETE":
            tables.add(said[2])
        else:
            head = statement.split("WHERE project_id = $1")[0].split(" SET ", 1)[1]
            columns |= {f"{said[1]}.{name}" for name in re.findall(r"(?:^|,)\s*(\w+) =", head)}
    return columns, tables


async def test_no_column_that_belongs_to_an_item_is_forgotten(db: Database) -> None:
    """Promise 32: whoever adds a column that holds words says here, or in the statements, what erasing does with it."""
    columns, tables = scrubbed()
    rows = await db.hot.fetch(WORDS, list(BELONGING))
    known = {row["name"] for row in rows}

    left = {name for name in known if name not in columns and name.split(".")[0] not in tables}

    assert left - set(MAY_STAY) == set()
    assert set(MAY_STAY) - known == set(), "these are no columns any more"
    assert columns <= known | {"items.erased_at", "bulk_acts.given", "override_proposals.settled_at"}
