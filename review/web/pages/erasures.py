"""Erasing what there is of a subject or an item: the form, what it would reach, and how far each erasure is."""

from typing import Any, Final
from uuid import UUID

from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from review.erasure import service as erasures
from review.erasure.schemas import ErasureIn
from review.identity.rules import Permission
from review.items import service as items
from review.items.errors import ItemNotFound
from review.kernel.errors import FieldError, Invalid
from review.kernel.paging import cursor_of, position_of
from review.kernel.sentences import say
from review.web.guards import requires
from review.web.pages.reading import Pairs, first, read_form
from review.web.pages.work import WORK, InHand, Work
from review.web.services import AnyRequest, Tx

HERE: Final = "Erasures"
ROWS: Final = 50


class ErasurePages(Controller):
    """What was erased, and the form that asks for more."""

    path = "/p/{project:str}/erasures"
    opt = requires(Permission.ERASE)
    dependencies = WORK

    @get("/")
    async def list(
        self, work: InHand, cursor: FromQuery[str] = "", item: FromQuery[str] = "", of: FromQuery[str] = ""
    ) -> Template:
        """Show the erasures, the last first, with the form; `item` is the one that the reader came from.

        With `of=subject` it is that item's subject which stands in the form: no address names a person.
        """
        subject = await _subject_of(work, item) if of == "subject" else ""
        before = position_of(cursor or None)
        found = await erasures.list_erasures(work.hot, project_id=work.who.project_id, before=before, limit=ROWS + 1)
        more = cursor_of(found[ROWS - 1].id) if len(found) > ROWS else ""
        asked: dict[str, Any] = {"item": "" if subject else item, "subject": subject}
        return work.page("erasures.html", here=HERE, erasures=found[:ROWS], more=more, **asked)

    @post("/preview", status_code=200)
    async def preview(self, request: AnyRequest, work: InHand) -> Template:
        """Show what an erasure would reach, and ask whether that is meant."""
        asked = _read(await read_form(request))
        found = await erasures.preview(work.hot, project_id=work.who.project_id, asked=asked)
        return work.page("erasure_preview.html", here=HERE, asked=asked, found=found)

    @post("/", status_code=200)
    async def request(self, request: AnyRequest, work: InHand, tx: Tx) -> Redirect:
        """Have it erased, and go to the erasure's page."""
        asked = await erasures.request(tx, who=work.who, asked=_read(await read_form(request)))
        return Redirect(f"/p/{work.who.project}/erasures/{asked.id}", status_code=303)

    @get("/{erasure_id:uuid}")
    async def show(self, work: InHand, erasure_id: FromPath[UUID]) -> Template:
        """Show how far an erasure is; while it goes on, the page asks again."""
        found = await erasures.get(work.hot, project_id=work.who.project_id, erasure_id=erasure_id)
        return work.page(
            "_erasure.html" if work.is_partial else "erasure.html",
            here=HERE,
            erasure=found,
            is_under_way=found.state != "done",
            url=f"/p/{work.who.project}/erasures/{found.id}",
        )


async def _subject_of(work: Work, item: str) -> str:
    """Give the subject of an item, blank where it has none, or is no item that the reader sees."""
    try:
        found = await items.get_detail(work.hot, who=work.who, item_id=UUID(item), base_url=work.base_url)
    except (ValueError, ItemNotFound):
        return ""
    return "" if "subject" in found.hidden else found.details.subject or ""


def _read(pairs: Pairs) -> ErasureIn:
    """Read the form: either field may be left blank, and not both.

    Raises:
        Invalid: the item's id is none (422).
    """
    named, item = first(pairs, "subject"), first(pairs, "item").strip()
    try:
        item_id = UUID(item) if item else None
    except ValueError as fault:
        message = say("That is no id of an item. Nothing was erased.")
        raise Invalid(message, errors=(FieldError("item", say("is no id of an item")),)) from fault
    return ErasureIn(reason=first(pairs, "reason"), subject=named or None, item_id=item_id)
