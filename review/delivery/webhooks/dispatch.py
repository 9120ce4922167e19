"""Sending webhooks: attempts run beside each other outside of any transaction, and turns write what came of them.

Each endpoint has a limit of its own, so one that hangs is in nobody else's way. A worker that dies leaves leases, which
lapse: whatever it was sending is sent again.
"""

import asyncio
import logging
from datetime import timedelta
from importlib.metadata import version
from random import Random
from time import monotonic

from review.delivery.egress.rules import Answer
from review.delivery.egress.service import Egress
from review.delivery.webhooks import queries, signing
from review.delivery.webhooks.keyring import Keyring
from review.delivery.webhooks.turns import Claimed, Outcome, Terms, take_turn
from review.kernel.db import Database
from review.kernel.sealing import Sealer
from review.kernel.settings import Settings

log = logging.getLogger(__name__)

MOST_UNDER_WAY = 500  # in one process; bounds the bodies that are held in memory
LEASE_BEYOND_TIMEOUT = timedelta(seconds=45)  # to write down what came of it
GATHER_SECONDS, GATHER_AT_MOST = 0.004, 5  # answers that come this close together are written together
FINISH_WITHIN_SECONDS = 3.0
RETRY_SECONDS = 1.0
STOPPED = "the worker was stopped before the answer came"
UNREADABLE = (
    "no secret of this endpoint can be opened; give the worker the REVIEW_SECRET_KEY that sealed it, or rotate it"
)


class Dispatcher:
    """What one process sends; any number of them share the work."""

    def __init__(
        self, db: Database, settings: Settings, *, egress: Egress | None = None, rng: Random | None = None
    ) -> None:
        self._db = db
        self._timeout = settings.webhook_timeout
        self._interval = settings.relay_interval.total_seconds()
        self._egress = egress or Egress.of(settings)
        self._rng = rng or Random()  # noqa: S311  spreads retries
        self._sealer = Sealer.of(settings)
        self._keyring = Keyring(self._sealer)
        self._agent = f"Countersign/{version('countersign')}"
        self._under_way: set[asyncio.Task[None]] = set()
        self._begun: set[asyncio.Task[None]] = set()  # by the last turn
        self._outcomes: list[Outcome] = []
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Have the next turn at once: there is something to send."""
        self._news.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send what is due until told to stop, then write down what became of what was under way."""
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(lambda _: self.wake())
        try:
            while not stop.is_set():
                await self._turn_safely()
        finally:
            stopping.cancel()
            await self.close()

    async def turn(self) -> bool:
        """Write what came of finished attempts, begin those that are due; tell whether more wait to be looked at."""
        self._news.clear()
        if not self._outcomes and not await queries.is_any_due(self._db.hot):
            return False
        outcomes, self._outcomes = self._outcomes, []
        room = MOST_UNDER_WAY - len(self._under_way)
        terms = Terms(room, self._timeout + LEASE_BEYOND_TIMEOUT, self._rng, self._keyring, self._sealer)
        try:
            async with self._db.transaction() as tx:
                claimed, more = await take_turn(tx, outcomes, terms)
        except BaseException:
            self._outcomes = outcomes + self._outcomes
            raise
        self._begun = {asyncio.create_task(self._attempt(each)) for each in claimed}
        for task in self._begun:
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return more

    async def drain(self) -> None:
        """Take turns until nothing is due, under way or unwritten."""
        while self._outcomes or self._under_way or await queries.is_any_due(self._db.hot):
            await self.turn()
            if self._under_way:
                await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)

    async def close(self) -> None:
        """Wait a little for what is under way, break off the rest, and write down what came of all of it."""
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=FINISH_WITHIN_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        try:
            if self._outcomes:
                terms = Terms(0, timedelta(0), self._rng, self._keyring, self._sealer)
                async with self._db.transaction() as tx:
                    await take_turn(tx, self._outcomes, terms)
        except Exception:
            log.exception("what came of the last attempts could not be written; they are made again")
        finally:
            await self._egress.close()

    async def _turn_safely(self) -> None:
        try:
            more = await self.turn()
        except Exception:
            log.exception("a turn of sending webhooks failed; the next one takes up what it left")
            await asyncio.sleep(RETRY_SECONDS)
            return
        if more:
            return
        try:
            await asyncio.wait_for(self._news.wait(), self._interval)
        except TimeoutError:
            return
        await self._gather()

    async def _gather(self) -> None:
        """Wait a moment for more answers while they keep coming, so that a turn writes many.

        Only attempts of the last turn are waited for, so that receivers which hang hold up nobody else's.
        """
        for _ in range(GATHER_AT_MOST):
            known, missing = len(self._outcomes), self._begun & self._under_way
            if not missing:
                return
            await asyncio.wait(missing, timeout=GATHER_SECONDS)
            if len(self._outcomes) == known:
                return

    async def _attempt(self, claimed: Claimed) -> None:
        began, started_at = monotonic(), claimed.time()
        headers = {
            "content-type": "application/json",
            "user-agent": self._agent,
            **signing.headers(str(claimed.event_id), int(started_at.timestamp()), claimed.body, claimed.signers),
        }
        try:
            if claimed.signers:
                body = claimed.body.encode()
                answer = await self._egress.send(claimed.url, headers=headers, body=body, timeout=self._timeout)
            else:
                answer = _failed(UNREADABLE, began)
        except asyncio.CancelledError:
            answer = _failed(STOPPED, began)
        except Exception as fault:
            log.exception("an attempt to send a webhook broke")
            answer = _failed(f"{type(fault).__name__}: {fault}", began)
        outcome = Outcome(
            project_id=claimed.project_id,
            endpoint_id=claimed.endpoint_id,
            id=claimed.id,
            fence=claimed.fence,
            tries=claimed.tries,
            number=claimed.number,
            started_at=started_at,
            headers=headers,
            answer=answer,
            counts=answer.error != STOPPED,
        )
        self._outcomes.append(outcome)
        self._news.set()


def _failed(error: str, began: float) -> Answer:
    return Answer(status=None, headers={}, excerpt="", seconds=monotonic() - began, error=error)
