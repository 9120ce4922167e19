"""Stopping sources and item types: the page of what is stopped, and the sentence that other pages show."""

from typing import Final
from uuid import UUID

from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from review.identity.rules import Permission
from review.intake import stops
from review.intake.stops import Kind, StopView, Way, Wish
from review.kernel.errors import FieldError, Invalid
from review.queueing import service as queueing
from review.web.guards import requires
from review.web.pages.reading import SAID, Pairs, first, read_form
from review.web.pages.work import WORK, InHand, Work
from review.web.services import AnyRequest, Tx

KINDS: Final[dict[str, Kind]] = {
    "project": "project",
    "source": "source",
    "item_type": "item_type",
    "model": "model",
    "rule": "rule",
}
WAYS: Final[dict[str, Way]] = {"approvals": "approvals", "everything": "everything"}


class StopPages(Controller):
    """What is stopped, what was, and what could be."""

    path = "/p/{project:str}/stops"
    opt = requires(Permission.STOP)
    dependencies = WORK

    @get("/")
    async def show(self, work: InHand, done: FromQuery[str] = "") -> Template:
        """Show what is stopped, with the forms to stop and to resume."""
        found = await stops.list_stops(work.hot, who=work.who, with_past=True)
        standing = [each for each in found if each.resumed_at is None]
        stopped = {(each.kind, each.subject) for each in standing}
        sources = await stops.list_sources(work.hot, who=work.who)
        return work.page(
            "stops.html",
            here="Stops",
            standing=[(each, told(each)) for each in standing],
            past=[each for each in found if each.resumed_at is not None],
            sources=[each for each in sources if ("source", str(each.id)) not in stopped],
            types=[name for name in work.config.item_types if ("item_type", name) not in stopped],
            said=SAID.get(done, ""),
        )

    @post("/stop", status_code=200)
    async def stop(self, request: AnyRequest, work: InHand, tx: Tx) -> Redirect:
        """Stop a source or an item type, with the reason."""
        pairs = await read_form(request)
        kind, subject = _chosen(pairs)
        way, lasts = WAYS.get(first(pairs, "way"), "approvals"), stops.read_lasting(first(pairs, "expires_in"))
        wish = Wish(kind=kind, subject=subject, reason=first(pairs, "reason"), way=way, lasts=lasts)
        await stops.stop(tx, who=work.who, config=work.config, wish=wish)
        return Redirect(f"/p/{work.who.project}/stops?done=stop", status_code=303)

    @post("/resume", status_code=200)
    async def resume(self, request: AnyRequest, work: InHand, tx: Tx) -> Redirect:
        """Let rules decide again, with the reason."""
        pairs = await read_form(request)
        kind, subject = _chosen(pairs)
        await stops.resume(
            tx, who=work.who, config=work.config, kind=kind, subject=subject, reason=first(pairs, "reason")
        )
        return Redirect(f"/p/{work.who.project}/stops?done=restart", status_code=303)


@post(
    "/p/{project:str}/assignments/{assignment_id:uuid}/stop",
    opt=requires(Permission.STOP),
    dependencies=WORK,
    status_code=200,
)
async def stop_in_hand(request: AnyRequest, work: InHand, tx: Tx, assignment_id: FromPath[UUID]) -> Redirect:
    """Stop what sends such items as the one in hand, and go on with it."""
    pairs = await read_form(request)
    seat = await queueing.get_known_seat(work.hot, who=work.who, assignment_id=assignment_id)
    await _stop_of_item(work, tx, seat.item_id, pairs)
    return Redirect(f"/p/{work.who.project}/assignments/{assignment_id}?done=stop", status_code=303)


async def _stop_of_item(work: Work, tx: Tx, item_id: UUID, pairs: Pairs) -> None:
    """Stop the sender or the type of an item, whichever was chosen."""
    kind = KINDS.get(first(pairs, "kind"))
    sender = await stops.find_sender(work.hot, who=work.who, item_id=item_id)
    if kind is None or sender is None:
        raise _nothing_chosen()
    subject = sender.type if kind == "item_type" else sender.id
    wish = Wish(kind=kind, subject=subject, reason=first(pairs, "reason"))
    await stops.stop(tx, who=work.who, config=work.config, wish=wish)


def told(stop: StopView) -> str:
    """Say what is stopped, by whom and why."""
    what = f"Item type {stop.name} is" if stop.kind == "item_type" else f"What {stop.name} sends is"
    return f"{what} stopped: nothing of it is let through by rule. {stop.stopped_by} stopped it: {stop.reason}"


def _chosen(pairs: Pairs) -> tuple[Kind, str]:
    """Read `kind:subject`, or refuse."""
    name, _, subject = first(pairs, "what").partition(":")
    kind = KINDS.get(name)
    if kind is None or not subject:
        raise _nothing_chosen()
    return kind, subject


def _nothing_chosen() -> Invalid:
    message = "Say what to stop or resume. Nothing was changed."
    return Invalid(message, errors=(FieldError("what", "is no source and no item type"),))
