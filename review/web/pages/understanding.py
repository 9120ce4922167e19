"""What stands beside an item to understand it by, loaded once the item itself is on the screen."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath
from litestar.response import Redirect, Response
from markupsafe import Markup, escape

from review.identity.rules import Permission
from review.insight import understanding
from review.insight.calibration import BANDS, Share, band_of
from review.insight.understanding import Calibration, Similar
from review.items import service as items
from review.items.schemas import EarlierItem, ItemDetail, QuestionView
from review.kernel.db import driver_of
from review.kernel.shapes import is_object
from review.queueing import comments
from review.queueing.comments import Thread
from review.web import content
from review.web.guards import requires
from review.web.pages import story, veils, words
from review.web.pages.veils import Veil
from review.web.pages.work import WORK, InHand, Work
from review.web.services import Tx
from review.web.words.catalogue import N_, gettext, one_of

_OPEN: Final = {"queued": N_("waiting"), "in_review": N_("in review")}
SPAN = 100  # the picture's width and height, in its own units


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A band of a model's confidence in the picture and in the table behind it."""

    name: str
    x: float
    y: float
    top: float
    bottom: float
    share: str
    between: str
    judged: int
    is_mine: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """How a model's confidence has borne out, in a sentence, a picture and a table."""

    model: Markup
    mine: Share | None
    agreed: str
    between: str
    bars: list[Bar]


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """Another item, and what became of it."""

    item_id: UUID
    brief: Markup
    outcome: Markup
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Everything beside an item; `alike` is what all similar items came to, where they came to the same."""

    reliability: Reliability | None
    similar: list[Past]
    alike: Markup | None
    subject: str
    earlier: list[Past]
    thread: Thread
    questions: list[QuestionView]
    nameable: list[str]
    may_comment: bool
    may_hide: bool
    veil: Veil | None = None

    @property
    def hides_words(self) -> bool:
        """Whether what was said of the item is veiled with it, for it may quote it."""
        return self.veil is not None and self.veil.is_of_text


@get("/p/{project:str}/items/{item_id:uuid}/beside", opt=requires(Permission.READ_ITEMS), dependencies=WORK)
async def beside_page(work: InHand, tx: Tx, item_id: FromPath[UUID]) -> Response[Any]:
    """Show what stands beside an item, to htmx alone; anybody else is led to the item's page, which has all of it."""
    item = await items.get_detail(work.hot, who=work.who, item_id=item_id, base_url=work.base_url)
    if not work.is_partial:
        return Redirect(f"/p/{work.who.project}/items/{item_id}", status_code=303)
    return work.page("_beside.html", item_id=item_id, beside=await beside_of(work, tx, item), is_desk=True)


async def beside_of(work: Work, tx: Tx, item: ItemDetail) -> Beside:
    """Gather what stands beside an item, as the transaction sees it."""
    driver = await driver_of(tx)
    found = await understanding.of_item(driver, who=work.who, item=item)
    may_comment = work.who.may(Permission.COMMENT)
    hides_words = veils.hides_words(work.config, item.type)
    similar = [_similar(each, hides_words=hides_words) for each in found.similar]
    outcomes = [each.outcome for each in similar]
    item_type = await work.services.item_types.get(work.who.project_id, item.type, item.type_version)
    return Beside(
        reliability=_reliability(found.calibration, item) if found.calibration and found.calibration.bands else None,
        similar=similar,
        alike=outcomes[0] if outcomes and len(set(outcomes)) == 1 else None,
        subject=item.details.subject or "",
        earlier=[_earlier(each, hides_words=veils.hides_words(work.config, each.type)) for each in found.earlier],
        thread=await comments.list_of(driver, who=work.who, item=item),
        questions=item.questions,
        nameable=await comments.list_nameable(tx, who=work.who, item=item) if may_comment else [],
        may_comment=may_comment,
        may_hide=work.who.may(Permission.OVERRIDE),
        veil=veils.veil_of(work.config, item_type),
    )


def _reliability(found: Calibration, item: ItemDetail) -> Reliability:
    mine, band = found.mine, band_of(item.details.confidence)
    return Reliability(
        model=content.visible(found.model),
        mine=mine,
        agreed=words.percent(mine.share) if mine else "",
        between=_between(mine) if mine else "",
        bars=[_bar(share, is_mine=share.band == band) for share in found.bands],
    )


def _bar(share: Share, *, is_mine: bool) -> Bar:
    return Bar(
        name=f"{share.band * 10}–{share.band * 10 + 10} %",
        x=(share.band + 0.5) * SPAN / BANDS,
        y=round((1 - share.share) * SPAN, 1),
        top=round((1 - share.high) * SPAN, 1),
        bottom=round((1 - share.low) * SPAN, 1),
        share=words.percent(share.share) if share.is_enough else gettext("too few to say"),
        between=_between(share) if share.is_enough else "",
        judged=share.judged,
        is_mine=is_mine,
    )


def _between(share: Share) -> str:
    return gettext("%(low)s to %(high)s", low=words.percent(share.low), high=words.percent(share.high))


def _similar(each: Similar, *, hides_words: bool) -> Past:
    brief = veils.unshown() if hides_words else content.brief(each.brief)
    outcome = _outcome(each, hides_words=hides_words)
    return Past(item_id=each.item_id, brief=brief, outcome=outcome, at=each.decided_at)


def _outcome(each: Similar, *, hides_words: bool) -> Markup:
    if each.verdict == "reject":
        return escape(gettext(story.VERDICTS["reject"]))
    return _label(each.label) if each.has_label and not hides_words else escape(gettext(story.VERDICTS[each.verdict]))


def _label(label: object) -> Markup:
    """Give an output in a word: its one value, where it has one."""
    only = next(iter(label.values())) if is_object(label) and len(label) == 1 else label
    return content.brief(only)


def _earlier(each: EarlierItem, *, hides_words: bool) -> Past:
    if each.verdict is None:
        outcome = escape(one_of(_OPEN, each.status, gettext("withdrawn")))
    else:
        said = one_of(story.VERDICTS, each.verdict, each.verdict)
        shown = Markup("") if each.verdict == "reject" or hides_words else _label(msgspec.json.decode(each.output))
        outcome = Markup("{} {}").format(said, shown)
    return Past(item_id=each.id, brief=content.visible(each.type), outcome=outcome, at=each.created_at)
