"""The statement that answers a filter: a bounded stretch of one index, what of it matches, and the lines of one page.

It names tables of packages below this one and of people, as a database view would; values travel as parameters, and
its text depends on which filters there are, never on what they say.
"""

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from review.kernel.db import Hot
from review.queueing.listing_rules import FLAG, FOREVER, Place, Plan, Source, Wanted

COUNT_CAP = 1_000
# Joined below in a way that the server follows row by row: it knows not how few rows `looked` has, and would read a
# whole table for them. OFFSET 0 keeps each of these as a query of its own.
_ITEM = (
    "CROSS JOIN LATERAL (SELECT i.type, i.state FROM items i WHERE i.project_id = $1 AND i.id = l.item_id OFFSET 0) i"
)
_CASE = """CROSS JOIN LATERAL (
  SELECT c.escalation_level FROM cases c WHERE c.project_id = $1 AND c.item_id = l.item_id OFFSET 0) c"""
_BODY = """CROSS JOIN LATERAL (
  SELECT b.input, b.details, b.route, b.submitted_by FROM item_bodies b
  WHERE b.project_id = $1 AND b.item_id = l.item_id OFFSET 0) b"""
TEXT_BYTES = 8_192  # inputs that take more than this are not searched, nor read for it
DETAILS_BYTES = 65_536  # details that take more than this are not looked into
SHOWN_BYTES = 32_768  # a payload that takes more than this has no line of its own words

_SEAT = "a.id AS seat_id, a.item_id, a.kind, a.pool, a.priority, a.due_at, a.state AS seat_state"
# What each order goes by: columns with their direction, and the types that a place in it has.
ORDERS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "urgent": ("urgency, due_at, seat_id", ">", ("smallint", "timestamptz", "uuid")),
    "due": ("due_at, seat_id", ">", ("timestamptz", "uuid")),
    "newest": ("item_id", "<", ("uuid",)),
    "oldest": ("item_id", ">", ("uuid",)),
    "confidence": ("doubt, item_id", ">", ("float8", "uuid")),
    "doubt": ("sureness, item_id", ">", ("float8", "uuid")),
}
_STATES = {"open": ("open", "held"), "waiting": ("open",), "held": ("held",)}
_DETAIL = f"CASE WHEN pg_column_size(b.details) <= {DETAILS_BYTES} THEN b.details END"
_SURE = f"(({_DETAIL}) ->> 'confidence')::float8"
# The columns that orders name, as seats have them, and as what was looked at has them.
_OF_SEATS = {"urgency": "-a.priority", "due_at": "a.due_at", "seat_id": "a.id"}
_OF_LOOKED = {name: f"l.{name}" for name in ("urgency", "due_at", "seat_id", "item_id")} | {
    "doubt": f"-coalesce({_SURE}, -1)",
    "sureness": f"coalesce({_SURE}, 2)",
}


class Statement:
    """A statement being put together, and the values of its parameters so far."""

    def __init__(self, project_id: UUID, pools: list[str]) -> None:
        self.values: list[Any] = [project_id]
        self._pools, self._named = pools, ""

    @property
    def pools(self) -> str:
        """The parameter that stands for the pools asked for."""
        self._named = self._named or self.add(self._pools, "text[]")
        return self._named

    def add(self, value: Any, kind: str = "text") -> str:
        """Take a value, and give the parameter that stands for it."""
        self.values.append(value)
        return f"${len(self.values)}::{kind}"


class Asked:
    """Who asks for what, from where on, and how many lines; `pools` is None for who sees everything.

    `unsearched` are the item types that match nothing, for what is asked for is hidden from the caller there.
    """

    def __init__(
        self,
        wanted: Wanted,
        plan: Plan,
        *,
        pools: list[str],
        sees_all: bool,
        after: Place | None,
        limit: int,
        unsearched: Sequence[str] = (),
    ) -> None:
        self.wanted, self.plan, self.pools, self.sees_all = wanted, plan, pools, sees_all
        self.after, self.limit, self.unsearched = after, limit, unsearched


async def look(hot: Hot, project_id: UUID, asked: Asked, *, most: int) -> list[Any]:
    """Answer a filter; the first columns of each row say the same of all: how many match, how far was looked."""
    text, values = statement_of(project_id, asked, most=most)
    return await hot.fetch(text, *values)


def statement_of(project_id: UUID, asked: Asked, *, most: int) -> tuple[str, list[Any]]:
    """Write the statement that answers a filter, counting no more than `most` matches."""
    said = Statement(project_id, asked.pools)
    order, way, kinds = ORDERS[asked.wanted.order]
    ahead = asked.after is not None
    place = _behind(said, asked, order, way, kinds) if ahead else ""
    looked = _looked(said, asked, place if not asked.plan.is_sorted_anew else "")
    matching = _matching(said, asked, place if asked.plan.is_sorted_anew else "", most)
    direction = " DESC" if way == "<" else ""
    text = f"""
WITH looked AS MATERIALIZED ({looked}),
matching AS MATERIALIZED ({matching}),
about AS MATERIALIZED (SELECT count(*) AS matched FROM matching)
SELECT about.matched, CASE WHEN about.matched < {most} THEN (SELECT count(*) FROM looked) END AS looked, {_last(asked)},
       m.*, i.external_id, i.type, i.state AS item_state, i.created_at, i.closed_at,
       b.input, b.output, b.confidence,
       s.escalation_level, s.reviews_required, h.holders, h.since
FROM about LEFT JOIN (SELECT * FROM matching ORDER BY {order}{direction} LIMIT {asked.limit}) m ON true
LEFT JOIN LATERAL (
  SELECT i.external_id, i.type, i.state, i.created_at, i.closed_at
  FROM items i WHERE i.project_id = $1 AND i.id = m.item_id OFFSET 0) i ON true
LEFT JOIN LATERAL (SELECT
  CASE WHEN pg_column_size(b.input) <= {SHOWN_BYTES} THEN b.input::text END AS input,
  CASE WHEN pg_column_size(b.output) <= {SHOWN_BYTES} THEN b.output::text END AS output, {_SURE} AS confidence
  FROM item_bodies b WHERE b.project_id = $1 AND b.item_id = m.item_id OFFSET 0) b ON true
LEFT JOIN LATERAL (
  SELECT s.escalation_level, s.reviews_required
  FROM cases s WHERE s.project_id = $1 AND s.item_id = m.item_id OFFSET 0) s ON true
LEFT JOIN LATERAL (
  SELECT array_agg(u.email ORDER BY a.claimed_at) AS holders, array_agg(a.claimed_at ORDER BY a.claimed_at) AS since
  FROM assignments a JOIN users u ON u.id = a.holder_id
  WHERE a.project_id = $1 AND a.item_id = m.item_id AND a.state = 'held'
    AND a.ahead_fence IS DISTINCT FROM a.fence) h ON true
ORDER BY {", ".join(f"m.{column}{direction}" for column in order.split(", "))}
"""
    return text, said.values


def _last(asked: Asked) -> str:
    """Give the last row looked at, from where a further look begins; only a source's own order can go on."""
    if asked.plan.is_sorted_anew or asked.plan.source not in {Source.URGENT, Source.DUE, Source.NEWEST}:
        return "NULL::smallint AS last_urgency, NULL::timestamptz AS last_due, NULL::uuid AS last_id"
    if asked.plan.source is Source.NEWEST:
        return (
            "NULL::smallint AS last_urgency, NULL::timestamptz AS last_due, "
            "(SELECT item_id FROM looked ORDER BY item_id LIMIT 1) AS last_id"
        )
    order = ORDERS[asked.wanted.order][0].replace(", ", " DESC, ") + " DESC"
    columns = (("urgency", "last_urgency"), ("due_at", "last_due"), ("seat_id", "last_id"))
    return ", ".join(f"(SELECT {column} FROM looked ORDER BY {order} LIMIT 1) AS {name}" for column, name in columns)


def _behind(said: Statement, asked: Asked, order: str, way: str, kinds: tuple[str, ...]) -> str:
    """Write that a row stands behind the place asked for, in the words of the `looked` rows."""
    place = asked.after
    assert place is not None  # noqa: S101  asked for only where there is one
    number = None if place.key is None else int(place.key) if "smallint" in kinds else float(place.key)
    given = {"smallint": number, "float8": number, "timestamptz": place.at or FOREVER, "uuid": place.id}
    values = ", ".join(said.add(given[kind], kind) for kind in kinds)
    return f"({order}) {way} ({values})"


def _looked(said: Statement, asked: Asked, place: str) -> str:
    source, looks = asked.plan.source, asked.plan.looks
    if source in {Source.NEWEST, Source.NAMED}:
        return _items(said, asked, place)
    states = _STATES.get(asked.wanted.state, ("open", "held"))
    order = "due_at, seat_id" if source is Source.DUE else "urgency, due_at, seat_id"
    branches: list[str] = []
    if source is not Source.HELD and "open" in states:
        clocked = " AND a.due_at < 'infinity'" if source is Source.DUE else ""
        clocked += _due_within(asked) if source is Source.DUE else ""
        branches += [
            _branch(f"a.pool = {said.add(pool)} AND a.state = 'open'{clocked}", place, order, looks)
            for pool in asked.pools
        ]
    if "held" in states:
        mine = ""
        if asked.wanted.holder:
            mine = f" AND a.holder_id = {_holder(said, asked.wanted)}"
        clocked = " AND a.due_at < 'infinity'" if source is Source.DUE else ""
        branches.append(_branch(f"a.state = 'held' AND a.pool = ANY({said.pools}){mine}{clocked}", place, order, looks))
    every = " UNION ALL ".join(f"({branch})" for branch in branches) or f"({_branch('false', place, order, 1)})"
    return f"SELECT * FROM ({every}) every ORDER BY {order} LIMIT {looks}"


def _said_of(columns: str, named: dict[str, str]) -> str:
    """Say columns by other names."""
    return re.sub(r"\b[a-z_]+\b", lambda found: named.get(found[0], found[0]), columns)


def _due_within(asked: Asked) -> str:
    """Narrow the walk along due times to those asked for, which the index ends by itself."""
    return {
        "overdue": " AND a.due_at <= now()",
        "soon": " AND a.due_at > now() AND a.due_at < now() + interval '1 hour'",
    }.get(asked.wanted.due, "")


def _branch(where: str, place: str, order: str, looks: int) -> str:
    behind, ordered = _said_of(place, _OF_SEATS), _said_of(order, _OF_SEATS)
    return (
        f"SELECT -a.priority AS urgency, {_SEAT} FROM assignments a WHERE a.project_id = $1 AND {where}"
        f"{f' AND {behind}' if behind else ''} ORDER BY {ordered} LIMIT {looks}"
    )


def _items(said: Statement, asked: Asked, place: str) -> str:
    """Look at items by themselves, newest first or by name, each with the first of its seats that is open or held."""
    named = f"i.external_id = {said.add(asked.wanted.external_id)}" if asked.wanted.external_id else "true"
    behind = _said_of(place, {"item_id": "i.id"}) or "true"
    return f"""
SELECT coalesce(s.urgency, -c.priority, 0)::smallint AS urgency, s.seat_id, i.id AS item_id, s.kind,
       coalesce(s.pool, c.pool) AS pool, coalesce(s.priority, c.priority) AS priority,
       coalesce(s.due_at, 'infinity') AS due_at, s.seat_state
FROM (SELECT i.project_id, i.id FROM items i WHERE i.project_id = $1 AND {named} AND {behind}
      ORDER BY i.id DESC LIMIT {asked.plan.looks}) i
LEFT JOIN LATERAL (
  SELECT c.priority, c.pool FROM cases c WHERE c.project_id = i.project_id AND c.item_id = i.id OFFSET 0) c ON true
LEFT JOIN LATERAL (
  SELECT -a.priority AS urgency, {_SEAT} FROM assignments a
  WHERE a.project_id = i.project_id AND a.item_id = i.id AND a.state IN ('open', 'held') AND a.pool = ANY({said.pools})
  ORDER BY a.id LIMIT 1) s ON true
"""


def _matching(said: Statement, asked: Asked, place: str, most: int) -> str:
    wanted, inside = asked.wanted, asked.wanted.looks_inside
    order, way, _ = ORDERS[wanted.order]
    direction = " DESC" if way == "<" else ""
    sure = (
        f"coalesce({_SURE}, 2) AS sureness, -coalesce({_SURE}, -1) AS doubt" if inside else "0 AS sureness, 0 AS doubt"
    )
    tests = [*_one_line_each(said, asked), *_narrow(said, wanted), *_payload(said, wanted)]
    if asked.unsearched:
        tests.append(f"i.type <> ALL ({said.add(list(asked.unsearched), 'text[]')})")
    if place:
        tests.append(_said_of(place, _OF_LOOKED))
    needed = ((_ITEM, bool(asked.unsearched) or _needs_item(wanted)), (_CASE, bool(wanted.escalated)), (_BODY, inside))
    joins = " ".join(join for join, is_needed in needed if is_needed)
    where = " AND ".join(tests) or "true"
    return f"SELECT l.*, {sure} FROM looked l {joins} WHERE {where} ORDER BY {order}{direction} LIMIT {most}"


def _needs_item(wanted: Wanted) -> bool:
    return bool(wanted.type) or wanted.state in {"decided", "withdrawn"}


def _one_line_each(said: Statement, asked: Asked) -> list[str]:
    """Let pass the first seat of each item among those asked for, and of items by themselves those of that status."""
    wanted = asked.wanted
    if asked.plan.source in {Source.NEWEST, Source.NAMED}:
        tests = [] if asked.sees_all and not wanted.pool else [f"l.pool = ANY({said.pools})"]
        states = _STATES.get(wanted.state)
        if states is not None:
            tests.append("l.seat_state IS NOT NULL")
        if wanted.state == "waiting":
            tests.append(_has_seat(said.pools, "o.state = 'open'"))
        elif wanted.state == "held":
            tests.append(_has_seat(said.pools, "o.state = 'held'"))
        elif wanted.state in {"decided", "withdrawn"}:
            tests.append(f"i.state = {said.add(wanted.state)}")
        if wanted.holder:
            tests.append(_has_seat(said.pools, f"o.state = 'held' AND o.holder_id = {_holder(said, wanted)}"))
        return tests
    states = ("held",) if asked.plan.source is Source.HELD else _STATES.get(wanted.state, ("open", "held"))
    listed = ", ".join(f"'{state}'" for state in states)
    same = (
        "AND o.holder_id = (SELECT h.holder_id FROM assignments h WHERE h.project_id = $1 AND h.id = l.seat_id)"
        if asked.wanted.holder
        else ""
    )
    earlier = (
        f"o.item_id = l.item_id AND o.id < l.seat_id AND o.state IN ({listed}) AND o.pool = ANY({said.pools}) {same}"
    )
    return [f"NOT EXISTS (SELECT FROM assignments o WHERE o.project_id = $1 AND {earlier} OFFSET 0)"]


def _holder(said: Statement, wanted: Wanted) -> str:
    return f"(SELECT id FROM users WHERE email = {said.add(wanted.holder.lower())})"


def _has_seat(pools: str, kind: str) -> str:
    return (
        "EXISTS (SELECT FROM assignments o WHERE o.project_id = $1 AND o.item_id = l.item_id"
        f" AND {kind} AND o.pool = ANY({pools}) OFFSET 0)"
    )


def _narrow(said: Statement, wanted: Wanted) -> list[str]:
    """Test what stands in narrow rows."""
    tests: list[str] = []
    if wanted.type:
        tests.append(f"i.type = {said.add(wanted.type)}")
    if wanted.escalated:
        tests.append(f"c.escalation_level {'>' if wanted.escalated == FLAG else '='} 0")
    due = {
        "overdue": "l.due_at <= now()",
        "soon": "l.due_at > now() AND l.due_at < now() + interval '1 hour'",
        "clocked": "l.due_at < 'infinity'",
        "none": "l.due_at = 'infinity'",
    }
    if wanted.due:
        tests.append(due[wanted.due])
    return tests


def _payload(said: Statement, wanted: Wanted) -> list[str]:
    """Test what stands in payloads; what is too large to be looked into matches nothing."""
    tests: list[str] = []
    for name in ("impact", "subject"):
        if value := getattr(wanted, name):
            tests += [f"({_DETAIL}) ->> '{name}' = {said.add(value)}"]
    if wanted.confidence_from is not None:
        tests.append(f"{_SURE} >= {said.add(wanted.confidence_from, 'float8')}")
    if wanted.confidence_to is not None:
        tests.append(f"{_SURE} <= {said.add(wanted.confidence_to, 'float8')}")
    if wanted.tag:
        tests.append(f"(({_DETAIL}) -> 'tags')::jsonb ? {said.add(wanted.tag)}")
    if wanted.model:
        model = f"({_DETAIL}) -> 'model'"
        tests.append(f"{said.add(wanted.model)} IN ({model} ->> 'name', {model} ->> 'version')")
    if wanted.rule:
        tests.append(f"b.route ->> 'rule' = {said.add(wanted.rule)}")
    if wanted.source:
        tests.append(f"b.submitted_by ->> 'id' = {said.add(wanted.source.lower())}")
    if wanted.text:
        sought = said.add(wanted.text.lower())
        tests.append(
            f"CASE WHEN pg_column_size(b.input) <= {TEXT_BYTES} THEN position({sought} IN lower(b.input::text)) > 0"
            " ELSE false END"
        )
    return tests
