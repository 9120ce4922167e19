"""Clocks of cases: stopping them, letting them run on, and telling why an item is due when it is."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import TIMER, Action, Actor, timer_by
from review.configuration.service import ConfigCache
from review.escalation import clock_queries as queries
from review.escalation.clock_rules import CaseClock, Setting, pause_time, resume_time, resumed, without_words
from review.escalation.errors import ClockNotRunning
from review.escalation.explanations import ClockView, no_clock, told
from review.identity.rules import Principal
from review.items import service as items
from review.items.errors import ItemClosed
from review.items.schemas import ItemView
from review.kernel import outbox
from review.kernel.db import Hot, driver_of
from review.kernel.errors import FieldError, Invalid
from review.kernel.events import EventKind
from review.kernel.sentences import say
from review.queueing import queries as queue_queries
from review.sla import rules as sla
from review.sla.rules import Facts, SlaPolicy


class Watch(msgspec.Struct, frozen=True):
    """What acts on clocks need besides the transaction: compiled configurations, and the address links carry."""

    configs: ConfigCache
    base_url: str


async def pause(
    tx: AsyncSession, watch: Watch, *, who: Principal, item_id: UUID, reason: str, until: datetime | None = None
) -> ItemView:
    """Stop the item's clock until somebody resumes it, or by itself at `until`; its seats wait behind the others.

    Where it stands still already, that pause stays as it is. Whoever holds a seat keeps it and may judge.

    Raises:
        ItemNotFound (404); ItemClosed, ClockNotRunning: there is no clock to stop (409); Invalid: no reason is given,
        or `until` has passed (422).
    """
    if not reason.strip():
        message = say("A pause must say why. Nothing was changed; send it again with a reason.")
        raise Invalid(message, errors=(FieldError("reason", say("is missing: say why")),))
    driver = await driver_of(tx)
    case = await _lock(driver, watch, who, item_id)
    if case.paused_at is None:
        if until is not None and until <= case.at:
            message = say("The pause would have ended already. Nothing was changed; name a later time, or none.")
            raise Invalid(message, errors=(FieldError("until", say("has passed")),))
        await halt(tx, driver, case, who.actor, reason, until)
    return await _view(tx, driver, watch, who, item_id)


async def resume(tx: AsyncSession, watch: Watch, *, who: Principal, item_id: UUID) -> ItemView:
    """Let the item's clock run on, under the configuration of now; one that runs is left alone.

    Raises:
        ItemNotFound (404); ItemClosed, ClockNotRunning: there is no clock (409).
    """
    driver = await driver_of(tx)
    case = await _lock(driver, watch, who, item_id)
    if case.paused_at is not None:
        await run_on(tx, driver, watch.configs, case, resume_time(case.paused_at, case.at), who.actor)
    return await _view(tx, driver, watch, who, item_id)


async def fire_resume(
    tx: AsyncSession, configs: ConfigCache, *, project_id: UUID, case_id: UUID, generation: int
) -> bool:
    """End a pause whose time is up, as of that time, however late this is; tells whether the timer still counted.

    For a resume timer that is due and that the caller has locked. It is deleted either way. Locks the case's seats, the
    item and the case.
    """
    driver = await driver_of(tx)
    item_id = await queries.find_item(driver, project_id, case_id)
    case = await queries.lock_clock(driver, project_id, item_id) if item_id is not None else None
    await queries.end_resume(driver, project_id, case_id, generation)
    if case is None or case.paused_at is None or case.item_state != "open" or case.generation != generation:
        return False
    await run_on(tx, driver, configs, case, resume_time(case.paused_at, case.resume_at or case.at), TIMER)
    await tx.flush()
    return True


async def explain(hot: Hot, watch: Watch, *, who: Principal, item_id: UUID) -> ClockView:
    """Tell how an item's clock stands, and why it is due when it is.

    Raises:
        ItemNotFound: it is not the caller's to see (404).
    """
    item = await items.get_detail(hot, who=who, item_id=item_id, base_url=watch.base_url)
    case = await queries.find_clock(hot, who, item_id)
    if case is None or case.due_at is None:
        return no_clock(item)
    movements = await queries.list_movements(hot, who.project_id, item_id)
    if any(not pause.reason for pause in case.facts.pauses):  # every pause has one; it is not for the caller to hear
        movements = [without_words(movement) for movement in movements]
    policy = await _policy(watch.configs, case, case.version)
    at_first = Facts(started_at=case.facts.started_at, priority=case.facts.priority, respond_by=case.facts.respond_by)
    began = sla.run(await _policy(watch.configs, case, case.first_version), at_first)
    return told(item, case, policy, began, movements)


async def set_by(configs: ConfigCache, case: CaseClock, version: int) -> Setting:
    """Work a clock out by a configuration version, or by its own where that one has not the policy any more."""
    policy = await _policy(configs, case, version)
    if policy is None and case.policy is not None:
        version = case.version
        policy = await _policy(configs, case, version)
    return Setting(case, version, sla.run(policy, case.facts))


async def _policy(configs: ConfigCache, case: CaseClock, version: int) -> SlaPolicy | None:
    if case.policy is None:
        return None
    return (await configs.get(case.project_id, version)).sla_policies.get(case.policy)


async def _lock(driver: Hot, watch: Watch, who: Principal, item_id: UUID) -> CaseClock:
    """Lock the clock of an open item that the caller may see."""
    item = await items.get_detail(driver, who=who, item_id=item_id, base_url=watch.base_url)
    case = await queries.lock_clock(driver, who.project_id, item_id)
    if case is None or case.item_state != "open":
        state = case.item_state if case else item.status
        message = say("Item %(item_id)s is %(state)s already; no clock of it runs.", item_id=item_id, state=state)
        raise ItemClosed(message)
    if case.due_at is None:
        message = say(
            "Item %(item_id)s has no due time, so there is no clock to stop. Nothing was changed.", item_id=item_id
        )
        raise ClockNotRunning(message)
    return case


async def halt(
    tx: AsyncSession, driver: Hot, case: CaseClock, actor: Actor, reason: str, until: datetime | None
) -> datetime:
    """Stop a locked clock that runs; gives when the pause begins."""
    at = pause_time(case)
    await queries.stop(driver, case, at, reason, actor.name, until)
    resume_at = None if until is None else until.astimezone(UTC).isoformat()
    because = [f"Stopped by {actor.name}: {reason}"]
    details = {"was": _iso(case.due_at), "paused_at": at.isoformat(), "reason": reason, "until": resume_at}
    audit.record(
        tx,
        case.project_id,
        actor,
        Action.CLOCK_PAUSED,
        item_id=case.item_id,
        details=details | {"because": because},
    )
    is_blind = actor.kind == "user" and await queue_queries.is_judged_by_several(tx, case.project_id, case.case_id)
    payload = {"reason": "" if is_blind else reason, "by": actor.name, "resume_at": resume_at}
    outbox.emit(tx, case.project_id, EventKind.PAUSED, item_id=case.item_id, payload=payload)
    return at


async def run_on(
    tx: AsyncSession, driver: Hot, configs: ConfigCache, case: CaseClock, at: datetime, actor: Actor
) -> None:
    """Set a locked clock going again as of `at`."""
    await queries.end_pause(driver, case, at)
    running = msgspec.structs.replace(case, facts=resumed(case.facts, at))
    setting = await set_by(configs, running, case.active_version)
    await queries.set_clocks(driver, case.project_id, [setting])
    due_at = _iso(setting.clock.due_at if setting.clock else None)
    details = {
        "was": _iso(case.due_at),
        "due_at": due_at,
        "resumed_at": at.isoformat(),
        "version": setting.version,
        "because": list(setting.clock.because) if setting.clock else [],
    }
    seen = timer_by(setting.version) if actor == TIMER else actor
    audit.record(tx, case.project_id, seen, Action.CLOCK_RESUMED, item_id=case.item_id, details=details)
    payload = {"due_at": due_at, "by": actor.name}
    outbox.emit(tx, case.project_id, EventKind.RESUMED, item_id=case.item_id, payload=payload)


async def _view(tx: AsyncSession, driver: Hot, watch: Watch, who: Principal, item_id: UUID) -> ItemView:
    await tx.flush()
    return (await items.get_views(driver, who=who, item_ids=[item_id], base_url=watch.base_url))[item_id]


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
