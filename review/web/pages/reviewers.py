"""How reviewers' judgements fared, as a small table for leads."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from litestar import get
from litestar.params import FromQuery
from litestar.response import Template
from markupsafe import Markup

from review.identity.rules import Permission
from review.insight import service as insight
from review.insight.rules import ReviewerView, Share
from review.kernel import wording
from review.queueing import exposure, exposure_rules
from review.queueing.exposure import Exposure
from review.web.content import visible
from review.web.guards import requires
from review.web.pages import words
from review.web.pages.desk import title_in
from review.web.pages.work import WORK, InHand, Work
from review.web.words.catalogue import N_, gettext

DAYS: Final = {"7": 7, "30": 30, "90": 90, "365": 365}
USUAL = "90"
TOO_FEW = N_("too few to say")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One reviewer, in words."""

    who: Markup
    reviews: int
    agreement: str
    overturned: str
    median: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposedRow:
    """What one person saw of one sensitive type, in words; `said` is until when they are handed no more of it."""

    who: Markup
    type_title: str
    last_hour: str
    last_day: str
    until: datetime | None
    said: str


@get("/p/{project:str}/reviewers", opt=requires(Permission.READ_REVIEWERS), dependencies=WORK)
async def reviewers_page(work: InHand, days: FromQuery[str] = USUAL) -> Template:
    """Show how everybody's reviews fared, over some days."""
    chosen = days if days in DAYS else USUAL
    found = await insight.list_reviewers(work.hot, who=work.who, within=timedelta(days=DAYS[chosen]))
    rows = [_row(each) for each in found]
    exposed = [
        _exposed(work, each) for each in await exposure.list_exposures(work.hot, who=work.who, config=work.config)
    ]
    is_counted = bool(exposure_rules.counted_types(work.config))
    return work.page(
        "reviewers.html",
        here="Reviewers",
        rows=rows,
        days=chosen,
        choices=list(DAYS),
        exposed=exposed,
        is_counted=is_counted,
    )


def _exposed(work: Work, seen: Exposure) -> ExposedRow:
    limit = work.config.item_types[seen.type].exposure if seen.type in work.config.item_types else None
    return ExposedRow(
        who=visible(seen.email),
        type_title=title_in(work.config, seen.type),
        last_hour=_of(seen.last_hour, limit.per_hour if limit else None),
        last_day=_of(seen.last_day, limit.per_day if limit else None),
        until=seen.until,
        said=words.brief(seen.until, work.zone) if seen.until else "",
    )


def _of(count: int, most: int | None) -> str:
    if most is None:
        return wording.number(count)
    return gettext("%(number)s of %(most)s", number=wording.number(count), most=wording.number(most))


def _row(reviewer: ReviewerView) -> Row:
    seconds = reviewer.median_seconds
    return Row(
        who=visible(reviewer.email),
        reviews=reviewer.reviews,
        agreement=_share(reviewer.agreement),
        overturned=_share(reviewer.overturned),
        median=gettext(TOO_FEW)
        if seconds is None
        else words.seconds(seconds)
        if seconds < 60
        else words.duration(timedelta(seconds=seconds)),
    )


def _share(share: Share) -> str:
    if share.share is None:
        few = gettext("%(count)s of %(all)s, too few to say", count=share.count, all=share.of)
        return few if share.of else gettext(TOO_FEW)
    return gettext("%(number)s of %(most)s", number=words.percent(share.share), most=share.of)
