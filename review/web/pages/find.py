"""Finding anything in a project: items, pools and pages; what the palette asks, and a plain search page without it."""

from dataclasses import dataclass

from litestar import get
from litestar.params import FromQuery
from litestar.response import Template

from review.identity import service as identity
from review.identity.rules import Permission
from review.items import finding
from review.items.finding import FoundItem
from review.web.guards import requires
from review.web.pages import places
from review.web.pages.desk import title_in
from review.web.pages.work import WORK, InHand, Work
from review.web.words.catalogue import gettext


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found: what it is called, what kind of thing it is, and where it is."""

    title: str
    kind: str
    url: str


@get("/p/{project:str}/find", opt=requires(Permission.READ_ITEMS), dependencies=WORK)
async def find_page(work: InHand, q: FromQuery[str] = "") -> Template:
    """Find items by id or by the beginning of external id or subject, and pools and pages by name."""
    items = await finding.find_items(work.hot, who=work.who, query=q)
    found = [_item(work, each) for each in items] + await _pools(work, q) + _pages(work, q)
    return work.page("_found.html" if work.is_partial else "find.html", query=q, found=found)


def _item(work: Work, item: FoundItem) -> Finding:
    named = item.external_id or item.subject or str(item.id)
    title = f"{named}, {item.subject}" if item.external_id and item.subject else named
    return Finding(title, title_in(work.config, item.type), f"/p/{work.who.project}/items/{item.id}")


async def _pools(work: Work, query: str) -> list[Finding]:
    """Find pools by name or title, those alone that the caller may work."""
    wanted = query.strip().casefold()
    if not work.who.may(Permission.WORK):
        return []
    pools = [each for each in work.config.pools.values() if wanted in f"{each.name} {each.title}".casefold()]
    if pools and work.who.is_pool_bound:
        mine = await identity.pools_of(work.hot, work.who)
        pools = [each for each in pools if each.name in mine]
    return [Finding(each.title, gettext("Pool"), f"/p/{work.who.project}/pools/{each.name}") for each in pools[:20]]


def _pages(work: Work, query: str) -> list[Finding]:
    wanted = query.strip().casefold()
    known = [*places.links_for(work.who), places.Place(gettext("Your account"), "/account")]
    known.append(places.Place(gettext("Your preferences"), "/preferences"))
    return [Finding(each.title, gettext("Page"), each.url) for each in known if wanted in each.title.casefold()]
