"""Which labelled records a dataset takes, and why it leaves one out; no I/O.

Everything here follows from the record, its circumstances and the definition alone, so that a snapshot can be made
again.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Meta

from review.datasets.redaction.rules import Fields
from review.kernel.shapes import is_object

Verdict = Literal["approve", "correct", "reject"]
Source = Literal["review", "consensus", "adjudication", "override"]
Texts: TypeAlias = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=500)], ...], Meta(max_length=200)]
Path: TypeAlias = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00]*$")]
Parts: TypeAlias = Annotated[Mapping[str, Annotated[float, Meta(gt=0, le=1)]], Meta(min_length=1, max_length=10)]

TYPE: Final = "another item type"
TIME: Final = "decided outside the dates"
MODEL: Final = "another model or version"
VERDICT: Final = "another verdict"
SOURCE: Final = "decided in another way"
RULE: Final = "routed by another rule"
POOL: Final = "judged in another pool"
TAGS: Final = "without any of the tags"
EXCLUDED: Final = "with a tag that is left out"
AGREEMENT: Final = "too little agreement, or none known"
REVIEWS: Final = "too few reviews"
NO_LABEL: Final = "rejected, so without a label"
REVISED: Final = "replaced by a later revision"
GOLD: Final = "gold, so its answer was known before"
NOT_GOLD: Final = "not gold"
REPEATED: Final = "the same text as an earlier record"
NEAR: Final = "nearly the same text as an earlier record"
SAMPLED_OUT: Final = "left out by sampling"

UNLABELLED: Final = "(none)"


class Criteria(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a record must be to be taken; what is not said takes everything.

    A model is `name` for all its versions, or `name@version`. `tags` asks for one of them at least. Of a decision that
    was revised the last revision is taken, or each of them with `revisions: all`. Gold items, whose answer was known
    before, are left out unless they are asked for.
    """

    types: Texts = ()
    since: Annotated[datetime, Meta(tz=True)] | None = None
    until: Annotated[datetime, Meta(tz=True)] | None = None
    models: Texts = ()
    verdicts: tuple[Verdict, ...] = ()
    sources: tuple[Source, ...] = ()
    rules: Texts = ()
    pools: Texts = ()
    tags: Texts = ()
    without_tags: Texts = ()
    agreement_at_least: Annotated[float, Meta(ge=0, le=1)] = 0.0
    reviews_at_least: Annotated[int, Meta(ge=0, le=1_000)] = 0
    with_label: bool = True
    revisions: Literal["last", "all"] = "last"
    gold: Literal["excluded", "included", "only"] = "excluded"


class Sampling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How many of each label are taken: `balanced` is as many as the rarest has, `at_most` bounds each of them.

    `weights` takes labels in this proportion, and of those together as many as there are; labels without a weight are
    not bounded by it. `shares` keeps that share of a label. `label_at` is where in the label its class stands.

    `text_at` is where in the input the text stands by which repetitions are found; blank is all of it. `distinct`
    leaves out texts that differ in case, spaces and punctuation alone. Texts that have `similarity_at_least` of their
    shingles in common are near duplicates: all but the earliest are left out, or with `near: keep_together` are kept
    and go to one part.
    """

    label_at: Path = ""
    balanced: bool = False
    at_most: Annotated[int, Meta(ge=1)] | None = None
    weights: Mapping[str, Annotated[float, Meta(ge=1e-6, le=1e6)]] = msgspec.field(default_factory=dict[str, float])
    shares: Mapping[str, Annotated[float, Meta(ge=0, le=1)]] = msgspec.field(default_factory=dict[str, float])
    distinct: bool = False
    similarity_at_least: Annotated[float, Meta(ge=0.8, le=1)] | None = None
    near: Literal["leave_out", "keep_together"] = "leave_out"
    text_at: Path = ""


def _one_part() -> dict[str, float]:
    return {"all": 1.0}


class Splitting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Into which parts records go: by the hash of the item, of its subject, or of the value at a path of the input.

    Records of one group never part, and one that has been in a part stays in it as data grows. What has no subject or
    no value there is a group of its own.
    """

    parts: Parts = msgspec.field(default_factory=_one_part)
    by: Annotated[str, Meta(pattern=r"^(item|subject|input\..+)$", max_length=200)] = "item"
    salt: Annotated[str, Meta(max_length=100)] = ""


class Definition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """All that says what a dataset is; `redaction` says which fields leave otherwise than they are."""

    criteria: Criteria = Criteria()
    sampling: Sampling = msgspec.field(default_factory=Sampling)
    splitting: Splitting = msgspec.field(default_factory=Splitting)
    redaction: Fields = ()


class RouteSeen(msgspec.Struct, frozen=True):
    """How the item came before people."""

    rule: str | None = None
    ruleset_version: int = 0
    inclusion_probability: float = 1.0


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What the choice reads of a feedback record."""

    id: UUID
    item_id: UUID
    type: str
    type_version: int
    input: msgspec.Raw
    label: Any
    verdict: str
    source: str
    decided_at: datetime
    model: Any = None
    tags: tuple[str, ...] = ()
    route: RouteSeen = RouteSeen()
    reviews: int = 0
    agreement: float | None = None
    gold: bool = False


class Circumstances(msgspec.Struct, frozen=True, array_like=True):
    """What is known of a record besides: who the item was about, where and by whom it was judged, and if it stands.

    `position` is its place in the feed.
    """

    subject: str | None = None
    pool: str | None = None
    revision: int = 1
    is_last: bool = True
    reviewers: tuple[UUID, ...] = ()
    position: int = 0


def why_left_out(criteria: Criteria, record: Record, around: Circumstances) -> str | None:
    """Say why a record is left out, or give None where it is taken; the first reason in the order of the fields."""
    if criteria.revisions == "last" and not around.is_last:
        return REVISED
    if criteria.with_label and record.label is None:
        return NO_LABEL
    if criteria.gold != "included" and record.gold != (criteria.gold == "only"):
        return GOLD if record.gold else NOT_GOLD
    name, version = _model_of(record.model)
    wanted = (
        (TYPE, criteria.types, (record.type,)),
        (MODEL, criteria.models, (name, f"{name}@{version}")),
        (VERDICT, criteria.verdicts, (record.verdict,)),
        (SOURCE, criteria.sources, (record.source,)),
        (RULE, criteria.rules, (record.route.rule,)),
        (POOL, criteria.pools, (around.pool,)),
        (TAGS, criteria.tags, record.tags),
    )
    for reason, asked, has in wanted:
        if asked and not any(each in asked for each in has):
            return reason
    return _why_beyond(criteria, record)


def _why_beyond(criteria: Criteria, record: Record) -> str | None:
    decided = record.decided_at
    if (criteria.since and decided < criteria.since) or (criteria.until and decided >= criteria.until):
        return TIME
    if any(tag in criteria.without_tags for tag in record.tags):
        return EXCLUDED
    if criteria.agreement_at_least > 0 and (record.agreement or 0.0) < criteria.agreement_at_least:
        return AGREEMENT
    return REVIEWS if record.reviews < criteria.reviews_at_least else None


def _model_of(model: object) -> tuple[object, object]:
    return (model.get("name"), model.get("version")) if is_object(model) else (None, None)


def model_named(model: object) -> str:
    """Name a model and its version as one text."""
    name, version = _model_of(model)
    if name is None:
        return UNLABELLED
    return str(name) if version is None else f"{name}@{version}"


def at_path(value: object, path: str) -> object:
    """Give what stands at a dotted path of objects, or None; a blank path is the value itself."""
    for name in path.split(".") if path else ():
        if not is_object(value):
            return None
        value = value.get(name)
    return value


def class_of(label: object, path: str) -> str:
    """Name the class of a label; an object of one field is named by that field's value where no path is said."""
    found = at_path(label, path)
    if not path and is_object(found) and len(found) == 1:
        found = next(iter(found.values()))
    if found is None:
        return UNLABELLED
    return found if isinstance(found, str) else msgspec.json.encode(found, order="sorted").decode()


def text_of(given: msgspec.Raw, path: str) -> str:
    """Give the text at a path of an input, or else the JSON of what stands there; one text alone needs no path."""
    value = at_path(msgspec.json.decode(given), path)
    if not path and is_object(value) and len(value) == 1 and isinstance(only := next(iter(value.values())), str):
        value = only
    return value if isinstance(value, str) else msgspec.json.encode(value, order="sorted").decode()


def digest_of(text: str) -> bytes:
    """Give a digest that is equal for equal texts."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def shares_of(sampling: Sampling, counts: Counter[str]) -> dict[str, float]:
    """Give the share of each class that is taken: never above 1, and 1 where nothing bounds it."""
    bounds = _bounds(sampling, counts)
    return {
        name: sampling.shares.get(name, 1.0) * min(1.0, bounds.get(name, count) / count)
        for name, count in counts.items()
    }


def _bounds(sampling: Sampling, counts: Counter[str]) -> dict[str, float]:
    """Give how many of a class are taken, where something bounds it; of weighted ones the scarcest bounds all."""
    weights = dict.fromkeys(counts, 1.0) if sampling.balanced else sampling.weights
    there = {name: weight for name, weight in weights.items() if counts[name]}
    bounds = {name: float(sampling.at_most) for name in counts} if sampling.at_most else {}
    if there:
        most = [bounds[name] / weight for name, weight in there.items() if name in bounds]
        each = min(*most, *(counts[name] / weight for name, weight in there.items()), float("inf"))
        bounds |= {name: each * weight for name, weight in there.items()}
    return bounds


def place_of(item_id: UUID, salt: str = "") -> float:
    """Give the place of an item between 0 and 1, the same for ever: below a share means within it."""
    digest = hashlib.sha256(b"dataset\0" + salt.encode() + b"\0" + item_id.bytes).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
