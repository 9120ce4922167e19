"""Questions to the service that sent an item."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import post
from litestar.params import FromPath
from msgspec import Meta

from review.escalation import questions
from review.escalation.questions import MAX_ANSWER, MAX_TEXT, Asked
from review.identity.rules import Permission
from review.items.schemas import QuestionView
from review.web.api import bodies
from review.web.api.clocks import watch_of
from review.web.api.openapi import takes
from review.web.guards import requires
from review.web.services import AnyRequest, Svc, Tx, Who


class AskIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to ask, and the fence of the claim that is left for it."""

    fence: Annotated[int, Meta(ge=0, le=2**31 - 1)]
    text: Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]


class AnswerIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer."""

    answer: Annotated[str, Meta(min_length=1, max_length=MAX_ANSWER)]


@post("/assignments/{assignment_id:uuid}/ask", opt=requires(Permission.WORK) | takes(AskIn), status_code=200)
async def ask(request: AnyRequest, services: Svc, who: Who, tx: Tx, assignment_id: FromPath[UUID]) -> Asked:
    """Ask whoever sent the item; it leaves your hands and its clock stands still until there is an answer."""
    given = await bodies.read(request, AskIn)
    wait = services.settings.question_wait
    return await questions.ask(tx, who=who, assignment_id=assignment_id, fence=given.fence, text=given.text, wait=wait)


@post(
    "/items/{item_id:uuid}/questions/{question_id:uuid}/answer",
    opt=requires(Permission.COMMENT) | takes(AnswerIn),
    status_code=200,
)
async def answer_question(
    request: AnyRequest, services: Svc, who: Who, tx: Tx, item_id: FromPath[UUID], question_id: FromPath[UUID]
) -> QuestionView:
    """Answer a reviewer's question; the clock runs on, and the item is back with who asked, or with its pool."""
    given = await bodies.read(request, AnswerIn)
    return await questions.answer(
        tx, watch_of(services), who=who, item_id=item_id, question_id=question_id, text=given.answer
    )
