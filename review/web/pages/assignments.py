"""The review page and what a reviewer does on it. Every act is a plain form post; htmx only makes it quicker."""

from typing import Any
from uuid import UUID

from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response, Template

from review.escalation import service as escalation
from review.identity.rules import Permission
from review.kernel.clock import utc_now
from review.kernel.db import driver_of
from review.kernel.errors import FieldError
from review.queueing import ahead
from review.queueing import service as queueing
from review.queueing.rules import Act
from review.reviewing import pending
from review.reviewing.errors import JudgementInvalid, VerdictNotAllowed
from review.web.guards import requires
from review.web.pages import desk
from review.web.pages.desk import Draft
from review.web.pages.reading import SAID, Pairs, fence_of, first, read_form
from review.web.pages.work import WORK, InHand, Reserved
from review.web.services import AnyRequest, Svc, Tx

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
        claimed = await work.held(assignment_id)
        only = claimed.id, claimed.fence
        await ahead.show(work.hot, who=work.who, pool=claimed.pool, config=work.config, only=only)
        return await work.show(claimed, await work.begin(claimed, base), outcome=SAID.get(done, ""))

    @post("/form", status_code=200)
    async def reshape(self, request: AnyRequest, work: InHand, assignment_id: FromPath[UUID]) -> Template:
        """Add a row to the form or take one away, and keep what was typed; records nothing."""
        pairs = await read_form(request)
        claimed = await work.held(assignment_id)
        return await work.show(claimed, await work.take_up(claimed, pairs), push="")

    @post("/review", status_code=200)
    async def review(
        self, request: AnyRequest, work: InHand, services: Svc, tx: Tx, assignment_id: FromPath[UUID]
    ) -> Response[Any]:
        """Take the verdict and show what is next; what stands in the way is said beside its field.

        It counts once it may not be taken back any more. A page that shows the next item already says which it is.
        """
        pairs = await read_form(request)
        claimed, verdict = await work.held(assignment_id, Act.REVIEW), first(pairs, "verdict")
        draft = await work.take_up(claimed, pairs)
        judgement = desk.judge(verdict, claimed.item, draft)
        if isinstance(judgement, Draft):
            return await work.show(claimed, judgement, status=422, push="")
        fence = fence_of(pairs)
        try:
            given = await pending.give(
                tx,
                services.bench(),
                who=work.who,
                assignment_id=assignment_id,
                fence=fence,
                submitted=judgement,
                filled=[pair for pair in pairs if pair[0] not in OF_THE_PAGE],
            )
        except (JudgementInvalid, VerdictNotAllowed) as refusal:
            return await work.show(claimed, desk.refused(draft, refusal), status=refusal.status, push="")
        outcome = desk.told(verdict, claimed.item, draft, is_decided=given.is_last)
        return await work.onward(claimed.pool, verdict, outcome, given=given, shown=_shown(pairs))

    @post("/undo", status_code=200)
    async def undo(self, request: AnyRequest, work: InHand, tx: Tx, assignment_id: FromPath[UUID]) -> Template:
        """Take the verdict back and show the item as it was filled in; what was in hand since comes next."""
        pairs = await read_form(request)
        filled = await pending.take_back(
            tx, who=work.who, assignment_id=assignment_id, fence=fence_of(pairs, "given"), config=work.config
        )
        claimed = await work.held(assignment_id, hot=await driver_of(tx))
        if (since := _shown(pairs)) is not None:
            id_, fence = since
            await ahead.stow(
                work.hot, who=work.who, pool=claimed.pool, config=work.config, assignment_id=id_, fence=fence
            )
        draft = await work.take_up(claimed, filled)
        url = f"/p/{work.who.project}/assignments/{assignment_id}"
        return await work.show(claimed, draft, outcome=SAID["undo"], given=pending.NOTHING, push=url)

    @post("/put-back", status_code=204)
    async def put_back(self, request: AnyRequest, work: InHand, tx: Tx, assignment_id: FromPath[UUID]) -> None:
        """Give an item back that was claimed ahead, and that the page is left without having shown."""
        pairs = await read_form(request)
        await ahead.put_back(tx, who=work.who, assignment_id=assignment_id, fence=fence_of(pairs))

    @post("/skip", status_code=200)
    async def skip(self, request: AnyRequest, work: InHand, tx: Tx, assignment_id: FromPath[UUID]) -> Response[Any]:
        """Give the item back for somebody else, with the reason, and show what is next."""
        pairs = await read_form(request)
        pool = (await work.held(assignment_id, Act.SKIP)).pool
        is_conflict = first(pairs, "kind") == "conflict"
        reason = first(pairs, "reason").strip() and _reason(pairs) if is_conflict else _reason(pairs)
        fence = fence_of(pairs)
        await queueing.skip(
            tx, who=work.who, assignment_id=assignment_id, fence=fence, reason=reason, is_conflict=is_conflict
        )
        return await work.onward(pool, "conflict" if is_conflict else "skip")

    @post("/escalate", status_code=200)
    async def escalate(
        self, request: AnyRequest, work: InHand, services: Svc, tx: Tx, assignment_id: FromPath[UUID]
    ) -> Response[Any]:
        """Hand the item on with the reason, by the next step of its policy, and show what is next."""
        pairs = await read_form(request)
        pool = (await work.held(assignment_id, Act.ESCALATE)).pool
        fence = fence_of(pairs)
        await escalation.escalate(
            tx, services.configs, who=work.who, assignment_id=assignment_id, fence=fence, reason=_reason(pairs)
        )
        return await work.onward(pool, "escalate")

    @post("/release", status_code=200)
    async def release(self, request: AnyRequest, work: InHand, tx: Tx, assignment_id: FromPath[UUID]) -> Redirect:
        """Put the item back and go home."""
        pairs = await read_form(request)
        await queueing.release(tx, who=work.who, assignment_id=assignment_id, fence=fence_of(pairs))
        return Redirect(f"/p/{work.who.project}?done=release", status_code=303)

    @post("/extend", status_code=200)
    async def extend(self, request: AnyRequest, work: InHand, assignment_id: FromPath[UUID]) -> dict[str, int]:
        """Keep the item for another full lease; tells how many seconds that is."""
        pairs = await read_form(request)
        until = await queueing.extend(work.hot, who=work.who, assignment_id=assignment_id, fence=fence_of(pairs))
        return {"seconds_left": max(0, int((until - utc_now()).total_seconds()))}


def _shown(pairs: Pairs) -> Reserved | None:
    """Read which item that was claimed ahead a page shows already, if it does."""
    try:
        return UUID(first(pairs, "ahead")), fence_of(pairs, "ahead_fence")
    except ValueError:
        return None


def _reason(pairs: Pairs) -> str:
    reason = first(pairs, "reason").replace("\r\n", "\n").strip()
    if not 0 < len(reason) <= MAX_REASON:
        message = "Say why, in up to 2,000 characters. Nothing was changed, and you still hold the item."
        raise JudgementInvalid(message, errors=(FieldError("reason", "is missing or too long"),))
    return reason
