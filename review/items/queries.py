"""Reading items as the API shows them: one statement each, whatever tables it takes.

The statements name tables of packages above this one, as a database view would; nothing is imported from there.
"""

from typing import Any
from uuid import UUID

from review.identity.rules import Principal
from review.items.blindness import pause_words, question_words
from review.items.route_queries import in_full
from review.kernel.db import Hot

# {words} is why the clock stands still, as the caller may hear it.
_COLUMNS = """
  i.id, i.state, i.type, i.type_version, i.external_id, i.created_at, i.erased_at, i.erased_by, b.route::text AS route,
  i.gold AND i.state <> 'open' AS gold,
  c.pool, c.priority, c.sla_policy, c.due_at, c.first_claim_due_at, coalesce(c.escalation_level, 0) AS escalation_level,
  CASE WHEN c.due_at IS NULL OR i.state = 'withdrawn' THEN NULL
       WHEN i.state = 'decided'
         THEN CASE WHEN least(i.closed_at, c.paused_at) <= c.due_at THEN 'met' ELSE 'missed' END
       WHEN c.paused_at IS NOT NULL THEN 'paused'
       WHEN c.due_at <= now() THEN 'breached'
       WHEN c.warn_at <= now() THEN 'warning' ELSE 'on_track' END AS sla_state,
  k.paused_at, {words} AS pause_reason, k.paused_by, k.resume_at,
  i.state = 'open' AND EXISTS (SELECT FROM assignments a
    WHERE a.project_id = i.project_id AND a.item_id = i.id AND a.state = 'held') AS held,
  d.verdict, d.output::text AS decided_output, d.source, d.reasons::text AS reasons, d.comment, d.decided_at,
  d.decided_by, d.reviews, d.revision, d.output_sha256
"""

_JOINS = """
JOIN item_bodies b ON b.project_id = i.project_id AND b.item_id = i.id
LEFT JOIN cases c ON c.project_id = i.project_id AND c.item_id = i.id
LEFT JOIN clock_pauses k ON k.project_id = c.project_id AND k.case_id = c.id AND k.paused_at = c.paused_at
  AND i.state = 'open'
LEFT JOIN LATERAL (
  SELECT * FROM decisions WHERE project_id = i.project_id AND item_id = i.id ORDER BY revision DESC LIMIT 1
) d ON true
"""

# A reviewer sees the items of their pools, those that were brought to one to be settled or confirmed, and those they
# have had in hand.
_VISIBLE = """
 ({email}::text IS NULL
  OR EXISTS (SELECT FROM pool_members m WHERE m.project_id = i.project_id AND m.pool = c.pool AND m.email = {email})
  OR EXISTS (SELECT FROM assignments a
             JOIN pool_members m ON m.project_id = a.project_id AND m.pool = a.pool AND m.email = {email}
             WHERE a.project_id = i.project_id AND a.item_id = i.id AND a.kind <> 'review')
  OR EXISTS (SELECT FROM case_reviewers r JOIN users u ON u.id = r.user_id
             WHERE r.project_id = i.project_id AND r.case_id = c.id AND u.email = {email}))
"""

GET_ITEMS = f"""
SELECT {_COLUMNS.format(words=pause_words("$3", "$4"))} FROM items i {_JOINS}
WHERE i.project_id = $1 AND i.id = ANY($2::uuid[])
"""

# {asked} and {answered} are the words of a question and its answer, as the caller may hear them.
_QUESTIONS = """
 (SELECT json_agg(json_build_object('id', q.id, 'text', {asked}, 'asked_at', q.asked_at, 'asked_by', u.email,
   'answer', {answered}, 'answered_at', q.answered_at, 'answered_by', q.answered_by, 'returned_at', q.returned_at)
   ORDER BY q.id) FROM item_questions q JOIN users u ON u.id = q.asked_by
  WHERE q.project_id = i.project_id AND q.item_id = i.id)::text AS questions
"""

GET_DETAIL = f"""
SELECT {_COLUMNS.format(words=pause_words("$4", "$5"))},
       {_QUESTIONS.format(**question_words("$4", "$5"))},
       b.input::text AS input, b.output::text AS output, b.details::text AS details FROM items i {_JOINS}
WHERE i.project_id = $1 AND i.id = $2 AND {_VISIBLE.format(email="$3")}
"""

LIST_DETAILS = f"""
SELECT {_COLUMNS.format(words=pause_words("$3", "$4"))},
       {_QUESTIONS.format(**question_words("$3", "$4"))},
       b.input::text AS input, b.output::text AS output, b.details::text AS details FROM items i {_JOINS}
WHERE i.project_id = $1 AND i.id = ANY($2::uuid[])
"""

LIST_ITEMS = f"""
SELECT {_COLUMNS.format(words=pause_words("$10", "$11"))} FROM items i {_JOINS}
WHERE i.project_id = $1 AND {_VISIBLE.format(email="$2")}
  AND ($3::uuid IS NULL OR i.id < $3)
  AND ($4::text IS NULL OR i.state = $4)
  AND ($5::boolean IS NULL OR $5 = EXISTS (SELECT FROM assignments a WHERE a.project_id = i.project_id
                                           AND a.item_id = i.id AND a.state = 'held'))
  AND ($6::text IS NULL OR i.type = $6)
  AND ($7::text IS NULL OR c.pool = $7)
  AND ($8::text IS NULL OR i.external_id = $8)
ORDER BY i.id DESC LIMIT $9
"""

# What is near in an index and not what is like it anywhere: each part reads at most a hundred entries.
FIND_NAMED = f"""
WITH near AS (
  SELECT i.id FROM items i WHERE i.project_id = $1 AND i.id = $4::uuid
  UNION
  SELECT n.id FROM (SELECT i.id, i.external_id FROM items i WHERE i.project_id = $1 AND i.external_id >= $2
                    ORDER BY i.external_id LIMIT 100) n WHERE starts_with(n.external_id, $2)
  UNION
  SELECT n.item_id FROM (SELECT b.item_id FROM item_bodies b WHERE b.project_id = $1
                         AND b.details ->> 'subject' ~>=~ $2 AND b.details ->> 'subject' ~<~ $3
                         ORDER BY b.details ->> 'subject' USING ~<~ LIMIT 100) n
  JOIN items i ON i.project_id = $1 AND i.id = n.item_id AND i.type <> ALL ($7::text[])
)
SELECT i.id, i.type, i.state, i.external_id, b.details ->> 'subject' AS subject
FROM near JOIN items i ON i.project_id = $1 AND i.id = near.id
JOIN item_bodies b ON b.project_id = i.project_id AND b.item_id = i.id
LEFT JOIN cases c ON c.project_id = i.project_id AND c.item_id = i.id
WHERE {_VISIBLE.format(email="$5")}
ORDER BY i.id DESC LIMIT $6
"""

LIST_DECISIONS = """
SELECT item_id, verdict, output::text AS decided_output, source, reasons::text AS reasons, comment, decided_at,
       decided_by, reviews, revision, output_sha256
FROM decisions WHERE project_id = $1 AND item_id = ANY($2::uuid[]) ORDER BY item_id, revision
"""

IS_IN_POOLS_OF = """
SELECT EXISTS (SELECT FROM pool_members m WHERE m.project_id = $1 AND m.email = $3 AND (
  m.pool = (SELECT pool FROM cases WHERE project_id = $1 AND item_id = $2)
  OR EXISTS (SELECT FROM assignments a WHERE a.project_id = $1 AND a.item_id = $2 AND a.pool = m.pool
             AND a.kind <> 'review')))
"""

# What concerns the caller they have no business with, and so they are not led to it.
_NOT_THEIRS = """
 NOT EXISTS (SELECT FROM assignments a WHERE a.project_id = i.project_id AND a.item_id = i.id
             AND a.barred && ARRAY[{me}::uuid::text, {mail}::text])
 AND NOT EXISTS (SELECT FROM case_reviewers r WHERE r.project_id = i.project_id AND r.case_id = c.id
                 AND r.user_id = {me} AND r.part = 'conflict')
"""

LIST_VISIBLE = f"""
SELECT i.id FROM items i LEFT JOIN cases c ON c.project_id = i.project_id AND c.item_id = i.id
WHERE i.project_id = $1 AND i.id = ANY($2::uuid[]) AND {_VISIBLE.format(email="$3")}
  AND {_NOT_THEIRS.format(me="$4", mail="$5")}
"""

# Of a subject with very many items only the last so many are looked at.
LIST_EARLIER = f"""
SELECT i.id, i.type, i.created_at, d.verdict, d.output::text AS output,
       CASE WHEN i.state <> 'open' THEN i.state WHEN EXISTS (SELECT FROM assignments a WHERE
         a.project_id = i.project_id AND a.item_id = i.id AND a.state = 'held') THEN 'in_review' ELSE 'queued' END
       AS status
FROM (SELECT item_id FROM item_bodies WHERE project_id = $1 AND details ->> 'subject' = $2 AND item_id < $6
      ORDER BY item_id DESC LIMIT 50) b
JOIN items i ON i.project_id = $1 AND i.id = b.item_id
LEFT JOIN cases c ON c.project_id = i.project_id AND c.item_id = i.id
LEFT JOIN LATERAL (SELECT verdict, output FROM decisions WHERE project_id = $1 AND item_id = i.id
                   ORDER BY revision DESC LIMIT 1) d ON true
WHERE {_VISIBLE.format(email="$3")} AND {_NOT_THEIRS.format(me="$4", mail="$5")}
ORDER BY i.id DESC LIMIT $7
"""

LIST_CLOSED = """
SELECT i.id FROM unnest($1::uuid[], $2::uuid[]) AS named(project_id, id)
JOIN items i ON i.project_id = named.project_id AND i.id = named.id WHERE i.state <> 'open'
"""

HISTORY = """
SELECT at, actor_name, actor_kind, actor_id, action, details::text AS details FROM audit_entries
WHERE project_id = $1 AND item_id = {item} ORDER BY at, id
"""
LIST_HISTORY = HISTORY.format(item="$2")

SEES_ANSWERS = """
SELECT sees_answers FROM assignments
WHERE project_id = $1 AND item_id = $2 AND holder_id = $3 AND state = 'held' LIMIT 1
"""

LIST_UNHEARD = """
SELECT item_id FROM assignments WHERE project_id = $1 AND holder_id = $2 AND state = 'held' AND NOT sees_answers
"""


async def get_items(hot: Hot, project_id: UUID, item_ids: list[UUID], *, who: Principal | None) -> list[Any]:
    """Read items by id, in no particular order, as the caller may hear of them; None is for telling everybody."""
    me, is_reviewer = (None, True) if who is None else (who.id, who.is_blind)
    return await in_full(hot, project_id, await hot.fetch(GET_ITEMS, project_id, item_ids, me, is_reviewer))


async def find_detail(hot: Hot, who: Principal, item_id: UUID) -> Any:
    """Read one item with its payload; a reviewer finds only what is theirs to see."""
    visible_to = who.email if who.is_pool_bound else None
    row = await hot.fetchrow(GET_DETAIL, who.project_id, item_id, visible_to, who.id, who.is_blind)
    return None if row is None else (await in_full(hot, who.project_id, [row]))[0]


async def list_details(hot: Hot, who: Principal, item_ids: list[UUID]) -> list[Any]:
    """Read items with their payload by id, in no particular order; that the caller may see them was settled before."""
    rows = await hot.fetch(LIST_DETAILS, who.project_id, item_ids, who.id, who.is_blind)
    return await in_full(hot, who.project_id, rows)


async def find_named(hot: Hot, who: Principal, query: str, beyond: str, item_id: UUID | None, limit: int) -> list[Any]:
    """List items whose id, or the beginning of whose external id or subject, is given, as far as the caller sees."""
    visible_to = who.email if who.is_pool_bound else None
    unsearched = who.types_hiding("subject")
    return await hot.fetch(FIND_NAMED, who.project_id, query, beyond, item_id, visible_to, limit, unsearched)


async def list_decisions(hot: Hot, project_id: UUID, item_ids: list[UUID]) -> list[Any]:
    """Read every revision of these items' decisions, the first before the later."""
    return await hot.fetch(LIST_DECISIONS, project_id, item_ids)


async def list_history(hot: Hot, project_id: UUID, item_id: UUID) -> list[Any]:
    """Read what happened to an item, oldest first."""
    return await hot.fetch(LIST_HISTORY, project_id, item_id)


async def sees_answers(hot: Hot, project_id: UUID, item_id: UUID, user_id: UUID) -> bool | None:
    """Tell whether the seat that somebody has in hand shows what was judged before; None where they have none."""
    found: bool | None = await hot.fetchval(SEES_ANSWERS, project_id, item_id, user_id)
    return found


async def list_unheard(hot: Hot, project_id: UUID, user_id: UUID) -> frozenset[UUID]:
    """List the items that somebody has in hand by a seat that does not show what was judged before."""
    return frozenset(row["item_id"] for row in await hot.fetch(LIST_UNHEARD, project_id, user_id))


async def is_in_pools_of(hot: Hot, project_id: UUID, item_id: UUID, email: str) -> bool:
    """Tell whether the item's case, or a seat of it beyond reviews, is in one of somebody's pools."""
    return bool(await hot.fetchval(IS_IN_POOLS_OF, project_id, item_id, email))


async def list_visible(hot: Hot, who: Principal, item_ids: list[UUID]) -> list[UUID]:
    """List those of these items that the caller may see and that do not concern them."""
    visible_to = who.email if who.is_pool_bound else None
    rows = await hot.fetch(LIST_VISIBLE, who.project_id, item_ids, visible_to, who.id, who.email)
    return [row["id"] for row in rows]


async def list_earlier(hot: Hot, who: Principal, subject: str, before: UUID, limit: int) -> list[Any]:
    """Read the last items of a subject that came before one, as far as the caller may see them."""
    visible_to = who.email if who.is_pool_bound else None
    return await hot.fetch(LIST_EARLIER, who.project_id, subject, visible_to, who.id, who.email, before, limit)


async def list_closed(hot: Hot, named: list[tuple[UUID, UUID]]) -> list[UUID]:
    """Tell which of these items, named by project and id, are no longer open; asked once for all parked callers."""
    rows = await hot.fetch(LIST_CLOSED, [project_id for project_id, _ in named], [item_id for _, item_id in named])
    return [row["id"] for row in rows]
