"""What a reviewer does with an item in hand besides judging it: put aside, pin, send back; and their drafts."""

from typing import Any
from uuid import UUID

from litestar import Controller, post
from litestar.params import FromPath
from litestar.response import Response

from review.identity.rules import Permission
from review.kernel.clock import utc_now
from review.kernel.errors import ReviewError
from review.queueing import pinning, sending_back, snoozing
from review.queueing.errors import SendBackInvalid, SnoozeInvalid, TooManyPinned
from review.queueing.rules import Act
from review.reviewing import drafts
from review.reviewing.errors import JudgementInvalid
from review.web.guards import requires
from review.web.pages import snooze_times, words
from review.web.pages.assignments import MAX_REASON, leave, reason_of
from review.web.pages.reading import Pairs, fence_of, first, read_form
from review.web.pages.work import WORK, InHand, Work
from review.web.services import AnyRequest, Tx
from review.web.words.catalogue import gettext

NOT_TYPED = frozenset({"_csrf", "fence", "verdict", "draft_version"})


class InHandPages(Controller):
    """Keeping an item, giving it to somebody, and what was typed about it."""

    path = "/p/{project:str}/assignments/{assignment_id:uuid}"
    opt = requires(Permission.WORK)
    dependencies = WORK

    @post("/snooze", status_code=200)
    async def snooze(self, request: AnyRequest, work: InHand, tx: Tx, assignment_id: FromPath[UUID]) -> Response[Any]:
        """Put the item aside until a moment, and show what is next."""
        pairs = await read_form(request)
        pool = await work.pool_of(assignment_id, Act.SNOOZE)
        note, fence = first(pairs, "reason").replace("\r\n", "\n").strip()[:MAX_REASON], fence_of(pairs)
        try:
            until = snooze_times.read(first(pairs, "when"), first(pairs, "at"), utc_now(), work.zone)
            await snoozing.snooze(tx, who=work.who, assignment_id=assignment_id, fence=fence, until=until, reason=note)
        except SnoozeInvalid as refusal:
            return _refused(work, refusal, "#snooze-said")
        said = gettext("Put aside. It comes back to you on %(when)s.", when=words.brief(until, work.zone))
        return await (await work.seeing(tx)).onward(pool, "snooze", said)

    @post("/take-up", status_code=200)
    async def take_up(self, request: AnyRequest, work: InHand, tx: Tx, assignment_id: FromPath[UUID]) -> Response[Any]:
        """Take back into hand what was put aside, or what is kept for the caller."""
        await read_form(request)
        await snoozing.take_up(tx, who=work.who, assignment_id=assignment_id, config=work.config)
        return leave(work, f"/p/{work.who.project}/assignments/{assignment_id}")

    @post("/send-back", status_code=200)
    async def send_back(
        self, request: AnyRequest, work: InHand, tx: Tx, assignment_id: FromPath[UUID]
    ) -> Response[Any]:
        """Send the item back with a note, to somebody who had it before or to another pool, and show what is next."""
        pairs = await read_form(request)
        pool, fence = await work.pool_of(assignment_id, Act.SEND_BACK), fence_of(pairs)
        key: dict[str, Any] = {"who": work.who, "assignment_id": assignment_id, "config": work.config}
        try:
            await sending_back.send_back(tx, **key, fence=fence, to=first(pairs, "to"), reason=reason_of(pairs))
        except (SendBackInvalid, JudgementInvalid) as refusal:
            return _refused(work, refusal, "#send-back-said")
        return await (await work.seeing(tx)).onward(pool, "send-back")

    @post("/pin", status_code=200)
    async def pin(self, request: AnyRequest, work: InHand, tx: Tx, assignment_id: FromPath[UUID]) -> Response[Any]:
        """Keep the item in hand, and show what is next: a pinned one that is named, or the pool's."""
        pairs = await read_form(request)
        pool, named = await work.pool_of(assignment_id, Act.EXTEND), _id_in(pairs)
        try:
            await pinning.pin(tx, who=work.who, assignment_id=assignment_id, fence=fence_of(pairs), next_id=named)
        except TooManyPinned as refusal:
            return _refused(work, refusal, "#notices")
        if named is not None:
            return leave(work, f"/p/{work.who.project}/assignments/{named}")
        return await (await work.seeing(tx)).onward(pool, "pin")

    @post("/draft", status_code=200)
    async def save_draft(self, request: AnyRequest, work: InHand, assignment_id: FromPath[UUID]) -> drafts.Saved:
        """Save what is typed, held or lost; tells which version that is."""
        pairs = await read_form(request)
        version = first(pairs, "draft_version")
        number = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else 0
        number = drafts.ANY if version == "any" else number
        typed = [pair for pair in pairs if pair[0] not in NOT_TYPED]
        return await drafts.save(work.hot, who=work.who, assignment_id=assignment_id, version=number, fields=typed)

    @post("/draft/use", status_code=200)
    async def use_draft(self, request: AnyRequest, work: InHand, assignment_id: FromPath[UUID]) -> Response[Any]:
        """Fill the form with the caller's own draft; records nothing."""
        await read_form(request)
        claimed = await work.held(assignment_id)
        saved = await drafts.find(work.hot, who=work.who, item_id=claimed.item.id)
        draft = await work.take_up(claimed, saved.fields) if saved else await work.begin(claimed)
        outcome = gettext("That is what you wrote before.") if saved else gettext("There is no draft any more.")
        return await work.show(claimed, draft, outcome=outcome, push="", is_draft_used=True)

    @post("/draft/discard", status_code=200)
    async def discard_draft(self, request: AnyRequest, work: InHand, assignment_id: FromPath[UUID]) -> Response[Any]:
        """Throw away the caller's own draft, and leave the form as it is."""
        await read_form(request)
        await drafts.discard(work.hot, who=work.who, assignment_id=assignment_id)
        if work.is_partial:
            return Response("", status_code=200, media_type="text/html", headers={"HX-Push-Url": "false"})
        return leave(work, f"/p/{work.who.project}/assignments/{assignment_id}")


def _refused(work: Work, refusal: ReviewError, place: str) -> Response[Any]:
    """Say beside the form why it cannot be; without script, on a page of its own.

    Raises:
        ReviewError: the refusal, where htmx did not ask.
    """
    if not work.is_partial:
        raise refusal
    answer = work.page("_notice.html", status=refusal.status, push="", message=refusal.sentence)
    answer.headers |= {"HX-Retarget": place, "HX-Reswap": "innerHTML show:none"}
    return answer


def _id_in(pairs: Pairs) -> UUID | None:
    """Read the item that is to come before the caller now, where the form names one."""
    try:
        return UUID(first(pairs, "next"))
    except ValueError:
        return None
