"""The people of a project for people: who is there, and for those who may, changing it."""

from typing import Final
from uuid import UUID

from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from review.identity import people, roles
from review.identity.rules import Permission, Role
from review.queueing import departures
from review.web.guards import requires
from review.web.pages.reading import first, read_form
from review.web.pages.work import WORK, InHand, Work
from review.web.services import AnyRequest, Tx
from review.web.words.catalogue import N_, one_of

WRITE = requires(Permission.WRITE_PEOPLE)
LINES = 100
SAID: Final = {
    "changed": N_("Kept. It counts from their next request on."),
    "removed": N_("They are no longer in the project, and their tokens here have ended."),
}


class PeoplePages(Controller):
    """Who is in the project, with their role and pools."""

    path = "/p/{project:str}/people"
    opt = requires(Permission.READ_PEOPLE)
    dependencies = WORK

    @get("/")
    async def show(self, work: InHand, tx: Tx, cursor: FromQuery[str] = "", done: FromQuery[str] = "") -> Template:
        """Show everybody, and for those who may change it the forms."""
        page = await people.list_people(tx, work.who.project_id, cursor=cursor or None, limit=LINES)
        here = _here(work)
        known = await roles.list_roles(tx, work.who.project_id)
        return work.page(
            "people.html",
            here="People",
            here_url=here,
            people=page.data,
            more=f"{here}?cursor={page.next}" if page.next else None,
            roles=[role for role in known if role.name != Role.SERVICE and role.permissions <= work.who.permissions],
            pools=list(work.config.pools.values()),
            may_write=work.who.may(Permission.WRITE_PEOPLE),
            said=one_of(SAID, done),
        )

    @post("/{person_id:uuid}", opt=WRITE, status_code=200)
    async def change(self, request: AnyRequest, work: InHand, tx: Tx, person_id: FromPath[UUID]) -> Redirect:
        """Give a person another role and other pools."""
        pairs = await read_form(request)
        await departures.change(
            tx,
            work.who.project_id,
            person_id,
            actor=work.who.actor,
            role=first(pairs, "role"),
            pools=[value for name, value in pairs if name == "pool"],
            held=work.who.permissions,
        )
        return Redirect(f"{_here(work)}?done=changed", status_code=303)

    @post("/{person_id:uuid}/remove", opt=WRITE, status_code=200)
    async def remove(self, request: AnyRequest, work: InHand, tx: Tx, person_id: FromPath[UUID]) -> Redirect:
        """Take a person out of the project."""
        await read_form(request)
        await departures.remove(tx, work.who.project_id, person_id, actor=work.who.actor, held=work.who.permissions)
        return Redirect(f"{_here(work)}?done=removed", status_code=303)


def _here(work: Work) -> str:
    return f"/p/{work.who.project}/people"
