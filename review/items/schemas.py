"""What upstream sends, and how an item is shown."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

ShortText = Annotated[str, Meta(min_length=1, max_length=200)]
LongText = Annotated[str, Meta(max_length=20_000)]
Share = Annotated[float, Meta(ge=0, le=1)]
Amount = Annotated[str, Meta(pattern=r"^[0-9]{1,15}(\.[0-9]{1,15})?$")]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The model that made the output."""

    name: ShortText
    version: ShortText | None = None
    prompt_version: ShortText | None = None


class Alternative(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Another output the model considered."""

    output: Any
    confidence: Share | None = None


class Cost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the output cost; `amount` is a decimal in a string, so that no reader rounds it."""

    amount: Amount
    currency: Currency


class Details(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The circumstances of an output; all optional. `latency_ms` is in milliseconds."""

    model: Model | None = None
    confidence: Share | None = None
    impact: Annotated[str, Meta(min_length=1, max_length=40)] | None = None
    alternatives: Annotated[tuple[Alternative, ...], Meta(max_length=100)] = ()
    explanation: LongText | None = None
    signals: dict[str, Any] = {}
    cost: Cost | None = None
    latency_ms: Annotated[float, Meta(ge=0)] | None = None
    trace_id: ShortText | None = None
    subject: ShortText | None = None
    tags: Annotated[tuple[ShortText, ...], Meta(max_length=100)] = ()
    metadata: dict[str, Any] = {}
    respond_by: Annotated[datetime, Meta(tz=True)] | None = None

    def facts(self) -> dict[str, Any]:
        """Give what conditions speak of among the circumstances."""
        plain = {
            name: getattr(self, name) for name in ("confidence", "impact", "signals", "metadata", "tags", "subject")
        }
        model = None if self.model is None else msgspec.to_builtins(self.model)
        return {**plain, "model": model, "alternatives": [msgspec.to_builtins(each) for each in self.alternatives]}


class Submission(Details, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One AI output submitted for review (DESIGN, section 6); of `gold` its answer is known already."""

    type: ShortText
    input: Any
    output: Any
    external_id: ShortText | None = None
    gold: bool = False

    def details(self) -> Details:
        """Give the circumstances without the payload."""
        return Details(**{name: getattr(self, name) for name in Details.__struct_fields__})


def as_stored(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give a checked submission as it is read back: a null that stands for an absent part is left out.

    Conditions tell a field that is null from one that is missing, and what is stored must be routed alike at any time.
    """
    model, alternatives = value.get("model"), value.get("alternatives") or ()
    kept: dict[str, Any] = {}
    if model is not None and None in model.values():
        kept["model"] = {name: each for name, each in model.items() if each is not None}
    if any("confidence" in each and each["confidence"] is None for each in alternatives):
        kept["alternatives"] = [
            {name: part for name, part in each.items() if name == "output" or part is not None} for each in alternatives
        ]
    if kept or (model is None and "model" in value):
        return {name: each for name, each in value.items() if name != "model" or each is not None} | kept
    return value


class PauseView(msgspec.Struct, frozen=True):
    """Why the clock stands still: since when, by whom, and until when unless somebody resumes it first."""

    at: datetime
    reason: str
    by: str
    until: datetime | None = None


class SlaView(msgspec.Struct, frozen=True):
    """The item's clock: `state` is on_track, warning, breached, paused, met or missed.

    `policy` is null where only the item's own `respond_by` set the clock going. While it is paused, `due_at` is when
    the item would be due if no time had passed since.
    """

    policy: str | None
    due_at: datetime
    state: str
    first_claim_due_at: datetime | None = None
    paused: PauseView | None = None


class DecisionView(msgspec.Struct, frozen=True):
    """The effective decision; `reviews` counts the judgements behind it, `output` is null when rejected.

    `output_sha256` is the SHA-256 of the output's RFC 8785 canonical JSON.
    """

    verdict: str
    output: msgspec.Raw
    source: str
    reasons: msgspec.Raw
    comment: str
    decided_at: datetime
    decided_by: str
    reviews: int
    revision: int
    output_sha256: str | None


class ErasedView(msgspec.Struct, frozen=True):
    """When what the item said was erased, and who asked for it: a person, or `retention`."""

    at: datetime
    by: str


class ItemView(msgspec.Struct, frozen=True, kw_only=True):
    """An item as every answer and event shows it; `route` is how it was routed when it arrived.

    Of one that is `erased` only what happened to it is left. `gold` says that its answer was known beforehand, once it
    is not open any more: until then nobody is told, so that nobody judges it in another way.
    """

    id: UUID
    status: str
    type: str
    type_version: int
    external_id: str | None
    created_at: datetime
    url: str
    route: msgspec.Raw
    sla: SlaView | None
    escalation_level: int
    decision: DecisionView | None
    erased: ErasedView | None = None
    gold: bool = False


class QuestionView(msgspec.Struct, frozen=True, kw_only=True):
    """A question to the service that sent an item; `answer` is null until there is one.

    Its words are empty for whoever is still to judge what others judge too.
    """

    id: UUID
    text: str
    asked_at: datetime
    asked_by: str
    answer: str | None
    answered_at: datetime | None
    answered_by: str | None = None
    returned_at: datetime | None = None


class ItemDetail(ItemView, frozen=True, kw_only=True):
    """An item with everything that was submitted, and where its case stands now.

    `hidden` are the paths of personal fields that are not for the caller to see; `hidden: personal data` stands there.
    """

    input: msgspec.Raw
    output: msgspec.Raw
    details: Details
    pool: str | None
    priority: int | None
    questions: list[QuestionView] = []
    hidden: list[str] = []


class EarlierItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item that came before, of the same subject; `verdict` is null while it is undecided."""

    id: UUID
    type: str
    status: str
    created_at: datetime
    verdict: str | None
    output: msgspec.Raw


class HistoryEntry(msgspec.Struct, frozen=True):
    """One thing that happened to an item: when, who did it, what, and its particulars."""

    at: datetime
    actor: str
    actor_kind: str
    action: str
    details: msgspec.Raw
