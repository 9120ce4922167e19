"""The versions of a project's configuration: what each changes, who made it and why, and what may become of it."""

from typing import Annotated

from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Redirect, Template

from review.configuration import candidates, changes, rollouts
from review.configuration import service as configuration
from review.configuration.candidates import VersionView
from review.configuration.models import ConfigVersion
from review.identity.rules import Permission
from review.web.guards import requires
from review.web.pages.reading import SAID, first, read_form
from review.web.pages.work import WORK, InHand, Work
from review.web.services import AnyRequest, Tx
from review.web.words.catalogue import one_of

PAGE = 50
MOST_LINES = 2_000
MOST_VERSION = 2**31 - 1
Number = Annotated[int | None, QueryParameter(ge=1, le=MOST_VERSION)]
WRITE = requires(Permission.WRITE_CONFIG)


class VersionPages(Controller):
    """Versions, newest first; one of them against another; and what a person may do with a candidate."""

    path = "/p/{project:str}/rules"
    opt = requires(Permission.READ_CONFIG)
    dependencies = WORK

    @get("/")
    async def list(self, work: InHand, tx: Tx, before: Number = None) -> Template:
        """Show the versions and what became of each, 50 at a time."""
        found = await candidates.list_versions(tx, project=work.who.project, before=before, limit=PAGE)
        return work.page(
            "versions.html",
            here="Rules",
            versions=found,
            more=found[-1].version if len(found) == PAGE else None,
            may_write=work.who.may(Permission.WRITE_CONFIG),
        )

    @get("/{version:int}")
    async def show(
        self, work: InHand, tx: Tx, version: FromPath[int], against: Number = None, done: FromQuery[str] = ""
    ) -> Template:
        """Show what a version changes against another: the active one, or the one before it."""
        project = work.who.project
        view = await candidates.get(tx, project=project, version=version)
        row = await configuration.get_version(tx, project=project, version=version)
        other = await _other(tx, work, view, against)
        rolling, _ = await rollouts.list_rollouts(tx, who=work.who, before=None, limit=1)
        told = () if other is None else changes.tell(other.document, row.document)
        lines = () if other is None else changes.lines(other.source, row.source)
        return work.page(
            "version.html",
            here="Rules",
            version=view,
            against=None if other is None else other.version,
            told=told,
            lines=lines[:MOST_LINES],
            lines_left_out=max(0, len(lines) - MOST_LINES),
            source=row.source if other is None else "",
            may_write=work.who.may(Permission.WRITE_CONFIG),
            is_mine=row.created_by_id == work.who.id,
            active=work.who.config_version,
            take_two=work.config.rules_take_two,
            rollout=next((each for each in rolling if each.state in {"shadow", "live"}), None),
            said=one_of(SAID, done),
        )

    @post("/{version:int}/activate", opt=WRITE, status_code=200)
    async def activate(self, request: AnyRequest, work: InHand, tx: Tx, version: FromPath[int]) -> Redirect:
        """Make a candidate active."""
        reason = first(await read_form(request), "reason")
        plan = await candidates.activate(tx, who=work.who, version=version, reason=reason)
        return _to(work, plan.version, "activate")

    @post("/{version:int}/approve", opt=WRITE, status_code=200)
    async def approve(self, request: AnyRequest, work: InHand, tx: Tx, version: FromPath[int]) -> Redirect:
        """Approve somebody else's candidate."""
        reason = first(await read_form(request), "reason")
        await candidates.approve(tx, who=work.who, version=version, reason=reason)
        return _to(work, version, "approve-version")

    @post("/{version:int}/withdraw", opt=WRITE, status_code=200)
    async def withdraw(self, request: AnyRequest, work: InHand, tx: Tx, version: FromPath[int]) -> Redirect:
        """Take a candidate back."""
        reason = first(await read_form(request), "reason")
        await candidates.withdraw(tx, who=work.who, version=version, reason=reason)
        return _to(work, version, "withdraw-version")

    @post("/{version:int}/roll-back", opt=WRITE, status_code=200)
    async def roll_back(self, request: AnyRequest, work: InHand, tx: Tx, version: FromPath[int]) -> Redirect:
        """Go back to a version that was active once."""
        reason = first(await read_form(request), "reason")
        plan = await configuration.apply_version(
            tx,
            project=work.who.project,
            version=version,
            actor=work.who.actor,
            reason=reason,
            held=work.who.permissions,
        )
        return _to(work, plan.version, "roll-back")


async def _other(tx: Tx, work: Work, view: VersionView, against: int | None) -> ConfigVersion | None:
    """Give what a version is held against, if there is anything."""
    if against is None:
        is_candidate = view.state in {"candidate", "withdrawn"}
        against = work.who.config_version if is_candidate else view.version - 1
    if against < 1 or against == view.version:
        return None
    return await configuration.get_version(tx, project=work.who.project, version=against)


def _to(work: Work, version: int, done: str) -> Redirect:
    return Redirect(f"/p/{work.who.project}/rules/{version}?done={done}", status_code=303)
