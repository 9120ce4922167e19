"""The item page: everything about one item, how it came to be decided, and the acts on its clock."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from markupsafe import Markup

from review.datasets.snapshots import holding
from review.datasets.snapshots.schemas import Holdings
from review.delivery.webhooks import log
from review.erasure import service as erasures
from review.escalation import clocks
from review.escalation import service as escalation
from review.escalation.clock_rules import Movement
from review.escalation.explanations import ClockView
from review.identity.rules import Permission
from review.intake import stops
from review.items import service as items
from review.items.schemas import DecisionView, HistoryEntry, ItemDetail
from review.kernel.db import get_now
from review.kernel.errors import FieldError, Invalid
from review.kernel.paging import position_of
from review.kernel.sentences import say
from review.kernel.shapes import is_object
from review.web import content
from review.web.guards import requires
from review.web.pages import climbs, desk, differences, outcomes, overrides, retold, sentences, story, veils, words
from review.web.pages import views as shown
from review.web.pages.reading import SAID, first, read_form
from review.web.pages.understanding import beside_of
from review.web.pages.views import ClockPart, Decided, ItemPage
from review.web.pages.work import WORK, InHand, Work
from review.web.services import AnyRequest, Tx
from review.web.words.catalogue import N_, gettext, one_of

STATUSES = {
    "queued": (N_("waiting"), "plain"),
    "in_review": (N_("in review"), "mark"),
    "decided": (N_("decided"), "good"),
    "withdrawn": (N_("withdrawn"), "warn"),
}
MAX_REASON = 2_000
HELD: Final = 10  # snapshots shown at once
SPANS: Final = {
    "": None,
    "1h": timedelta(hours=1),
    "4h": timedelta(hours=4),
    "1d": timedelta(days=1),
    "3d": timedelta(days=3),
    "7d": timedelta(days=7),
}
_MOVED: Final = {
    "clock.started": N_("The clock started"),
    "clock.paused": N_("%(who)s stopped it"),
    "clock.resumed": N_("%(who)s let it run on"),
    "clock.moved": N_("It was moved"),
}


class ItemPages(Controller):
    """An item with its history, and what may be done to its clock."""

    path = "/p/{project:str}/items/{item_id:uuid}"
    opt = requires(Permission.READ_ITEMS)
    dependencies = WORK

    @get("/")
    async def show(
        self, work: InHand, tx: Tx, item_id: FromPath[UUID], done: FromQuery[str] = "", held: FromQuery[str] = ""
    ) -> Template:
        """Show an item with its history, and the snapshots it is in: from the last on, or from `held`."""
        item = await items.get_detail(work.hot, who=work.who, item_id=item_id, base_url=work.base_url)
        history = await items.tell_history(work.hot, who=work.who, item=item)
        told = await log.list_told(work.hot, work.who.project_id, item_id)
        item_type = await work.services.item_types.get(work.who.project_id, item.type, item.type_version)
        frame = work.frame(item, item_type)
        output = frame.whole["output"]
        status, tone = STATUSES[item.status]
        rules = await work.rules_of(item)
        page = ItemPage(
            id=item.id,
            external_id=item.external_id,
            type_title=desk.title_of(item_type),
            pool=item.pool,
            status_label=gettext(status),
            tone=tone,
            evidence=content.blocks("input", frame.whole["input"], item_type.view, frame),
            claim=content.blocks("output", output, item_type.view, frame),
            confidence=item.details.confidence,
            explanation=item.details.explanation,
            why=desk.why(item, desk.conditions_of(rules), desk.known_of(item, rules)),
            facts=desk.facts(item),
            story=story.tell(history, told),
            decision=_decided(item, item.decision, output) if item.decision else None,
            clock=await _clock(work, item, history),
            pending=await overrides.pending_of(work, tx, item),
            stops=await stops.list_of_item(work.hot, who=work.who, item_id=item_id),
            may_override=item.status != "withdrawn" and item.erased is None and work.who.may(Permission.OVERRIDE),
            takes_two=item_type.two_person,
            output=msgspec.json.format(bytes(item.output), indent=2).decode(),
            veil=veils.veil_of(work.config, item_type),
            erased=item.erased,
        )
        await work.note_shown(item)
        beside = await beside_of(work, tx, item)
        said: dict[str, Any] = {"said": one_of(SAID, done), "erasing": await _erasing(work, item)}
        said["holdings"] = await _holdings(work, item.id, held)
        return work.page("item.html", item=page, item_id=item.id, beside=beside, is_desk=False, **said)

    @post("/pause", opt=requires(Permission.PAUSE), status_code=200)
    async def pause(self, request: AnyRequest, work: InHand, tx: Tx, item_id: FromPath[UUID]) -> Redirect:
        """Stop the item's clock, with the reason, until it is resumed or for as long as chosen."""
        pairs = await read_form(request)
        reason = first(pairs, "reason").replace("\r\n", "\n").strip()
        if not 0 < len(reason) <= MAX_REASON:
            message = say("Say why the clock stops, in up to 2,000 characters. Nothing was changed.")
            raise Invalid(message, errors=(FieldError("reason", say("is missing or too long")),))
        span = SPANS.get(first(pairs, "for"))
        until = await get_now(work.hot) + span if span else None
        await clocks.pause(tx, work.watch, who=work.who, item_id=item_id, reason=reason, until=until)
        return _back(work, item_id, "pause")

    @post("/resume", opt=requires(Permission.PAUSE), status_code=200)
    async def resume(self, request: AnyRequest, work: InHand, tx: Tx, item_id: FromPath[UUID]) -> Redirect:
        """Let the item's clock run on."""
        await read_form(request)
        await clocks.resume(tx, work.watch, who=work.who, item_id=item_id)
        return _back(work, item_id, "resume")

    @post("/acknowledge", opt=requires(Permission.WORK), status_code=200)
    async def acknowledge(self, request: AnyRequest, work: InHand, tx: Tx, item_id: FromPath[UUID]) -> Redirect:
        """Say that the reader knows of the item's escalation and sees to it."""
        await read_form(request)
        await escalation.acknowledge(tx, who=work.who, item_id=item_id)
        return _back(work, item_id, "acknowledge")


async def _holdings(work: Work, item_id: UUID, held: str) -> Holdings | None:
    """List the snapshots that an item is in, for those who may see datasets; the last ones, or those before `held`."""
    if not work.who.may(Permission.READ_FEEDBACK):
        return None
    before = position_of(held or None, field="held")
    return await holding.list_of_item(work.hot, who=work.who, item_id=item_id, before=before, limit=HELD)


def _back(work: Work, item_id: UUID, done: str) -> Redirect:
    return Redirect(f"/p/{work.who.project}/items/{item_id}?done={done}", status_code=303)


async def _erasing(work: Work, item: ItemDetail) -> dict[str, Any] | None:
    """Give what whoever may erase is led to: the erasure that the item is part of, or the form that asks for one."""
    if not work.who.may(Permission.ERASE):
        return None
    part_of = await erasures.find_of_item(work.hot, project_id=work.who.project_id, item_id=item.id)
    return {"part_of": part_of, "has_subject": bool(item.details.subject)}


async def _clock(work: Work, item: ItemDetail, history: list[HistoryEntry]) -> ClockPart:
    """Tell how the item's clock stands, and what of it the reader may change."""
    told = await clocks.explain(work.hot, work.watch, who=work.who, item_id=item.id)
    running = await work.running([item.id])
    clock = running.get(item.id)
    policy = await work.policy_of(clock) if clock else work.config.sla_policies.get(told.policy or "")
    is_open = item.status in {"queued", "in_review"}
    is_known = any(entry.action == "escalation.acknowledged" for entry in history)
    has_clock = is_open and told.due_at is not None
    return ClockPart(
        left=work.countdown(clock, policy) if clock else None,
        rungs=climbs.climb(told, policy, history, is_open=is_open),
        because=_because(work, told.because),
        movements=[_movement(work, each) for each in _later(told)],
        due_at=told.due_at,
        is_paused=told.paused is not None,
        may_pause=has_clock and work.who.may(Permission.PAUSE),
        may_acknowledge=is_open and item.escalation_level > 0 and not is_known and work.who.may(Permission.WORK),
    )


def _later(told: ClockView) -> list[Movement]:
    """Give the movements worth a list: none where the clock has only started."""
    return told.movements if len(told.movements) > 1 else []


def _because(work: Work, said: Sequence[str]) -> list[Markup]:
    return [content.visible(retold.clock(each, work.config.calendars.values())) for each in said]


def _movement(work: Work, movement: Movement) -> shown.Movement:
    what = sentences.gettext(_MOVED.get(movement.action, N_("It changed")), who=content.visible(movement.by))
    due = words.exact(movement.due_at) if movement.due_at else ""
    was = words.exact(movement.was) if movement.was and movement.was != movement.due_at else ""
    message = N_("%(what)s.")
    if due:
        message = N_("%(what)s, due %(due)s, and no longer %(was)s.") if was else N_("%(what)s, due %(due)s.")
    return shown.Movement(
        at=movement.at,
        sentence=sentences.gettext(message, what=what, due=due, was=was),
        because=_because(work, movement.because),
    )


def _decided(item: ItemDetail, decision: DecisionView, output: Any) -> Decided:
    reasons: list[str] = msgspec.json.decode(decision.reasons, type=list[str])
    route: object = msgspec.json.decode(item.route)
    fell = decision.source == "rule" and is_object(route) and route.get("fallback") is True
    said = outcomes.sentence(decision.verdict, "fallback" if fell else decision.source, decision.decided_by)
    if decision.revision > 1:
        said = gettext("%(sentence)s Revision %(number)s.", sentence=said, number=decision.revision)
    corrected = decision.verdict == "correct"
    return Decided(
        sentence=said,
        at=decision.decided_at,
        changes=differences.changes(output, msgspec.json.decode(decision.output)) if corrected else [],
        reasons=[words.humanise(reason) for reason in reasons],
        comment=decision.comment,
    )
