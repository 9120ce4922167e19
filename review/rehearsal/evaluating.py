"""From stored rows to items as conditions see them, and from a batch of rows to its part of the tally; no I/O."""

from collections.abc import Sequence
from typing import Any

import msgspec

from review.configuration.rules import ProjectConfig
from review.rehearsal.report import Versions
from review.rehearsal.rules import Past, Tally, add

_decode = msgspec.json.decode


class Needs(msgspec.Struct, frozen=True):
    """Whether conditions of either version read the input, the output, and what is measured beside the item."""

    with_input: bool
    with_output: bool
    with_measured: bool


def needs(versions: Versions) -> Needs:
    """Tell what conditions of either version read."""
    read = {*versions.old.ruleset.needs, *versions.new.ruleset.needs}
    asks = versions.old.ruleset.asks or versions.new.ruleset.asks
    return Needs("input" in read, "output" in read, bool(asks))


def past_of(row: Any) -> Past:
    """Give a stored item as conditions see it: its circumstances beside its type and payload."""
    details = _decode(row["details"])
    facts = {
        **details,
        "type": row["type"],
        "input": None if row["input"] is None else _decode(row["input"]),
        "output": None if row["output"] is None else _decode(row["output"]),
    }
    cost = details.get("cost")
    chance = row["chance"]
    return Past(
        id=row["id"],
        at=row["created_at"],
        type=row["type"],
        facts=facts,
        verdict=row["verdict"],
        weight=1.0 / chance if chance else 1.0,
        cost=None if cost is None else (cost["amount"], cost["currency"]),
        measured=_decode(text) if (text := row.get("measured")) else {},
    )


def count(tally: Tally, pasts: Sequence[Past], versions: Versions) -> Tally:
    """Count a batch into the tally."""
    return add(tally, pasts, versions.old, versions.new)


def members_of(config: ProjectConfig, others: dict[str, set[str]]) -> dict[str, int]:
    """Count who would be in each pool of a version: those it names, and those who are in it without."""
    return {name: len({*pool.members, *others.get(name, ())}) for name, pool in config.pools.items()}
