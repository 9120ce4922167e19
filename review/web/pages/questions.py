"""Asking upstream from the desk, and answering on the item's page."""

from typing import Any
from uuid import UUID

from litestar import post
from litestar.params import FromPath
from litestar.response import Redirect, Response

from review.escalation import questions
from review.identity.rules import Permission
from review.queueing.rules import Act
from review.web.guards import requires
from review.web.pages.reading import fence_of, first, read_form
from review.web.pages.work import WORK, InHand
from review.web.services import AnyRequest, Svc, Tx


@post(
    "/p/{project:str}/assignments/{assignment_id:uuid}/ask",
    opt=requires(Permission.WORK),
    dependencies=WORK,
    status_code=200,
)
async def ask_upstream(
    request: AnyRequest, work: InHand, services: Svc, tx: Tx, assignment_id: FromPath[UUID]
) -> Response[Any]:
    """Ask whoever sent the item, leave it until there is an answer, and show what is next."""
    pairs = await read_form(request)
    pool = await work.pool_of(assignment_id, Act.ASK)
    wait = services.settings.question_wait
    given: dict[str, Any] = {"fence": fence_of(pairs), "text": first(pairs, "text"), "wait": wait}
    await questions.ask(tx, who=work.who, assignment_id=assignment_id, **given)
    return await (await work.seeing(tx)).onward(pool, "ask")


@post(
    "/p/{project:str}/items/{item_id:uuid}/questions/{question_id:uuid}/answer",
    opt=requires(Permission.COMMENT),
    dependencies=WORK,
    status_code=200,
)
async def answer_upstream(
    request: AnyRequest, work: InHand, tx: Tx, item_id: FromPath[UUID], question_id: FromPath[UUID]
) -> Redirect:
    """Answer a question in upstream's place; the item is back with who asked."""
    said = first(await read_form(request), "text")
    await questions.answer(tx, work.watch, who=work.who, item_id=item_id, question_id=question_id, text=said)
    return Redirect(f"/p/{work.who.project}/items/{item_id}?done=answer", status_code=303)
