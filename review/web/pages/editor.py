"""The editor of rules: the text of the file, checked as one types, tried on an item, stored as a candidate."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Annotated, Any

import msgspec
from litestar import Controller, get, post
from litestar.params import QueryParameter
from litestar.response import Redirect, Template
from markupsafe import Markup

from review.configuration import candidates
from review.configuration import service as configuration
from review.configuration.document import parse
from review.configuration.errors import ConfigError, ConfigurationInvalid
from review.configuration.offers import Offer, offers
from review.configuration.plans import Plan
from review.identity.rules import Permission
from review.intake import trials
from review.intake.trials import Earlier
from review.intake.trying import Trial
from review.items import service as items
from review.items.schemas import ItemDetail, ItemView
from review.items.service import ItemFilter
from review.kernel import strict_json
from review.kernel.errors import Invalid, ReviewError
from review.kernel.sentences import say
from review.web.content import visible
from review.web.guards import requires
from review.web.pages.desk import title_in
from review.web.pages.reading import Pairs, first, read_form
from review.web.pages.sentences import shown
from review.web.pages.versions import MOST_VERSION
from review.web.pages.work import WORK, InHand, Work
from review.web.services import AnyRequest, Tx
from review.web.words.sentences import translated

LATEST = 20
MOST_FAULTS = 100
MOST_SHOWN = 300  # characters of a line that has a fault
MOST_TOLD = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What stands in the fields of the editor."""

    source: str
    item: str = ""
    pasted: str = ""
    reason: str = ""
    base: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault with the line that it is in."""

    line: int
    column: int
    path: Markup
    message: Markup
    text: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is said about a text: its faults and warnings, what it offers, and the trial of an item."""

    is_checked: bool = False
    is_same: bool = False
    faults: Sequence[Fault] = ()
    faults_left_out: int = 0
    warnings: Sequence[str] = ()
    offers: Sequence[Offer] = ()
    trial: Trial | None = None
    refusal: str = ""
    refused: Sequence[tuple[str, str]] = ()

    @property
    def is_sound(self) -> bool:
        """Whether the text was checked and has no fault."""
        return self.is_checked and not self.faults


class EditorPages(Controller):
    """The editor."""

    path = "/p/{project:str}/rules/edit"
    opt = requires(Permission.WRITE_CONFIG)
    dependencies = WORK

    @get("/")
    async def show(
        self,
        work: InHand,
        tx: Tx,
        base: Annotated[int | None, QueryParameter(name="from", ge=1, le=MOST_VERSION)] = None,
    ) -> Template:
        """Show a version's text, ready to be changed; the active one unless another is named."""
        row = await configuration.get_version(tx, project=work.who.project, version=base)
        return await _page(work, Typed(source=row.source, base=str(row.version)), Found(offers=offers(row.document)))

    @post("/", status_code=200)
    async def act(self, request: AnyRequest, work: InHand, tx: Tx) -> Template | Redirect:
        """Check the text, try it on an item, or store it as a candidate; what was typed stays."""
        pairs = await read_form(request)
        typed, act = _typed(pairs), first(pairs, "do")
        found = await _check(work, typed.source)
        if act == "try" or (work.is_partial and (typed.item or typed.pasted.strip())):
            found = await _try(work, typed, found)
        if act != "save" or not found.is_sound:
            return await _page(work, typed, found, status=422 if act == "save" else 200)
        try:
            plan = await _propose(work, tx, typed)
        except ReviewError as refused:
            return await _page(work, typed, _refused(found, refused), status=refused.status)
        if not plan.differences:
            return await _page(work, typed, replace(found, is_same=True))
        return Redirect(f"/p/{work.who.project}/rules/{plan.version}?done=propose-version", status_code=303)


async def _propose(work: Work, tx: Tx, typed: Typed) -> Plan:
    return await candidates.propose(
        tx,
        typed.source,
        actor=work.who.actor,
        only_project=work.who.project,
        reason=typed.reason,
        held=work.who.permissions,
    )


async def _check(work: Work, source: str) -> Found:
    checked = await trials.check(work.hot, work.who.project_id, source)
    offered = await asyncio.to_thread(_offers, source)
    return Found(
        is_checked=True,
        faults=[_fault(source, each) for each in checked.faults[:MOST_FAULTS]],
        faults_left_out=max(0, len(checked.faults) - MOST_FAULTS),
        warnings=checked.warnings,
        offers=offered,
    )


def _offers(source: str) -> tuple[Offer, ...]:
    with suppress(ConfigurationInvalid):
        return offers(parse(source).data)
    return ()


def _fault(source: str, fault: ConfigError) -> Fault:
    lines = source.splitlines()
    text = lines[fault.line - 1] if 0 < fault.line <= len(lines) else ""
    is_short = len(fault.sentence) <= MOST_TOLD
    told = shown(fault.sentence) if is_short else visible(translated(fault.sentence)[:MOST_TOLD])
    return Fault(fault.line, fault.column, visible(fault.path), told, visible(text[:MOST_SHOWN]))


async def _try(work: Work, typed: Typed, found: Found) -> Found:
    """Route the chosen or pasted item by the text; what keeps it from being routed is said in its place."""
    if not found.is_sound:
        return found
    try:
        item, earlier = await _item(work, typed)
        trial = await trials.evaluate(work.hot, work.who.project_id, typed.source, item, earlier)
        return replace(found, trial=trial)
    except ReviewError as refused:
        return _refused(found, refused)


async def _item(work: Work, typed: Typed) -> tuple[object, Earlier | None]:
    """Give the item to try as it was submitted, or would be, and how it was routed if it was.

    Raises:
        ItemNotFound (404); Invalid, MalformedRequest: there is none, or the pasted one is not JSON.
    """
    if not typed.item:
        if not typed.pasted.strip():
            message = say("There is no item to try. Choose one of the list, or paste one.")
            raise Invalid(message)
        return strict_json.decode(typed.pasted.encode()), None
    given = [each for each in await _latest(work) if str(each.id) == typed.item]
    if not given:
        message = say("This item is not among those offered any more. Choose another one of the list, or paste one.")
        raise Invalid(message)
    detail = await items.get_detail(work.hot, who=work.who, item_id=given[0].id, base_url=work.base_url)
    earlier = Earlier(detail.id, detail.created_at, msgspec.json.decode(detail.route))
    return as_submitted(detail), earlier


def as_submitted(item: ItemDetail) -> dict[str, Any]:
    """Give an item as its sender would submit it anew."""
    details: dict[str, Any] = msgspec.to_builtins(item.details)
    payload = {"input": msgspec.json.decode(item.input), "output": msgspec.json.decode(item.output)}
    return {"type": item.type, **payload, **details}


async def _latest(work: Work) -> list[ItemView]:
    """List the newest items that the caller may see and whose content may be shown without lifting a veil."""
    if not work.who.may(Permission.READ_ITEMS):
        return []
    page = await items.list_items(
        work.hot, who=work.who, wanted=ItemFilter(), cursor=None, limit=LATEST, base_url=work.base_url
    )
    veiled = {name for name, each in work.config.item_types.items() if each.is_sensitive}
    return [each for each in page.data if each.type in work.config.item_types and each.type not in veiled]


def _refused(found: Found, refused: ReviewError) -> Found:
    told = [(visible(each.path), shown(each.sentence)) for each in refused.errors]
    return replace(found, refusal=shown(refused.sentence), refused=told)


def _typed(pairs: Pairs) -> Typed:
    return Typed(
        source=first(pairs, "source").replace("\r\n", "\n"),
        item=first(pairs, "item"),
        pasted=first(pairs, "pasted").replace("\r\n", "\n"),
        reason=first(pairs, "reason"),
        base=first(pairs, "base"),
    )


async def _page(work: Work, typed: Typed, found: Found, *, status: int = 200) -> Template:
    if work.is_partial:
        return work.page("_editor.html", status=200, push="", typed=typed, found=found)
    choices = [
        (str(each.id), f"{each.external_id or each.id} ({title_in(work.config, each.type)})")
        for each in await _latest(work)
    ]
    return work.page("editor.html", status=status, here="Rules", typed=typed, found=found, choices=choices)
