"""How often what rules let through was wrong, and which threshold keeps that under a bound."""

from typing import Annotated

import msgspec
from litestar import get
from litestar.params import FromQuery, QueryParameter

from review.assurance import service as assurance
from review.assurance.advice import Advice
from review.assurance.estimates import Estimate
from review.assurance.service import Asked
from review.identity.rules import Permission
from review.web.guards import requires
from review.web.services import Svc, Who

Days = Annotated[int, QueryParameter(name="days", ge=1, le=366)]
Confidence = Annotated[float, QueryParameter(name="confidence", ge=0.5, le=0.9999)]
Bound = Annotated[float, QueryParameter(name="bound", ge=0.0001, le=0.5)]


class Estimates(msgspec.Struct, frozen=True):
    """The error rate of every stratum, by item type, model, version, rule and band."""

    data: list[Estimate]
    confidence: float
    days: int
    next: str | None = None


@get("/assurance/estimates", opt=requires(Permission.READ_REVIEWERS))
async def list_estimates(services: Svc, who: Who, confidence: Confidence = 0.95, days: Days = 90) -> Estimates:
    """Read how often what rules let through in the last days was wrong, as audit samples tell, with bounds."""
    config = await services.config_of(who)
    found = await assurance.list_estimates(services.db.hot, who=who, config=config, confidence=confidence, days=days)
    return Estimates(found, confidence, days)


class Seen(msgspec.Struct, frozen=True):
    """How often each value was seen at a path, as `audit.active.seen` of the configuration takes it."""

    path: str
    days: int
    values: dict[str, int]


@get("/assurance/seen", opt=requires(Permission.READ_REVIEWERS))
async def list_seen(
    services: Svc,
    who: Who,
    type: FromQuery[str],  # noqa: A002  the query's name
    path: FromQuery[str],
    days: Days = 90,
) -> Seen:
    """Count the values at a path, like output.label, of a type's items of the last days; at most the newest 100,000."""
    return Seen(path, days, await assurance.list_seen(services.db.hot, who=who, of=type, path=path, days=days))


@get("/assurance/advice", opt=requires(Permission.READ_REVIEWERS))
async def get_advice(
    services: Svc,
    who: Who,
    type: FromQuery[str],  # noqa: A002  the query's name
    model: FromQuery[str],
    bound: Bound = 0.02,
    confidence: Confidence = 0.95,
    days: Days = 90,
) -> Advice:
    """Read the lowest threshold on confidence that keeps errors among what is let through under a bound.

    `model` is NAME@VERSION. Without enough judged items `threshold` is null, and `needed` says how many more.
    """
    asked = Asked(type=type, model=model, bound=bound, confidence=confidence, days=days)
    return await assurance.get_advice(services.db.hot, who=who, asked=asked)
