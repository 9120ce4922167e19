"""Comparing two model versions, by what they made in the last days."""

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from review.identity.rules import Principal
from review.kernel.db import Hot
from review.registry import comparison_queries as queries
from review.registry import service as registry
from review.registry.comparing import Found, Side, Told, side_of, span_of, tell
from review.registry.service import VersionView

DAYS: Final = 30
MOST_DAYS: Final = 366

Span = Annotated[int, Meta(ge=1, le=MOST_DAYS)]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """Two versions side by side, `a` and `b`, each with what it made in the last `days`, of one `type` or of all.

    Counted are the newest `looked` items of the span; `is_capped` says that there are more. `let_through`, `changed`
    and `overridden` tell whether the share of `a` is `higher` or `lower` than that of `b`; `overlap` where the
    intervals do and it cannot be told, `too_few` where there are fewer than 20 items.
    """

    a: VersionView
    b: VersionView
    days: int
    type: str | None
    looked: int
    is_capped: bool
    made_by_a: Side
    made_by_b: Side
    let_through: Told
    changed: Told
    overridden: Told


async def compare(hot: Hot, *, who: Principal, a: UUID, b: UUID, days: int = DAYS, item_type: str = "") -> Compared:
    """Compare two versions of the register.

    Raises:
        ModelVersionNotFound (404).
    """
    first = await registry.get_version(hot, who=who, version_id=a)
    second = await registry.get_version(hot, who=who, version_id=b)
    of = item_type or None
    rows = await queries.compare(hot, who.project_id, days, of, (first.called, second.called))
    found, span = [_found(row) for row in rows], span_of(await queries.today(hot), days)
    looked = next(round(each.value) for each in found if each.what == "looked")
    one, other = (side_of(found, side, span, queries.MOST_REASONS) for side in (1, 2))
    return Compared(
        a=first,
        b=second,
        days=days,
        type=of,
        looked=looked,
        is_capped=looked >= queries.LOOKS,
        made_by_a=one,
        made_by_b=other,
        let_through=tell(one.let_through, other.let_through),
        changed=tell(one.changed, other.changed),
        overridden=tell(one.overridden, other.overridden),
    )


def _found(row: Any) -> Found:
    return Found(row["what"], row["side"], row["key"] or "", row["value"], row["of"])
