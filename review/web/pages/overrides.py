"""Deciding over everybody's head from the item page, and being the second person where it takes two."""

from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Controller, post
from litestar.params import FromPath
from litestar.response import Redirect
from sqlalchemy.ext.asyncio import AsyncSession

from review.identity.rules import Permission
from review.items import service as items
from review.items.schemas import ItemDetail
from review.kernel import strict_json
from review.kernel.errors import FieldError, Invalid
from review.kernel.sentences import say
from review.reviewing import overrides
from review.reviewing import service as reviewing
from review.reviewing.schemas import JudgementIn
from review.web import content
from review.web.guards import requires
from review.web.pages import differences
from review.web.pages.reading import Pairs, first, read_form
from review.web.pages.sentences import gettext
from review.web.pages.views import Pending
from review.web.pages.work import WORK, InHand, Work
from review.web.services import AnyRequest, Svc, Tx
from review.web.words.catalogue import N_

_WISHES: Final = {
    "approve": N_("%(who)s would have it approved."),
    "correct": N_("%(who)s would have it corrected."),
    "reject": N_("%(who)s would have it rejected."),
}


class OverridePages(Controller):
    """Overriding an item, confirming what another has proposed, taking a proposal back."""

    path = "/p/{project:str}/items/{item_id:uuid}/override"
    opt = requires(Permission.OVERRIDE)
    dependencies = WORK

    @post("/", status_code=200)
    async def override(
        self, request: AnyRequest, work: InHand, services: Svc, tx: Tx, item_id: FromPath[UUID]
    ) -> Redirect:
        """Decide the item with the reason, or propose to where two people must."""
        submitted = _read(await read_form(request))
        await reviewing.override(tx, services.bench(), who=work.who, item_id=item_id, submitted=submitted)
        waits = await overrides.is_pending(tx, who=work.who, item_id=item_id)
        return _back(work, item_id, "proposed" if waits else "override")

    @post("/confirm", status_code=200)
    async def confirm(
        self, request: AnyRequest, work: InHand, services: Svc, tx: Tx, item_id: FromPath[UUID]
    ) -> Redirect:
        """Be the second person."""
        proposal = _proposal(await read_form(request))
        await overrides.confirm(tx, services.bench(), who=work.who, item_id=item_id, proposal_id=proposal)
        return _back(work, item_id, "confirm")

    @post("/withdraw", status_code=200)
    async def withdraw(
        self, request: AnyRequest, work: InHand, services: Svc, tx: Tx, item_id: FromPath[UUID]
    ) -> Redirect:
        """Take a proposed override back."""
        pairs = await read_form(request)
        reason = first(pairs, "reason").strip()
        key: dict[str, Any] = {"who": work.who, "item_id": item_id, "proposal_id": _proposal(pairs)}
        await overrides.withdraw(tx, services.bench(), **key, reason=reason)
        return _back(work, item_id, "take-back")


async def pending_of(work: Work, tx: AsyncSession, item: ItemDetail) -> Pending | None:
    """Show the override of an item that waits for a second person, to whoever may confirm it and has judged."""
    if not work.who.may(Permission.OVERRIDE) or await items.is_still_to_judge(work.hot, who=work.who, item=item):
        return None
    found = await overrides.find_pending(tx, who=work.who, item_id=item.id)
    if found is None:
        return None
    is_correction = found.verdict == "correct"
    return Pending(
        id=found.id,
        sentence=gettext(_WISHES[found.verdict], who=content.visible(found.proposed_by)),
        at=found.proposed_at,
        changes=differences.changes(msgspec.json.decode(item.output), found.output) if is_correction else [],
        comment=found.comment,
        is_mine=found.proposed_by == work.who.email,
    )


def _read(pairs: Pairs) -> JudgementIn:
    """Read the form; only a correction has an output, which is written as JSON."""
    verdict = first(pairs, "verdict")
    given: dict[str, Any] = {"verdict": verdict, "comment": first(pairs, "reason").replace("\r\n", "\n")}
    if verdict == "correct":
        given["output"] = strict_json.decode(first(pairs, "output").encode())
    return strict_json.convert(given, JudgementIn)


def _proposal(pairs: Pairs) -> UUID:
    try:
        return UUID(first(pairs, "proposal"))
    except ValueError as fault:
        message = say("The form does not say which override is meant. Nothing was changed; load the page again.")
        raise Invalid(message, errors=(FieldError("proposal", say("is no id")),)) from fault


def _back(work: Work, item_id: UUID, done: str) -> Redirect:
    return Redirect(f"/p/{work.who.project}/items/{item_id}?done={done}", status_code=303)
