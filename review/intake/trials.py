"""Trying a document with what only the database knows: lists that stand apart, and what rules ask beside an item."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import msgspec

from review.configuration import lists
from review.configuration.document import Document, parse
from review.configuration.errors import ConfigurationInvalid
from review.configuration.rules import ProjectConfig, compile_config
from review.intake import measuring, trying
from review.intake.measuring import Stored
from review.intake.trying import Checked, Trial
from review.kernel.db import Hot
from review.kernel.shapes import is_object
from review.routing.measuring import Measured


class Earlier(msgspec.Struct, frozen=True):
    """An item that is stored already and tried again: its id, when it came, and its route as stored."""

    id: UUID
    at: datetime
    route: object

    @property
    def measured(self) -> Measured:
        """Give what was measured of it when it came."""
        return measured_in(self.route)


def measured_in(route: object) -> Measured:
    """Give what a stored route says was measured."""
    found = route.get("measured") if is_object(route) else None
    kept = found if is_object(found) else {}
    return {name: value for name, value in kept.items() if isinstance(value, int | str)}


async def check(hot: Hot, project_id: UUID, source: bytes | str) -> Checked:
    """Check a document for a project, whose lists it may name."""
    try:
        config = await _compiled(hot, project_id, source)
    except ConfigurationInvalid as refused:
        return Checked(tuple(refused.faults), ())
    return Checked((), config.warnings)


async def evaluate(
    hot: Hot, project_id: UUID, source: bytes | str, item: object, earlier: Earlier | None = None
) -> Trial:
    """Route an item by a document, as if it came now from a sender of whom nothing is stopped.

    One that is stored already is routed by what was measured of it then.

    Raises:
        ConfigurationInvalid, Invalid, UnknownItemType, PayloadInvalid: the document or the item is wrong (422).
    """
    config = await _compiled(hot, project_id, source)
    await asyncio.to_thread(trying.check_item, config, item)
    measured: Measured = {}
    ruleset, facts = config.ruleset, cast("Mapping[str, Any]", item)
    if ruleset.asks and earlier is not None:
        stored = Stored(earlier.id, earlier.at, facts, earlier.measured)
        measured = (await measuring.remeasure(hot, project_id, [ruleset], [stored]))[0].measured
    elif ruleset.asks:
        measured = (await measuring.measure(hot, project_id, ruleset.asks, [facts]))[0][0]
    return await asyncio.to_thread(trying.evaluate, config, item, measured)


async def _compiled(hot: Hot, project_id: UUID, source: bytes | str) -> ProjectConfig:
    document: Document = await asyncio.to_thread(parse, source)
    found = await lists.load(hot, project_id, document.data)
    return await asyncio.to_thread(compile_config, document, lists=found)
