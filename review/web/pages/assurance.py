"""How often what rules let through was wrong, in a table and a picture, and the threshold advisor."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from litestar import Controller, get, post
from litestar.params import FromQuery
from litestar.response import Redirect, Template
from markupsafe import Markup

from review.assurance import service as assurance
from review.assurance.advice import Advice, Point
from review.assurance.editing import suggestion
from review.assurance.estimates import Estimate
from review.assurance.service import Asked
from review.identity.rules import Permission
from review.kernel import wording
from review.kernel.errors import FieldError, Invalid
from review.kernel.sentences import say
from review.web.content import visible
from review.web.guards import requires
from review.web.pages.desk import title_in
from review.web.pages.reading import first, read_form
from review.web.pages.work import WORK, InHand
from review.web.services import AnyRequest, Tx
from review.web.words.catalogue import gettext

SPAN = 100  # the pictures' width, in their own units
BOUNDS = ("0.5", "1", "2", "5", "10")  # percent
CONFIDENCES = ("90", "95", "99")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One stratum in words, with the places of its dot and its interval in the picture."""

    type_title: str
    model: Markup
    model_query: str
    rule: Markup
    band: str
    items: int
    judged: int
    waiting: int
    errors: int
    rate: str
    low: str
    high: str
    is_exact: bool
    is_enough: bool
    x: float | None
    left: float
    right: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The curve of workload against risk: where its points and the bound lie, and a table of it."""

    seen: str
    highest: str
    bound_y: float
    rows: list[tuple[str, str, int, int, str, str, bool]]


class AssurancePages(Controller):
    """The quality of what is let through."""

    path = "/p/{project:str}/assurance"
    opt = requires(Permission.READ_REVIEWERS)
    dependencies = WORK

    @get("/")
    async def show(
        self,
        work: InHand,
        of: FromQuery[str] = "",
        bound: FromQuery[str] = "2",
        sure: FromQuery[str] = "95",
        stored: FromQuery[str] = "",
    ) -> Template:
        """Show the estimates, and the advice that was asked for."""
        found = await assurance.list_estimates(work.hot, who=work.who, config=work.config)
        models = sorted({(each.type, f"{each.model}@{each.version}") for each in found if each.model})
        chosen = next((pair for pair in models if "|".join(pair) == of), None)
        asked = None if chosen is None else _asked(chosen, bound, sure)
        advice = None if asked is None else await assurance.get_advice(work.hot, who=work.who, asked=asked)
        paste, scale = "", _scale(found)
        if asked is not None and advice is not None and advice.threshold is not None:
            paste = suggestion(asked.type, asked.model, advice.threshold, work.config.default_pool)
        return work.page(
            "assurance.html",
            here="Quality",
            rows=[_row(each, title_in(work.config, each.type), scale) for each in found],
            scale=_figure(scale),
            is_audited=work.config.ruleset.audit is not None,
            choices=[("|".join(pair), f"{title_in(work.config, pair[0])}, {pair[1]}") for pair in models],
            of=of,
            bounds=BOUNDS,
            bound=bound,
            confidences=CONFIDENCES,
            sure=sure,
            advice=advice,
            figures=None if advice is None else _figures(advice),
            curve=None if advice is None else _curve(advice),
            paste=paste,
            may_propose=work.who.may(Permission.WRITE_CONFIG),
            may_see_models=work.who.may(Permission.READ_CONFIG),
            stored=stored if stored.isdigit() and len(stored) < 9 else "",
        )

    @post("/propose", opt=requires(Permission.WRITE_CONFIG), status_code=200)
    async def propose(self, request: AnyRequest, work: InHand, tx: Tx) -> Redirect:
        """Store the configuration with the advised threshold as a candidate, worked out anew."""
        pairs = await read_form(request)
        item_type, _, model = first(pairs, "of").partition("|")
        asked = _asked((item_type, model), first(pairs, "bound"), first(pairs, "sure"))
        version = await assurance.propose(tx, work.hot, who=work.who, asked=asked)
        return Redirect(f"/p/{work.who.project}/assurance?stored={version}", status_code=303)


def _asked(of: tuple[str, str], bound: str, sure: str) -> Asked:
    if bound not in BOUNDS or sure not in CONFIDENCES:
        message = say(
            "This bound or confidence is not among those offered. Nothing was changed; choose one of the list."
        )
        raise Invalid(message, errors=(FieldError("bound", say("is not among those offered")),))
    return Asked(type=of[0], model=of[1], bound=float(bound) / 100, confidence=float(sure) / 100)


def _scale(found: Sequence[Estimate]) -> float:
    """Give the error rate at the right edge of the picture."""
    highest = max((each.high for each in found if each.judged), default=1.0)
    return next(edge for edge in (0.05, 0.1, 0.25, 0.5, 1.0) if highest <= edge or edge == 1.0)


def _row(each: Estimate, title: str, scale: float) -> Row:
    return Row(
        type_title=title,
        model=visible(f"{each.model} {each.version}".strip()),
        model_query=urlencode({"name": each.model, "version": each.version}) if each.model else "",
        rule=visible(each.rule),
        band=each.band,
        items=each.items,
        judged=each.judged,
        waiting=each.drawn - each.judged,
        errors=each.errors,
        rate="" if each.rate is None else _figure(each.rate),
        low=_figure(each.low),
        high=_figure(each.high),
        is_exact=each.is_exact,
        is_enough=each.is_enough,
        x=None if each.rate is None else round(min(1.0, each.rate / scale) * SPAN, 1),
        left=round(each.low / scale * SPAN, 1),
        right=round(min(1.0, each.high / scale) * SPAN, 1),
    )


def _figures(advice: Advice) -> dict[str, str]:
    return {
        "bound": _figure(advice.bound),
        "sure": _figure(advice.confidence),
        "threshold": "" if advice.threshold is None else wording.number(advice.threshold, ".2f"),
        "workload": "" if advice.workload is None else _figure(advice.workload),
        "next": "" if advice.next_threshold is None else wording.number(advice.next_threshold, ".2f"),
        "rate": "" if advice.next_rate is None else _figure(advice.next_rate),
    }


def _curve(advice: Advice) -> Curve:
    points = [point for point in advice.curve if point.judged]
    highest = max([2 * advice.bound, *(point.rate or 0.0 for point in points)])

    def line(values: Sequence[tuple[Point, float]]) -> str:
        return " ".join(
            f"{point.workload * SPAN:.1f},{(1 - min(1.0, value / highest)) * SPAN:.1f}" for point, value in values
        )

    return Curve(
        seen=line([(point, point.rate or 0.0) for point in points]),
        highest=line([(point, point.high) for point in points]),
        bound_y=round((1 - advice.bound / highest) * SPAN, 1),
        rows=[_line(point) for at, point in enumerate(points) if at % 5 == 0 or point.threshold == advice.threshold],
    )


def _line(point: Point) -> tuple[str, str, int, int, str, str, bool]:
    rate = "" if point.rate is None else _figure(point.rate)
    shown = wording.number(point.threshold, ".2f"), _figure(point.workload)
    return *shown, point.judged, point.errors, rate, _figure(point.high), point.holds


def _figure(share: float) -> str:
    """Write a rate so that small ones can be told apart."""
    return gettext("%(number)s %%", number=wording.number(share * 100, ".2g" if share < 0.1 else ".0f"))
