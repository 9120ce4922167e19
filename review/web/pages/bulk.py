"""Acts on many items at once: the preview with the one reason, and the page that follows an act to its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from msgspec import UNSET

from review.bulk import service as bulk
from review.bulk.errors import BulkInvalid
from review.bulk.rules import SENTENCES, Why
from review.bulk.schemas import MOST_ITEMS, ActView, Asked, ItemResult, Kind
from review.configuration.rules import ProjectConfig
from review.identity.rules import Permission
from review.intake import stop_touches, stops
from review.kernel.clock import utc_now
from review.kernel.errors import FieldError
from review.kernel.ids import new_id
from review.kernel.sentences import say
from review.queueing import listing, listing_rules
from review.web.guards import requires
from review.web.pages import bulk_form, desk, stored, veils
from review.web.pages.reading import Pairs, first, read_form
from review.web.pages.work import WORK, InHand, Work
from review.web.services import AnyRequest, Tx

SHOWN_EACH = 20  # lines of each group that a preview shows
LINES = 100
MAX_KEY = 100


@dataclass(frozen=True, slots=True)
class Line:
    """An item of an act: what it is called, and what became or becomes of it."""

    item_id: UUID
    title: str
    type_title: str
    state: str
    why: str | None
    message: str
    is_known: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Items that are left out for one reason, in its words: how many, and the first of them."""

    message: str
    count: int
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class Said:
    """An act as its pages name it: what is done, to what of a value or a pool, with the reason codes."""

    kind: str
    to: str
    reason: str
    reasons: tuple[str, ...]


class BulkPages(Controller):
    """What somebody does to many items alike."""

    path = "/p/{project:str}/bulk"
    opt = requires(Permission.WORK)
    dependencies = WORK

    @post("/preview", status_code=200)
    async def preview(self, request: AnyRequest, work: InHand) -> Template:
        """Say what an act would do to the selected items, or to all that match the filter, and ask for the reason."""
        pairs = await read_form(request)
        asked = bulk_form.asked_in(pairs, work.config)
        chosen = await _selected(work, pairs)
        seen = await bulk.preview(
            work.hot,
            who=work.who,
            config=work.config,
            item_types=work.services.item_types,
            asked=asked,
            item_ids=chosen,
        )
        doing = [each for each in seen.items if each.state != "left_out"]
        groups = {why: [each for each in seen.items if each.why == why] for why in seen.left_out}
        shown = [*doing[:SHOWN_EACH], *(each for group in groups.values() for each in group[:SHOWN_EACH])]
        lines = {line.item_id: line for line in await _lines(work, shown)}
        return work.page(
            "bulk_preview.html",
            here="Queue",
            said=_said(asked, work.config),
            count=seen.done,
            maybe=seen.maybe,
            total=len(seen.items),
            doing=[lines[each.item_id] for each in doing[:SHOWN_EACH]],
            groups=[
                Group(_told(group[0]), len(group), [lines[each.item_id] for each in group[:SHOWN_EACH]])
                for group in groups.values()
            ],
            reasons=_reasons_of(asked, doing, work.config),
            fields=[*bulk_form.fields_of(asked), ("items", " ".join(each.item_id.hex for each in doing))],
            once=new_id().hex,
            grace=int(work.services.settings.bulk_grace.total_seconds()),
            back=_back(work, pairs),
        )

    @post("/", status_code=200)
    async def begin(self, request: AnyRequest, work: InHand, tx: Tx) -> Redirect:
        """Ask for what was previewed, and go to its page; the same form again asks for nothing more."""
        pairs = await read_form(request)
        begun = await bulk.begin(
            tx,
            who=work.who,
            config=work.config,
            asked=bulk_form.asked_in(pairs, work.config),
            item_ids=bulk_form.ids_in(pairs),
            grace=work.services.settings.bulk_grace,
            key=f"page {first(pairs, 'once')[:MAX_KEY]}" if first(pairs, "once") else None,
        )
        return Redirect(f"/p/{work.who.project}/bulk/{begun.act.id}", status_code=303)

    @get("/")
    async def mine(self, work: InHand) -> Template:
        """List what the caller did to many items at once, the last first, and what others are at that they may stop."""
        mine, led = await bulk.list_acts(work.hot, who=work.who), await bulk.list_led(work.hot, who=work.who)
        said = {each.id: _said(each.asked, work.config) for each in (*mine, *led)}
        return work.page("bulk_mine.html", here="Queue", acts=mine, led=led, said=said)

    @get("/{act_id:uuid}")
    async def show(self, work: InHand, act_id: FromPath[UUID], after: FromQuery[int] = 0) -> Template:
        """Show how far an act has come and what became of its items; while it goes on, the page asks again."""
        offset = min(max(after, 0), 1_000_000)
        told = await bulk.get_told(work.hot, who=work.who, act_id=act_id, limit=LINES, offset=offset)
        here = f"/p/{work.who.project}/bulk/{act_id}"
        act = told.act
        behind = offset + LINES
        return work.page(
            "_bulk_act.html" if work.is_partial else "bulk.html",
            here="Queue",
            act=act,
            is_mine=act.asked_by == work.who.email,
            url=here,
            said=_said(act.asked, work.config),
            settled=act.counts.done + act.counts.left_out,
            seconds=_seconds_left(act),
            lines=await _lines(work, told.items),
            more=f"{here}?after={behind}" if behind < act.counts.total else None,
        )

    @post("/{act_id:uuid}/undo", status_code=200)
    async def undo(self, request: AnyRequest, work: InHand, tx: Tx, act_id: FromPath[UUID]) -> Redirect:
        """Take an act back as a whole, before anything of it is done."""
        await read_form(request)
        await bulk.undo(tx, who=work.who, act_id=act_id)
        return Redirect(f"/p/{work.who.project}/bulk/{act_id}", status_code=303)

    @post("/{act_id:uuid}/stop", status_code=200)
    async def stop(self, request: AnyRequest, work: InHand, tx: Tx, act_id: FromPath[UUID]) -> Redirect:
        """Stop the rest of an act, and show how far it came."""
        await read_form(request)
        await bulk.stop(tx, who=work.who, act_id=act_id)
        return Redirect(f"/p/{work.who.project}/bulk/{act_id}", status_code=303)


async def _selected(work: Work, pairs: Pairs) -> list[UUID]:
    """Give the items that are ticked, or all that match the filter now, up to 1,000."""
    chosen = bulk_form.ids_in(pairs)
    if first(pairs, "act") == Kind.BRING_BACK and first(pairs, "what"):
        return await _let_through(work, pairs)
    if first(pairs, "everything"):
        query = parse_qsl(first(pairs, "filter"), keep_blank_values=True, max_num_fields=100)
        wanted = listing_rules.read(query, besides=("after",))
        chosen = await listing.find(work.hot, who=work.who, config=work.config, wanted=wanted)
    if not chosen:
        message = say("Nothing is selected, so nothing was changed. Go back and tick what it is about.")
        raise BulkInvalid(message, errors=(FieldError("item", say("is missing")),))
    return chosen


async def _let_through(work: Work, pairs: Pairs) -> list[UUID]:
    """Give what rules let through, as the page of stops has listed it."""
    kind, _, subject = first(pairs, "what").partition(":")
    within = stop_touches.WINDOWS.get(first(pairs, "within"), stop_touches.WINDOWS["1h"])
    standing = await stops.list_stops(work.hot, who=work.who)
    found = next((each for each in standing if (each.kind, each.subject) == (kind, subject)), None)
    chosen = await stop_touches.list_to_bring_back(
        work.hot,
        who=work.who,
        kind=kind,
        subject=subject,
        before=None if found is None else found.stopped_at,
        within=within,
        limit=MOST_ITEMS,
    )
    if not chosen:
        message = say(
            "Nothing of it was let through by rule in that time that people have not seen. Nothing was changed."
        )
        raise BulkInvalid(message, errors=(FieldError("what", say("has nothing to bring back")),))
    return chosen


async def _lines(work: Work, results: Sequence[ItemResult]) -> list[Line]:
    inputs = await bulk.list_inputs(work.hot, who=work.who, results=results)
    return [
        Line(
            item_id=each.item_id,
            title=_title(work.config, each, inputs),
            type_title=desk.title_in(work.config, each.type) if each.type else "",
            state=each.state,
            why=each.why,
            message=_told(each),
            is_known=each.type is not None,
        )
        for each in results
    ]


def _told(item: ItemResult) -> str:
    """Say why an item was left out; what was wrong with a judgement was kept in English, and is read back from that."""
    sentence = SENTENCES[Why(item.why)] if item.why in set(Why) else item.message
    return sentence if sentence == item.message else stored.unfit(item.message)


def _title(config: ProjectConfig, item: ItemResult, inputs: dict[UUID, Any]) -> str:
    if item.item_id in inputs:
        return veils.brief(config, item.type or "", msgspec.json.decode(inputs[item.item_id]))
    return item.external_id or str(item.item_id)


def _said(asked: Asked, config: ProjectConfig) -> Said:
    pool = config.pools[asked.pool].title if asked.pool in config.pools else asked.pool
    to = {Kind.MOVE: pool, Kind.PRIORITISE: str(asked.priority)}.get(asked.act, "")
    if asked.output is not UNSET:
        to = bulk_form.word_of(asked)
    kind = str(asked.verdict) if asked.act is Kind.DECIDE else str(asked.act)
    return Said(kind, to, asked.reason, asked.reasons)


def _reasons_of(asked: Asked, doing: Sequence[ItemResult], config: ProjectConfig) -> list[str]:
    """List the reason codes that every type of these items has."""
    if asked.act is not Kind.DECIDE:
        return []
    types = [
        config.item_types[name].reasons for name in {each.type or "" for each in doing} if name in config.item_types
    ]
    return [each for each in types[0] if all(each in other for other in types)] if types else []


def _seconds_left(act: ActView) -> int:
    """Give for how long it can be taken back, so that the page counts down; a second more than there is, never less."""
    return max(0, int((act.counts_at - utc_now()).total_seconds()) + 1)


def _back(work: Work, pairs: Pairs) -> str:
    """Give the address of the list that the form came from."""
    if first(pairs, "what"):
        asked_of = {"what": first(pairs, "what"), "within": first(pairs, "within")}
        return f"/p/{work.who.project}/stops?{urlencode(asked_of)}"
    here, asked = f"/p/{work.who.project}", dict(parse_qsl(first(pairs, "filter"), max_num_fields=100))
    pool = asked.pop("pool", "")
    if pool not in work.config.pools:
        return f"{here}/queue?{urlencode(asked)}" if asked else f"{here}/queue"
    return f"{here}/pools/{pool}?{urlencode(asked)}" if asked else f"{here}/pools/{pool}"
