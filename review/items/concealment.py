"""What of an item is not shown to whoever need not see its personal fields: one place for every way it is read.

Nothing here tells who that is: a caller brings the paths that are hidden from them (`Principal.hides`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from review.audit.rules import Action
from review.items.personal import HIDDEN, below, hidden_part, hidden_raw, hidden_route
from review.items.schemas import Alternative, DecisionView, Details

_QUOTING = {Action.OVERRIDE_PROPOSED.value: "output"}  # entries of the audit that repeat an output, and where


def details_shown(details: Details, paths: Sequence[str]) -> Details:
    """Hide personal fields in the circumstances; alternatives are outputs, so the paths of outputs hold for them."""
    named = {path: HIDDEN for path in ("subject", "explanation") if path in paths and getattr(details, path)}
    alternatives = tuple(
        Alternative(hidden_part(each.output, paths, "output"), each.confidence) for each in details.alternatives
    )
    return msgspec.structs.replace(
        details,
        alternatives=alternatives,
        signals=hidden_part(details.signals, paths, "signals"),
        metadata=hidden_part(details.metadata, paths, "metadata"),
        **named,
    )


def decision_shown(decision: DecisionView, paths: Sequence[str]) -> DecisionView:
    """Hide personal fields in a decision's output, and the digest by which a guess at them could be tried."""
    if not below(paths, "output"):
        return decision
    output = hidden_raw(decision.output, paths, "output")
    return msgspec.structs.replace(decision, output=output, output_sha256=None)


def route_shown(route: msgspec.Raw, paths: Sequence[str]) -> msgspec.Raw:
    """Hide what of a route may quote the item; which rules matched stays."""
    if not paths:
        return route
    return msgspec.Raw(msgspec.json.encode(hidden_route(msgspec.json.decode(route))))


def history_shown(rows: Sequence[Mapping[str, Any]], paths: Sequence[str]) -> Sequence[Mapping[str, Any]]:
    """Hide personal fields in the entries that repeat an output."""
    if not below(paths, "output"):
        return rows
    return [_entry_shown(row, paths) if row["action"] in _QUOTING else row for row in rows]


def _entry_shown(row: Mapping[str, Any], paths: Sequence[str]) -> Mapping[str, Any]:
    details: dict[str, Any] = msgspec.json.decode(row["details"], type=dict[str, Any])
    name = _QUOTING[row["action"]]
    if name in details:
        details[name] = hidden_part(details[name], paths, "output")
    return {**row, "details": msgspec.json.encode(details).decode()}
