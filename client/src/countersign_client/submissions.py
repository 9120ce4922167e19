"""What upstream sends, as dictionaries whose keys type checkers know."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Required, TypeAlias, TypedDict

Verdict: TypeAlias = Literal["approve", "correct", "reject"]


class Model(TypedDict, total=False):
    """The model that made the output."""

    name: Required[str]
    version: str
    prompt_version: str


class Alternative(TypedDict, total=False):
    """Another output that the model considered."""

    output: Required[Any]
    confidence: float


class Cost(TypedDict):
    """What the output cost; `amount` is a decimal in a string."""

    amount: str
    currency: str


class Details(TypedDict, total=False):
    """The circumstances of an output; all optional."""

    model: Model
    confidence: float
    impact: str
    alternatives: Sequence[Alternative]
    explanation: str
    signals: Mapping[str, Any]
    cost: Cost
    latency_ms: float
    trace_id: str
    subject: str
    tags: Sequence[str]
    metadata: Mapping[str, Any]
    respond_by: datetime


class Beside(Details, total=False):
    """What may be said beside an output; of `gold` the answer is known already, so datasets leave it out."""

    gold: bool


class Submission(Beside, total=False):
    """One AI output to be reviewed."""

    type: Required[str]
    input: Required[Any]
    output: Required[Any]
    external_id: str
