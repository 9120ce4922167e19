"""Downloads whose first piece is made before the answer begins, so that what goes wrong until then has its status."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from litestar.response import Stream

from review.audit import reading
from review.audit.notes import Signer, show_key
from review.identity.rules import Principal
from review.web.auditing import check_hearing
from review.web.services import Services

NDJSON = "application/x-ndjson"


async def stream_audit(services: Services, who: Principal) -> Stream:
    """Answer with a project's whole audit, for the API and the page alike.

    Raises:
        StillToJudge: they have an item in hand whose answers are not for them yet (403).
    """
    await check_hearing(services.db.hot, who)
    key = show_key(Signer(services.settings.audit_key).public_key) if services.settings.audit_key else None
    pieces = reading.export(services.db, who.project, who.project_id, actor=who.actor, public_key=key)
    first = await anext(pieces)
    headers = {"Content-Disposition": f'attachment; filename="audit-{who.project}.ndjson"'}
    return Stream(_chain(first, pieces), media_type=NDJSON, headers=headers)


async def _chain(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(rest):
        yield first
        async for piece in rest:
            yield piece
