"""Rolling a candidate out by hand: how it stands, what differs, and one button that takes it back."""

from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from review.configuration import rollouts
from review.configuration.errors import RolloutInvalid
from review.configuration.rollouts import Mode, Wish
from review.identity.rules import Permission
from review.kernel.durations import parse_duration
from review.kernel.errors import FieldError
from review.kernel.paging import position_of
from review.kernel.sentences import say
from review.rehearsal.drawing import draw
from review.rollout import service as rollout
from review.rollout import steering
from review.routing.rollouts import OLDEST_WAITING, Course, Guard, GuardName, Step, read_steps
from review.web.guards import requires
from review.web.pages.reading import SAID, Pairs, first, read_form
from review.web.pages.work import WORK, InHand, Work
from review.web.services import AnyRequest, Tx
from review.web.words.catalogue import N_, one_of

HERE: Final = "Rules"
ROWS: Final = 50
WRITE = requires(Permission.WRITE_CONFIG)
GUARDS: Final[tuple[GuardName, ...]] = ("override_rate", "correction_rate", "breach_rate", "oldest_waiting")
SAID_OF: Final = SAID | {
    "rollout-began": N_("Begun. It is tried on the items that come in from now on."),
    "rollout-live": N_("Live. It routes its share of the items that come in from now on."),
    "rollout-changed": N_("Done. What it says below is how it stands now."),
    "rollout-ended": N_("Rolled back. New items go by the active version from now on."),
}


class RolloutPages(Controller):
    """Rollouts, the last first; one of them with what it found; and what a person may do with it."""

    path = "/p/{project:str}/rules/rollouts"
    opt = requires(Permission.READ_CONFIG)
    dependencies = WORK

    @get("/")
    async def list(self, work: InHand, tx: Tx, cursor: FromQuery[str] = "") -> Template:
        """List rollouts, 50 at a time."""
        before = position_of(cursor or None)
        found, more = await rollouts.list_rollouts(tx, who=work.who, before=before, limit=ROWS)
        more_url = f"/p/{work.who.project}/rules/rollouts?{urlencode({'cursor': more})}" if more else None
        return work.page("rollouts.html", here=HERE, rollouts=found, more=more_url)

    @post("/", opt=WRITE, status_code=200)
    async def start(self, request: AnyRequest, work: InHand, tx: Tx) -> Redirect:
        """Begin a rollout, and go to its page."""
        pairs = await read_form(request)
        version, faults = first(pairs, "version").strip(), list[FieldError]()
        if not (version.isascii() and version.isdigit() and len(version) < 10):
            faults.append(FieldError("version", say("is no version number")))
        compared = _share(pairs, "compared", faults, otherwise=1.0)
        course = _course(pairs, faults)
        _refuse(faults)
        mode: Mode = "live" if first(pairs, "mode") == "live" else "shadow"
        wish = Wish(version=int(version), mode=mode, compared=compared, course=course, reason=first(pairs, "reason"))
        begun = await rollouts.start(tx, who=work.who, wish=wish)
        return _to(work, begun.id, "rollout-live" if mode == "live" else "rollout-began")

    @get("/{rollout_id:uuid}")
    async def show(self, work: InHand, tx: Tx, rollout_id: FromPath[UUID], done: FromQuery[str] = "") -> Template:
        """Show how a rollout stands, and what both versions made of the same items."""
        found = await rollout.get(tx, who=work.who, rollout_id=rollout_id)
        return work.page(
            "rollout.html",
            here=HERE,
            rollout=found.rollout,
            measured=found.guards,
            flows=found.flows,
            picture=draw({(flow.live, flow.candidate): flow.count for flow in found.flows}),
            pool_titles={pool.name: pool.title for pool in work.config.pools.values()},
            may_write=work.who.may(Permission.WRITE_CONFIG),
            may_end=work.who.may(Permission.STOP),
            may_open=work.who.may(Permission.READ_ITEMS),
            said=one_of(SAID_OF, done),
        )

    @post("/{rollout_id:uuid}/live", opt=WRITE, status_code=200)
    async def go_live(self, request: AnyRequest, work: InHand, tx: Tx, rollout_id: FromPath[UUID]) -> Redirect:
        """Have it route items by the course of the form."""
        pairs, faults = await read_form(request), list[FieldError]()
        course = _course(pairs, faults)
        _refuse(faults)
        await rollouts.go_live(tx, who=work.who, rollout_id=rollout_id, course=course)
        return _to(work, rollout_id, "rollout-live")

    @post("/{rollout_id:uuid}/widen", opt=WRITE, status_code=200)
    async def widen(self, request: AnyRequest, work: InHand, tx: Tx, rollout_id: FromPath[UUID]) -> Redirect:
        """Widen it by hand."""
        pairs, faults = await read_form(request), list[FieldError]()
        share = _share(pairs, "share", faults)
        _refuse(faults)
        await steering.widen(tx, who=work.who, rollout_id=rollout_id, share=share)
        return _to(work, rollout_id, "rollout-changed")

    @post("/{rollout_id:uuid}/pause", opt=WRITE, status_code=200)
    async def pause(self, request: AnyRequest, work: InHand, tx: Tx, rollout_id: FromPath[UUID]) -> Redirect:
        """Keep the share as it is."""
        await read_form(request)
        await rollouts.pause(tx, who=work.who, rollout_id=rollout_id)
        return _to(work, rollout_id, "rollout-changed")

    @post("/{rollout_id:uuid}/resume", opt=WRITE, status_code=200)
    async def resume(self, request: AnyRequest, work: InHand, tx: Tx, rollout_id: FromPath[UUID]) -> Redirect:
        """Let the schedule run on."""
        await read_form(request)
        await rollouts.resume(tx, who=work.who, rollout_id=rollout_id)
        return _to(work, rollout_id, "rollout-changed")

    @post("/{rollout_id:uuid}/end", opt=requires(Permission.STOP), status_code=200)
    async def end(self, request: AnyRequest, work: InHand, tx: Tx, rollout_id: FromPath[UUID]) -> Redirect:
        """Roll it back."""
        reason = first(await read_form(request), "reason")
        await rollouts.roll_back(tx, who=work.who, rollout_id=rollout_id, reason=reason)
        return _to(work, rollout_id, "rollout-ended")


def _course(pairs: Pairs, faults: list[FieldError]) -> Course:
    """Read whom it takes, how it widens and what ends it; a guard without a bound is none."""
    steps: tuple[Step, ...] = ()
    try:
        steps = read_steps(first(pairs, "steps"))
    except (ValueError, OverflowError) as fault:
        faults.append(FieldError("steps", str(fault)))
    guards = [_guard(pairs, name, faults) for name in GUARDS if first(pairs, name).strip()]
    share, tag = _share(pairs, "share", faults), first(pairs, "tag").strip() or None
    return Course(share=share, tag=tag, steps=steps, guards=tuple(guards))


def _guard(pairs: Pairs, name: GuardName, faults: list[FieldError]) -> Guard:
    least = first(pairs, f"{name}_least").strip() or "20"
    if not (least.isascii() and least.isdigit() and len(least) < 8):
        faults.append(FieldError(f"{name}_least", say("is no number of items")))
        least = "1"
    if name != OLDEST_WAITING:
        return Guard(name, _share(pairs, name, faults), int(least))
    bound = 0.0
    try:
        bound = parse_duration(first(pairs, name)).total_seconds()
    except (ValueError, OverflowError) as fault:
        faults.append(FieldError(name, str(fault)))
    return Guard(name, bound, int(least))


def _share(pairs: Pairs, name: str, faults: list[FieldError], *, otherwise: float = 0.0) -> float:
    """Read a share that is typed as a percentage."""
    text = first(pairs, name).strip().removesuffix("%").strip()
    if not text:
        return otherwise
    try:
        share = float(text) / 100
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        faults.append(FieldError(name, say("is no percentage from 0 to 100")))
        return otherwise
    return share


def _refuse(faults: list[FieldError]) -> None:
    if faults:
        message = say("The form could not be read, so nothing was changed. Mend what is named below.")
        raise RolloutInvalid(message, errors=tuple(faults))


def _to(work: Work, rollout_id: UUID, done: str) -> Redirect:
    return Redirect(f"/p/{work.who.project}/rules/rollouts/{rollout_id}?done={done}", status_code=303)
