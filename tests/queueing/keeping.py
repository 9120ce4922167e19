"""The rest of what people do with what they hold: judge with an undo, go on ahead, put aside, pin, send back."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from review.queueing import ahead, pinning, sending_back, snoozing
from review.queueing.errors import AssignmentNotFound, LeaseLost, PoolNotFound, SendBackInvalid, TooManyPinned
from review.reviewing import pending
from review.reviewing.errors import JudgementInvalid, UndoTooLate
from tests.make import BASE_URL, give_verdict
from tests.queueing.life import Item, Seat, Token
from tests.queueing.machine import ANY, LABELS, PEOPLE, VERDICTS, Life, answer_of, judgement_of
from tests.queueing.rungs import MEMBERS, refusal_of

KEPT = st.sampled_from(["give", "give", "give", "snooze", "snooze", "pin", "send back", "show", "put back"])
LATER = st.sampled_from(["undo", "undo late", "count", "count", "come back", "come back", "take up", "lapse"])
POOLS = st.sampled_from(["triage", "triage", "seniors"])


@dataclass(eq=False)
class Given:
    """A verdict that waits, or waited, under a fence of its own."""

    item: Item
    seat: Seat
    who: str
    fence: int
    verdict: str
    label: str

    @property
    def stands(self) -> bool:
        """Tell whether it may be taken back, and would count."""
        return self.seat.mark == "given" and self.seat.fence == self.fence


class Keeping(Life):
    """The same project, whose people also keep things."""

    @initialize()
    def begin_keeping(self) -> None:
        self.given: list[Given] = []
        self.puts = 0

    @precondition(lambda self: self.model.tokens)
    @rule(
        at=ANY,
        way=KEPT,
        stale=st.sampled_from([False, False, False, True]),
        verdict=VERDICTS,
        label=st.sampled_from(LABELS),
    )
    def keep(self, at: int, way: str, stale: bool, verdict: str, label: str) -> None:
        """Use what a claim gave, now or long after, for what does not end it."""
        standing = [token for token in self.model.tokens if token.stands]
        token = self._pick(self.model.tokens if stale or not standing else standing, at)
        match way:
            case "give":
                if at % 3:  # as a page does while its item is judged
                    self._claim_ahead(token.who, token.seat.pool)
                self._give(token, verdict, label)
                if at % 2 and self.given and self.given[-1].seat is token.seat:
                    self._count(self.given[-1])
            case "snooze":
                self._snooze(token)
                if at % 2 and token.seat.mark == "aside":
                    self._come_back(token)
            case "pin":
                self._pin(token)
            case "send back":
                self._send_back(token)
            case "show":
                self._show(token)
            case _:
                self._put_back(token)

    @rule(who=PEOPLE, pool=POOLS, is_resumed=st.booleans())
    def go_on(self, who: str, pool: str, is_resumed: bool) -> None:
        """What a page does: claim ahead, and go on with what is there."""
        if is_resumed:
            self._resume(who, pool)
        else:
            self._claim_ahead(who, pool)

    def _claim_ahead(self, who: str, pool: str) -> None:
        key: dict[str, Any] = {"who": self.world.people[who], "pool": pool, "config": self.world.config}

        async def act() -> Any:
            async with self.db.transaction() as tx:
                return await ahead.reserve(tx, **key, base_url=BASE_URL)

        if who not in MEMBERS[pool]:
            self._expect(PoolNotFound, act)
            return
        kept = self.run(act())
        if self._came_back(who, pool):
            assert kept is None
            return
        known = self._ahead_of(who, pool)
        if known is None:
            known = next(iter(self.model.claim(who, pool, 1, is_ahead=True)), None)
        assert (kept.id, kept.fence) == (known.seat.id, known.fence) if known and kept else kept is known

    @precondition(lambda self: self.given or any(each.seat.mark == "aside" for each in self._held()))
    @rule(at=ANY, what=LATER)
    def later(self, at: int, what: str) -> None:
        """What becomes of what waits: a verdict taken back or counted, something put aside come back, or lapsed."""
        waiting = [each for each in self._held() if each.seat.mark == "aside"]
        if what.startswith("undo") and self.given:
            among = [each for each in self.given if each.stands] if what == "undo" else self.given
            self._undo(self._pick(among or self.given, at))
        elif what == "count" and self.given:
            self._count(self._pick(self.given, at))
        elif waiting:
            token = self._pick(waiting, at)
            if what == "come back":
                self._come_back(token)
            elif what == "take up":
                self._take_up(token)
            elif token.seat.is_back:
                self._end_lease(token.seat)
                self._wake(token.seat)
                self._sweep(workers=1)

    # Verdicts that wait

    def _give(self, token: Token, verdict: str, label: str) -> None:
        item, seat = token.item, token.seat
        mine = next((each for each in self.given if each.seat is seat and each.stands), None)
        same = mine is not None and (mine.who, mine.verdict, mine.label) == (token.who, verdict, label)
        is_again = mine is not None and same and mine.fence == token.fence + 1
        wrong = verdict == "correct" and label == item.label
        refusal = None if is_again else refusal_of(token) if not token.stands else JudgementInvalid if wrong else None
        key: dict[str, Any] = {"who": self.world.people[token.who], "assignment_id": seat.id, "fence": token.fence}
        after = self._ahead_of(token.who, seat.pool)
        after = None if after is None or after.seat is seat or is_again else after
        key["shown"] = (after.seat.id, after.fence) if after is not None else None

        async def act() -> None:
            async with self.db.transaction() as tx:
                submitted, filled = judgement_of(verdict, label), [("label", label)]
                given = await give_verdict(tx, self._bench(), **key, submitted=submitted, filled=filled)
                assert (given.fence, given.is_again) == (token.fence + 1, is_again)
                assert given.has_next == (after is not None or None)

        self._expect(refusal, act)
        if refusal is None and not is_again:
            seat.fence, seat.mark, seat.lease_over, seat.timer_due = seat.fence + 1, "given", False, False
            item.audit.append("judgement.given")
            self.given.append(Given(item, seat, token.who, seat.fence, verdict, label))
            if after is not None:
                self.model.see(after.item, after.seat, "assignment.claimed")
                self.seen.add("followed")

    def _undo(self, given: Given) -> None:
        key: dict[str, Any] = {"who": self.world.people[given.who], "assignment_id": given.seat.id}

        async def act() -> None:
            async with self.db.transaction() as tx:
                filled = await pending.take_back(tx, **key, fence=given.fence, config=self.world.config)
                assert filled == [("label", given.label)]

        stands = given.stands
        self._expect(None if stands else UndoTooLate, act)
        if not stands:
            return
        self.given.remove(given)
        given.item.audit.append("judgement.taken_back")
        given.seat.fence, given.seat.mark = given.seat.fence + 1, ""
        self._hand(given.item, given.seat)
        self._rank(given.item)

    def _count(self, given: Given) -> None:
        """Let the time of one verdict pass, which counts it, or drops it where its item was closed otherwise."""
        query = "UPDATE timers SET fire_at = now() WHERE kind = 'judgement' AND subject_id = $1 AND generation = $2"
        self._sql(query, given.seat.id, given.fence)
        assert self.run(pending.sweep(self.db, self._bench())) == 1
        self.given.remove(given)
        if given.stands:
            given.item.judge(given.seat, given.verdict, answer_of(given.item, given.verdict, given.label))
            self._seat_adjudicator(given.item)
        else:
            given.item.audit.append("judgement.dropped")
        self.seen.add("counted" if given.seat.state == "done" else "dropped")

    # Ahead

    def _show(self, token: Token) -> None:
        seat = token.seat
        key: dict[str, Any] = {"who": self.world.people[token.who], "pool": seat.pool, "config": self.world.config}
        shown = self.run(ahead.show(self.db.hot, **key, only=(seat.id, token.fence)))
        assert shown == (token.stands and seat.mark == "ahead")
        if shown:
            self.model.see(token.item, seat, "assignment.claimed")

    def _put_back(self, token: Token) -> None:
        seat = token.seat

        async def act() -> bool:
            async with self.db.transaction() as tx:
                key: dict[str, Any] = {"who": self.world.people[token.who], "assignment_id": seat.id}
                return await ahead.put_back(tx, **key, fence=token.fence)

        is_unseen = seat.mark == "ahead" and (seat.holder, seat.fence) == (token.who, token.fence)
        if refusal_of(token) is AssignmentNotFound:
            self._expect(AssignmentNotFound, act)
            return
        assert self.run(act()) == is_unseen
        if is_unseen:
            token.item.give_back(seat, "assignment.released", None)

    def _resume(self, who: str, pool: str) -> None:
        key: dict[str, Any] = {"who": self.world.people[who], "pool": pool, "config": self.world.config}
        resumed = self.run(ahead.resume(self.db.hot, **key))
        back, kept = self._came_back(who, pool), self._ahead_of(who, pool)
        token = back or kept
        assert resumed == (token.seat.id if token else None)
        if back:
            self._in_hand_again(back)
        elif kept:
            self.model.see(kept.item, kept.seat, "assignment.claimed")

    def _ahead_of(self, who: str, pool: str) -> Token | None:
        found = (each for each in self._held() if each.who == who and each.seat.pool == pool)
        return next((each for each in found if each.seat.mark == "ahead" and not each.seat.lease_over), None)

    # Aside

    def _snooze(self, token: Token) -> None:
        until = datetime.now(UTC) + timedelta(hours=1)
        key: dict[str, Any] = {"who": self.world.people[token.who], "assignment_id": token.seat.id}

        async def act() -> None:
            async with self.db.transaction() as tx:
                await snoozing.snooze(tx, **key, fence=token.fence, until=until, reason="")

        stands = token.stands
        self._expect(None if stands else refusal_of(token), act)
        if stands:
            self._put_aside(token.seat, is_back=False)
            token.item.audit.append("assignment.snoozed")

    def _put_aside(self, seat: Seat, *, is_back: bool) -> None:
        self.puts += 1
        seat.fence, seat.mark, seat.is_back, seat.put = seat.fence + 1, "aside", is_back, self.puts
        seat.lease_over = seat.timer_due = False

    def _come_back(self, token: Token) -> None:
        if token.seat.is_back:
            return
        query = "UPDATE timers SET fire_at = now() WHERE kind = 'snooze' AND subject_id = $1 AND generation = $2"
        self._sql(query, token.seat.id, token.seat.fence)

        async def act() -> int:
            async with self.db.transaction() as tx:
                return await snoozing.return_due(tx, 500)

        assert self.run(act()) == 1
        token.seat.is_back = True
        token.item.audit.append("assignment.returned")
        self.seen.add("back")

    def _take_up(self, token: Token) -> None:
        async def act() -> None:
            async with self.db.transaction() as tx:
                key: dict[str, Any] = {"who": self.world.people[token.who], "assignment_id": token.seat.id}
                await snoozing.take_up(tx, **key, config=self.world.config)

        is_over = token.seat.lease_over
        self._expect(LeaseLost if is_over else None, act)
        if not is_over:
            self._in_hand_again(token)

    def _came_back(self, who: str, pool: str) -> Token | None:
        found = [each for each in self._held() if (each.who, each.seat.pool, each.seat.mark) == (who, pool, "aside")]
        mine = [each for each in found if each.seat.is_back and not each.seat.lease_over]
        return min(mine, key=lambda each: each.seat.put, default=None)

    def _in_hand_again(self, token: Token) -> None:
        token.seat.fence += 1
        token.seat.timer_due = False
        self.model.see(token.item, token.seat, "assignment.taken_up")
        self._hand(token.item, token.seat)

    def _pin(self, token: Token) -> None:
        seat = token.seat
        if token.stands and seat.mark == "ahead":
            self._show(token)  # a page shows it before anything is done with it
        others = [each.seat for each in self._held() if each.who == token.who and each.seat is not seat]
        pinned = [each for each in others if each.pinned == each.fence and not each.lease_over]
        refusal = (
            refusal_of(token) if not token.stands else TooManyPinned if len(pinned) >= pinning.MAX_PINNED else None
        )
        key: dict[str, Any] = {"who": self.world.people[token.who], "assignment_id": seat.id, "fence": token.fence}

        async def act() -> None:
            async with self.db.transaction() as tx:
                await pinning.pin(tx, **key)

        self._expect(refusal, act)
        if refusal is None:
            seat.pinned = seat.fence

    def _send_back(self, token: Token) -> None:
        """Send it back to who had it last besides the sender, if they may have it again."""
        item, seat = token.item, token.seat
        before = [who for who in seat.had if who != token.who and self._may_have(item, seat, who)]
        to = before[-1] if before else "ghost"
        refusal = refusal_of(token) if not token.stands else None if before else SendBackInvalid
        key: dict[str, Any] = {"who": self.world.people[token.who], "assignment_id": seat.id, "fence": token.fence}
        key |= {"to": f"{to}@example.com", "reason": "look again", "config": self.world.config}

        async def act() -> None:
            async with self.db.transaction() as tx:
                await sending_back.send_back(tx, **key)

        self._expect(refusal, act)
        if refusal is not None:
            return
        pool = seat.had[to]
        if seat.kind == "review" and seat.pool != pool:
            item.pool = pool
            for each in item.seats:
                each.pool = pool if each.state == "open" and each.kind == "review" else each.pool
        item.parts |= {token.who: "skipped", to: "holding"}
        seat.holder, seat.pool = to, pool
        self._put_aside(seat, is_back=True)
        item.audit.append("assignment.sent_back")
        item.events["item.returned"] += 1

    @staticmethod
    def _may_have(item: Item, seat: Seat, who: str) -> bool:
        return item.parts.get(who, "skipped") == "skipped" and (seat.kind == "review" or seat.had[who] == seat.pool)

    # Inside

    def _held(self) -> list[Token]:
        """List what is held, each as its holder has it."""
        return [
            Token(item, seat, seat.holder, seat.fence)
            for item in self.model.items
            for seat in item.seats
            if seat.state == "held" and seat.holder is not None
        ]

    def _hand(self, item: Item, seat: Seat) -> None:
        """Give the holder of a seat a token with its new fence."""
        assert seat.holder is not None
        self.model.tokens.append(Token(item, seat, seat.holder, seat.fence))

    def _rank(self, item: Item) -> None:
        """Take over in which order an item's seats are held the longest, which taking a verdict back changes."""
        query = "SELECT id FROM assignments WHERE item_id = $1 AND state = 'held' ORDER BY claimed_at"
        order = [row["id"] for row in self.run(self.db.hot.fetch(query, item.id))]
        seats = sorted((each for each in item.seats if each.state == "held"), key=lambda each: order.index(each.id))
        numbers = sorted(each.claimed for each in seats)
        for seat, number in zip(seats, numbers, strict=True):
            seat.claimed = number if seat.mark != "ahead" else seat.claimed
