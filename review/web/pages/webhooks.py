"""Webhooks for people: how each endpoint fares, its secret and its switches, and the log of what was sent to it."""

from typing import Annotated, Final
from uuid import UUID

from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Redirect, Template

from review.delivery.webhooks import log
from review.delivery.webhooks import service as webhooks
from review.delivery.webhooks.rules import State
from review.delivery.webhooks.schemas import EndpointView, ShownSecret
from review.delivery.webhooks.signing import Kind
from review.identity.rules import Permission
from review.kernel.errors import FieldError, Invalid
from review.kernel.sealing import Sealer
from review.kernel.sentences import say
from review.web.guards import requires
from review.web.pages import retold
from review.web.pages.reading import Pairs, first, read_form
from review.web.pages.views import Badge, EndpointCard
from review.web.pages.work import WORK, InHand, Work
from review.web.services import AnyRequest, Tx
from review.web.words.catalogue import N_, gettext, ngettext, one_of

LINES = 50
MAX_REASON = 500
MOST_SHOWN = 16_000  # characters of a receiver's answer
READ, WRITE = requires(Permission.READ_WEBHOOKS), requires(Permission.WRITE_WEBHOOKS)
SAID: Final = {
    "test": N_("A test event is on its way. Its delivery shows in the log within a second or two."),
    "enable": N_("The endpoint is sent to again. What was given up meanwhile is sent when you replay it."),
    "disable": N_("Nothing is sent to the endpoint until it is enabled."),
    "replay": N_("Started again, with the same id and body. Watch the log."),
}
STATES: Final = {
    State.PENDING: Badge(N_("waiting"), "plain"),
    State.SENDING: Badge(N_("being sent"), "mark"),
    State.DELIVERED: Badge(N_("delivered"), "good"),
    State.DEAD: Badge(N_("given up"), "bad"),
}


class WebhookPages(Controller):
    """A project's endpoints, and what was sent to each."""

    path = "/p/{project:str}/webhooks"
    opt = READ
    dependencies = WORK

    @get("/")
    async def show_all(self, work: InHand, tx: Tx) -> Template:
        """Show every endpoint and how it fares."""
        await webhooks.sync(tx, work.who.project_id, work.config)
        found = await webhooks.list_endpoints(tx, work.who.project_id)
        return work.page("webhooks.html", here="Webhooks", endpoints=[_card(each) for each in found])

    @get("/{name:str}")
    async def show(
        self,
        work: InHand,
        tx: Tx,
        name: FromPath[str],
        wanted: Annotated[str, QueryParameter(name="state")] = "",  # Litestar keeps the name for itself
        cursor: FromQuery[str] = "",
        done: FromQuery[str] = "",
    ) -> Template:
        """Show an endpoint and the log of its deliveries, newest first."""
        return await _page(work, tx, name, state=wanted, cursor=cursor, said=one_of(SAID, done))

    @post("/{name:str}/secret", opt=WRITE, status_code=200)
    async def show_secret(self, request: AnyRequest, work: InHand, tx: Tx, name: FromPath[str]) -> Template:
        """Show the endpoint's secret, once."""
        await read_form(request)
        await webhooks.sync(tx, work.who.project_id, work.config)
        shown = await webhooks.show_secret(tx, _sealer(work), work.who.project_id, name, actor=work.who.actor)
        return await _page(work, tx, name, secret=shown)

    @post("/{name:str}/rotate", opt=WRITE, status_code=200)
    async def rotate(self, request: AnyRequest, work: InHand, tx: Tx, name: FromPath[str]) -> Template:
        """Make a new secret and show it, once; the old one counts on for the hours chosen."""
        pairs = await read_form(request)
        kind, hours = _kind(pairs), _hours(pairs)
        await webhooks.sync(tx, work.who.project_id, work.config)
        shown = await webhooks.rotate_secret(
            tx, _sealer(work), work.who.project_id, name, kind=kind, overlap_hours=hours, actor=work.who.actor
        )
        return await _page(work, tx, name, secret=shown)

    @post("/{name:str}/test", opt=WRITE, status_code=200)
    async def test(self, request: AnyRequest, work: InHand, tx: Tx, name: FromPath[str]) -> Redirect:
        """Send a test event to this endpoint alone."""
        await read_form(request)
        await webhooks.sync(tx, work.who.project_id, work.config)
        await webhooks.test_endpoint(tx, work.who.project_id, name, actor=work.who.actor)
        return _back(work, name, "test")

    @post("/{name:str}/enable", opt=WRITE, status_code=200)
    async def enable(self, request: AnyRequest, work: InHand, tx: Tx, name: FromPath[str]) -> Redirect:
        """Send to the endpoint again."""
        await read_form(request)
        await webhooks.enable(tx, work.who.project_id, name, actor=work.who.actor)
        return _back(work, name, "enable")

    @post("/{name:str}/disable", opt=WRITE, status_code=200)
    async def disable(self, request: AnyRequest, work: InHand, tx: Tx, name: FromPath[str]) -> Redirect:
        """Send nothing more to the endpoint until it is enabled."""
        pairs = await read_form(request)
        reason = first(pairs, "reason").strip()
        if not 0 < len(reason) <= MAX_REASON:
            message = say("Say why the endpoint is disabled, in up to 500 characters. Nothing was changed.")
            raise Invalid(message, errors=(FieldError("reason", say("is missing or too long")),))
        await webhooks.disable(tx, work.who.project_id, name, reason=reason, actor=work.who.actor)
        return _back(work, name, "disable")

    @post("/{name:str}/replay", opt=WRITE, status_code=200)
    async def replay_failed(self, request: AnyRequest, work: InHand, tx: Tx, name: FromPath[str]) -> Redirect:
        """Start every delivery again that was given up, the oldest first."""
        await read_form(request)
        await log.replay_dead(tx, work.who.project_id, name, actor=work.who.actor)
        return _back(work, name, "replay")

    @get("/deliveries/{delivery_id:uuid}")
    async def show_delivery(
        self, work: InHand, tx: Tx, delivery_id: FromPath[UUID], done: FromQuery[str] = ""
    ) -> Template:
        """Show one delivery: what was sent, and every answer."""
        found = await log.get_delivery(tx, work.who, delivery_id)
        return work.page(
            "delivery.html",
            here="Webhooks",
            delivery=found,
            badge_of=STATES[State(found.state)],
            most=MOST_SHOWN,
            may_write=work.who.may(Permission.WRITE_WEBHOOKS),
            said=one_of(SAID, done),
        )

    @post("/deliveries/{delivery_id:uuid}/replay", opt=WRITE, status_code=200)
    async def replay_one(self, request: AnyRequest, work: InHand, tx: Tx, delivery_id: FromPath[UUID]) -> Redirect:
        """Start one delivery again, with the same id and body."""
        await read_form(request)
        await log.replay(tx, work.who, delivery_id)
        return Redirect(f"/p/{work.who.project}/webhooks/deliveries/{delivery_id}?done=replay", status_code=303)


async def _page(
    work: Work,
    tx: Tx,
    name: str,
    *,
    state: str = "",
    cursor: str = "",
    secret: ShownSecret | None = None,
    said: str = "",
) -> Template:
    project_id = work.who.project_id
    await webhooks.sync(tx, project_id, work.config)
    card = _card(await webhooks.get_endpoint(tx, project_id, name))
    page = await log.list_deliveries(tx, project_id, name, state=state or None, cursor=cursor or None, limit=LINES)
    here = f"/p/{work.who.project}/webhooks/{name}"
    following = f"{here}?state={state}&cursor={page.next}" if page.next else None
    if work.is_partial:
        return work.page("_deliveries.html", deliveries=page.data, states=STATES, more=following)
    return work.page(
        "webhook.html",
        here="Webhooks",
        card=card,
        secret=secret,
        deliveries=page.data,
        states=STATES,
        chosen=state,
        is_first=not cursor,
        more=following,
        may_write=work.who.may(Permission.WRITE_WEBHOOKS),
        said=said,
    )


def _card(endpoint: EndpointView) -> EndpointCard:
    """Say how an endpoint fares, worst first."""
    is_resting = endpoint.resting_until is not None  # a rest that is over is not shown; the database has looked
    if endpoint.state == "removed":
        badge = Badge(gettext("removed"), "plain")
        note = gettext("The configuration no longer has it, and nothing is sent to it.")
    elif endpoint.state == "disabled":
        why = retold.outcome(endpoint.reason) if endpoint.reason else gettext("no reason was given")
        badge, note = Badge(gettext("disabled"), "bad"), gettext("Nothing is sent to it: %(why)s.", why=why)
    elif is_resting:
        badge = Badge(gettext("resting"), "warn")
        note = gettext("It is left alone for a while: %(why)s.", why=retold.outcome(endpoint.resting_because or ""))
    elif endpoint.failures:
        times = endpoint.failures
        badge = Badge(gettext("failing"), "warn")
        note = ngettext("It failed %(num)s time in a row.", "It failed %(num)s times in a row.", times)
    else:
        badge, note = Badge(gettext("active"), "good"), ""
    return EndpointCard(
        endpoint=endpoint,
        badge=badge,
        note=note,
        resting_until=endpoint.resting_until if is_resting and endpoint.state == "active" else None,
        is_unseen=not any(each.shown_at for each in endpoint.secrets),
    )


def _sealer(work: Work) -> Sealer:
    return Sealer.of(work.services.settings)


def _kind(pairs: Pairs) -> Kind:
    text = first(pairs, "kind")
    if text not in set(Kind):
        message = say("A secret is of kind hmac or ed25519. Nothing was changed.")
        raise Invalid(message, errors=(FieldError("kind", say("is neither hmac nor ed25519")),))
    return Kind(text)


def _hours(pairs: Pairs) -> int:
    text = first(pairs, "overlap_hours").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 5):
        message = say("The overlap is a whole number of hours. Nothing was changed.")
        raise Invalid(message, errors=(FieldError("overlap_hours", say("is no whole number of hours")),))
    return int(text)


def _back(work: Work, name: str, done: str) -> Redirect:
    return Redirect(f"/p/{work.who.project}/webhooks/{name}?done={done}", status_code=303)
