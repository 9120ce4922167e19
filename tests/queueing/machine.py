"""Hypothesis as everybody at once: each step acts on the database and on the model, and compares the two."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from itertools import count
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from review.escalation import service as escalation
from review.intake import service as intake
from review.intake import withdrawal
from review.intake.service import Accepted
from review.items.errors import ConflictingResubmission, ItemClosed
from review.items.service import ItemFilter, list_items
from review.kernel.db import Database
from review.kernel.errors import ReviewError
from review.kernel.settings import Settings
from review.queueing import overview
from review.queueing import service as queueing
from review.queueing.errors import PoolNotFound
from review.reviewing import service as reviewing
from review.reviewing.errors import JudgementInvalid
from review.reviewing.schemas import JudgementIn
from tests.make import BASE_URL, World, submission
from tests.queueing import rungs
from tests.queueing.ledger import Ledger
from tests.queueing.life import CONFIG, FOREVER, Decided, Item, Project, Seat, Token
from tests.queueing.rungs import MEMBERS

T = TypeVar("T")

LABELS = ["card", "lost", "refund"]
KINDS = st.sampled_from(["panel", "panel", "trio", "urgent", "pass", "stop", "rest", "rest"])
PEOPLE = st.sampled_from(["ana", "ben", "cleo", "dan", "sam", "lea"])
VERDICTS = st.sampled_from(["approve", "approve", "correct", "reject"])
WAYS = st.sampled_from(["extend", "release", "skip", "escalate", "review", "review", "claim anew"])
STATUSES = ["queued", "in_review", "decided", "withdrawn"]
ANY = st.integers(min_value=0, max_value=10_000)


class Life(RuleBasedStateMachine):
    """One project; every rule does a thing to the database and to the model, and they must answer alike."""

    runner: asyncio.Runner
    db: Database
    process: Settings
    projects = count()
    seen: set[str]

    @initialize()
    def begin(self) -> None:
        name = f"p{next(self.projects)}"
        self.world = self.run(World.build(self.db, self.process, name, CONFIG.format(project=name)))
        self.model = Project()
        self.sent = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    # Few rules with many ways each: Hypothesis leaves rules out of whole examples, and what is rare stays unseen.

    @rule(kinds=st.lists(KINDS, min_size=1, max_size=6), label=st.sampled_from(LABELS), again=st.booleans())
    def submit(self, kinds: list[str], label: str, again: bool) -> None:
        """A batch may hold an item twice, and one that is there already."""
        items = [self._new(kind, label) for kind in kinds]
        sent = [*items, items[0], *self.model.items[:1]] if again else items
        outcomes = self._send(sent)
        assert [each.created for each in outcomes] == [True] * len(items) + [False] * (len(sent) - len(items))
        assert [each.item.id for each in outcomes] == [item.id for item in sent]

    @precondition(lambda self: self.model.items)
    @rule(at=ANY, way=st.sampled_from(["submit again", "submit other content", "withdraw"]))
    def upstream(self, at: int, way: str) -> None:
        item = self._pick(self.model.items, at)
        if way == "withdraw":
            self._withdraw(item)
            return
        text = "where is my card" if way == "submit again" else "other"
        raws = [self._body(item, text)]
        (outcome,) = self.run(intake.submit_batch(self.world.desk(), raws, idempotency_keys=[None]))
        if way == "submit again":
            assert isinstance(outcome, Accepted)
            assert (outcome.created, outcome.item.id, outcome.item.status) == (False, item.id, item.status)
        else:
            assert isinstance(outcome, ConflictingResubmission)

    @rule(who=PEOPLE, pool=st.sampled_from(["triage", "triage", "seniors"]), limit=st.integers(1, 4))
    def claim(self, who: str, pool: str, limit: int) -> None:
        if who not in MEMBERS[pool]:
            self._expect(PoolNotFound, lambda: self.world.claim(who, pool, limit))
            return
        handed = self.run(self.world.claim(who, pool, limit))
        expected = self.model.claim(who, pool, limit)
        assert [(each.id, each.fence) for each in handed] == [(token.seat.id, token.fence) for token in expected]
        assert [each.item.status for each in handed] == ["in_review"] * len(expected)

    @precondition(lambda self: self.model.tokens)
    @rule(
        at=ANY, way=WAYS, stale=st.sampled_from([False, False, True]), verdict=VERDICTS, label=st.sampled_from(LABELS)
    )
    def act(self, at: int, way: str, stale: bool, verdict: str, label: str) -> None:
        """Use what a claim gave, now or long after."""
        standing = [token for token in self.model.tokens if token.stands]
        token = self._pick(self.model.tokens if stale or not standing else standing, at)
        match way:
            case "extend":
                key: dict[str, Any] = {"who": self.world.people[token.who], "assignment_id": token.seat.id}
                refusal = None if token.stands else rungs.refusal_of(token)
                self._expect(refusal, lambda: queueing.extend(self.db.hot, **key, fence=token.fence))
            case "review":
                self._review(token, verdict, label)
            case "claim anew":  # the same person, the same seat, and then an older fence
                self._give_back(token, "release")
                self.claim(token.who, token.seat.pool, 4)
                self._review(token, verdict, label)
            case _:
                self._give_back(token, way)

    @rule(verdicts=st.lists(VERDICTS, min_size=5, max_size=10), label=st.sampled_from(LABELS))
    def shift(self, verdicts: list[str], label: str) -> None:
        """Everybody takes a few and judges them, so that panels get to their end."""
        for at, verdict in enumerate(verdicts):
            who = ["ana", "ben", "cleo", "dan", "sam"][at % 5]
            before = len(self.model.tokens)
            self.claim(who, "seniors" if who == "sam" else "triage", 4)
            for nth, token in enumerate(self.model.tokens[before:]):
                self._review(token, verdict if nth % 2 else "approve", label)

    @precondition(lambda self: self.model.items)
    @rule(at=ANY, verdict=VERDICTS, label=st.sampled_from(LABELS), why=st.sampled_from(["policy", "policy", " "]))
    def override(self, at: int, verdict: str, label: str, why: str) -> None:
        item = self._pick(self.model.items, at)
        submitted = judgement_of(verdict, label, why)

        async def act() -> None:
            async with self.db.transaction() as tx:
                lead = self.world.people["lea"]
                await reviewing.override(tx, self._bench(), who=lead, item_id=item.id, submitted=submitted)

        wrong = not why.strip() or (verdict == "correct" and label == item.label)
        refusal = ItemClosed if item.state == "withdrawn" else JudgementInvalid if wrong else None
        self._expect(refusal, act)
        if refusal is None:
            decided = Decided(verdict, "override", answer_of(item, verdict, label), len(item.judged))
            item.decide(decided, "decision.overridden")

    @rule(
        at=ANY,
        what=st.sampled_from(
            ["lease ends", "lease ends unseen", "timer is early", "grow older", *["grow older, sweep"] * 3, "sweep"]
        ),
    )
    def time_passes(self, at: int, what: str) -> None:
        held = [token for token in self.model.tokens if token.seat.state == "held" and token.fence == token.seat.fence]
        waiting = [each for each in self.model.items if each.due_timer == "waiting"]
        if what == "sweep":
            self._sweep(workers=1 + at % 2)
        elif what.startswith("grow older") and waiting:
            self._grow_older(self._pick(waiting, at), at)
            if what != "grow older":
                self._sweep(workers=1 + at % 2)
        elif what == "timer is early" and held:
            self._wake(self._pick(held, at).seat)
        elif held:
            token = self._pick(held, at)
            self._end_lease(token.seat)
            if what == "lease ends":
                self._wake(token.seat)
            self._review(token, "approve", "card")  # too late, whether or not anybody has noticed

    # What must hold after every step

    @invariant()
    def the_database_agrees_with_the_model(self) -> None:
        if not hasattr(self, "world"):
            return
        ledger = self.run(Ledger.read(self.db.hot, self.world.service.project_id))
        ledger.check()
        assert {row["id"] for row in ledger.rows["items"]} == {item.id for item in self.model.items}
        names = {principal.id: name for name, principal in self.world.people.items()}
        for item in self.model.items:
            seats = {row["id"]: row for row in ledger.of("seats", item.id)}
            assert {
                key: (row["state"], names.get(row["holder_id"]), row["fence"], row["pool"], row["kind"])
                for key, row in seats.items()
            } == {seat.id: (seat.state, seat.holder, seat.fence, seat.pool, seat.kind) for seat in item.seats}
            assert all(row["priority"] == item.priority for row in seats.values() if row["state"] in {"open", "held"})
            self.seen |= {each.source for each in item.decisions} | set(item.passed)
            made = [
                (row["verdict"], row["source"], row["label"], row["reviews"]) for row in ledger.of("decisions", item.id)
            ]
            assert made == [(each.verdict, each.source, each.answer, each.reviews) for each in item.decisions]
            noted = [row["action"] for row in ledger.of("audit", item.id)]
            assert [action for action in noted if action != "assignment.refused"] == item.audit
            assert [row["marks_passed"] for row in ledger.of("cases", item.id)] in ([], [item.passed])
            assert sorted(row["kind"] for row in ledger.of("events", item.id)) == sorted(item.events.elements())
        parts = {(row["case_id"], row["email"].partition("@")[0]): row["part"] for row in ledger.rows["parts"]}
        cases = {row["item_id"]: row["id"] for row in ledger.rows["cases"]}
        assert parts == {(cases[item.id], who): part for item in self.model.items for who, part in item.parts.items()}

    @invariant()
    def what_is_shown_agrees_with_the_model(self) -> None:
        if not hasattr(self, "world"):
            return
        hot, lead = self.db.hot, self.world.people["lea"]
        page = self.run(list_items(hot, who=lead, wanted=ItemFilter(), cursor=None, limit=200, base_url=BASE_URL))
        assert {each.id: each.status for each in page.data} == {item.id: item.status for item in self.model.items}
        status = STATUSES[len(self.model.tokens) % len(STATUSES)]
        some = self.run(
            list_items(hot, who=lead, wanted=ItemFilter(status=status), cursor=None, limit=200, base_url=BASE_URL)
        )
        assert {each.id for each in some.data} == {item.id for item in self.model.items if item.status == status}
        summaries = self.run(overview.pool_summaries(hot, who=lead, config=self.world.config))
        assert {each.pool: each.waiting for each in summaries} == {
            pool: len(self.model.open_seats(pool)) for pool in (*MEMBERS, "ghosts")
        }

    # Inside

    def _withdraw(self, item: Item) -> None:
        async def act() -> None:
            async with self.db.transaction() as tx:
                shown = await withdrawal.withdraw(
                    tx,
                    who=self.world.service,
                    item_id=item.id,
                    reason="",
                    tell_closed=lambda _ids: None,
                    base_url=BASE_URL,
                )
                assert shown.status == "withdrawn"

        self._expect(ItemClosed if item.state == "decided" else None, act)
        if item.state == "open":
            item.audit.append("item.withdrawn")
            item.events["item.withdrawn"] += 1
            item.close("withdrawn")

    def _give_back(self, token: Token, way: str) -> None:
        key: dict[str, Any] = {"who": self.world.people[token.who], "assignment_id": token.seat.id}
        key["fence"] = token.fence

        async def act() -> None:
            async with self.db.transaction() as tx:
                if way == "release":
                    await queueing.release(tx, **key)
                elif way == "skip":
                    await queueing.skip(tx, **key, reason="not mine")
                else:
                    level = await escalation.escalate(tx, self.world.configs, **key, reason="too hard")
                    assert level == token.item.level + 1

        stands = token.stands
        self._expect(None if stands else rungs.refusal_of(token), act)
        if not stands:
            return
        action = {"release": "assignment.released", "skip": "assignment.skipped", "escalate": ""}[way]
        token.item.give_back(token.seat, action, None if way == "release" else "skipped")
        if way == "skip":
            token.item.events["item.returned"] += 1
        if way == "escalate":
            rungs.escalate(token.item)
            self._seat_more(token.item)

    def _sweep(self, workers: int) -> None:
        async def act() -> None:
            await asyncio.gather(*(escalation.sweep(self.db) for _ in range(workers)))
            await escalation.sweep(self.db)  # what two that ran together left to each other

        self.run(act())
        self.model.sweep()
        for item in self.model.items:
            self._seat_more(item)

    def _end_lease(self, seat: Seat) -> None:
        seat.lease_over = True
        self._sql("UPDATE assignments SET lease_until = now() - interval '1 s' WHERE id = $1", seat.id)

    def _grow_older(self, item: Item, at: int) -> None:
        """Let so much of the item's time pass, from a warning to all of it and more."""
        share = (0.3, 0.6, 1.3)[at % 3]
        item.due_timer, item.age = "due", item.age + share
        self._sql(
            "WITH c AS (UPDATE cases SET clock_started_at = clock_started_at - make_interval(secs => $2)"
            " WHERE item_id = $1 RETURNING id)"
            " UPDATE timers t SET fire_at = now() FROM c WHERE t.kind = 'due' AND t.subject_id = c.id",
            item.id,
            share * rungs.TARGET_HOURS * 3_600,
        )

    def _review(self, token: Token, verdict: str, label: str) -> None:
        item = token.item
        submitted = judgement_of(verdict, label)
        stands, same = token.stands, verdict == "correct" and label == item.label
        refusal = rungs.refusal_of(token) if not stands else JudgementInvalid if same else None

        async def act() -> None:
            async with self.db.transaction() as tx:
                key: dict[str, Any] = {"assignment_id": token.seat.id, "fence": token.fence, "submitted": submitted}
                await reviewing.submit(tx, self._bench(), who=self.world.people[token.who], **key)

        self._expect(refusal, act)
        if refusal is None:
            item.judge(token.seat, verdict, answer_of(item, verdict, label))
            self._seat_adjudicator(item)

    def _new(self, kind: str, label: str) -> Item:
        self.sent += 1
        return Item(id=self.world.service.id, external_id=f"x{self.sent}", kind=kind, label=label)

    def _body(self, item: Item, text: str = "where is my card") -> bytes:
        body = submission(text, item.label, tags=[item.kind], external_id=item.external_id)
        return msgspec.json.encode(body)

    def _send(self, items: list[Item]) -> list[Accepted]:
        """Submit as one batch; the new ones learn from the answers what the database called them."""
        bodies = [self._body(item) for item in items]
        outcomes = self.run(intake.submit_batch(self.world.desk(), bodies, idempotency_keys=[None] * len(bodies)))
        accepted = [each for each in outcomes if isinstance(each, Accepted)]
        assert len(accepted) == len(items), outcomes
        for item, outcome in zip(items, accepted, strict=True):
            if item not in self.model.items:
                self._adopt(item, outcome)
        return accepted

    def _adopt(self, item: Item, outcome: Accepted) -> None:
        route = msgspec.json.decode(outcome.item.route)
        item.id, item.priority, item.pool = outcome.item.id, route["priority"], route["pool"] or ""
        item.required = route["reviews_required"]
        item.adjudicate_pool = route["adjudicate_pool"] or ""
        self.model.items.append(item)
        if item.kind in {"pass", "stop"}:
            verdict, answer = ("approve", item.label) if item.kind == "pass" else ("reject", None)
            item.decide(Decided(verdict, "rule", answer, 0), "item.decided")
            return
        item.events["item.queued"] += 1
        if outcome.item.sla is not None:
            item.due_at, item.due_timer = outcome.item.sla.due_at, "waiting"
        assert (item.due_at == FOREVER) == (item.kind in {"panel", "urgent"})
        item.seats = [Seat(seat_id, "review", item.pool) for seat_id in self._seat_ids(item)]
        assert len(item.seats) == item.required

    def _seat_adjudicator(self, item: Item) -> None:
        if item.wants_adjudicator:
            item.wants_adjudicator = False
            (added,) = set(self._seat_ids(item)) - {seat.id for seat in item.seats}
            item.seats.append(Seat(added, "adjudication", item.adjudicate_pool or item.pool))

    def _seat_more(self, item: Item) -> None:
        """Take up the seats that a step has added."""
        if item.wants_seats:
            added = sorted(set(self._seat_ids(item)) - {seat.id for seat in item.seats})
            assert len(added) == item.wants_seats
            item.seats += [Seat(each, "review", item.pool) for each in added]
            for seat in item.seats[-len(added) :]:
                seat.state = "open" if item.state == "open" else "cancelled"  # it was decided in the same sweep
            item.wants_seats = 0

    def _seat_ids(self, item: Item) -> list[Any]:
        query = "SELECT id FROM assignments WHERE item_id = $1 ORDER BY id"
        return [row["id"] for row in self.run(self.db.hot.fetch(query, item.id))]

    def _wake(self, seat: Seat) -> None:
        seat.timer_due = True
        query = "UPDATE timers SET fire_at = now() - interval '1 s' WHERE subject_id = $1 AND generation = $2"
        self._sql(query, seat.id, seat.fence)

    def _sql(self, query: str, *values: object) -> None:
        assert self.run(self.db.hot.execute(query, *values)).endswith(" 1")

    def _expect(self, refusal: type[ReviewError] | None, act: Callable[[], Awaitable[object]]) -> None:
        async def attempt() -> None:
            if refusal is None:
                await act()
                return
            with pytest.raises(refusal):
                await act()

        self.run(attempt())

    def _bench(self) -> reviewing.Bench:
        return reviewing.Bench(self.world.item_types, lambda _ids: None, BASE_URL, self.world.configs)

    @staticmethod
    def _pick(choices: list[T], at: int) -> T:
        """Choose the newest most often: what happened last is where things go wrong."""
        return choices[-1 - at % len(choices)]


def judgement_of(verdict: str, label: str, why: str = "") -> JudgementIn:
    body = {"verdict": verdict, "comment": why} | ({"output": {"label": label}} if verdict == "correct" else {})
    return msgspec.convert(body, JudgementIn)


def answer_of(item: Item, verdict: str, label: str) -> str | None:
    return {"approve": item.label, "correct": label, "reject": None}[verdict]
