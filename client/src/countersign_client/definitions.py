"""What a dataset takes, as dictionaries whose keys type checkers know."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Required, TypedDict

from countersign_client.submissions import Verdict


class Criteria(TypedDict, total=False):
    """What a record must be to be taken; what is not said takes everything. A model is `name` or `name@version`."""

    types: Sequence[str]
    since: datetime
    until: datetime
    models: Sequence[str]
    verdicts: Sequence[Verdict]
    sources: Sequence[Literal["review", "consensus", "adjudication", "override"]]
    rules: Sequence[str]
    pools: Sequence[str]
    tags: Sequence[str]
    without_tags: Sequence[str]
    agreement_at_least: float
    reviews_at_least: int
    with_label: bool
    revisions: Literal["last", "all"]
    gold: Literal["excluded", "included", "only"]


class Sampling(TypedDict, total=False):
    """How many records of each class are taken, and by which text repetitions and near duplicates are found."""

    label_at: str
    balanced: bool
    at_most: int
    weights: Mapping[str, float]
    shares: Mapping[str, float]
    distinct: bool
    similarity_at_least: float
    near: Literal["leave_out", "keep_together"]
    text_at: str


class Splitting(TypedDict, total=False):
    """Into which parts records go, by the hash of `item`, `subject` or `input.…`."""

    parts: Mapping[str, float]
    by: str
    salt: str


class Field(TypedDict, total=False):
    """What happens to a field such as `input.email`: it is dropped unless `how` says otherwise.

    `keep_last` has a mask leave so many characters at the end; `keep` is for personal fields that you see.
    """

    path: Required[str]
    how: Literal["drop", "hash", "mask", "keep"]
    keep_last: int


class FormatOptions(TypedDict, total=False):
    """Where a format finds what it writes; docs/datasets.md says which format takes which."""

    text_at: str
    label_at: str
    prompt_at: str
    answer_at: str
    spans_at: str
    pair_at: str
    style: str
    system: str
    template: str
    user_id: str


class Definition(TypedDict, total=False):
    """All that says what a dataset is."""

    criteria: Criteria
    sampling: Sampling
    splitting: Splitting
    redaction: Sequence[Field]
