"""Asking upstream: a reviewer's question stops the clock and leaves the seat, an answer brings both back.

The seat that was left is closed, so that nobody holds the item meanwhile and nobody is offered that part of it. Once
there is an answer, a seat like it opens, in the hands of who asked if they still work there: their lease begins anew,
and where they are away it lapses into the pool like any other.
"""

import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import TIMER, Action, Actor
from review.configuration.service import ConfigCache
from review.escalation import clock_queries, clocks
from review.escalation import question_queries as queries
from review.escalation.clock_rules import CaseClock, resume_time
from review.escalation.clocks import Watch
from review.escalation.errors import QuestionNotFound, QuestionPending, QuestionSettled
from review.escalation.models import ItemQuestion
from review.identity.rules import Principal
from review.items import service as items
from review.items.schemas import ItemDetail, QuestionView
from review.kernel import outbox
from review.kernel.db import UNREACHABLE, Hot, driver_of
from review.kernel.events import EventKind
from review.kernel.ids import new_id
from review.kernel.sentences import say
from review.queueing import aside_queries, comments
from review.queueing import queries as queue_queries
from review.queueing import service as queueing
from review.queueing.rules import Act, AssignmentState

log = logging.getLogger(__name__)

MAX_TEXT = 2_000
MAX_ANSWER = 10_000
REASON = "upstream is asked"  # why the clock stands still; the question itself is for who may hear it
LAPSES_AT_A_TIME = 50


class Asked(msgspec.Struct, frozen=True):
    """The question, and until when the item waits for its answer."""

    question_id: UUID
    item_id: UUID
    wait_until: datetime


async def ask(
    tx: AsyncSession, *, who: Principal, assignment_id: UUID, fence: int, text: str, wait: timedelta
) -> Asked:
    """Ask whoever sent the item, and leave the seat until there is an answer or the time is up; its clock stands still.

    Raises:
        NotAPerson (403), AssignmentNotFound (404), LeaseLost (409); QuestionPending: it waits for an answer already
        (409); Invalid: nothing is asked, or too much (422).
    """
    asked = comments.checked(text, MAX_TEXT)
    seat = await queueing.lock_held(tx, who=who, assignment_id=assignment_id, fence=fence, act=Act.ASK)
    driver = await driver_of(tx)
    if await queries.is_waiting(driver, who.project_id, seat.item_id):
        message = say(
            "Somebody has asked upstream about this item, and the answer is still to come. You still hold it."
        )
        raise QuestionPending(message)
    case = await clock_queries.lock_clock(driver, who.project_id, seat.item_id)
    assert case is not None  # noqa: S101  its seat is locked, so it has a case
    await queue_queries.settle(tx, who.project_id, seat, AssignmentState.CANCELLED, part="holding")
    until = case.at + wait
    paused_at = None
    if case.due_at is not None and case.paused_at is None:
        paused_at = await clocks.halt(tx, driver, case, who.actor, REASON, until)
    question = ItemQuestion(
        project_id=who.project_id,
        id=new_id(),
        item_id=seat.item_id,
        case_id=seat.case_id,
        assignment_id=seat.id,
        text=asked,
        asked_by=who.id,
        paused_at=paused_at,
        wait_until=until,
    )
    tx.add(question)
    await tx.flush()
    await driver.execute(queries.SET_TIMER, who.project_id, question.id, until)
    told = {"question_id": str(question.id), "text": asked, "wait_until": until.isoformat()}
    queueing.note(tx, who, Action.QUESTION_ASKED, seat, **told)
    payload = {**told, "by": who.actor.name}
    outbox.emit(tx, who.project_id, EventKind.QUESTION_ASKED, item_id=seat.item_id, payload=payload)
    return Asked(question.id, seat.item_id, until)


async def answer(
    tx: AsyncSession, watch: Watch, *, who: Principal, item_id: UUID, question_id: UUID, text: str
) -> QuestionView:
    """Answer a question: the clock runs on, and the item is back with who asked, or with its pool where they have left.

    An answer that comes after the waiting has ended is kept and shown, and changes nothing else. The same answer again
    is the same as once.

    Raises:
        ItemNotFound, QuestionNotFound (404); QuestionSettled: it has another answer, or is kept from the caller (409);
        Invalid: nothing is answered, or too much (422).
    """
    said = comments.checked(text, MAX_ANSWER, "answer")
    driver = await driver_of(tx)
    item = await items.get_detail(driver, who=who, item_id=item_id, base_url=watch.base_url)
    await items.check_reach(driver, who=who, item_id=item_id)
    case = await clock_queries.lock_clock(driver, who.project_id, item_id)
    question = await queries.lock_question(driver, who.project_id, question_id)
    if case is None or question is None or question["item_id"] != item_id:
        message = say("There is no question %(question_id)s about this item.", question_id=question_id)
        raise QuestionNotFound(message)
    await _check_answerable(driver, who, item, question, said)
    if question["answer"] is None:
        await driver.execute(queries.ANSWER, who.project_id, question_id, said, who.actor.name)
        details = {"question_id": str(question_id), "text": said}
        audit.record(tx, who.project_id, who.actor, Action.QUESTION_ANSWERED, item_id=item_id, details=details)
        payload = {"question_id": str(question_id), "by": who.actor.name}
        outbox.emit(tx, who.project_id, EventKind.QUESTION_ANSWERED, item_id=item_id, payload=payload)
        await aside_queries.hasten(driver, who.project_id, item_id)
        if question["returned_at"] is None:
            await _bring_back(tx, driver, watch.configs, case, question, actor=who.actor, to_asker=True)
        if question["asked_by"] != who.id:
            told = {"mentioned": [question["asker"]], "by": who.actor.name, "comment": ""}
            outbox.emit(tx, who.project_id, EventKind.MENTIONED, item_id=item_id, payload=told)
        await tx.flush()
    found = await items.get_detail(driver, who=who, item_id=item_id, base_url=watch.base_url)
    return next(each for each in found.questions if each.id == question_id)


async def lapse_due(tx: AsyncSession, configs: ConfigCache, limit: int) -> int:
    """End the waiting for answers that did not come in time, each in a savepoint; gives how many timers there were.

    One that fails is put off by a minute.
    """
    driver = await driver_of(tx)
    due = await queries.lock_due(driver, min(limit, LAPSES_AT_A_TIME))
    for project_id, question_id in due:
        try:
            async with tx.begin_nested():
                await _lapse(tx, driver, configs, project_id, question_id)
        except UNREACHABLE:
            raise
        except Exception:
            log.exception("question %s could not be given up; it is tried again in a minute", question_id)
            await driver.execute(queries.PUT_OFF, project_id, question_id)
    return len(due)


async def _lapse(tx: AsyncSession, driver: Hot, configs: ConfigCache, project_id: UUID, question_id: UUID) -> None:
    item_id: UUID | None = await driver.fetchval(queries.FIND_ITEM, project_id, question_id)
    case = await clock_queries.lock_clock(driver, project_id, item_id) if item_id is not None else None
    question = await queries.lock_question(driver, project_id, question_id)
    if case is not None and question is not None and question["returned_at"] is None:
        details = {"question_id": str(question_id)}
        audit.record(tx, project_id, TIMER, Action.QUESTION_LAPSED, item_id=item_id, details=details)
        await _bring_back(tx, driver, configs, case, question, actor=TIMER, to_asker=False)
    await driver.execute(queries.END_TIMER, project_id, question_id)
    await tx.flush()


async def _bring_back(
    tx: AsyncSession, driver: Hot, configs: ConfigCache, case: CaseClock, question: Any, *, actor: Actor, to_asker: bool
) -> None:
    """Open a seat in the place of the one left, and let the clock run on if it stands for this; the case is locked."""
    project_id, question_id, asker = case.project_id, question["id"], question["asked_by"]
    await driver.execute(queries.SET_RETURNED, project_id, question_id)
    await driver.execute(queries.END_TIMER, project_id, question_id)
    if case.item_state != "open":
        return
    seat_id = new_id()
    seat = await queries.reopen(driver, project_id, question["assignment_id"], seat_id)
    if case.paused_at is not None and case.paused_at == question["paused_at"]:
        at = case.at if to_asker else case.resume_at or case.at
        await clocks.run_on(tx, driver, configs, case, resume_time(case.paused_at, at), actor)
    pools = (await configs.get(project_id, case.active_version)).pools
    is_there = to_asker and seat["pool"] in pools
    if is_there and await queries.still_works(driver, project_id, asker, seat["pool"]):
        key: dict[str, Any] = {"case_id": case.case_id, "user_id": asker, "assignment_id": seat_id}
        held = await queries.hold(driver, project_id, **key, lease=pools[seat["pool"]].lease)
        if held is not None:
            _announce_claim(tx, case, question, seat_id, seat, held)
            return
    await driver.execute(queries.LEAVE_CASE, project_id, case.case_id, asker)


def _announce_claim(
    tx: AsyncSession, case: CaseClock, question: Any, seat_id: UUID, seat: Any, held: tuple[int, datetime]
) -> None:
    told = {
        "assignment_id": str(seat_id),
        "pool": seat["pool"],
        "kind": seat["kind"],
        "fence": held[0],
        "holder": question["asker"],
        "lease_until": held[1].isoformat(),
    }
    actor = Actor("user", question["asked_by"], question["asker"])
    audit.record(tx, case.project_id, actor, Action.ASSIGNMENT_CLAIMED, item_id=case.item_id, details=told)
    outbox.emit(tx, case.project_id, EventKind.CLAIMED, item_id=case.item_id, payload=told)


async def _check_answerable(driver: Hot, who: Principal, item: ItemDetail, question: Any, said: str) -> None:
    is_anothers = who.kind == "user" and question["asked_by"] != who.id
    if is_anothers and await comments.is_kept_from(driver, who=who, item=item):
        message = say("You are still to judge this item, so another reviewer's question is not yours to answer yet.")
        raise QuestionSettled(message)
    if question["answer"] not in {None, said}:
        message = say(
            "%(who)s answered this already. That answer stands; yours was not stored.",
            who=question["answered_by"],
        )
        raise QuestionSettled(message)
