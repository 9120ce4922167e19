"""The models that made a project's items: the register, one version, and two of them side by side."""

from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from review.identity.rules import Permission
from review.registry import comparison
from review.registry import service as registry
from review.registry.comparing import ENOUGH, Side, Told
from review.registry.comparison import Compared
from review.registry.service import VersionView
from review.routing.naming import condition_for, rules_that_read_models
from review.web.guards import requires
from review.web.pages import model_charts, words
from review.web.pages.desk import title_in
from review.web.pages.reading import SAID, first, read_form
from review.web.pages.work import WORK, InHand, Work
from review.web.services import AnyRequest, Tx
from review.web.words.catalogue import gettext, one_of

HERE: Final = "Models"
SPANS: Final = ("7", "30", "90", "366")
CLEAR: Final = requires(Permission.CLEAR_MODELS)


class ModelPages(Controller):
    """The register of model versions."""

    path = "/p/{project:str}/models"
    opt = requires(Permission.READ_CONFIG)
    dependencies = WORK

    @get("/")
    async def show(self, work: InHand, name: FromQuery[str] = "", version: FromQuery[str] = "") -> Template:
        """List the versions, of one model or one of its versions if asked, with the form to compare two."""
        found = await registry.list_versions(work.hot, who=work.who, name=name or None)
        shown = [each for each in found if not version or each.version == version]
        return work.page(
            "models.html",
            here=HERE,
            versions=shown,
            is_narrowed=bool(name),
            is_full=len(found) >= registry.MOST_LISTED,
            clearing=_asked_types(work),
            is_asked=work.config.clearing.is_asked,
            **_choices(found, "", ""),
        )

    @get("/{version_id:uuid}")
    async def version(self, work: InHand, version_id: FromPath[UUID], done: FromQuery[str] = "") -> Template:
        """Show one version, the rules that speak of it, and the forms that clear it or take that back."""
        found = await registry.get_version(work.hot, who=work.who, version_id=version_id)
        others = await registry.list_versions(work.hot, who=work.who)
        rest = [each for each in others if each.id != version_id]
        nearest = next((each for each in rest if each.name == found.name), rest[0] if rest else None)
        subject = f"{found.name}@{found.version}" if found.version else found.name
        reading = rules_that_read_models(work.config.ruleset.rules, found.called)
        return work.page(
            "model.html",
            here=HERE,
            version=found,
            is_asked=work.config.clearing.is_asked,
            may_clear=work.who.may(Permission.CLEAR_MODELS),
            may_write=work.who.may(Permission.WRITE_CONFIG),
            may_see_quality=work.who.may(Permission.READ_REVIEWERS),
            naming=[each for each in reading if each.is_named],
            reading=[each for each in reading if not each.is_named],
            condition=condition_for(*found.called),
            stop_query=urlencode({"what": f"model:{subject}"}) if found.name else "",
            nearest=nearest,
            said=one_of(SAID, done),
        )

    @get("/compare")
    async def compare(
        self,
        work: InHand,
        a: FromQuery[str] = "",
        b: FromQuery[str] = "",
        type: FromQuery[str] = "",  # noqa: A002  the query's name
        days: FromQuery[str] = "",
    ) -> Template:
        """Show two versions side by side, by what they made in the last days."""
        of_type, span = type if type in work.config.item_types else "", days if days in SPANS else str(comparison.DAYS)
        found = await registry.list_versions(work.hot, who=work.who)
        known = {str(each.id) for each in found}
        shown: dict[str, Any] = {}
        if a in known and b in known:
            compared = await comparison.compare(
                work.hot, who=work.who, a=UUID(a), b=UUID(b), days=int(span), item_type=of_type
            )
            shown = _compared(compared)
        return work.page(
            "models_compare.html",
            here=HERE,
            **shown,
            **_choices(found, a, b),
            types=[(name, title_in(work.config, name)) for name in work.config.item_types],
            of_type=of_type,
            spans=SPANS,
            span=span,
        )

    @post("/{version_id:uuid}/clear", opt=CLEAR, status_code=200)
    async def clear(self, request: AnyRequest, work: InHand, tx: Tx, version_id: FromPath[UUID]) -> Redirect:
        """Let rules decide what a version makes, from now on."""
        reason = first(await read_form(request), "reason")
        await registry.clear(tx, who=work.who, version_id=version_id, reason=reason)
        return Redirect(f"/p/{work.who.project}/models/{version_id}?done=clear-model", status_code=303)

    @post("/{version_id:uuid}/revoke", opt=CLEAR, status_code=200)
    async def revoke(self, request: AnyRequest, work: InHand, tx: Tx, version_id: FromPath[UUID]) -> Redirect:
        """Have people judge what a version makes, from now on."""
        reason = first(await read_form(request), "reason")
        await registry.revoke(tx, who=work.who, version_id=version_id, reason=reason)
        return Redirect(f"/p/{work.who.project}/models/{version_id}?done=revoke-model", status_code=303)


def _asked_types(work: Work) -> str:
    """Name the item types whose new model versions wait; empty where that is all or none."""
    return words.listed([title_in(work.config, name) for name in work.config.clearing.types])


def _choices(found: list[VersionView], a: str, b: str) -> dict[str, Any]:
    """Give what may be compared, and what is chosen: unless said a version that is new and its model's one before."""
    seen = [each for each in found if each.first_seen_at is not None and each.name]
    newest = seen[0] if seen else None
    before = next((each for each in seen[1:] if newest is not None and each.name == newest.name), None)
    return {
        "choices": [(str(each.id), named(each)) for each in found],
        "a": a or ("" if before is None else str(before.id)),
        "b": b or ("" if newest is None else str(newest.id)),
    }


def named(version: VersionView) -> str:
    """Name a version in one line."""
    if not version.name:
        return gettext("no model named")
    said = f"{version.name} {version.version}".strip()
    return (
        gettext("%(model)s, prompt %(prompt)s", model=said, prompt=version.prompt_version)
        if version.prompt_version
        else said
    )


def _compared(compared: Compared) -> dict[str, Any]:
    a, b = compared.made_by_a, compared.made_by_b
    told: dict[str, Told] = {
        "let_through": compared.let_through,
        "changed": compared.changed,
        "overridden": compared.overridden,
    }
    return {
        "compared": compared,
        "volume": model_charts.volume(a, b),
        "tenths": model_charts.tenths(a, b),
        "shares": model_charts.shares(a, b, told),
        "verdicts": [(verdict, a.verdicts.get(verdict, 0), b.verdicts.get(verdict, 0)) for verdict in _verdicts(a, b)],
        "reasons": _reasons(a, b),
        "spent": [_spent(side) for side in (a, b)],
        "is_few": min(a.items, b.items) < ENOUGH,
    }


def _verdicts(a: Side, b: Side) -> list[str]:
    return [each for each in ("approve", "correct", "reject") if each in a.verdicts or each in b.verdicts]


def _reasons(a: Side, b: Side) -> list[tuple[str, int, int]]:
    counts = [{each.reason: each.count for each in side.reasons} for side in (a, b)]
    both = {reason: (counts[0].get(reason, 0), counts[1].get(reason, 0)) for reason in [*counts[0], *counts[1]]}
    return sorted(((reason, *pair) for reason, pair in both.items()), key=lambda row: (-row[1] - row[2], row[0]))


def _spent(side: Side) -> dict[str, Any]:
    latency = side.latency
    return {
        "median": "" if latency is None else words.milliseconds(latency.median_ms),
        "p95": "" if latency is None else words.milliseconds(latency.p95_ms),
        "timed": 0 if latency is None else latency.of,
        "costs": [(f"{each.mean:.4g}", each.currency, each.of) for each in side.costs],
    }
