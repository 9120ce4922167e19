"""Everything the database holds of a project, and the invariants that hold between its tables whatever happened."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

PEOPLE_DECIDE = {"review", "consensus", "adjudication", "override"}
TABLES: Mapping[str, str] = {
    "items": "SELECT id, state, external_id, closed_at FROM items WHERE project_id = $1",
    "bodies": "SELECT item_id FROM item_bodies WHERE project_id = $1",
    "cases": "SELECT * FROM cases WHERE project_id = $1",
    "seats": "SELECT *, lease_until > now() AS alive FROM assignments WHERE project_id = $1",
    "parts": ("SELECT r.*, u.email FROM case_reviewers r JOIN users u ON u.id = r.user_id WHERE r.project_id = $1"),
    "reviews": "SELECT * FROM reviews WHERE project_id = $1 ORDER BY submitted_at, id",
    "decisions": "SELECT *, output ->> 'label' AS label FROM decisions WHERE project_id = $1 ORDER BY revision",
    "feedback": "SELECT *, record ->> 'verdict' AS told FROM feedback WHERE project_id = $1 ORDER BY revision",
    "events": "SELECT * FROM events WHERE project_id = $1",
    "given": "SELECT * FROM pending_judgements WHERE project_id = $1",
    "audit": "SELECT * FROM audit_entries WHERE project_id = $1 AND item_id IS NOT NULL ORDER BY at, id",
    "timers": "SELECT *, fire_at <= now() AS is_due FROM timers WHERE project_id = $1",
}


@dataclass
class Ledger:
    """The rows of one project, by table."""

    rows: dict[str, list[Any]]

    @classmethod
    async def read(cls, hot: "asyncpg.Pool[asyncpg.Record]", project_id: UUID) -> "Ledger":
        """Read all of it in one snapshot."""
        async with hot.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            return cls({name: await connection.fetch(query, project_id) for name, query in TABLES.items()})

    def of(self, table: str, item_id: UUID) -> list[Any]:
        """Give the rows of a table that belong to an item."""
        return [row for row in self.rows[table] if row["item_id"] == item_id]

    def check(self) -> None:
        """Assert every invariant that needs no model."""
        self._check_items()
        self._check_seats()
        self._check_parts()
        self._check_decisions()

    def _check_items(self) -> None:
        ids = [row["id"] for row in self.rows["items"]]
        assert sorted(ids) == sorted(row["item_id"] for row in self.rows["bodies"]), "an item and its body go together"
        named = [row["external_id"] for row in self.rows["items"] if row["external_id"]]
        assert len(named) == len(set(named)), "two items share an external id"
        submitted = Counter(row["item_id"] for row in self.rows["audit"] if row["action"] == "item.submitted")
        assert submitted == Counter(ids), "each item was submitted once"
        cased = Counter(row["item_id"] for row in self.rows["cases"])
        assert all(count == 1 for count in cased.values())
        for row in self.rows["items"]:
            assert (row["state"] == "open") == (row["closed_at"] is None)
            assert row["state"] != "open" or cased[row["id"]] == 1, "an open item has somebody's work to wait for"

    def _check_seats(self) -> None:
        states = {row["id"]: row["state"] for row in self.rows["items"]}
        for case in self.rows["cases"]:
            assert len(case["marks_passed"]) == len(set(case["marks_passed"])), "each mark passes once"
        cases = {row["item_id"]: row["state"] for row in self.rows["cases"]}
        assert all((cases[item_id] == "open") == (states[item_id] == "open") for item_id in cases)
        kinds = {"lease", "snooze", "judgement"}
        clocks = {
            (row["subject_id"], row["generation"]): row["kind"] for row in self.rows["timers"] if row["kind"] in kinds
        }
        given = {(row["assignment_id"], row["fence"]) for row in self.rows["given"] if row["dropped_at"] is None}
        waiting: defaultdict[UUID, int] = defaultdict(int)
        for seat in self.rows["seats"]:
            is_held = seat["state"] == "held"
            assert is_held == (seat["holder_id"] is not None) == (seat["lease_until"] is not None)
            kind = clocks.get((seat["id"], seat["fence"]))
            is_given = is_held and seat["given_fence"] == seat["fence"]
            assert not is_held or kind is not None, "a held seat has a live timer"
            assert is_given == (is_held and kind == "judgement"), "and what was given has one that counts it"
            assert not is_given or (seat["id"], seat["fence"]) in given, "what was given is there"
            is_closed = seat["state"] in {"done", "cancelled"}
            waiting[seat["item_id"]] += not is_closed
            assert is_closed or states[seat["item_id"]] == "open", "a closed item has no open or held seat"
        for item_id, state in states.items():
            assert (state == "open") == (waiting[item_id] > 0), "an open item has a seat that somebody can take"

    def _check_parts(self) -> None:
        """Nobody is twice on one case, and who holds, holds exactly one seat of it."""
        holding = {
            (row["case_id"], row["user_id"], row["assignment_id"])
            for row in self.rows["parts"]
            if row["part"] == "holding"
        }
        held = {(row["case_id"], row["holder_id"], row["id"]) for row in self.rows["seats"] if row["state"] == "held"}
        assert holding == held
        reviewed = [(row["case_id"], row["reviewer_id"]) for row in self.rows["reviews"]]
        assert len(reviewed) == len(set(reviewed)), "somebody reviewed a case twice"
        done = {row["id"] for row in self.rows["seats"] if row["state"] == "done"}
        assert sorted(done) == sorted(row["assignment_id"] for row in self.rows["reviews"])

    def _check_decisions(self) -> None:
        """A decision, its event, its audit entry and, where people made it, its feedback: all of them or none."""
        for item in self.rows["items"]:
            made = self.of("decisions", item["id"])
            assert [row["revision"] for row in made] == list(range(1, len(made) + 1))
            assert (item["state"] == "decided") == bool(made)
            by_time = [row["revision"] for row in made if row["source"] == "timeout"]
            assert by_time in ([], [1]), "time decides what nobody has, and once"
            told = Counter(row["kind"] for row in self.of("events", item["id"]))
            assert told["item.decided"] == min(1, len(made))
            assert told["decision.revised"] == max(0, len(made) - 1)
            noted = Counter(row["action"] for row in self.of("audit", item["id"]))
            assert noted["item.decided"] + noted["decision.overridden"] == len(made)
            by_people = [(row["revision"], row["verdict"]) for row in made if row["source"] in PEOPLE_DECIDE]
            assert [(row["revision"], row["told"]) for row in self.of("feedback", item["id"])] == by_people
            assert told["item.withdrawn"] == noted["item.withdrawn"] == (item["state"] == "withdrawn")
