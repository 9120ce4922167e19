"""The life of items as the contract tells it, in plain Python: what the database must agree with after every step."""

import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from tests.queueing import rungs
from tests.queueing.rungs import CLOCKS

SeatState = Literal["open", "held", "done", "cancelled"]
Mark = Literal["", "aside", "ahead", "given"]

CONFIG = """
project: {project}
item_types:
  ticket_intent:
    input_schema: {{type: object, required: [text], properties: {{text: {{type: string}}}}}}
    output_schema: {{type: object, required: [label], properties: {{label: {{enum: [card, lost, refund]}}}}}}
    reasons: [wrong_label]
    undo: 5m
pools:
  triage: {{members: [ana@example.com, ben@example.com, cleo@example.com, dan@example.com]}}
  seniors: {{members: [sam@example.com, ana@example.com]}}
  ghosts: {{}}
rules:
  - {{name: panel, when: '"panel" in item.tags', then: {{review: triage, reviews: 2, adjudicate: seniors}}}}
  - {{name: trio, when: '"trio" in item.tags', then: {{review: triage, reviews: 3, priority: 70, sla: lenient}}}}
  - {{name: urgent, when: '"urgent" in item.tags', then: {{review: triage, priority: 90}}}}
  - {{name: pass, when: '"pass" in item.tags', then: {{approve: true}}}}
  - {{name: stop, when: '"stop" in item.tags', then: {{reject: true}}}}
  - {{name: rest, when: 'true', then: {{review: triage, sla: standard}}}}
""" + CLOCKS.lstrip()
POLICIES = {"trio": "lenient", "rest": "standard"}
FOREVER = datetime.max.replace(tzinfo=UTC)


@dataclass(eq=False)
class Seat:
    """One assignment. `lease_over` and `timer_due` say what the clock has done to it since it was claimed.

    `claimed` numbers the claims of the project in turn. `mark` says of a held one what it is besides being in hand: put
    aside, where `is_back` once it has come back, `put` numbering those in turn; claimed ahead; or judged, until that
    counts. `had` are those who had it in hand, with the pool in which they last did.
    """

    id: UUID
    kind: str
    pool: str
    state: SeatState = "open"
    holder: str | None = None
    fence: int = 0
    lease_over: bool = False
    timer_due: bool = False
    claimed: float = 0
    mark: Mark = ""
    is_back: bool = False
    put: int = 0
    pinned: int = 0
    had: dict[str, str] = field(default_factory=dict)


@dataclass(eq=False)
class Judged:
    """One review; `answer` is the label that would go out, None where rejected."""

    who: str
    kind: str
    verdict: str
    answer: str | None


@dataclass(eq=False)
class Decided:
    """One revision of a decision."""

    verdict: str
    source: str
    answer: str | None
    reviews: int


@dataclass(eq=False)
class Token:
    """What a reviewer was handed by a claim; it stays in their hands when it has gone stale."""

    item: "Item"
    seat: Seat
    who: str
    fence: int

    @property
    def stands(self) -> bool:
        """Tell whether an act with this token must succeed."""
        seat = self.seat
        is_in_hand = seat.state == "held" and seat.mark not in {"aside", "given"}
        return is_in_hand and seat.holder == self.who and seat.fence == self.fence and not seat.lease_over


@dataclass(eq=False)
class Item:
    """One submitted item and everything that belongs to it; `age` is the share of its target that has passed."""

    id: UUID
    external_id: str
    kind: str
    label: str
    priority: int = 0
    pool: str = ""
    required: int = 1
    adjudicate_pool: str = ""
    due_at: datetime = FOREVER
    state: Literal["open", "decided", "withdrawn"] = "open"
    level: int = 0
    seats: list[Seat] = field(default_factory=list)
    parts: dict[str, str] = field(default_factory=dict)
    judged: list[Judged] = field(default_factory=list)
    decisions: list[Decided] = field(default_factory=list)
    audit: list[str] = field(default_factory=lambda: ["item.submitted"])
    events: Counter[str] = field(default_factory=Counter)
    due_timer: Literal["none", "waiting", "due"] = "none"
    wants_adjudicator: bool = False
    wants_seats: int = 0
    age: float = 0.0
    passed: list[str] = field(default_factory=list)

    @property
    def policy(self) -> str:
        """Name the policy whose clock runs; none for some."""
        return POLICIES.get(self.kind, "")

    @property
    def status(self) -> str:
        """Give what the API calls its status."""
        if self.state != "open":
            return self.state
        return "in_review" if any(seat.state == "held" for seat in self.seats) else "queued"

    def decide(self, decided: Decided, action: str) -> None:
        """Make the decision, or the next revision of it, and close what is open."""
        self.events["decision.revised" if self.decisions else "item.decided"] += 1
        self.decisions.append(decided)
        self.audit.append(action)
        self.close("decided")

    def close(self, state: Literal["decided", "withdrawn"]) -> None:
        """Close the item: nobody holds anything of it any more."""
        self.state = state
        for seat in self.seats:
            if seat.state in {"open", "held"}:
                seat.state, seat.holder, seat.mark = "cancelled", None, ""
        self.parts = {who: part for who, part in self.parts.items() if part != "holding"}

    def give_back(self, seat: Seat, action: str, part: str | None) -> None:
        """Put a held seat back on the queue."""
        assert seat.holder is not None
        if part is None:
            del self.parts[seat.holder]
        else:
            self.parts[seat.holder] = part
        seat.state, seat.holder, seat.mark = "open", None, ""
        if seat.kind == "review":
            seat.pool = self.pool
        if action:
            self.audit.append(action)

    def lapse(self) -> None:
        """Decide as the policy declares for when nobody does."""
        verdict, answer = ("approve", self.label) if self.policy == "lenient" else ("reject", None)
        self.decide(Decided(verdict, "timeout", answer, 0), "item.decided")

    def judge(self, seat: Seat, verdict: str, answer: str | None) -> None:
        """Record a review, and decide or ask an adjudicator where it was the last one needed."""
        assert seat.holder is not None
        self.judged.append(Judged(seat.holder, seat.kind, verdict, answer))
        self.parts[seat.holder] = "reviewed"
        seat.state, seat.holder, seat.mark = "done", None, ""
        self.audit.append("review.submitted")
        if seat.kind == "adjudication":
            self.decide(Decided(verdict, "adjudication", answer, len(self.judged)), "item.decided")
            return
        if len(self.judged) < self.required:
            return
        (favourite, votes), *_ = Counter(each.answer for each in self.judged).most_common()
        if 2 * votes > len(self.judged):
            first = next(each for each in self.judged if each.answer == favourite)
            source = "review" if self.required == 1 else "consensus"
            self.decide(Decided(first.verdict, source, favourite, len(self.judged)), "item.decided")
        else:
            self.audit.append("adjudication.opened")
            self.wants_adjudicator = True


@dataclass(eq=False)
class Project:
    """All items of a project, and every token ever handed out."""

    items: list[Item] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    claims: int = 0

    def open_seats(self, pool: str) -> list[tuple[Item, Seat]]:
        """List a pool's queue in the order in which claims must take it."""
        found = [
            (item, seat) for item in self.items for seat in item.seats if seat.state == "open" and seat.pool == pool
        ]
        return sorted(found, key=lambda pair: (-pair[0].priority, pair[0].due_at, pair[1].id))

    def claim(self, who: str, pool: str, limit: int, *, is_ahead: bool = False) -> list[Token]:
        """Take the head of the queue: nobody gets a case they have had a part in, nor two seats of one case."""
        offered = [pair for pair in self.open_seats(pool) if who not in pair[0].parts][:limit]
        taken: list[Token] = []
        for item, seat in offered:
            if who in item.parts:
                continue
            seat.state, seat.holder, seat.fence = "held", who, seat.fence + 1
            seat.lease_over = seat.timer_due = False
            item.parts[who] = "holding"
            if is_ahead:
                seat.mark, seat.claimed = "ahead", math.inf
                item.audit.append("assignment.reserved")
            else:
                self.see(item, seat, "assignment.claimed")
            taken.append(Token(item, seat, who, seat.fence))
        self.tokens += taken
        return taken

    def see(self, item: Item, seat: Seat, action: str) -> None:
        """Put a held seat into its holder's hands."""
        assert seat.holder is not None
        self.claims += 1
        seat.mark, seat.claimed, seat.lease_over = "", self.claims, False
        seat.had.pop(seat.holder, None)
        seat.had[seat.holder] = seat.pool
        item.audit.append(action)
        item.events["item.claimed"] += 1

    def sweep(self) -> None:
        """Let the clock act: lapsed leases go back, then every mark that has come has its effect once."""
        for item in self.items:
            for seat in item.seats:
                if seat.timer_due and seat.state == "held" and seat.lease_over:
                    item.give_back(seat, "assignment.lapsed", None)
                seat.timer_due = False
            if item.due_timer == "due":
                rungs.pass_marks(item)
                over = item.state != "open" or len(item.passed) == len(rungs.MARKS[item.policy])
                item.due_timer = "none" if over else "waiting"
