"""Stopping what rules let through: the page of what is stopped, and the sentence that other pages show."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from review.identity.rules import Permission
from review.intake import stop_touches, stops
from review.intake.stops import Afterwards, Kind, StopView, Way, Wish
from review.kernel.errors import FieldError, Invalid
from review.kernel.sentences import say
from review.queueing import service as queueing
from review.web.guards import requires
from review.web.pages.reading import SAID, Pairs, first, read_form
from review.web.pages.work import WORK, InHand, Work
from review.web.services import AnyRequest, Tx
from review.web.words.catalogue import gettext, one_of

KINDS: Final[dict[str, Kind]] = {
    "project": "project",
    "source": "source",
    "item_type": "item_type",
    "model": "model",
    "rule": "rule",
}
WAYS: Final[dict[str, Way]] = {
    "approvals": "approvals",
    "everything": "everything",
    "fallback": "fallback",
    "hold": "hold",
}
# What the stop and its line in the audit say; who resumes it says why.
AT_ONCE: Final = "stopped at once, before anybody wrote down why"


class StopPages(Controller):
    """What is stopped, what was, and what could be."""

    path = "/p/{project:str}/stops"
    opt = requires(Permission.STOP)
    dependencies = WORK

    @get("/")
    async def show(
        self,
        work: InHand,
        what: FromQuery[str] = "",
        item: FromQuery[str] = "",
        within: FromQuery[str] = "1h",
        done: FromQuery[str] = "",
    ) -> Template:
        """Show what is stopped, with the forms to stop and to resume, and what a stop touches.

        `item` is the item that the caller came from: what of it may be stopped stands first.
        """
        found = await stops.list_stops(work.hot, who=work.who, with_past=True)
        of_item = await _of_item(work, item)
        chosen = what or next((_value(*each) for each in of_item), "")
        choices = await _choices(work)
        standing = [each for each in found if each.resumed_at is None]
        kind, _, subject = chosen.partition(":")
        shown: dict[str, Any] = {}
        if kind in KINDS:
            stopped = next((each for each in standing if (each.kind, each.subject) == (kind, subject)), None)
            name = next((each.name for each in choices if each.value == chosen), subject)
            shown = {"kind": kind, "called": name} | await _touched(work, kind, subject, stopped, within)
        held = {
            each.id: await stop_touches.list_held(work.hot, who=work.who, stop_id=each.id)
            for each in standing
            if each.held
        }
        return work.page(
            "stops.html",
            held=held,
            here="Stops",
            standing=standing,
            past=[each for each in found if each.resumed_at is not None],
            at_once=_at_once(choices, of_item, standing),
            groups=_grouped(choices, {_value(*each) for each in of_item}),
            chosen=chosen,
            within=within,
            said=one_of(SAID, done),
            fallbacks=[f"{each.name}: {each.fallback}" for each in work.config.item_types.values() if each.fallback],
            **shown,
        )

    @post("/stop", status_code=200)
    async def stop(self, request: AnyRequest, work: InHand, tx: Tx) -> Redirect:
        """Stop what was chosen, with the reason; one of the buttons that stop at once says no more than which it is."""
        pairs = await read_form(request)
        kind, subject = _chosen(pairs)
        way, lasts = WAYS.get(first(pairs, "way"), "approvals"), stops.read_lasting(first(pairs, "expires_in"))
        reason = AT_ONCE if first(pairs, "at_once") else first(pairs, "reason")
        wish = Wish(kind=kind, subject=subject, reason=reason, way=way, lasts=lasts)
        await stops.stop(tx, who=work.who, config=work.config, wish=wish)
        return Redirect(f"/p/{work.who.project}/stops?done=stop", status_code=303)

    @post("/resume", status_code=200)
    async def resume(self, request: AnyRequest, work: InHand, tx: Tx) -> Redirect:
        """Let rules decide again, with the reason."""
        pairs = await read_form(request)
        kind, subject = _chosen(pairs)
        afterwards: Afterwards = "rules" if first(pairs, "afterwards") == "rules" else "people"
        given = {"reason": first(pairs, "reason"), "subject": subject}
        await stops.resume(tx, who=work.who, config=work.config, kind=kind, afterwards=afterwards, **given)
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
    subjects: dict[Kind | None, str] = {} if sender is None else {"source": sender.id, "item_type": sender.type}
    if kind is None or kind not in subjects:
        raise _nothing_chosen()
    wish = Wish(kind=kind, subject=subjects[kind], reason=first(pairs, "reason"))
    await stops.stop(tx, who=work.who, config=work.config, wish=wish)


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that may be stopped, as the form sends it and as people call it."""

    kind: str
    subject: str
    name: str

    @property
    def value(self) -> str:
        """What the form sends."""
        return _value(self.kind, self.subject)


@dataclass(frozen=True, slots=True)
class Group:
    """Choices under one title."""

    title: str
    options: list[Choice]


def _value(kind: str, subject: str) -> str:
    return f"{kind}:{subject}"


async def _choices(work: Work) -> list[Choice]:
    """Give all that may be stopped: models are those of the newest items."""
    sources = [Choice("source", str(each.id), each.name) for each in await stops.list_sources(work.hot, who=work.who)]
    rules = await stops.list_deciding_rules(work.hot, who=work.who, config=work.config)
    return [
        Choice("project", work.who.project, work.who.project),
        *(Choice("item_type", name, name) for name in work.config.item_types),
        *(Choice("model", name, name) for name in await stop_touches.list_models(work.hot, who=work.who)),
        *(Choice("rule", name, name) for name in rules),
        *sources,
    ]


def _at_once(choices: list[Choice], of_item: list[tuple[str, str]], standing: list[StopView]) -> list[Choice]:
    """Give what one click stops: what the item came by that the caller comes from, then the project, unless stopped."""
    stopped = {_value(each.kind, each.subject) for each in standing}
    near = {_value(*each) for each in of_item}
    offered = [each for each in choices if each.value in near] + [each for each in choices if each.kind == "project"]
    return [each for each in dict.fromkeys(offered) if each.value not in stopped]


def _grouped(choices: list[Choice], of_item: set[str]) -> list[Group]:
    titles = {
        "project": gettext("The project"),
        "item_type": gettext("Item types"),
        "model": gettext("Models"),
        "rule": gettext("Rules"),
        "source": gettext("Sources"),
    }
    first_of_all = Group(gettext("What this item came by"), [each for each in choices if each.value in of_item])
    rest = [each for each in choices if each.value not in of_item]
    groups = [Group(title, [each for each in rest if each.kind == kind]) for kind, title in titles.items()]
    return [group for group in (first_of_all, *groups) if group.options]


async def _of_item(work: Work, item: str) -> list[tuple[str, str]]:
    try:
        item_id = UUID(item)
    except ValueError:
        return []
    return await stop_touches.subjects_of_item(work.hot, who=work.who, item_id=item_id)


async def _touched(work: Work, kind: str, subject: str, stopped: StopView | None, within: str) -> dict[str, Any]:
    """Tell what a stop of this touches, and what rules let through before it, or until now where none stands."""
    since = None if stopped is None else stopped.stopped_at
    span = stop_touches.WINDOWS.get(within, stop_touches.WINDOWS["1h"])
    passed, is_more = await stop_touches.list_let_through(
        work.hot, who=work.who, kind=kind, subject=subject, before=since, within=span
    )
    touched = await stop_touches.count_touched(work.hot, who=work.who, kind=kind, subject=subject)
    return {"touched": touched, "passed": passed, "is_more": is_more, "since": since}


def _chosen(pairs: Pairs) -> tuple[Kind, str]:
    """Read `kind:subject`, or refuse."""
    name, _, subject = first(pairs, "what").partition(":")
    kind = KINDS.get(name)
    if kind is None or not subject:
        raise _nothing_chosen()
    return kind, subject


def _nothing_chosen() -> Invalid:
    message = say("Say what to stop or resume. Nothing was changed.")
    return Invalid(message, errors=(FieldError("what", say("is nothing that can be stopped")),))
