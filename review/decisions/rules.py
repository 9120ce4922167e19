"""What an outcome is."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from review.items.schemas import Details
from review.kernel.canonical import sha256_of


class Verdict(StrEnum):
    """What a person, or a rule, says of an output."""

    APPROVE = "approve"
    CORRECT = "correct"
    REJECT = "reject"


class Source(StrEnum):
    """Who made a decision."""

    RULE = "rule"
    REVIEW = "review"
    CONSENSUS = "consensus"
    ADJUDICATION = "adjudication"
    TIMEOUT = "timeout"
    OVERRIDE = "override"


class LockedItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item whose row is locked, with what was submitted, and the database's time."""

    id: UUID
    state: str
    is_erased: bool = False
    gold: bool = False
    type: str
    type_version: int
    external_id: str | None
    input: Any
    output: Any
    details: Details
    route: dict[str, Any]
    revision: int
    at: datetime


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A decision to be made; `output` counts only where the verdict is `correct`."""

    verdict: Verdict
    source: Source
    decided_by: str
    output: Any = None
    reasons: tuple[str, ...] = ()
    comment: str = ""


def decided_output(outcome: Outcome, model_output: object) -> Any:
    """Give the output that counts: the model's where approved, the correction where corrected, else None."""
    match outcome.verdict:
        case Verdict.APPROVE:
            return model_output
        case Verdict.CORRECT:
            return outcome.output
        case _:
            return None


def digest(outcome: Outcome, model_output: object) -> str | None:
    """Bind the decision to exactly what was decided; None where rejected, for then nothing was let through."""
    return None if outcome.verdict is Verdict.REJECT else sha256_of(decided_output(outcome, model_output))
