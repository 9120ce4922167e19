"""The audit page: who did what, found by who, what, when and a word, and how far a signed checkpoint vouches for it."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery
from litestar.response import Stream, Template

from review.audit import proofs
from review.audit.queries import Wanted
from review.audit.rules import Action
from review.audit.schemas import EntryView
from review.identity.rules import Permission
from review.kernel.errors import FieldError, Invalid
from review.kernel.sentences import say
from review.web import auditing
from review.web.downloads import stream_audit
from review.web.guards import requires
from review.web.pages import acts, stored
from review.web.pages.work import WORK, InHand, Work

ROWS: Final = 50
A_DAY: Final = timedelta(days=1)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The filters as they stand in the address."""

    actor: str = ""
    action: str = ""
    item: str = ""
    since: str = ""
    until: str = ""
    text: str = ""

    def address(self, project: str, cursor: str | None = None) -> str:
        """Give the address that asks for the same, further on."""
        given = {name: value for name, value in msgspec.structs.asdict(self).items() if value}
        query = urlencode(given | ({"cursor": cursor} if cursor else {}))
        return f"/p/{project}/audit" + (f"?{query}" if query else "")


def read_asked(
    actor: FromQuery[str] = "",
    action: FromQuery[str] = "",
    item: FromQuery[str] = "",
    since: FromQuery[str] = "",
    until: FromQuery[str] = "",
    text: FromQuery[str] = "",
) -> Asked:
    """Read the filters out of the address."""
    given = [each.strip() for each in (actor, action, item, since, until, text)]
    return Asked(**dict(zip(Asked.__struct_fields__, given, strict=True)))


class AuditPages(Controller):
    """Searching a project's audit, and taking it along."""

    path = "/p/{project:str}/audit"
    opt = requires(Permission.READ_AUDIT)
    dependencies = WORK

    @get("/", dependencies={"asked": Provide(read_asked, sync_to_thread=False)})
    async def show(self, work: InHand, asked: NamedDependency[Asked], cursor: FromQuery[str] = "") -> Template:
        """Show entries, newest first; what cannot be asked for is said beside its field."""
        try:
            wanted = read_filters(asked)
            page = await auditing.search(work.hot, work.who, wanted, cursor=cursor or None, limit=ROWS)
        except Invalid as refusal:
            return await _page(work, asked, [], faults=refusal.errors, status=422)
        more = asked.address(work.who.project, page.next) if page.next else None
        return await _page(work, asked, [_row(each) for each in page.data], more=more, is_first=not cursor)

    @get("/export")
    async def export(self, work: InHand) -> Stream:
        """Download the whole audit as NDJSON; that you did is an entry in it."""
        return await stream_audit(work.services, work.who)


def read_filters(asked: Asked) -> Wanted:
    """Read what was asked for; days are those of UTC, the last one included.

    Raises:
        Invalid: an id or a day is none (422).
    """
    faults: list[FieldError] = []
    item, since, until = None, _day(asked.since, "since", faults), _day(asked.until, "until", faults)
    if asked.item:
        try:
            item = UUID(asked.item)
        except ValueError:
            faults.append(FieldError("item", say("is no id of an item")))
    if faults:
        message = say("The audit cannot be asked for that; nothing was read. Mend what is named below.")
        raise Invalid(message, errors=tuple(faults))
    return Wanted(
        actor=asked.actor or None,
        action=asked.action or None,
        item=item,
        since=since,
        until=None if until is None else until + A_DAY,
        text=asked.text or None,
    )


def _day(text: str, name: str, faults: list[FieldError]) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.combine(date.fromisoformat(text), time(), UTC)
        return at if at < datetime.max.replace(tzinfo=UTC) - A_DAY else datetime.max.replace(tzinfo=UTC) - 2 * A_DAY
    except ValueError:
        faults.append(FieldError(name, say("is no day; write it like 2026-11-21")))
        return None


async def _page(
    work: Work,
    asked: Asked,
    rows: list[dict[str, Any]],
    *,
    more: str | None = None,
    is_first: bool = True,
    faults: tuple[FieldError, ...] = (),
    status: int = 200,
) -> Template:
    return work.page(
        "audit.html",
        status=status,
        here="Audit",
        asked=asked,
        rows=rows,
        more=more,
        is_first=is_first,
        is_filtered=asked != Asked(),
        actions=[(each.value, acts.named(each.value)) for each in Action],
        errors={fault.path: fault.sentence for fault in faults},
        signed=await proofs.find_signed(work.hot, work.who.project_id),
    )


def _row(entry: EntryView) -> dict[str, Any]:
    return {
        "entry": entry,
        "who": stored.who(entry.actor.kind, entry.actor.name),
        "action": acts.named(entry.action),
        "details": msgspec.json.format(bytes(entry.details), indent=2).decode(),
    }
