"""The item page: everything about one item, and how it came to be decided."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath
from litestar.response import Template

from review.identity.rules import Permission
from review.items import service as items
from review.items.schemas import DecisionView
from review.web import content
from review.web.guards import requires
from review.web.pages import desk, differences, story, words
from review.web.pages.views import Decided, ItemPage
from review.web.pages.work import WORK, InHand

STATUSES = {
    "queued": ("waiting", "plain"),
    "in_review": ("in review", "mark"),
    "decided": ("decided", "good"),
    "withdrawn": ("withdrawn", "warn"),
}


@get("/p/{project:str}/items/{item_id:uuid}", opt=requires(Permission.READ_ITEMS), dependencies=WORK)
async def item_page(work: InHand, item_id: FromPath[UUID]) -> Template:
    """Show an item with its history."""
    item = await items.get_detail(work.hot, who=work.who, item_id=item_id, base_url=work.base_url)
    history = await items.list_history(work.hot, who=work.who, item_id=item_id, base_url=work.base_url)
    item_type = await work.services.item_types.get(work.who.project_id, item.type, item.type_version)
    output = msgspec.json.decode(item.output)
    label, tone = STATUSES[item.status]
    page = ItemPage(
        id=item.id,
        external_id=item.external_id,
        type_title=desk.title_of(item_type),
        pool=item.pool,
        status_label=label,
        tone=tone,
        evidence=content.blocks("input", msgspec.json.decode(item.input), item_type.view),
        claim=content.blocks("output", output, item_type.view),
        confidence=item.details.confidence,
        explanation=item.details.explanation,
        why=desk.why(item, work.conditions(item)),
        facts=desk.facts(item),
        story=story.tell(history),
        decision=_decided(item.decision, output) if item.decision else None,
    )
    return work.page("item.html", item=page)


def _decided(decision: DecisionView, output: Any) -> Decided:
    verdict = story.VERDICTS.get(decision.verdict, decision.verdict)
    reasons: list[str] = msgspec.json.decode(decision.reasons, type=list[str])
    again = f" Revision {decision.revision}." if decision.revision > 1 else ""
    corrected = decision.verdict == "correct"
    return Decided(
        sentence=f"{words.humanise(verdict)} {story.source_of(decision.source, decision.decided_by)}.{again}",
        at=decision.decided_at,
        changes=differences.changes(output, msgspec.json.decode(decision.output)) if corrected else [],
        reasons=[words.humanise(reason) for reason in reasons],
        comment=decision.comment,
    )
