"""What a page of an item fetches after it: the files that the item carries or names, and the rest of large values."""

import re
from typing import Annotated, Final, Literal
from uuid import UUID

from litestar import Controller, get
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Response, Template

from review.identity.rules import Permission
from review.items import service as items
from review.kernel.errors import NotFound
from review.kernel.sentences import say
from review.web import content
from review.web.content.sniffing import ENDINGS
from review.web.guards import requires
from review.web.media import MediaNotFound
from review.web.pages import desk
from review.web.pages.work import WORK, InHand
from review.web.services import AnyRequest

MOST_BYTES_OF_A_RANGE = 2 * 1024 * 1024
PLAYED = frozenset({"audio", "video"})
# A file acts on nothing, whatever a browser takes it for: no script, no origin, no request.
SEALED: Final = {
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
    "Cache-Control": "private, max-age=300",
}
# A browser's own viewer of PDF works in no sandbox, and lays its page out by inline style.
SEALED_PDF: Final = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'self'"
_RANGE = re.compile(r"bytes=([0-9]{1,15})-([0-9]{0,15})", re.ASCII)

Shape = Annotated[Literal["", "json", "chat", "table"], QueryParameter(name="as")]
Start = Annotated[int, QueryParameter(name="from", ge=0, le=2**53)]


class ContentPages(Controller):
    """Pieces of an item's content, for whoever may see the item."""

    path = "/p/{project:str}/items/{item_id:uuid}"
    opt = requires(Permission.READ_ITEMS)
    dependencies = WORK

    @get("/media/{digest:str}")
    async def show_media(
        self, request: AnyRequest, work: InHand, item_id: FromPath[UUID], digest: FromPath[str]
    ) -> Response[bytes]:
        """Send a file that the item itself carries or names; of sound and film also a part (Range)."""
        item = await items.get_detail(work.hot, who=work.who, item_id=item_id, base_url=work.base_url)
        item_type = await work.services.item_types.get(work.who.project_id, item.type, item.type_version)
        known = content.find_address(work.frame(item, item_type), digest)
        if known is None:
            message = say("This item has no file of that name.")
            raise MediaNotFound(message)
        kind, address = known
        file = await work.services.media.get(work.who.project_id, kind, address)
        name = f"{kind}-{digest[:8]}.{ENDINGS[file.type]}"
        headers = {**SEALED, "Content-Disposition": f'inline; filename="{name}"'}
        if kind == "pdf":
            headers["Content-Security-Policy"] = SEALED_PDF
        if kind not in PLAYED:
            return Response(file.body, media_type=file.type, headers=headers)
        return _played(file.body, file.type, headers, request.headers.get("range", ""))

    @get("/part")
    async def show_part(
        self, work: InHand, item_id: FromPath[UUID], at: FromQuery[str] = "/input", start: Start = 0, shape: Shape = ""
    ) -> Template:
        """Show a further part of a large value: alone to htmx, on a page of its own to everybody else."""
        item = await items.get_detail(work.hot, who=work.who, item_id=item_id, base_url=work.base_url)
        item_type = await work.services.item_types.get(work.who.project_id, item.type, item.type_version)
        piece = content.part(work.frame(item, item_type), at, start, shape)
        if piece is None:
            message = say("Nothing more stands at this place of the item.")
            raise NotFound(message)
        if work.is_partial:
            return work.page("_part.html", piece=piece)
        page = f"/p/{work.who.project}/items/{item_id}"
        return work.page("part.html", piece=piece, title=desk.title_of(item_type), back=page, at=at)


def _played(body: bytes, kind: str, headers: dict[str, str], asked: str) -> Response[bytes]:
    """Answer for sound or film, which browsers ask for part by part."""
    headers = headers | {"Accept-Ranges": "bytes"}
    match = _RANGE.fullmatch(asked)
    if match is None:
        return Response(body, media_type=kind, headers=headers)
    start = int(match[1])
    if start >= len(body):
        return Response(b"", status_code=416, headers=headers | {"Content-Range": f"bytes */{len(body)}"})
    end = min(int(match[2] or len(body)), len(body) - 1, start + MOST_BYTES_OF_A_RANGE - 1)
    if end < start:
        return Response(body, media_type=kind, headers=headers)
    headers |= {"Content-Range": f"bytes {start}-{end}/{len(body)}"}
    return Response(body[start : end + 1], media_type=kind, status_code=206, headers=headers)
