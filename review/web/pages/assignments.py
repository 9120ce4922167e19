"""The review page and what a reviewer does on it. Every act is a plain form post; htmx only makes it quicker."""

from typing import Any
from uuid import UUID

from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response, Template

from review.escalation import service as escalation
from review.identity.rules import Permission
from review.kernel.clock import utc_now
from review.kernel.errors import FieldError
from review.kernel.sentences import say
from review.queueing import pinning
from review.queueing import service as queueing
from review.queueing.ahead import Reserved
from review.queueing.rules import Act
from review.reviewing import pending
from review.reviewing.errors import JudgementInvalid, VerdictNotAllowed
from review.reviewing.pending import Given
from review.web.guards import requires
from review.web.pages import desk, veils
from review.web.pages.desk import Draft
from review.web.pages.reading import SAID, Pairs, fence_of, first, read_form
from review.web.pages.work import WORK, InHand, Work
from review.web.services import AnyRequest, Svc, Tx
from review.web.words.catalogue import one_of

MAX_REASON = 2_000
OF_THE_PAGE = {"_csrf", "fence", "verdict", "ahead", "ahead_fence"}  # what its form says besides what is filled in


class AssignmentPages(Controller):
    """Judging what is in hand, keeping it, and giving it back."""

    path = "/p/{project:str}/assignments/{assignment_id:uuid}"
    opt = requires(Permission.WORK)
    dependencies = WORK

    @get("/")
    async def show(
        self, work: InHand, assignment_id: FromPath[UUID], base: FromQuery[str] = "", done: FromQuery[str] = ""
    ) -> Template:
        """Show the item in hand, its form filled with the model's output or with one of its alternatives."""
        claimed = await work.take(await work.seat_of(assignment_id), is_seen=True)
        return await work.show(claimed, await work.begin(claimed, base), outcome=one_of(SAID, done))

    @post("/form", status_code=200)
    async def reshape(self, request: AnyRequest, work: InHand, assignment_id: FromPath[UUID]) -> Template:
        """Give the form in another shape, such as with a row more, and keep what was typed; records nothing."""
        pairs = await read_form(request)
        claimed = await work.held(assignment_id)
        if request.headers.get("hx-target") == "form-fields":
            form = desk.lay_out_form(claimed, await work.take_up(claimed, pairs))
            return work.page(
                "_correction.html", desk=form, reshape=f"/p/{work.who.project}/assignments/{claimed.id}/form"
            )
        return await work.show(claimed, await work.take_up(claimed, pairs), push="")

    @post("/review", status_code=200)
    async def review(
        self, request: AnyRequest, work: InHand, services: Svc, tx: Tx, assignment_id: FromPath[UUID]
    ) -> Response[Any]:
        """Take the verdict and show what is next; what stands in the way is said beside its field.

        It counts once it may not be taken back any more. A page that shows the next item already says which it is. What
        is sent twice, because the answer was lost, is taken once.
        """
        pairs = await read_form(request)
        verdict, fence = first(pairs, "verdict"), fence_of(pairs)
        filled, shown = [pair for pair in pairs if pair[0] not in OF_THE_PAGE], shown_in(pairs)
        key: dict[str, Any] = {"assignment_id": assignment_id, "fence": fence, "verdict": verdict}
        bench, inside = services.bench(), await work.seeing(tx)
        held = await pending.hold(tx, bench, who=work.who, **key, filled=filled)
        if isinstance(held, Given):
            return await inside.onward(held.pool, verdict, shown=shown, is_again=True)
        item, draft = held.item, await inside.take_up_held(held, pairs)
        judgement = desk.judge(verdict, item, draft)
        if isinstance(judgement, Draft):
            return await inside.show(await inside.held(assignment_id), judgement, status=422, push="")
        try:
            given = await pending.give(
                tx, bench, who=work.who, judged=held, submitted=judgement, filled=filled, shown=shown
            )
        except (JudgementInvalid, VerdictNotAllowed) as refusal:
            claimed, again = await inside.held(assignment_id), desk.refused(draft, refusal)
            return await inside.show(claimed, again, status=refusal.status, push="")
        hides_words = veils.hides_words(work.config, item.type)
        outcome = desk.told(verdict, item, draft, given, hides_words=hides_words)
        return await (await work.seeing(tx)).onward(given.pool, verdict, outcome, shown=shown, has_next=given.has_next)

    @post("/skip", status_code=200)
    async def skip(self, request: AnyRequest, work: InHand, tx: Tx, assignment_id: FromPath[UUID]) -> Response[Any]:
        """Give the item back for somebody else, with the reason, and show what is next."""
        pairs = await read_form(request)
        pool = await work.pool_of(assignment_id, Act.SKIP)
        is_conflict = first(pairs, "kind") == "conflict"
        reason = first(pairs, "reason").strip() and reason_of(pairs) if is_conflict else reason_of(pairs)
        fence = fence_of(pairs)
        await queueing.skip(
            tx, who=work.who, assignment_id=assignment_id, fence=fence, reason=reason, is_conflict=is_conflict
        )
        return await (await work.seeing(tx)).onward(pool, "conflict" if is_conflict else "skip")

    @post("/escalate", status_code=200)
    async def escalate(
        self, request: AnyRequest, work: InHand, services: Svc, tx: Tx, assignment_id: FromPath[UUID]
    ) -> Response[Any]:
        """Hand the item on with the reason, by the next step of its policy, and show what is next."""
        pairs = await read_form(request)
        pool = await work.pool_of(assignment_id, Act.ESCALATE)
        fence = fence_of(pairs)
        await escalation.escalate(
            tx, services.configs, who=work.who, assignment_id=assignment_id, fence=fence, reason=reason_of(pairs)
        )
        return await (await work.seeing(tx)).onward(pool, "escalate")

    @post("/release", status_code=200)
    async def release(self, request: AnyRequest, work: InHand, tx: Tx, assignment_id: FromPath[UUID]) -> Response[Any]:
        """Put the item back and go home."""
        pairs = await read_form(request)
        await queueing.release(tx, who=work.who, assignment_id=assignment_id, fence=fence_of(pairs))
        return leave(work, f"/p/{work.who.project}?done=release")

    @post("/extend", status_code=200)
    async def extend(self, request: AnyRequest, work: InHand, assignment_id: FromPath[UUID]) -> dict[str, int]:
        """Keep the item, and what is pinned, for another full lease; tells how many seconds that is."""
        pairs = await read_form(request)
        until = await queueing.extend(work.hot, who=work.who, assignment_id=assignment_id, fence=fence_of(pairs))
        await pinning.keep(work.hot, who=work.who)
        return {"seconds_left": max(0, int((until - utc_now()).total_seconds()))}


def leave(work: Work, address: str) -> Response[Any]:
    """Go to another page once an act is done; htmx asks first, so that an act that fails leaves the page as it is."""
    if work.is_partial:
        return Response(None, status_code=200, headers={"HX-Redirect": address})
    return Redirect(address, status_code=303)


def shown_in(pairs: Pairs) -> Reserved | None:
    """Read which item that was claimed ahead a page shows already, if it does."""
    try:
        return UUID(first(pairs, "ahead")), fence_of(pairs, "ahead_fence")
    except ValueError:
        return None


def reason_of(pairs: Pairs) -> str:
    """Give the reason that a form carries.

    Raises:
        JudgementInvalid: it has none, or one of more than 2,000 characters (422).
    """
    reason = first(pairs, "reason").replace("\r\n", "\n").strip()
    if not 0 < len(reason) <= MAX_REASON:
        message = say("Say why, in up to 2,000 characters. Nothing was changed, and you still hold the item.")
        raise JudgementInvalid(message, errors=(FieldError("reason", say("is missing or too long")),))
    return reason
