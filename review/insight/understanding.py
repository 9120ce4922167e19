"""What helps to judge an item beside itself: how the model fared, what was decided of the like, the subject's past."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from review.identity.rules import Principal
from review.insight import learning_queries as queries
from review.insight.calibration import Share, band_of, shares_of
from review.insight.likeness import (
    MAX_BRIEF,
    MAX_RAW,
    jaccard,
    keys_of,
    query_of,
    scope_word,
    sketch_of,
    text_of,
    trigrams,
)
from review.items import service as items
from review.items.personal import HIDDEN, below, hidden_part
from review.items.schemas import EarlierItem, ItemDetail
from review.kernel.db import Hot

CANDIDATES = 300  # from each of three indexes
COMPARED = 40  # of those, by their sketches
SHOWN = 5
ALIKE = 0.3  # how much of both texts' trigrams stands in both, from which on one is shown


class Similar(msgspec.Struct, frozen=True, kw_only=True):
    """A decided item with an input near another's; `label` is the output that counts, null where it was rejected."""

    item_id: UUID
    brief: str
    verdict: str
    label: Any
    has_label: bool
    decided_at: datetime
    alike: float


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """How a model's confidence has borne out; `mine` is the band that the item falls into."""

    model: str
    mine: Share | None
    bands: list[Share]


class Understanding(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of it."""

    calibration: Calibration | None
    similar: list[Similar]
    earlier: list[EarlierItem]


async def of_item(driver: Hot, *, who: Principal, item: ItemDetail) -> Understanding:
    """Give what helps to judge an item that the caller may see; `driver` is the connection below a transaction.

    Of other items only what the caller may see too, and none that concerns them. None of it says anything of what was
    judged of this very item.
    """
    return Understanding(
        calibration=await _calibration(driver, who, item),
        similar=await find_similar(driver, who=who, item=item),
        earlier=await items.list_earlier(driver, who=who, item=item),
    )


async def _calibration(hot: Hot, who: Principal, item: ItemDetail) -> Calibration | None:
    model, band = item.details.model, band_of(item.details.confidence)
    if model is None or band is None:
        return None
    tallies = await queries.list_tallies(hot, who.project_id, item.type, model.name, model.version or "")
    bands = shares_of(tallies)
    mine = next((share for share in bands if share.band == band and share.is_enough), None)
    named = " ".join(part for part in (model.name, model.version) if part)
    return Calibration(model=named, mine=mine, bands=bands)


async def find_similar(driver: Hot, *, who: Principal, item: ItemDetail) -> list[Similar]:
    """List decided items of the same type whose inputs are near, the nearest first; `driver` as in `of_item`."""
    text = text_of(bytes(item.input)[: 4 * MAX_RAW].decode("utf-8", "ignore"))
    grams = trigrams(text[:MAX_BRIEF])
    if len(grams) < 3:
        return []
    sketch = sketch_of(trigrams(text))
    keys, scope = keys_of(who.project_id, item.type, sketch), scope_word(who.project_id, item.type)
    given = (keys.near, query_of(text, scope), keys.loose, sketch, CANDIDATES, COMPARED)
    rows = await queries.find_near(driver, (who.project_id, item.type, *given))
    paths = who.hidden_of(item.type)
    found = [_similar(row, jaccard(grams, trigrams(row["brief"])), paths) for row in rows if row["item_id"] != item.id]
    alike = sorted((each for each in found if each.alike >= ALIKE), key=lambda each: (-each.alike, str(each.item_id)))
    visible = await items.list_visible(driver, who=who, item_ids=[each.item_id for each in alike])
    return [each for each in alike if each.item_id in visible][:SHOWN]


def _similar(row: Any, alike: float, paths: Sequence[str]) -> Similar:
    """Show what is like; of an input that has personal fields no word is told to whoever does not see them."""
    label = msgspec.json.decode(row["label"]) if row["label"] is not None else None
    return Similar(
        item_id=row["item_id"],
        brief=HIDDEN if below(paths, "input") else row["brief"],
        verdict=row["verdict"],
        label=hidden_part(label, paths, "output"),
        has_label=row["label"] is not None,
        decided_at=row["decided_at"],
        alike=alike,
    )
