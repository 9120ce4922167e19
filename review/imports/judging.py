"""From a row with its label to every row of the tables that a decided item is; no I/O."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from review.audit.rules import Actor
from review.configuration.rules import ProjectConfig
from review.decisions.rules import Outcome, Source, Verdict, decided_output, digest
from review.feedback import rules as feedback
from review.imports import rules
from review.imports.rules import Drawn
from review.intake.rules import checked
from review.items.schemas import Submission
from review.kernel.ids import new_id
from review.routing.rules import Route

_encode = msgspec.json.Encoder().encode


class Judged(NamedTuple):
    """One decided item, in the order of the parameters of the statement that stores it; `gold` is its last."""

    item_id: UUID
    type: str
    type_version: int
    external_id: str
    fingerprint: bytes
    input: str
    output: str
    details: str
    route: str
    verdict: str
    decided: str | None
    reasons: str
    comment: str
    output_sha256: str | None
    feedback_id: UUID
    record: str
    event_id: UUID
    event: str
    imported_entry: UUID
    imported: str
    decided_entry: UUID
    told: str
    gold: bool


class Run(msgspec.Struct, frozen=True):
    """The import that rows belong to: what it is called, who runs it, and when this part of it is decided."""

    name: str
    actor: Actor
    at: datetime

    @property
    def decided_by(self) -> str:
        """Name the import and who ran it."""
        return f"import {self.name} by {self.actor.name}"


def judge(drawn: Drawn, config: ProjectConfig, run: Run) -> Judged:
    """Make the decided item of a row that has an external id.

    Raises:
        Unfit: the row holds no judgement, or one that does not fit.
        Invalid, PayloadInvalid: the submission does not fit (422).
    """
    submission, item_type = checked(drawn.submission, config)
    verdict = rules.check_judged(drawn, item_type)
    outcome = Outcome(
        verdict=verdict,
        source=Source.OVERRIDE,
        decided_by=run.decided_by,
        output=drawn.label if verdict is Verdict.CORRECT else None,
        reasons=drawn.reasons,
        comment=drawn.comment,
    )
    return _laid_out(drawn, submission, config, run, outcome)


def _laid_out(drawn: Drawn, submission: Submission, config: ProjectConfig, run: Run, outcome: Outcome) -> Judged:
    item_type, verdict = config.item_types[submission.type], outcome.verdict
    route, ids = _route(config.ruleset.version), [new_id() for _ in range(5)]
    sha256 = digest(outcome, submission.output)
    event = {"revision": 1, "verdict": verdict, "source": outcome.source, "output_sha256": sha256, "imported": True}
    told = {"decided_by": run.decided_by, "comment": outcome.comment, "reasons": outcome.reasons}
    entry = {
        "type": item_type.name,
        "type_version": item_type.version,
        "config_version": config.version,
        "name": run.name,
        "verdict": verdict,
    }
    return Judged(
        item_id=ids[0],
        type=submission.type,
        type_version=item_type.version,
        external_id=submission.external_id or "",
        fingerprint=rules.print_of(drawn),
        input=_json(submission.input),
        output=_json(submission.output),
        details=_json(submission.details()),
        route=_json(route),
        verdict=verdict.value,
        decided=None if verdict is Verdict.REJECT else _json(decided_output(outcome, submission.output)),
        reasons=_json(outcome.reasons),
        comment=outcome.comment,
        output_sha256=sha256,
        feedback_id=ids[1],
        record=feedback.encode(_record(ids[0], ids[1], submission, item_type.version, route, outcome, run.at)),
        event_id=ids[2],
        event=_json(event),
        imported_entry=ids[3],
        imported=_json(entry),
        decided_entry=ids[4],
        told=_json(event | told),
        gold=submission.gold,
    )


def _route(ruleset_version: int) -> Route:
    """Say that no rule sent it: it stands for no item but itself, so whatever weighs or counts by routes leaves it."""
    return Route(
        action="review",
        rule=None,
        ruleset_version=ruleset_version,
        pool=None,
        priority=0,
        reviews_required=0,
        adjudicate_pool=None,
        sla_policy=None,
        inclusion_probability=0.0,
        evaluations=(),
        imported=True,
    )


def _record(
    item_id: UUID,
    feedback_id: UUID,
    submission: Submission,
    type_version: int,
    route: Route,
    outcome: Outcome,
    at: datetime,
) -> feedback.FeedbackRecord:
    model: Mapping[str, Any] | None = None if submission.model is None else msgspec.to_builtins(submission.model)
    subject = feedback.Subject(
        id=item_id,
        type=submission.type,
        type_version=type_version,
        input=submission.input,
        output=submission.output,
        external_id=submission.external_id,
        model=model,
        confidence=submission.confidence,
        impact=submission.impact,
        tags=submission.tags,
        gold=submission.gold,
    )
    way = feedback.Route(
        rule=None, ruleset_version=route.ruleset_version, inclusion_probability=route.inclusion_probability
    )
    told = feedback.Outcome(
        revision=1,
        verdict=outcome.verdict.value,
        source=outcome.source.value,
        decided_at=at,
        output=decided_output(outcome, submission.output),
        reasons=outcome.reasons,
        comment=outcome.comment,
    )
    return feedback.build(feedback_id, subject, way, told, ())


def _json(value: object) -> str:
    return _encode(value).decode()
